"""Searches in MLflow, told by a client of our own: no global state, no autologging."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from automodel_sk.exceptions import InvalidInputError, MissingDependencyError, TrackingError
from automodel_sk.tracking._guard import (
    EDGE_SECONDS,
    TRIAL_SECONDS,
    absolute_uri,
    guarded,
    probe,
    reason_of,
    sqlite_path,
)
from automodel_sk.tracking._runs import EndedTrial, SearchRun
from automodel_sk.tracking._store import PREFIX, Store, Target
from automodel_sk.tracking._text import mask_secrets
from automodel_sk.tracking.base import RUN_STATUSES, SearchRecord, TrialRecord

__all__ = ["DEFAULT_DATABASE", "MLflowTracker"]

DEFAULT_DATABASE = "mlflow.db"

_log = logging.getLogger(__name__)


class MLflowTracker:
    """Writes a search as one MLflow run, and each trial as a run below it.

    A completed or pruned trial's run is FINISHED, a failed one's FAILED; the tag
    ``automodel_sk.state`` says COMPLETE, PRUNED or FAIL. If the user has a run open in the
    same store, the search's run lies below it, in its experiment. A store that can't be
    used when the search starts is an error; one that fails later costs a warning: what it
    missed is written as soon as it answers again, or at the end into a local file.

    Parameters
    ----------
    tracking_uri : str, optional
        A server's or a database's URI, such as ``"http://localhost:5000"`` or
        ``"sqlite:///mlflow.db"``. None is the one that the user has set in MLflow or in
        ``MLFLOW_TRACKING_URI``, else that of the open run, else the file ``mlflow.db`` in
        the working directory, with files beside it in ``mlartifacts``.
    experiment_name : str
        The experiment. It is made if it is missing.

    Attributes
    ----------
    run_id : str or None
        Id of the search's run, once it has started.
    location : str or None
        URI of the store without its secrets, once the search has started.

    Notes
    -----
    A server has 2 s to show that it is there, then 3 s for each request of a trial and 15 s
    for those of a search's begin and end; ``MLFLOW_HTTP_REQUEST_TIMEOUT`` changes the latter two.

    Examples
    --------
    >>> MLflowTracker("sqlite:///mlflow.db", "sales")
    MLflowTracker(tracking_uri='sqlite:///mlflow.db', experiment_name='sales')
    """

    def __init__(
        self, tracking_uri: str | None = None, experiment_name: str = "automodel_sk"
    ) -> None:
        self.tracking_uri = tracking_uri
        self.experiment_name = experiment_name
        self.location: str | None = None
        self.run_id: str | None = None
        self._local_uri = ""
        self._target: Target | None = None
        self._search: SearchRecord | None = None
        self._run: SearchRun | None = None
        self._unwritten: list[EndedTrial] = []
        self._warned = False

    def __repr__(self) -> str:
        uri = None if self.tracking_uri is None else mask_secrets(self.tracking_uri)
        return f"MLflowTracker(tracking_uri={uri!r}, experiment_name={self.experiment_name!r})"

    def start(self, search: SearchRecord) -> None:
        """Begin the search's run, or go on in the one that a search of the same id left.

        Parameters
        ----------
        search : SearchRecord
            The search. Where its tag ``automodel_sk.study_id`` is that of a run that isn't
            FINISHED, that run goes on, and trials that it holds aren't written again.

        Raises
        ------
        TrackingError
            If the store can't be used.
        MissingDependencyError
            If MLflow isn't installed.
        """
        _check_installed()
        self._local_uri = _default_uri()
        self._search, self._unwritten, self._warned = search, [], False
        self._target = _find_target(self.tracking_uri, self.experiment_name)
        self.location = mask_secrets(self._target.uri)
        problem = self._try_to_begin(self._target, search)
        # Raised out here, so that no cause with a password in it is shown.
        if problem is not None:
            raise TrackingError(problem)

    def _try_to_begin(self, target: Target, search: SearchRecord) -> str | None:
        """Begin the run; return what is wrong if that fails."""
        try:
            with guarded(EDGE_SECONDS):
                store = Store.open(target)
                self._run = SearchRun.begin(store, search, below=target.parent_run_id)
                self.run_id = self._run.run_id
        except TrackingError as error:
            return str(error)
        except Exception as error:
            return (
                f"mlflow_tracking_uri {self.location!r} can't be used: "
                f"{reason_of(error, target.uri)}; check the server, pass another URI such as "
                "'sqlite:///mlflow.db', or go on without MLflow: use_mlflow=False"
            )
        return None

    def log_trial(self, trial: TrialRecord) -> None:
        """Write an ended trial; keep it for later if the store doesn't take it.

        Parameters
        ----------
        trial : TrialRecord
            The trial. One of a number that was written before is left as it was.
        """
        self._unwritten.insert(0, EndedTrial.of(trial))
        reason = self._write_waiting(TRIAL_SECONDS)
        if reason is not None and not self._warned:
            self._warned = True
            _log.warning(
                "MLflow at %s did not take trial %d: %s. The search goes on; what is missing is "
                "written when the store answers again, else at the end into %s.",
                *(self.location, trial.number, reason, self._local_uri),
            )

    def _write_waiting(self, seconds: int) -> str | None:
        """Write what waits, the newest first; return why that stopped."""
        if self._run is None or self._target is None:
            return "start() has not been called"
        with guarded(seconds):
            while self._unwritten:
                trial = self._unwritten[0]
                try:
                    self._run.add(trial)
                except Exception as error:
                    # To the back: a trial that is never taken must not hold up the others.
                    self._unwritten.append(self._unwritten.pop(0))
                    return reason_of(error, self._target.uri)
                self._unwritten.pop(0)
        return None

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
    ) -> None:
        """Write what still waits, the search's figures and files, and end its run.

        Parameters
        ----------
        status : {"FINISHED", "FAILED", "KILLED"}
            How the search ended.
        metrics : mapping of str to float, optional
            Its figures, such as ``{"best_val_loss": 0.2}``.
        artifacts : mapping of str to object, optional
            Its files by name: a DataFrame is written as CSV, a str as it is, and anything
            else as JSON.

        Raises
        ------
        InvalidInputError
            If `status` is none of the three.
        """
        if status not in RUN_STATUSES:
            raise InvalidInputError(
                f"status must be one of {', '.join(RUN_STATUSES)}, got {status!r}; try 'FINISHED'"
            )
        if self._run is None or self._target is None or self._search is None:
            return
        end = _End(status, metrics or {}, artifacts or {})
        reason = _absence(self._target.uri)
        if reason is None:
            missed = self._write_waiting(EDGE_SECONDS)
            reason = _close(self._run, end, self._target.uri) or missed
        if reason is not None:
            problem = self._write_locally(self._search, end)
            self._say_what_is_missing(reason, problem)
        self._run, self._unwritten = None, []

    def _say_what_is_missing(self, reason: str, problem: str | None) -> None:
        """Warn of what the store did not take, and say where it is now."""
        fate = f"in {self._local_uri}, tagged {PREFIX}belongs_to"
        if problem is not None:
            fate = f"lost, as {self._local_uri} can't take it either: {problem}"
        _log.warning(
            "MLflow at %s did not take all of the search (trials missing: %d): %s. "
            "What is missing is %s.",
            *(self.location, len(self._unwritten), reason, fate),
        )

    def _write_locally(self, search: SearchRecord, end: _End) -> str | None:
        """Write what is missing into the local file; return why that failed."""
        target = Target(self._local_uri, self.experiment_name)
        if self._target is not None and self._target.uri == target.uri:
            return "it is the same file"
        belongs_to = {f"{PREFIX}belongs_to": f"{self.location} run {self.run_id}"}
        try:
            with guarded(EDGE_SECONDS):
                run = SearchRun.begin(Store.open(target), search, tags=belongs_to)
                for trial in self._unwritten:
                    trial.tried = False
                    run.add(trial)
                run.close(end.status, end.metrics, end.artifacts)
        except Exception as error:
            return reason_of(error, target.uri)
        return None


class _End(NamedTuple):
    """How a search ended, its figures and its files."""

    status: str
    metrics: Mapping[str, float]
    artifacts: Mapping[str, Any]


def _absence(uri: str) -> str | None:
    """Return why a server or its database can't be reached; None if it can."""
    if sqlite_path(uri) is not None:
        return None
    try:
        probe(uri)
    except Exception as error:
        return reason_of(error, uri)
    return None


