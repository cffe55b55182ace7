"""What a search tells of itself, and to whom."""

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
