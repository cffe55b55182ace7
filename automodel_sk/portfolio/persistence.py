"""Save and load ensembles.

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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, FiniteFloat

from automodel_sk._utils.plain_json import plain_json
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.times.zones import named_zone
from automodel_sk.exceptions import ModelFileError
from automodel_sk.metrics import SavedMetric, saved_metric
from automodel_sk.persistence.manifest import (
    StoredColumns,
    StoredProfile,
    StoredScores,
    StoredTreatment,
    StoredTrial,
    StoredValidation,
)
from automodel_sk.persistence.models import MODEL_FORMAT, described_search
from automodel_sk.persistence.reconciliations import (
    RECONCILIATION_FILE,
    StoredReconciliation,
    read_reconciliation,
    write_reconciliation,
)
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.sizes import tensor_shapes
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.frame_files import (
    StoredFrame,
    arrays_of,
    described_frame,
    expected_shapes,
    frame_of,
    read_arrays,
    static_of,
)
from automodel_sk.portfolio.members.base import Family, FittedMember
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.state import EnsembleState
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.portfolio.window_record import window_errors

if TYPE_CHECKING:
    from automodel_sk.portfolio.ensemble import AutoEnsemble

__all__ = ["restore", "save_ensemble"]

_DATA, _WINDOWS = "data.safetensors", "windows.safetensors"
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
    frame: StoredFrame


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
    left_out: dict[ShortText, ShortText] = Field(default_factory=dict)
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
        save_file(arrays, folder / _DATA)
        save_file(_windows(state), folder / _WINDOWS)
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
    parts = ("name", "kind", "weights", "standard_error", "validation")
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
    names = [name for name in StoredSetting.model_fields if name not in ("zone", "frame")]
    return {
        **{name: getattr(data, name) for name in names},
        "zone": None if zone is None else str(zone),
        "frame": described_frame(data.frame, data.static_df),
    }


def _finite(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None


def restore(stored: dict[str, Any], folder: Path, path: Path) -> AutoEnsemble:
    """Read an ensemble from its manifest and its folder of content.

    Parameters
    ----------
    stored : dict
        The manifest.
    folder : Path
        The folder of content.
    path : Path
        The folder that was asked for, for messages.

    Raises
    ------
    ModelFileError
        A part is missing, unknown, damaged or inconsistent.
    """
    manifest = checked(EnsembleManifest, stored, path / MODEL_FORMAT.manifest)
    try:
        return _restored(manifest, folder)
    except ModelFileError:
        raise
    except Exception as exc:
        reason = f"{type(exc).__name__}: {exc}"[:300]
        raise ModelFileError(f"{path} is damaged ({reason}); save the model again") from exc


def _restored(manifest: EnsembleManifest, folder: Path) -> AutoEnsemble:
    from automodel_sk.portfolio.ensemble import AutoEnsemble

    _check_folder(folder, len(manifest.members))
    data, judged = _read_data(manifest, folder / _DATA)
    candidates, combination, naive = _read_windows(manifest, folder / _WINDOWS, judged)
    parts = {
        name: None if part is None else part.decode()
        for name in ("profile", "validation", "scores", "columns", "treatment")
        for part in (getattr(manifest, name),)
    }
    ensemble = AutoEnsemble(
        _read_members(manifest, folder),
        data,
        combination,
        candidates=candidates,
        metric=saved_metric(manifest.metric),
        zone=_zone(manifest.data),
        random_seed=manifest.random_seed,
        records=[trial.decode() for trial in manifest.trials],
        training_note=manifest.training_note,
        left_out=manifest.left_out,
        **parts,
    )
    record = replace(ensemble.state.record, naive=naive)
    if manifest.judged is not None:
        record = replace(record, data=judged, zone=_zone(manifest.judged))
    ensemble._state = replace(ensemble.state, record=record)
    rule = read_reconciliation(folder, manifest.reconciliation, ensemble.state.ids)
    ensemble._state = replace(ensemble.state, reconciliation=rule)
    return ensemble


def _zone(setting: StoredSetting) -> Any:
    return None if setting.zone is None else named_zone(setting.zone)


def _check_folder(folder: Path, n_members: int) -> None:
    """Raise if the folder holds anything but what a saved ensemble has."""
    folders = {f"member-{place}" for place in range(n_members)}
    entries = {entry.name: entry for entry in folder.iterdir()}
    known = {*folders, _DATA, _WINDOWS, RECONCILIATION_FILE}
    for name, entry in entries.items():
        wanted = entry.is_dir() if name in folders else entry.is_file()
        if name not in known or entry.is_symlink() or not wanted:
            raise ModelFileError(f"{folder} holds {name[:100]!r}, which no saved ensemble has")
    missing = {*folders, _DATA, _WINDOWS} - set(entries)
    if missing:
        raise ModelFileError(f"{folder} lacks {min(missing)}; save the model again")


def _read_data(manifest: EnsembleManifest, file: Path) -> tuple[PortfolioData, PortfolioData]:
    """Return the data of the members and those of the windows."""
    settings = {"data": manifest.data}
    if manifest.judged is not None:
        settings["judged"] = manifest.judged
    shapes = tensor_shapes(file)
    expected: dict[str, tuple[int, ...]] = {}
    for name, setting in settings.items():
        expected |= expected_shapes(name, setting.frame, shapes)
    arrays = read_arrays(file, expected, np.float64)
    found = {name: _data(name, setting, arrays) for name, setting in settings.items()}
    return found["data"], found.get("judged", found["data"])


def _data(name: str, setting: StoredSetting, arrays: Mapping[str, Any]) -> PortfolioData:
    parse_frequency(setting.freq)
    frame = frame_of(name, setting.frame, arrays)
    static = static_of(name, setting.frame, arrays)
    kinds = ("futr_exog", "hist_exog", "stat_exog")
    known = {*frame.columns, *(() if static is None else static.columns)}
    lacking = [column for kind in kinds for column in getattr(setting, kind) if column not in known]
    if lacking:
        raise ModelFileError(f"the saved data lack {lacking[0][:100]!r}; save the model again")
    if (setting.frame.unit is None) != isinstance(setting.freq, int):
        raise ModelFileError("the saved data have times of another kind than their frequency")
    names = [n for n in StoredSetting.model_fields if n not in ("zone", "frame")]
    return PortfolioData(
        frame, static_df=static, **{name: getattr(setting, name) for name in names}
    )


def _read_windows(
    manifest: EnsembleManifest, file: Path, judged: PortfolioData
) -> tuple[list[Candidate], Combination, Any]:
    """Return the candidates and the combination with their forecasts, and the naive errors."""
    shape = (int(judged.is_judged.sum()), judged.n_windows, judged.h)
    places = [place for place, c in enumerate(manifest.candidates) if c.has_forecasts]
    expected: dict[str, tuple[int, ...]] = {"combined": shape}
    expected |= {f"candidate.{i}": shape for i in places}
    own = isinstance(saved_metric(manifest.metric), SavedMetric)
    if own:
        expected |= {f"errors.{i}": shape[:2] for i in ("combined", "naive", *places)}
    arrays = read_arrays(file, expected, np.float32)
    candidates = []
    for place, stored in enumerate(manifest.candidates):
        fields = {name: v for name, v in stored.fields().items() if name != "has_forecasts"}
        forecasts, errors = (arrays.get(f"{kind}.{place}") for kind in ("candidate", "errors"))
        candidates.append(Candidate(**fields, forecasts=forecasts, errors=errors))
    combined = arrays["combined"]
    errors = arrays["errors.combined"] if own else window_errors(judged, manifest.metric)(combined)
    combination = Combination(**manifest.combination.fields(), forecasts=combined, errors=errors)
    return candidates, combination, arrays.get("errors.naive")


def _read_members(manifest: EnsembleManifest, folder: Path) -> list[WeightedMember]:
    members = []
    for place, stored in enumerate(manifest.members):
        member = _read_member(stored.family, folder / f"member-{place}")
        if member.family != stored.family:
            raise ModelFileError(f"{folder} holds a member of another family; save the model again")
        members.append(WeightedMember(member, stored.weight, stored.number, stored.note))
    return members


def _read_member(family: Family, folder: Path) -> FittedMember:
    if family == "neural":
        return NeuralMember.load(folder)
    from automodel_sk.portfolio.members.table import load_member

    return load_member(folder)
