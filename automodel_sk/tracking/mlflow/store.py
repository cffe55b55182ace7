"""Access one experiment of an MLflow store through a client of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automodel_sk._utils.plain_json import plain_json
from automodel_sk.exceptions import TrackingError
from automodel_sk.tracking.base import DataRecord
from automodel_sk.tracking.mlflow.guard import once_created, open_lock, probe, sqlite_path
from automodel_sk.tracking.mlflow.target import Target
from automodel_sk.tracking.mlflow.upstream import end_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "MODEL",
    "NUMBER",
    "PARENT",
    "PREFIX",
    "STUDY_ID",
    "Point",
    "Store",
    "column_schema",
    "source_tags",
    "usable_run",
]

PREFIX = "automodel_sk."
PARENT = "mlflow.parentRunId"
STUDY_ID = f"{PREFIX}study_id"
NUMBER = f"{PREFIX}number"
MODEL = f"{PREFIX}of_model"

# MLflow accepts 100 parameters, 1,000 entries and 1 MB per request.
_MAX_PARAMS = 100
_MAX_PARAM_TEXT = 150_000
_MAX_METRICS = 900
_MAX_SCHEMA = 65_535
_PAGE = 1000
# With this tag, MLflow's UI shows the training runs even in its view for language models.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


class Point(NamedTuple):
    """One value of a metric, with its time in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int


