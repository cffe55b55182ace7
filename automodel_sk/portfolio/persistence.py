"""What a saved ensemble holds, and how it is written; `restoring` reads it.

::

    my_ensemble/
        automodel.json            members, weights, candidates, and the search behind them
        model-1a2b3c4d/
            data.safetensors      the data that the members were fitted to and judged on
            windows.safetensors   forecasts of the validation windows
            member-0/ ...         each member in its own format
            reconciliation.st     how the forecasts of a hierarchy are reconciled, if they are
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, FiniteFloat

from automodel_sk._utils.plain_json import plain_json
from automodel_sk.persistence.manifest import (
    StoredColumns,
    StoredLevels,
    StoredProfile,
    StoredScores,
    StoredTreatment,
    StoredTrial,
    StoredValidation,
)
from automodel_sk.persistence.models import MODEL_FORMAT, described_search
from automodel_sk.persistence.reconciliations import (
    StoredReconciliation,
    write_reconciliation,
)
from automodel_sk.persistence.schema import Stored
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.frame_files import (
    StoredFrame,
    arrays_of,
    described_frame,
)
from automodel_sk.portfolio.later_rows import EveryWindow
from automodel_sk.portfolio.state import EnsembleState

__all__ = ["DATA_FILE", "WINDOWS_FILE", "EnsembleManifest", "StoredSetting", "save_ensemble"]

DATA_FILE, WINDOWS_FILE = "data.safetensors", "windows.safetensors"
_LONGEST_NAME = 200
_MOST_MEMBERS = 1_000
_LARGEST = 2**31

Size = Annotated[int, Field(ge=1, le=_LARGEST)]
Number = Annotated[int, Field(ge=0, le=2**53)]
Share = Annotated[FiniteFloat, Field(gt=0, le=1.000_001)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
AnyFamily = Literal["naive", "statistical", "linear", "tree", "neural", "pretrained"]
ShortText = Annotated[str, Field(max_length=2_000)]
Place = Annotated[int, Field(strict=False, ge=0)]
Score = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]


class StoredMember(Stored):
    """A member of the ensemble."""

    family: AnyFamily
    weight: Share
    number: Number | None
    note: ShortText | None


class StoredCandidate(Stored):
    """A candidate without its forecasts."""

    number: Number
    name: Annotated[str, Field(min_length=1, max_length=200)]
    family: AnyFamily
    config: dict[str, Any]
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    state: Literal["COMPLETE", "PRUNED", "FAIL"]
    reason: ShortText | None
    n_fallbacks: Number
    has_forecasts: bool


class StoredCombination(Stored):
    """How the candidates were combined, without the forecasts."""

    name: Annotated[str, Field(max_length=20)]
    kind: Literal["mean", "median"]
    weights: dict[Place, Share]
    score: Score
    standard_error: Annotated[FiniteFloat, Field(ge=0)] | None
    scores: dict[str, Score]
    validation: Literal["windows", "series", "none"]
    allowed: Literal["auto", "best", "mean", "median", "greedy"] | None = None


class StoredSetting(Stored):
    """What a portfolio's data are beside the frame."""

    h: Size
    freq: str | int
    season: Size
    n_windows: Size
    step_size: Size | None
    futr_exog: Names
    hist_exog: Names
    stat_exog: Names
    zone: Annotated[str, Field(max_length=100)] | None
    every_series: bool = False
    frame: StoredFrame

    @classmethod
    def arguments(cls) -> list[str]:
        """Return the entries that are arguments of `PortfolioData`."""
        own = ("zone", "every_series", "frame")
        return [name for name in cls.model_fields if name not in own]


class EnsembleManifest(Stored):
    """The manifest of an ensemble without its header."""

    kind: Literal["ensemble"]
    members: Annotated[list[StoredMember], Field(min_length=1, max_length=_MOST_MEMBERS)]
    combination: StoredCombination
    candidates: list[StoredCandidate]
    data: StoredSetting
    judged: StoredSetting | None
    metric: Annotated[str, Field(max_length=_LONGEST_NAME)]
    random_seed: Number
    training_note: Annotated[str, Field(max_length=500)] | None
    trials: list[StoredTrial]
    profile: StoredProfile | None
    validation: StoredValidation | None
    scores: StoredScores | None
    columns: StoredColumns
    treatment: StoredTreatment | None
    levels: StoredLevels
    left_out: dict[ShortText, ShortText] = Field(default_factory=dict)
    renewed: bool = False
    reconciliation: StoredReconciliation | None