def _close(run: SearchRun, end: _End, uri: str) -> str | None:
    """End a search's run; return why that failed."""
    try:
        with guarded(EDGE_SECONDS):
            run.close(end.status, end.metrics, end.artifacts)
    except Exception as error:
        return reason_of(error, uri)
    return None


def _check_installed() -> None:
    """Raise if MLflow can't be imported."""
    try:
        import mlflow  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "use_mlflow=True needs the package mlflow; install it with `pip install mlflow`, "
            "or pass use_mlflow=False"
        ) from error


def _default_uri() -> str:
    """Return the URI of the local file, the same in any working directory later on."""
    return f"sqlite:///{Path(DEFAULT_DATABASE).absolute()}"


def _find_target(tracking_uri: str | None, experiment_name: str) -> Target:
    """Return the store to write to; the user's open run in it, if any, takes the search in."""
    import mlflow

    active = mlflow.active_run()
    if tracking_uri is not None:
        uri = absolute_uri(tracking_uri)
    elif active is not None or mlflow.is_tracking_uri_set():
        uri = absolute_uri(mlflow.get_tracking_uri())
    else:
        uri = _default_uri()
    if active is None or absolute_uri(mlflow.get_tracking_uri()) != uri:
        return Target(uri, experiment_name)
    return Target(uri, experiment_name, active.info.experiment_id, active.info.run_id)
