"""The schema of ``automodel.json``: type and bounds of every entry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    StrictBool,
    StrictInt,
    StrictStr,
)

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.catalog.scales import DatasetSize
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.treatment import Treatment
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.series_traits import N_TRAITS, SeriesTraits
from automodel_sk.persistence.reconciliations import StoredReconciliation
from automodel_sk.persistence.schema import Stored
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.trials import FailureKind, TrialRecord
from automodel_sk.validation import ValidationResult

__all__ = ["Manifest", "StoredTask"]

_LARGEST = 2**53


def _moment(value: Any) -> Any:
    """Parse a time from text, because pydantic also accepts numbers as times."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _in_catalog(name: str) -> str:
    if name not in MODEL_CATALOG:
        raise ValueError("is not a model of the catalog")
    return name


Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Positive = Annotated[int, Field(ge=1, le=_LARGEST)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
PositiveFinite = Annotated[FiniteFloat, Field(gt=0)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Step = Annotated[int, Field(strict=False, ge=0)]
ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
ModelName = Annotated[str, AfterValidator(_in_catalog)]


class StoredTask(Stored):
    """The training task, without its losses, which are stored with the weights."""

    model_name: ModelName
    h: Positive
    val_size: Count
    n_series: Positive
    random_seed: Count
    futr_exog: Names
    hist_exog: Names
    stat_exog: Names
    pad_short_series: bool
    has_mask: bool
    step_size: Positive | None = None
    metric: str | None = None
    average_weights: bool = False


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
    failure: FailureKind | None = None

    def decode(self) -> TrialRecord:
        """Return the trial."""
        return TrialRecord(**self.fields())


class StoredStrategy(Stored):
    """The search strategy and its reason."""

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
    """Characteristics of the data."""

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
    date_order: Literal["day first", "month first"] | None

    def decode(self) -> DatasetProfile:
        """Return the profile."""
        return DatasetProfile(**{**self.fields(), "lengths": np.asarray(self.lengths)})


class StoredValidation(Stored):
    """Findings of the validator."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    corrected_config: dict[str, Any] | None

    def decode(self) -> ValidationResult:
        """Return the findings."""
        return ValidationResult(**self.fields())


class StoredSeries(Stored):
    """Characteristics of the series that calibrated the intervals."""

    ids: list[StrictStr] | list[StrictInt] | list[StrictBool] | list[FiniteFloat]
    units: list[PositiveFinite]
    traits: list[list[FiniteFloat]]
    ends: list[FiniteFloat]

    def decode(self) -> SeriesTraits:
        """Return the traits; numpy rejects parts of different lengths."""
        ids = np.empty(len(self.ids), dtype=object)
        ids[:] = self.ids
        traits = np.asarray(self.traits, dtype=float).reshape(len(ids), N_TRAITS)
        units, ends = (
            np.asarray(values, dtype=float).reshape(len(ids)) for values in (self.units, self.ends)
        )
        return SeriesTraits(ids, units, traits, ends)


class StoredScores(Stored):
    """The calibration of the intervals."""

    errors: Annotated[list[list[list[NotNegative]]], Field(min_length=1)]
    series: StoredSeries
    season: Positive
    overlapping: bool
    spread: Annotated[FiniteFloat, Field(ge=0, le=10)]

    def decode(self) -> ConformalScores:
        """Return the scores; numpy rejects rows of different lengths."""
        series = self.series.decode()
        errors = np.asarray(self.errors, dtype=float)
        n_series, _, _ = np.broadcast_shapes(errors.shape, (len(series.ids), 1, 1))
        if 0 in errors.shape or n_series != len(errors):
            raise ValueError("the calibration of the intervals has no errors of some series")
        return ConformalScores(errors, series, self.season, self.overlapping, self.spread)


def _of_this_kind(value: Any) -> Any:
    """Return None for scores of earlier releases, which did not distinguish series."""
    return None if isinstance(value, dict) and {"scores", "season"} == set(value) else value


StoredLevels = Annotated[list[Annotated[FiniteFloat, Field(gt=0, lt=100)]], Field(max_length=100)]
"""Levels of intervals in percent."""


class StoredColumns(Stored):
    """The user's names of the columns."""

    id_col: ColumnName
    time_col: ColumnName
    target_col: ColumnName

    def decode(self) -> ColumnNames:
        """Return the names."""
        return ColumnNames(**self.fields())


class StoredTreatment(Stored):
    """What is done to data and forecasts."""

    fill_gaps: Literal["zero", "ffill", "interpolate", "mask"] | None
    non_negative: bool
    goes_by_data: bool = False

    def decode(self) -> Treatment:
        """Return the treatment."""
        return Treatment(**self.fields())


class Manifest(Stored):
    """The manifest without its header."""

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
    scores: Annotated[StoredScores | None, BeforeValidator(_of_this_kind)]
    space: dict[str, Any] | None = None
    columns: StoredColumns
    reconciliation: StoredReconciliation | None
    treatment: StoredTreatment | None
    levels: StoredLevels
    has_target: bool = False
