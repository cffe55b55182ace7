"""What ``automodel.json`` says, as a schema: the types and bounds of every entry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from automodel_sk.catalog import MODEL_CATALOG
from automodel_sk.complexity import DatasetSize
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.exceptions import ModelFileError
from automodel_sk.intervals import ConformalScores
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.tracking import TrialRecord
from automodel_sk.validation import ValidationResult

__all__ = ["Manifest", "read_manifest"]

_LARGEST = 2**53


def _in_catalog(name: str) -> str:
    if name not in MODEL_CATALOG:
        raise ValueError("is no model of the catalog")
    return name


Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Positive = Annotated[int, Field(ge=1, le=_LARGEST)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Moment = Annotated[datetime, Field(strict=False)]
Step = Annotated[int, Field(strict=False, ge=0)]
ModelName = Annotated[str, AfterValidator(_in_catalog)]


class _Stored(BaseModel):
    """A part of the manifest; what a newer release may have added is passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())

    def fields(self) -> dict[str, Any]:
        """Return the entries by name, parts of parts as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class StoredTask(_Stored):
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
    step_size: Positive | None = None
    metric: str | None = None


class StoredTrial(_Stored):
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


class StoredStrategy(_Stored):
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


class StoredProfile(_Stored):
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

    def decode(self) -> DatasetProfile:
        """Return the profile."""
        return DatasetProfile(**{**self.fields(), "lengths": np.asarray(self.lengths)})


class StoredValidation(_Stored):
    """What the validator found."""

    is_valid: bool
    errors: list[str]
    warnings: list[str]
    corrected_config: dict[str, Any] | None

    def decode(self) -> ValidationResult:
        """Return the findings."""
        return ValidationResult(**self.fields())


class StoredScores(_Stored):
    """The calibration of the intervals."""

    scores: Annotated[list[list[FiniteFloat]], Field(min_length=1)]
    season: Positive

    def decode(self) -> ConformalScores:
        """Return the scores; rows of different lengths are refused by numpy."""
        return ConformalScores(np.asarray(self.scores, dtype=float), self.season)


class Manifest(_Stored):
    """All of the manifest but its head."""

    task: StoredTask
    best_config: dict[str, Any]
    best_step: Positive | None
    season: Positive
    trials: list[StoredTrial]
    strategy: StoredStrategy | None
    profile: StoredProfile | None
    validation: StoredValidation | None
    scores: StoredScores | None
    space: dict[str, Any] | None = None


def read_manifest(stored: dict[str, Any], source: object) -> Manifest:
    """Return a manifest whose entries are all of their types and within their bounds.

    Parameters
    ----------
    stored : dict
        What was read from JSON.
    source : object
        Where it is from, for the message.

    Raises
    ------
    ModelFileError
        Names the first entry that is not.
    """
    try:
        return Manifest.model_validate(stored)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:100] for part in first["loc"])
        raise ModelFileError(
            f"{source} is damaged ({place}: {first['msg'].lower()}); save the model again"
        ) from None
