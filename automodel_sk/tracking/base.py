"""The interface of a tracker, and the records that a search passes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from automodel_sk.trials import TrialRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RUN_STATUSES",
    "DataRecord",
    "ModelRecord",
    "NullTracker",
    "SearchRecord",
    "Tracker",
]

RUN_STATUSES = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class DataRecord:
    """Identifies the data of a search without containing any values.

    Parameters
    ----------
    digest : str
        Digest of ids, times and values.
    columns : mapping of str to str
        Type of each column: ``"string"``, ``"long"``, ``"double"``, ``"boolean"``, ``"datetime"``
        or ``"any"``.
    profile : mapping
        Numbers that describe the data, such as ``{"num_rows": 288}``.
    name : str
        Name of the data.

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
        Python file that is run to load the stored model; it finds the model under the artifact name
        ``"model"``.
    save : callable
        Writes the model, without pickle, into a folder that does not exist yet.
    example : callable
        Returns a small input frame for a forecast.
    columns : mapping of str to str
        Type of each input column, as in `DataRecord`; none is required.
    forecast : mapping of str to str
        Type of each output column.
    params : mapping
        The model's configuration.
    metrics : mapping of str to float
        The model's metrics.
    packages : tuple of str
        Packages that its forecasts need beside those of every model.
    requirements : tuple of str, optional
        What is installed to load it. If None, these packages in their installed versions.
    """

    name: str
    script: Path
    save: Callable[[Path], object]
    example: Callable[[], pd.DataFrame]
    columns: Mapping[str, str]
    forecast: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    requirements: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SearchRecord:
    """A search that is about to start.

    Parameters
    ----------
    name : str
        Name of the study.
    model_name : str
        Name of the tuned model, such as ``"NHITS"``.
    params : mapping
        Options of the search, its space as text, characteristics of the data.
    tags : mapping of str to str
        Labels. ``"automodel_sk.study_id"`` identifies searches that belong together: a tracker
        resumes an unfinished run with the same id.
    data : DataRecord, optional
        The data of the search.
    by : str, optional
        The parameter that names a trial's model, if several models are tuned. Trials then belong to
        a run of their model.
    metric : str, optional
        Name of the score, such as ``"mase"``. If None, scores have only the names that all searches
        share.

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
    by: str | None = None
    metric: str | None = None


@runtime_checkable
class Tracker(Protocol):
    """Receives the start of a search, each ended trial, and the end of the search."""

    def start(self, search: SearchRecord, *, wait: bool = True) -> None:
        """Start tracking a search; called once, before any trial; may be left to `check`."""

    def check(self) -> None:
        """Start in the background what was left to do; raise if it has failed."""

    def log_trial(self, trial: TrialRecord) -> None:
        """Log an ended trial at once; never raises because of the tracker's own failure."""

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
        model: ModelRecord | None = None,
        by_model: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Finish tracking: status FINISHED, FAILED or KILLED, metrics, files and the model."""


class NullTracker:
    """A tracker that discards everything.

    Examples
    --------
    >>> tracker = NullTracker()
    >>> tracker.start(SearchRecord("sales", "NHITS"))
    >>> tracker.log_trial(TrialRecord(number=0, state="FAIL", reason="out of memory"))
    >>> tracker.finish("FINISHED")
    """

    def start(self, search: SearchRecord, *, wait: bool = True) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing."""

    def log_trial(self, trial: TrialRecord) -> None:
        """Do nothing."""

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        artifacts: Mapping[str, Any] | None = None,
        model: ModelRecord | None = None,
        by_model: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Do nothing."""
