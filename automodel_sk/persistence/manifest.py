"""What ``automodel.json`` says, as a schema: the types and bounds of every entry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat

from automodel_sk.catalog import MODEL_CATALOG
from automodel_sk.complexity import DatasetSize
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.data.columns import ColumnNames
from automodel_sk.intervals import ConformalScores
from automodel_sk.persistence.schema import Stored
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.tracking import TrialRecord
from automodel_sk.validation import ValidationResult

__all__ = ["Manifest", "StoredTask"]

_LARGEST = 2**53


def _moment(value: Any) -> Any:
    """Return a time from its text; pydantic alone takes numbers for times as well."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _in_catalog(name: str) -> str:
    if name not in MODEL_CATALOG:
        raise ValueError("is no model of the catalog")
    return name


Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Positive = Annotated[int, Field(ge=1, le=_LARGEST)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Step = Annotated[int, Field(strict=False, ge=0)]
ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
ModelName = Annotated[str, AfterValidator(_in_catalog)]


class StoredTask(Stored):
    """The training task, without its losses, which the weights hold."""

    model_name: ModelName
    h: Positive
    val_size: Count
    n_series: Positive
    random_seed: Count
    futr_exog: Names
    hist_exog: Names
    stat_exog: Names
    pad_short_series: bool
    has_mask: bool = False
    step_size: Positive | None = None
    metric: str | None = None


class StoredTrial(Stored):
    """One trial."""

    number: Count
    state: Literal["COMPLETE", "PRUNED", "FAIL"]
    value: FiniteFloat | None
    params: dict[str, Any]
    intermediate_values: dict[Step, FiniteFloat]
    datetime_start: Moment | None
    datetime_complete: Moment | None
    duration_seconds: NotNegative
    reason: str | None
    tags: dict[str, Any]

    def decode(self) -> TrialRecord:
        """Return the trial."""
        return TrialRecord(**self.fields())


class StoredStrategy(Stored):
    """The algorithm and why."""

    algorithm_name: str
    algorithm_kwargs: dict[str, Any]
    pruner_name: str | None
    pruner_kwargs: dict[str, Any]
    description: str
    backend: Literal["optuna", "ray"]
    random_seed: Count | None
    num_samples: Count
    exhaustive: bool
    n_reports: Count
    needs_space: bool

    def decode(self) -> SearchStrategy:
        """Return the strategy."""
        return SearchStrategy(**self.fields())


class StoredProfile(Stored):
    """The figures of the data."""

    n_rows: Count
    n_series: Positive
    min_length: Count
    max_length: Count
    median_length: NotNegative
    freq: str | int
    season_length: Positive
    futr_exog: Names
    hist_exog: Names
    stat_exog: Names
    unused_columns: Names
    size: Annotated[DatasetSize, Field(strict=False)]
    has_zeros: bool
    has_negatives: bool
    lengths: list[Positive]
    date_order: Literal["day first", "month first"] | None = None

    def decode(self) -> DatasetProfile:
        """Return the profile."""
        return DatasetProfile(**{**self.fields(), "lengths": np.asarray(self.lengths)})


class StoredValidation(Stored):
    """What the validator found."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    corrected_config: dict[str, Any] | None

    def decode(self) -> ValidationResult:
        """Return the findings."""
        return ValidationResult(**self.fields())


class StoredScores(Stored):
    """The calibration of the intervals."""

    scores: Annotated[list[list[FiniteFloat]], Field(min_length=1)]
    season: Positive

    def decode(self) -> ConformalScores:
        """Return the scores; rows of different lengths are refused by numpy."""
        return ConformalScores(np.asarray(self.scores, dtype=float), self.season)


class StoredColumns(Stored):
    """What the user calls the columns."""

    id_col: ColumnName
    time_col: ColumnName
    target_col: ColumnName

    def decode(self) -> ColumnNames:
        """Return the names."""
        return ColumnNames(**self.fields())


class Manifest(Stored):
    """All of the manifest but its head."""

    task: StoredTask
    best_config: dict[str, Any]
    best_step: Positive | None
    trained_steps: Positive | None
    training_note: Annotated[str, Field(max_length=500)] | None
    season: Positive
    trials: list[StoredTrial]
    strategy: StoredStrategy | None
    profile: StoredProfile | None
    validation: StoredValidation | None
    scores: StoredScores | None
    space: dict[str, Any] | None = None
    columns: StoredColumns | None = None
