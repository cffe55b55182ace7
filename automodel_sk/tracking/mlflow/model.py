"""Store a fitted model in MLflow as code and plain files, without pickle."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from automodel_sk._utils.secrets import mask_secrets
from automodel_sk._utils.versions import installed_version, own_version
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.tracking.base import ModelRecord
from automodel_sk.tracking.mlflow.store import PREFIX, Store, column_schema, source_tags
from automodel_sk.tracking.mlflow.text import flat_params, tag_texts

__all__ = ["FLAVOR", "check_registered_name", "register_model", "write_model"]

FLAVOR = "automodel_sk"
"""Name of the flavour, under which MLflow's description says where the saved model is."""

# Given explicitly, because MLflow would otherwise run the model again to infer them.
_PACKAGES = ("mlflow", "neuralforecast", "numpy", "pandas", "torch")
_FORBIDDEN = "/:"
_COMPARISON = "warn_dependency_requirement_mismatches"


def check_registered_name(name: str | None) -> None:
    """Raise if MLflow's registry would refuse a name, before the search starts."""
    if name is None:
        return
    if not isinstance(name, str) or not name.strip() or set(name) & set(_FORBIDDEN):
        raise InvalidInputError(
            "mlflow_register_as must be a name without '/' and ':', got "
            f"{name!r}; try mlflow_register_as='sales_forecast'"
        )


def write_model(store: Store, run_id: str, model: ModelRecord) -> str:
    """Store a model as the output of a run.

    Parameters
    ----------
    store : Store
        The store to write to.
    run_id : str
        Id of the run that produced the model.
    model : ModelRecord
        The model.

    Returns
    -------
    str
        The model's id in the store.
    """
    with tempfile.TemporaryDirectory(prefix="automodel_sk-model-") as folder:
        saved = Path(folder) / "automodel"
        model.save(saved)
        logged = store.client.create_logged_model(
            store.experiment_id,
            name=model.name,
            source_run_id=run_id,
            params=flat_params(model.params),
            tags={**tag_texts({f"{PREFIX}model": model.name}), **source_tags()},
        )
        model_id = str(logged.model_id)
        try:
            _save_as_code(model, saved, Path(folder) / "model", logged, run_id)
            store.client.log_model_artifacts(model_id, str(Path(folder) / "model"))
        except BaseException:
            with suppress(Exception):
                store.client.finalize_logged_model(model_id, "FAILED")
            raise
    _hand_over(store, run_id, model_id)
    return model_id


def _save_as_code(model: ModelRecord, saved: Path, target: Path, logged: Any, run_id: str) -> None:
    """Write the folder that MLflow loads: the script, the saved model and their requirements."""
    import mlflow.pyfunc
    from mlflow.models import Model

    description = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    description.add_flavor(FLAVOR, data="artifacts/automodel", version=own_version())
    with _requirements_are_met():
        mlflow.pyfunc.save_model(
            str(target),
            python_model=str(model.script),
            artifacts={"model": str(saved)},
            signature=_signature(model),
            input_example=model.example(),
            pip_requirements=list(model.requirements or _requirements(model.packages)),
            mlflow_model=description,
        )
    # MLflow ran the script to check it.
    for cache in list(target.rglob("__pycache__")):
        shutil.rmtree(cache)


@contextmanager
def _requirements_are_met() -> Iterator[None]:
    """Skip MLflow's comparison of the requirements with the installed packages they come from.

    The comparison takes seconds, because it maps every installed file to its package.
    """
    from mlflow.utils import environment

    compare = getattr(environment, _COMPARISON, None)
    if compare is None:
        yield
        return
    setattr(environment, _COMPARISON, lambda _requirements: None)
    try:
        yield
    finally:
        setattr(environment, _COMPARISON, compare)


def _signature(model: ModelRecord) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    params = [
        ParamSpec("level", "double", [], shape=(-1,)),
        ParamSpec("quantiles", "double", [], shape=(-1,)),
        ParamSpec("h", "long", None),
    ]
    return ModelSignature(
        inputs=column_schema(model.columns, required=False),
        outputs=column_schema(model.forecast),
        params=ParamSchema(params),
    )


def _requirements(more: Sequence[str]) -> list[str]:
    """Return the packages that forecasting needs, in their installed versions."""
    # A build such as 2.7.0+cpu is not on any package index.
    others = [
        f"{package}=={found.partition('+')[0]}"
        for package in (*_PACKAGES, *more)
        if (found := installed_version(package))
    ]
    return [_own_requirement(), *others]


def _own_requirement() -> str:
    """Return where a server gets this package: the commit it was installed from, or the index."""
    try:
        origin = json.loads(distribution(FLAVOR).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    source = origin.get("vcs_info")
    if source is None:
        return f"{FLAVOR}=={own_version().partition('+')[0]}"
    return f"{FLAVOR} @ {source['vcs']}+{mask_secrets(origin['url'])}@{source['commit_id']}"


def _hand_over(store: Store, run_id: str, model_id: str) -> None:
    """Mark the model as ready and as an output of the run."""
    from mlflow.entities import LoggedModelOutput

    store.client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
    store.client.finalize_logged_model(model_id, "READY")


def register_model(store: Store, run_id: str, model_id: str, name: str) -> None:
    """Register a stored model as a new version, creating the registered model if it is missing."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
    # Not models:/ID, which a database resolves in the globally configured store.
    files = store.client.get_logged_model(model_id).artifact_location
    made = store.client.create_model_version(name, files, run_id=run_id, model_id=model_id)
    # MLflow's UI finds the versions of a model by this tag.
    versions = json.dumps([{"name": name, "version": made.version}])
    store.client.set_logged_model_tags(model_id, {"mlflow.modelVersions": versions})