class Store:
    """The runs of one experiment."""

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self.client = client
        self.experiment_id = experiment_id

    @classmethod
    def open(cls, target: Target) -> Store:
        """Connect, and create the experiment if it is missing."""
        from mlflow import MlflowClient

        with open_lock(target.uri):
            probe(target.uri)
            client = MlflowClient(tracking_uri=target.uri)
            experiment_id = once_created(target.uri, lambda: _experiment_of(client, target))
        return cls(client, experiment_id)

    def create_run(self, name: str, tags: Mapping[str, str], start: int) -> str:
        """Create a run and return its id."""
        run = self.client.create_run(self.experiment_id, start, dict(tags), run_name=name)
        return str(run.info.run_id)

    def write(
        self,
        run_id: str,
        params: Mapping[str, str],
        points: Sequence[Point],
        model_id: str | None = None,
        data: DataRecord | None = None,
    ) -> None:
        """Write parameters and metrics in as few requests as the limits allow.

        If a model and a dataset are given, the metrics are linked to them as well.
        """
        from mlflow.entities import Metric, Param

        of = () if data is None else (data.name, data.digest)
        metrics = [Metric(*point, model_id, *of) for point in points]
        chunks = [[Param(*item) for item in chunk] for chunk in _param_chunks(params)]
        for i in range(max(len(chunks), -(-len(metrics) // _MAX_METRICS))):
            self.client.log_batch(
                run_id,
                metrics=metrics[i * _MAX_METRICS : (i + 1) * _MAX_METRICS],
                params=chunks[i] if i < len(chunks) else [],
            )

    def attach(self, run_id: str, name: str, text: str) -> None:
        """Attach a text to a run as a file."""
        self.client.log_text(run_id, text, name)

    def attach_file(self, run_id: str, path: Path) -> None:
        """Attach a file to a run."""
        self.client.log_artifact(run_id, str(path))

    def use_data(self, run_id: str, data: DataRecord) -> None:
        """Record which data a run is trained on, without the data."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = {"tags": source_tags()}
        schema = json.dumps({"mlflow_colspec": column_schema(data.columns).to_dict()})
        dataset = Dataset(
            name=data.name,
            digest=data.digest,
            source_type="code",
            source=json.dumps(source),
            schema=schema if len(schema) <= _MAX_SCHEMA else None,
            profile=json.dumps(plain_json(data.profile)),
        )
        context = InputTag("mlflow.data.context", "training")
        self.client.log_inputs(run_id, [DatasetInput(dataset, [context])])

    def end(self, run_id: str, status: str, end: int) -> None:
        """End a run."""
        end_run(self.client, run_id, status, end)

    def reopen(self, run_id: str, below: str | None) -> None:
        """Reopen an ended run, optionally as the child of another run."""
        self.client.update_run(run_id, status="RUNNING")
        if below is not None:
            self.client.set_tag(run_id, PARENT, below)

    def unfinished(self, study_id: str | None) -> str | None:
        """Return the newest unfinished run of a study."""
        if not study_id:
            return None
        runs = [run for run in self._search(STUDY_ID, study_id) if run.info.status != "FINISHED"]
        return str(runs[0].info.run_id) if runs else None

    def children(self, run_id: str) -> dict[int, tuple[str, bool]]:
        """Return the child runs by trial, and whether each is complete."""
        return {
            int(run.data.tags[NUMBER]): (run.info.run_id, run.info.status != "RUNNING")
            for run in self._search(PARENT, run_id)
            if run.data.tags.get(NUMBER, "").isdigit()
        }

    def models(self, run_id: str) -> dict[str, str]:
        """Return the child runs of the models of a search, by name of the model."""
        return {
            run.data.tags[MODEL]: run.info.run_id
            for run in self._search(PARENT, run_id)
            if MODEL in run.data.tags
        }

    def _search(self, tag: str, value: str) -> Iterator[Any]:
        """Yield the runs with a tag, the newest first."""
        query, token = f"tags.`{tag}` {_matching(value)}", None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], query, max_results=_PAGE, page_token=token
            )
            yield from (run for run in page if run.data.tags.get(tag) == value)
            token = page.token
            if not token:
                return


def _matching(value: str) -> str:
    """Return a filter condition for a text: filters have no escapes and only one kind of quote."""
    if "'" not in value:
        return f"= '{value}'"
    if '"' not in value:
        return f'= "{value}"'
    # Each quote is replaced by a wildcard; additional matches are removed afterwards.
    return f"LIKE '{value.replace(chr(39), '_')}'"


def usable_run(client: MlflowClient, run_id: str, said_by: str) -> Any:
    """Return a run; raise if it does not exist or was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise TrackingError(
            f"{said_by} {run_id[:100]!r} is not a run of this store; pass the id of an existing"
            f" run, or leave {said_by} out"
        ) from None
    if run.info.lifecycle_stage == "deleted":
        raise TrackingError(
            f"{said_by} {run_id[:100]!r} was deleted in this store; restore it with `mlflow runs"
            f" restore --run-id {run_id[:100]}`, or leave {said_by} out"
        )
    return run


def _experiment_of(client: MlflowClient, target: Target) -> str:
    """Return the experiment's id: of the named one, or of the parent run."""
    from mlflow.exceptions import MlflowException

    if target.experiment_id is None and target.parent_run_id is not None:
        run = usable_run(client, target.parent_run_id, "MLFLOW_RUN_ID")
        return str(run.info.experiment_id)
    if target.experiment_id is not None:
        try:  # possibly from another store that was in use before
            return str(client.get_experiment(target.experiment_id).experiment_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
    return _experiment_id(client, target)


def _experiment_id(client: MlflowClient, target: Target) -> str:
    """Return the experiment's id; if the database is a file, its files are stored next to it."""
    from mlflow.exceptions import MlflowException

    name, database = target.experiment_name, sqlite_path(target.uri)
    folder = None if database is None else (database.parent / "mlartifacts").as_uri()
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, folder, _EXPERIMENT_TAGS))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"mlflow_experiment_name {name!r} was deleted in this store; restore it with "
            f"`mlflow experiments restore`, or pass another name such as '{name}_2'"
        )
    return str(found.experiment_id)


def source_tags() -> dict[str, str]:
    """Return the tags that MLflow's UI shows as user and source."""
    tags = {"mlflow.source.name": "automodel_sk", "mlflow.source.type": "LOCAL"}
    # There is no user name in a container whose user is missing from the password file.
    with contextlib.suppress(KeyError, OSError, ImportError):
        tags["mlflow.user"] = getuser()
    return tags


def column_schema(columns: Mapping[str, str], *, required: bool = True) -> Any:
    """Return columns and their types as an MLflow schema."""
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    kinds = {name: AnyType() if kind == "any" else kind for name, kind in columns.items()}
    return Schema([ColSpec(kind, name, required=required) for name, kind in kinds.items()])


def _param_chunks(params: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """Split parameters into chunks that fit into one request."""
    chunk: list[tuple[str, str]] = []
    size = 0
    for key, value in params.items():
        if chunk and (len(chunk) == _MAX_PARAMS or size + len(value) > _MAX_PARAM_TEXT):
            yield chunk
            chunk, size = [], 0
        chunk.append((key, value))
        size += len(value)
    if chunk:
        yield chunk
