"""What a search tells of itself, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RUN_STATUSES",
    "TRIAL_STATES",
    "DataRecord",
    "ModelRecord",
    "NullTracker",
    "SearchRecord",
    "Tracker",
    "TrialRecord",
    "make_tracker",
]

TRIAL_STATES = ("COMPLETE", "PRUNED", "FAIL")
RUN_STATUSES = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class TrialRecord:
    """One ended trial.

    Parameters
    ----------
    number : int
        Number of the trial within its search, from 0.
    state : {"COMPLETE", "PRUNED", "FAIL"}
        How it ended.
    value : float, optional
        Its score: the best validation loss. None if it has none.
    params : mapping
        The configuration that was trained, flat or nested.
    intermediate_values : mapping of int to float
        Validation loss by global training step.
    datetime_start, datetime_complete : datetime, optional
        Begin and end. Without a time zone they are local time.
    duration_seconds : float
        Seconds from begin to end.
    reason : str, optional
        Why it failed or was pruned.
    tags : mapping
        Anything else worth keeping, such as ``{"retry_of": 3}``.

    Raises
    ------
    InvalidInputError
        If `state` is none of the three.

    Examples
    --------
    >>> trial = TrialRecord(number=3, state="COMPLETE", value=0.5, params={"max_steps": 100})
    >>> trial.value
    0.5
    """

    number: int
    state: str
    value: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    intermediate_values: Mapping[int, float] = field(default_factory=dict)
    datetime_start: datetime | None = None
    datetime_complete: datetime | None = None
    duration_seconds: float = 0.0
    reason: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.state not in TRIAL_STATES:
            raise InvalidInputError(
                f"state must be one of {', '.join(TRIAL_STATES)}, got {self.state!r}; "
                "try 'COMPLETE'"
            )


@dataclass(frozen=True)
class DataRecord:
    """The data of a search: what tells it from other data, and none of its values.

    Parameters
    ----------
    digest : str
        Digest of ids, times and values.
    columns : mapping of str to str
        Kind of each column: ``"string"``, ``"long"``, ``"double"``, ``"boolean"``,
        ``"datetime"`` or ``"any"``.
    profile : mapping
        Figures, such as ``{"num_rows": 288}``.
    name : str
        Its name.

    Examples
    --------
    >>> DataRecord("5f3a", {"unique_id": "string", "ds": "datetime", "y": "double"}).name
    'dataset'
    """

    digest: str
    columns: Mapping[str, str]
    profile: Mapping[str, Any] = field(default_factory=dict)
    name: str = "dataset"


@dataclass(frozen=True)
class ModelRecord:
    """A fitted model that can be stored and served.

    Parameters
    ----------
    name : str
        Its name, such as ``"NHITS"``.
    script : Path
        The Python file that whoever loads the stored model runs; it finds the model
        under the artifact name ``"model"``.
    save : callable
        Writes the model, without pickle, into a folder that doesn't exist yet.
    example : callable
        Returns a small frame that it forecasts from.
    columns : mapping of str to str
        Kind of each column that it takes, as in `DataRecord`; none is required.
    forecast : mapping of str to str
        Kind of each column that it returns.
    params : mapping
        Its configuration.
    metrics : mapping of str to float
        Its figures.
    """

    name: str
    script: Path
    save: Callable[[Path], object]
    example: Callable[[], pd.DataFrame]
    columns: Mapping[str, str]
    forecast: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchRecord:
    """A search that begins.

    Parameters
    ----------
    name : str
        Name of the study.
    model_name : str
        Name of the model that is tuned, such as ``"NHITS"``.
    params : mapping
        Options of the search, its space as text, figures of the data.
    tags : mapping of str to str
        Labels. ``"automodel_sk.study_id"`` marks searches that continue one
        another: a tracker goes on where an unfinished one of that mark stopped.
    data : DataRecord, optional
        What is searched on.

    Examples
    --------
    >>> SearchRecord("sales", "NHITS", {"num_samples": 20}).tags
    {}
    """

    name: str
    model_name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: DataRecord | None = None


@runtime_checkable
class Tracker(Protocol):
    """Whoever is told of a search: when it starts, of each trial, when it ends."""

    def start(self, search: SearchRecord) -> None:
        """Take note of a search that begins; called once, before any trial."""

    def log_trial(self, trial: TrialRecord) -> None:
        """Take note of an ended trial, at once; never raises for a fault of its own."""

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
        model: ModelRecord | None = None,
    ) -> None:
        """Take note of the end: FINISHED, FAILED or KILLED, figures, files and the model."""


class NullTracker:
    """A tracker that keeps nothing.

    Examples
    --------
    >>> tracker = NullTracker()
    >>> tracker.start(SearchRecord("sales", "NHITS"))
    >>> tracker.log_trial(TrialRecord(number=0, state="FAIL", reason="out of memory"))
    >>> tracker.finish("FINISHED")
    """

    def start(self, search: SearchRecord) -> None:
        """Keep nothing."""

    def log_trial(self, trial: TrialRecord) -> None:
        """Keep nothing."""

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
        model: ModelRecord | None = None,
    ) -> None:
        """Keep nothing."""


def make_tracker(
    use_mlflow: bool,
    tracking_uri: str | None = None,
    experiment_name: str = "automodel_sk",
    register_as: str | None = None,
) -> Tracker:
    """Return the tracker that the options ask for.

    Parameters
    ----------
    use_mlflow : bool
        Whether MLflow is told of the search.
    tracking_uri : str, optional
        As in `MLflowTracker`.
    experiment_name : str
        As in `MLflowTracker`.
    register_as : str, optional
        As in `MLflowTracker`.

    Returns
    -------
    Tracker
        An `MLflowTracker` or a `NullTracker`.

    Raises
    ------
    InvalidInputError
        If a model is to be registered without MLflow.

    Examples
    --------
    >>> type(make_tracker(use_mlflow=False)).__name__
    'NullTracker'
    >>> make_tracker(use_mlflow=True, tracking_uri="http://me:secret@mlflow:5000")
    MLflowTracker(tracking_uri='http://***@mlflow:5000', experiment_name='automodel_sk')
    """
    if use_mlflow:
        from automodel_sk.tracking.mlflow.tracker import MLflowTracker

        return MLflowTracker(tracking_uri, experiment_name, register_as)
    if register_as is not None:
        raise InvalidInputError(
            f"mlflow_register_as={register_as!r} needs MLflow; pass use_mlflow=True,"
            " or leave mlflow_register_as out"
        )
    return NullTracker()