def save_ensemble(state: EnsembleState, path: Path) -> Path:
    """Write an ensemble to a folder; see `AutoModel.save`."""
    from safetensors.numpy import save_file

    def write(folder: Path) -> Mapping[str, Any]:
        for place, part in enumerate(state.team.parts):
            own = folder / f"member-{place}"
            own.mkdir()
            part.member.save(own)
        arrays: dict[str, Any] = {}
        for name, data in _frames(state).items():
            arrays |= arrays_of(name, data.frame, data.static_df)
        save_file(arrays, folder / DATA_FILE)
        save_file(_windows(state), folder / WINDOWS_FILE)
        write_reconciliation(folder, state.reconciliation)
        described: dict[str, Any] = plain_json(_described(state), strict=False)
        return described

    return MODEL_FORMAT.write(path, write)


def _frames(state: EnsembleState) -> dict[str, PortfolioData]:
    """Return the data of the members, and those of the windows if they are others."""
    judged = state.record.data
    frames = {"data": state.data}
    return frames if judged is state.data else {**frames, "judged": judged}


def _windows(state: EnsembleState) -> dict[str, Any]:
    """Return the forecasts of the windows as arrays."""
    known = {
        f"candidate.{place}": candidate.forecasts
        for place, candidate in enumerate(state.record.candidates)
        if candidate.forecasts is not None
    }
    arrays = {"combined": state.record.combined, **known, **_own_errors(state)}
    return {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in arrays.items()}


def _own_errors(state: EnsembleState) -> dict[str, Any]:
    """Return the errors by a metric that is a function, which is not saved; none of others."""
    record = state.record
    if isinstance(record.metric, str):
        return {}
    known = {
        f"errors.{place}": candidate.errors
        for place, candidate in enumerate(record.judged)
        if candidate.forecasts is not None
    }
    return {
        "errors.combined": state.combination.errors,
        "errors.naive": record.naive_errors,
    } | known


def _described(state: EnsembleState) -> dict[str, Any]:
    combination, record = state.combination, state.record
    frames = _frames(state)
    zones = {"data": state.zone, "judged": record.zone}
    settings = {name: _setting(data, zones[name]) for name, data in frames.items()}
    parts = ("name", "kind", "weights", "standard_error", "validation", "allowed")
    return {
        "kind": "ensemble",
        "members": [
            {
                "family": part.member.family,
                "weight": part.weight,
                "number": part.number,
                "note": part.note and part.note[:2_000],
            }
            for part in state.team.parts
        ],
        "combination": {name: getattr(combination, name) for name in parts}
        | {
            "score": _finite(combination.score),
            "scores": {name: _finite(score) for name, score in combination.scores.items()},
        },
        "candidates": [_candidate(candidate) for candidate in record.candidates],
        "judged": None,
        **settings,
        "metric": record.metric_name[:_LONGEST_NAME],
        "random_seed": state.task.random_seed,
        "left_out": {name: reason[:2_000] for name, reason in state.left_out.items()},
        "renewed": state.renewed,
        **described_search(state),
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    names = ("number", "name", "family", "config", "seconds", "state", "n_fallbacks")
    return {
        **{name: getattr(candidate, name) for name in names},
        "reason": candidate.reason and candidate.reason[:2_000],
        "has_forecasts": candidate.forecasts is not None,
    }


def _setting(data: PortfolioData, zone: Any) -> dict[str, Any]:
    return {
        **{name: getattr(data, name) for name in StoredSetting.arguments()},
        "zone": None if zone is None else str(zone),
        "every_series": isinstance(data, EveryWindow),
        "frame": described_frame(data.frame, data.static_df),
    }


def _finite(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None
