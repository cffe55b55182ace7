"""Track searches in MLflow with a separate client: no global state, no autologging."""

from __future__ import annotations

import contextvars
import logging
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from automodel_sk._utils.secrets import shown_address
from automodel_sk.exceptions import InvalidInputError, TrackingError
from automodel_sk.tracking.base import RUN_STATUSES, ModelRecord, SearchRecord
from automodel_sk.tracking.mlflow.guard import (
    EDGE_SECONDS,
    MODEL_SECONDS,
    absence,
    guarded,
    reason_of,
    sqlite_path,
    without_output,
)
from automodel_sk.tracking.mlflow.model import check_registered_name
from automodel_sk.tracking.mlflow.runs import EndedTrial, MlflowSearchRun
from automodel_sk.tracking.mlflow.store import PREFIX, Store
from automodel_sk.tracking.mlflow.target import Target, check_installed, default_uri, find_target
from automodel_sk.tracking.mlflow.writer import TrialWriter
from automodel_sk.trials import TrialRecord

__all__ = ["MLflowTracker"]

_log = logging.getLogger(__name__)

_NO_MODEL = (
    "MLflow at %s did not store the model: %s. The search is tracked; AutoModel.log_to_mlflow()"
    " tries again."
)


class MLflowTracker:
    """Write a search as one MLflow run, and each trial as a child run.

    If several models are tuned, each has a run below that of the search, and above its trials.
    A completed or pruned trial's run is FINISHED, a failed one's FAILED; the tag
    ``automodel_sk.state`` is COMPLETE, PRUNED or FAIL. If a run is active in the same store, it
    becomes the parent of the search's run. The fitted model becomes the run's model. A store that
    is unusable at the start of the search raises an error. A later failure only causes a warning,
    and the missing trials are written as soon as the store answers again, or to a local file at the
    end.

    Parameters
    ----------
    tracking_uri : str, optional
        URI of a server or a database, such as ``"http://localhost:5000"`` or
        ``"sqlite:///mlflow.db"``. If None, the URI set in MLflow or in ``MLFLOW_TRACKING_URI``,
        else that of the active run, else the file ``mlflow.db`` in the working directory, with
        artifacts next to it in ``mlartifacts``.
    experiment_name : str
        Name of the experiment; created if it is missing.
    register_as : str, optional
        Name in MLflow's model registry to register the fitted model under as a new version.

    Attributes
    ----------
    run_id : str or None
        Id of the search's run once it has started.
    location : str or None
        URI of the store without secrets, once the search has started.
    model_id : str or None
        Id of the fitted model in the store, once the search has finished.

    Notes
    -----
    A separate thread writes the trials, so that the search does not wait for the store. A server
    must be reachable within 2 s. Each request has a timeout of 15 s at the start and end of the
    search, and of 60 s for the model's files, unless ``MLFLOW_HTTP_REQUEST_TIMEOUT`` is set.

    Examples
    --------
    >>> MLflowTracker("sqlite:///mlflow.db", "sales")
    MLflowTracker(tracking_uri='sqlite:///mlflow.db', experiment_name='sales')
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment_name: str = "automodel_sk",
        register_as: str | None = None,
    ) -> None:
        self.tracking_uri = tracking_uri
        self.experiment_name = experiment_name
        self.register_as = register_as
        self.location: str | None = None
        self.run_id: str | None = None
        self.model_id: str | None = None
        self._local_uri = ""
        self._target: Target | None = None
        self._search: SearchRecord | None = None
        self._run: MlflowSearchRun | None = None
        self._writer: TrialWriter | None = None
        self._opening: _Opening | None = None
        self._problem: str | None = None
        self._warned = False

    def __repr__(self) -> str:
        uri = None if self.tracking_uri is None else shown_address(self.tracking_uri)
        return f"MLflowTracker(tracking_uri={uri!r}, experiment_name={self.experiment_name!r})"

    def start(self, search: SearchRecord, *, wait: bool = True) -> None:
        """Start the search's run, or resume the unfinished run of a search with the same id.

        Parameters
        ----------
        search : SearchRecord
            The search. If its tag ``automodel_sk.study_id`` belongs to a run that is not FINISHED,
            that run is resumed, and the trials in it are not written again.
        wait : bool, default True
            If False, a store in a local file is opened in a thread of its own, since MLflow takes
            seconds to create its tables. The thread starts at the first `check`, which later raises
            what `start` would have raised.

        Raises
        ------
        TrackingError
            If the store cannot be used.
        MissingDependencyError
            If MLflow is not installed.
        InvalidInputError
            If MLflow's registry does not accept the name `register_as`.
        """
        check_registered_name(self.register_as)
        check_installed()
        self._local_uri = default_uri()
        self._search, self._warned, self.model_id = search, False, None
        self._target = target = find_target(self.tracking_uri, self.experiment_name)
        self.location = shown_address(target.uri)
        self._run = self.run_id = self._problem = None
        self._writer = TrialWriter(self._add, partial(absence, target.uri), self._warn_once)
        begin = partial(self._begin, target, search)
        self._opening = None
        if wait or sqlite_path(target.uri) is None:
            begin()
            self.check()
        else:
            self._opening = _Opening(begin)

    def check(self) -> None:
        """Start what `start` left to a thread; raise if the store has turned out to be unusable.

        Raises
        ------
        TrackingError
            The store cannot be used.
        """
        if self._opening is not None:
            self._opening.begin()
        # Not raised where it was caught, so that no cause containing a password is shown.
        if self._problem is not None:
            raise TrackingError(self._problem)

    def _begin(self, target: Target, search: SearchRecord) -> None:
        """Start the run, or note the problem."""
        is_file = sqlite_path(target.uri) is not None  # which makes no requests
        try:
            with without_output() if is_file else guarded(EDGE_SECONDS):
                store = Store.open(target)
                run = MlflowSearchRun.begin(store, search, below=target.parent_run_id)
        except TrackingError as error:
            self._problem = str(error)
        except Exception as error:
            self._problem = (
                f"mlflow_tracking_uri {self.location!r} can't be used:"
                f" {reason_of(error, target.uri)}; check the server, pass another URI such as"
                " 'sqlite:///mlflow.db', or continue without MLflow: use_mlflow=False"
            )
        else:
            self._run, self.run_id = run, run.run_id

    def _add(self, trial: EndedTrial) -> None:
        """Write a trial, once the run has started."""
        self._wait_for_start()
        self.check()
        if self._run is not None:
            self._run.add(trial)

    def _wait_for_start(self) -> None:
        if self._opening is not None:
            self._opening.wait()

    def log_trial(self, trial: TrialRecord) -> None:
        """Log an ended trial in the background; it is kept for later if the store rejects it.

        Parameters
        ----------
        trial : TrialRecord
            The trial. If its number was written before, that trial is not changed.
        """
        ended = EndedTrial.of(trial)
        if self._writer is None:
            self._warn_once(ended, "start() has not been called")
        else:
            self._writer.put(ended)

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until every trial was sent to the store.

        Parameters
        ----------
        seconds : float, optional
            Maximum time to wait.

        Returns
        -------
        bool
            Whether the store has accepted them all.
        """
        return self._writer is None or self._writer.flush(seconds)

    def _warn_once(self, trial: EndedTrial, problem: str | Exception) -> None:
        """Warn about the first trial that the store rejects."""
        if self._warned:
            return
        self._warned = True
        _log.warning(
            "MLflow at %s did not store trial %d: %s. The search continues; missing trials are"
            " written once the store is available again, otherwise at the end to %s.",
            *(self.location, trial.record.number, self._described(problem), self._local_uri),
        )

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
        model: ModelRecord | None = None,
        by_model: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Write pending trials, the model, the search's metrics and files, and end its run.

        Parameters
        ----------
        status : {"FINISHED", "FAILED", "KILLED"}
            How the search ended.
        metrics : mapping of str to float, optional
            Its metrics, such as ``{"best_val_loss": 0.2}``.
        artifacts : mapping of str to object, optional
            Its files by name: a DataFrame is written as CSV, a str unchanged, and anything else as
            JSON. A function is called with the path of the file to write; what it raises is
            reported as a warning.
        model : ModelRecord, optional
            The fitted model. If it cannot be stored, a warning is issued.
        by_model : mapping of str to mapping, optional
            Metrics of each model by name, if several were tuned.

        Raises
        ------
        InvalidInputError
            If `status` is none of the three.
        """
        if status not in RUN_STATUSES:
            raise InvalidInputError(
                f"status must be one of {', '.join(RUN_STATUSES)}, got {status!r}; try 'FINISHED'"
            )
        self._wait_for_start()
        if self._problem is not None and status == "FINISHED":
            _log.warning("the search was not tracked: %s", self._problem)
        if self._run is None or self._writer is None or self._target is None:
            return
        with tempfile.TemporaryDirectory(prefix="automodel_sk-files-") as folder:
            files = _written(artifacts or {}, Path(folder))
            self._end(_End(status, metrics or {}, files, model, by_model or {}))

    def _end(self, end: _End) -> None:
        if self._run is None or self._writer is None or self._target is None:
            return
        unwritten = self._writer.close(EDGE_SECONDS)
        reason = absence(self._target.uri)
        if reason is None:
            unstored = self._store_model(self._run, end.model, self._target.uri)
            reason = _close(self._run, end, self._target.uri, self.model_id)
            if reason is None and unstored is not None:
                _log.warning(_NO_MODEL, self.location, unstored)
        if reason is None and unwritten:
            reason = self._described(self._writer.problem or "no answer in time")
        if reason is not None:
            problem = self._write_locally(unwritten, end)
            self._warn_missing(reason, len(unwritten), problem)
        self._run = self._writer = None

    def _described(self, problem: str | Exception) -> str:
        """Describe a problem without secrets."""
        if isinstance(problem, str):
            return problem
        return reason_of(problem, "" if self._target is None else self._target.uri)

    def _store_model(self, run: MlflowSearchRun, model: ModelRecord | None, uri: str) -> str | None:
        """Store the fitted model; return why that failed."""
        if model is None:
            return None
        try:
            with guarded(MODEL_SECONDS):
                self.model_id = run.add_model(model)
                if self.register_as is not None:
                    run.register(self.model_id, self.register_as)
        except Exception as error:
            fate = "" if self.model_id is None else f"not registered as {self.register_as!r}, "
            return fate + reason_of(error, uri)
        return None

    def _warn_missing(self, reason: str, count: int, problem: str | None) -> None:
        """Warn about what the store did not accept, and say where it is now."""
        fate = f"in {self._local_uri}, tagged {PREFIX}belongs_to"
        if problem is not None:
            fate = f"lost, as {self._local_uri} can't store it either: {problem}"
        _log.warning(
            "MLflow at %s did not store all of the search (trials missing: %d): %s. What is"
            " missing is %s.",
            *(self.location, count, reason, fate),
        )

    def _write_locally(self, unwritten: list[EndedTrial], end: _End) -> str | None:
        """Write what is missing to the local file; return why that failed."""
        target = Target(self._local_uri, self.experiment_name)
        if self._search is None or self._target is None or self._target.uri == target.uri:
            return "it is the same file"
        belongs_to = {f"{PREFIX}belongs_to": f"{self.location} run {self.run_id}"}
        try:
            with guarded(EDGE_SECONDS):
                run = MlflowSearchRun.begin(Store.open(target), self._search, tags=belongs_to)
                for trial in unwritten:
                    trial.tried = False
                    run.add(trial)
                model_id = None if end.model is None else run.add_model(end.model)
                run.close(end.status, end.metrics, end.artifacts, model_id, end.by_model)
        except Exception as error:
            return reason_of(error, target.uri)
        return None


class _Opening:
    """Opens a store in a thread of its own, which starts when it is first asked to."""

    def __init__(self, begin: Callable[[], None]) -> None:
        # The thread inherits the context of this one, such as MLflow's workspace.
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(begin,), daemon=True)
        self._asking = threading.Lock()

    def begin(self) -> None:
        """Start the thread, once."""
        with self._asking:
            if self._thread.ident is None:
                self._thread.start()

    def wait(self) -> None:
        """Wait until the store is open or has turned out to be unusable."""
        self.begin()
        self._thread.join()


class _End(NamedTuple):
    """The end of a search: its status, metrics, files and model, and the metrics of each model."""

    status: str
    metrics: Mapping[str, float]
    artifacts: Mapping[str, Any]
    model: ModelRecord | None
    by_model: Mapping[str, Mapping[str, float]]


def _written(artifacts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return files with those that a function writes, which are left out if it fails."""
    found: dict[str, Any] = {}
    for name, content in artifacts.items():
        if not callable(content):
            found[name] = content
            continue
        try:
            content(folder / name)
            found[name] = folder / name
        except Exception as error:
            _log.warning("MLflow: the file %s could not be made: %s", name, error)
            _log.debug("the file was not made", exc_info=True)
    return found


def _close(run: MlflowSearchRun, end: _End, uri: str, model_id: str | None) -> str | None:
    """Close a search's run; return why that failed."""
    try:
        with guarded(EDGE_SECONDS):
            run.close(end.status, end.metrics, end.artifacts, model_id, end.by_model)
    except Exception as error:
        return reason_of(error, uri)
    return None
