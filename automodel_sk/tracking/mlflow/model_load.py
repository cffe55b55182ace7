"""Find the saved model in a model that MLflow stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automodel_sk._utils.secrets import mask_secrets
from automodel_sk.exceptions import ModelFileError, TrackingError
from automodel_sk.tracking.mlflow.guard import MODEL_SECONDS, absolute_uri, guarded, reason_of
from automodel_sk.tracking.mlflow.model import FLAVOR
from automodel_sk.tracking.mlflow.target import check_installed

__all__ = ["downloaded_model"]


@contextmanager
def downloaded_model(model_uri: str, tracking_uri: str | None) -> Iterator[Path]:
    """Yield the folder that a model of this package was saved to; nothing in it is executed.

    Parameters
    ----------
    model_uri : str
        URI of the model, as of `mlflow.pyfunc.load_model`, or the path of its folder.
    tracking_uri : str, optional
        URI of the store; that set in MLflow if None.

    Raises
    ------
    TrackingError
        There is no such model, or the store does not answer.
    ModelFileError
        The model was not logged by this package.
    """
    check_installed()
    with TemporaryDirectory(prefix="automodel_sk-download-") as folder:
        problem = None
        try:
            with guarded(MODEL_SECONDS):
                local = Path(_download(model_uri, tracking_uri, folder))
        except Exception as error:
            problem = reason_of(error, tracking_uri or "")
        if problem is not None:  # outside the handler, so that no cause with a password is shown
            raise TrackingError(
                f"MLflow has no model {mask_secrets(model_uri)!r}: {problem}; pass the URI that"
                " log_model returned, or 'models:/NAME/VERSION', and the tracking_uri of its store"
            )
        yield _saved_part(local, model_uri)


def _download(model_uri: str, tracking_uri: str | None, folder: str) -> str:
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    place, uri = model_uri, None
    if tracking_uri is not None:  # MLflow looks models up in the store that is set globally
        uri = absolute_uri(tracking_uri)
        place = _location(MlflowClient(uri, uri), model_uri)
    found: str = download_artifacts(artifact_uri=place, dst_path=folder, tracking_uri=uri)
    return found


def _location(client: Any, model_uri: str) -> str:
    """Return where a store keeps the files of a model."""
    scheme, _, rest = model_uri.partition(":/")
    if scheme == "runs":
        run_id, _, name = rest.partition("/")
        models = map(client.get_logged_model, _outputs_of(client.get_run(run_id)))
        return next((str(m.artifact_location) for m in models if m.name == name), model_uri)
    if scheme != "models":
        return model_uri
    name, is_alias, version = rest.partition("@")
    if not is_alias:
        name, _, version = rest.rpartition("/")
    if not name:
        return str(client.get_logged_model(version).artifact_location)
    if is_alias:
        version = client.get_model_version_by_alias(name, version).version
    return str(client.get_model_version_download_uri(name, version))


def _outputs_of(run: Any) -> list[str]:
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []


def _saved_part(local: Path, model_uri: str) -> Path:
    """Return the folder of the saved model inside a folder of MLflow."""
    from mlflow.models import Model

    try:
        flavors: dict[str, Any] = Model.load(str(local)).flavors
        data = Path(flavors[FLAVOR]["data"])
    except Exception as error:
        raise ModelFileError(
            f"{mask_secrets(model_uri)} is no model of automodel_sk; load it with"
            " mlflow.pyfunc.load_model"
        ) from error
    if data.is_absolute() or ".." in data.parts:
        raise ModelFileError(f"{mask_secrets(model_uri)} points outside of its own folder")
    return local / data
