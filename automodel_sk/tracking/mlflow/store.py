"""One experiment of one MLflow store, reached by a client of our own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from getpass import getuser
from typing import TYPE_CHECKING, Any, NamedTuple

from automodel_sk.exceptions import TrackingError
from automodel_sk.tracking.base import DataRecord
from automodel_sk.tracking.mlflow.guard import once_created, open_lock, probe, sqlite_path
from automodel_sk.tracking.mlflow.target import Target
from automodel_sk.tracking.mlflow.text import plain

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
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

# MLflow takes 100 parameters, 1,000 entries and 1 MB in one request.
_MAX_PARAMS = 100
_MAX_PARAM_TEXT = 150_000
_MAX_METRICS = 900
_MAX_SCHEMA = 65_535
_PAGE = 1000
# By this MLflow's page offers the training runs where it is set to language models as well.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


class Point(NamedTuple):
    """One value of a metric; the time is in milliseconds since 1970."""

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
        """Connect, and make the experiment where it is missing."""
        from mlflow import MlflowClient

        with open_lock(target.uri):
            probe(target.uri)
            client = MlflowClient(tracking_uri=target.uri)
            experiment_id = once_created(target.uri, lambda: _experiment_of(client, target))
        return cls(client, experiment_id)

    def create_run(self, name: str, tags: Mapping[str, str], start: int) -> str:
        """Begin a run and return its id."""
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
        """Write parameters and metrics in one request, or in as few as the limits allow.

        The metrics are a model's as well as the run's, on some data, if these are named.
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
        """Keep a text as a file of a run."""
        self.client.log_text(run_id, text, name)

    def use_data(self, run_id: str, data: DataRecord) -> None:
        """Say what data a run is trained on, without the data."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = {"tags": source_tags()}
        schema = json.dumps({"mlflow_colspec": column_schema(data.columns).to_dict()})
        dataset = Dataset(
            name=data.name,
            digest=data.digest,
            source_type="code",
            source=json.dumps(source),
            schema=schema if len(schema) <= _MAX_SCHEMA else None,
            profile=json.dumps(plain(data.profile)),
        )
        context = InputTag("mlflow.data.context", "training")
        self.client.log_inputs(run_id, [DatasetInput(dataset, [context])])

    def end(self, run_id: str, status: str, end: int) -> None:
        """End a run."""
        from mlflow.entities import RunStatus

        # What the client itself offers prints the run's address, unless the environment says
        # otherwise, which is not for a thread to change.
        self.client._tracking_client.store.update_run_info(
            run_id, RunStatus.from_string(status), end, None
        )

    def reopen(self, run_id: str, below: str | None) -> None:
        """Let an ended run go on, below another one if need be."""
        self.client.update_run(run_id, status="RUNNING")
        if below is not None:
            self.client.set_tag(run_id, PARENT, below)

    def unfinished(self, study_id: str | None) -> str | None:
        """Return the newest run of a study that did not come to its end."""
        if not study_id:
            return None
        runs = [run for run in self._search(STUDY_ID, study_id) if run.info.status != "FINISHED"]
        return str(runs[0].info.run_id) if runs else None

    def children(self, run_id: str) -> dict[int, tuple[str, bool]]:
        """Return each trial's run below a run, and whether that is complete."""
        return {
            int(run.data.tags[NUMBER]): (run.info.run_id, run.info.status != "RUNNING")
            for run in self._search(PARENT, run_id)
            if run.data.tags.get(NUMBER, "").isdigit()
        }

    def _search(self, tag: str, value: str) -> Iterator[Any]:
        """Yield the runs that bear a tag, the newest first."""
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
    """Return how a filter finds a text: filters know no escapes, one kind of quote must do."""
    if "'" not in value:
        return f"= '{value}'"
    if '"' not in value:
        return f'= "{value}"'
    # Any character in place of each quote; what else is found is left out afterwards.
    return f"LIKE '{value.replace(chr(39), '_')}'"


def usable_run(client: MlflowClient, run_id: str, said_by: str) -> Any:
    """Return a run; raise where there is none, or it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise TrackingError(
            f"{said_by} {run_id[:100]!r} is no run of this store; pass the id of one that is, or"
            f" leave {said_by} out"
        ) from None
    if run.info.lifecycle_stage == "deleted":
        raise TrackingError(
            f"{said_by} {run_id[:100]!r} was deleted in this store; restore it with `mlflow runs"
            f" restore --run-id {run_id[:100]}`, or leave {said_by} out"
        )
    return run


def _experiment_of(client: MlflowClient, target: Target) -> str:
    """Return the id of the experiment: the one that is named, or the run's that lies above."""
    from mlflow.exceptions import MlflowException

    if target.experiment_id is None and target.parent_run_id is not None:
        run = usable_run(client, target.parent_run_id, "MLFLOW_RUN_ID")
        return str(run.info.experiment_id)
    if target.experiment_id is not None:
        try:  # of another store, perhaps, that was in use before
            return str(client.get_experiment(target.experiment_id).experiment_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
    return _experiment_id(client, target)


def _experiment_id(client: MlflowClient, target: Target) -> str:
    """Return the experiment's id; its files lie beside the database if that is a file."""
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
    """Return the tags that MLflow's page shows as user and source."""
    tags = {"mlflow.source.name": "automodel_sk", "mlflow.source.type": "LOCAL"}
    # No name in a container whose user isn't in the password file.
    with contextlib.suppress(KeyError, OSError, ImportError):
        tags["mlflow.user"] = getuser()
    return tags


def column_schema(columns: Mapping[str, str], *, required: bool = True) -> Any:
    """Return columns and their kinds as MLflow describes a table."""
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    kinds = {name: AnyType() if kind == "any" else kind for name, kind in columns.items()}
    return Schema([ColSpec(kind, name, required=required) for name, kind in kinds.items()])


def _param_chunks(params: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """Cut parameters into portions that one request may hold."""
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
