"""Read a saved ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.times.zones import named_zone
from automodel_sk.exceptions import ModelFileError
from automodel_sk.metrics import SavedMetric, saved_metric
from automodel_sk.persistence.models import MODEL_FORMAT
from automodel_sk.persistence.reconciliations import (
    RECONCILIATION_FILE,
    read_reconciliation,
)
from automodel_sk.persistence.schema import checked
from automodel_sk.persistence.sizes import tensor_shapes
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination, setting_of
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.frame_files import (
    expected_shapes,
    frame_of,
    read_arrays,
    static_of,
)
from automodel_sk.portfolio.later_rows import EveryWindow
from automodel_sk.portfolio.members.base import Family, FittedMember
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.persistence import (
    DATA_FILE,
    WINDOWS_FILE,
    EnsembleManifest,
    StoredSetting,
)
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.portfolio.window_record import window_errors

__all__ = ["restore"]


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
    _check_folder(folder, len(manifest.members))
    data, judged = _read_data(manifest, folder / DATA_FILE)
    candidates, combination, naive = _read_windows(manifest, folder / WINDOWS_FILE, judged)
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
    read = ensemble.state.columns_read
    own = _of_known_columns(data, read)
    record = replace(ensemble.state.record, naive=naive, data=own)
    if manifest.judged is not None:
        judged = _of_known_columns(judged, read)
        record = replace(record, data=judged, zone=_zone(manifest.judged))
    renewed = manifest.renewed
    ensemble._state = replace(ensemble.state, data=own, record=record, renewed=renewed)
    rule = read_reconciliation(folder, manifest.reconciliation, ensemble.state.ids)
    levels = tuple(manifest.levels)
    ensemble._state = replace(ensemble.state, reconciliation=rule, levels=levels)
    return ensemble


def _zone(setting: StoredSetting) -> Any:
    return None if setting.zone is None else named_zone(setting.zone)


def _check_folder(folder: Path, n_members: int) -> None:
    """Raise if the folder holds anything but what a saved ensemble has."""
    folders = {f"member-{place}" for place in range(n_members)}
    entries = {entry.name: entry for entry in folder.iterdir()}
    known = {*folders, DATA_FILE, WINDOWS_FILE, RECONCILIATION_FILE}
    for name, entry in entries.items():
        wanted = entry.is_dir() if name in folders else entry.is_file()
        if name not in known or entry.is_symlink() or not wanted:
            raise ModelFileError(f"{folder} holds {name[:100]!r}, which no saved ensemble has")
    missing = {*folders, DATA_FILE, WINDOWS_FILE} - set(entries)
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
    if (setting.frame.unit is None) != isinstance(setting.freq, int):
        raise ModelFileError("the saved data have times of another kind than their frequency")
    kind = EveryWindow if setting.every_series else PortfolioData
    arguments = {name: getattr(setting, name) for name in StoredSetting.arguments()}
    return kind(frame, static_df=static, **arguments)


def _of_known_columns(data: PortfolioData, read: Mapping[str, tuple[str, ...]]) -> PortfolioData:
    """Return data that name no columns which their frames lack; raise if members read these.

    After a refit, ensembles of earlier versions named columns that no member reads.
    """
    static = () if data.static_df is None else data.static_df.columns
    known: dict[str, Any] = {}
    for kind, names in read.items():
        held = static if kind == "stat_exog" else data.frame.columns
        known[kind] = tuple(name for name in getattr(data, kind) if name in held)
        lacking = [name for name in names if name not in known[kind]]
        if lacking:
            raise ModelFileError(f"the saved data lack {lacking[0][:100]!r}; save the model again")
    return replace(data, **known)


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
    chosen = manifest.combination.fields()
    chosen["allowed"] = chosen["allowed"] or setting_of(chosen["scores"])
    combination = Combination(**chosen, forecasts=combined, errors=errors)
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
