"""Saved models: a folder of JSON and safetensors, written in one step, never run.

::

    my_model/
        automodel.json       what the model is, how it was searched for
        model-1a2b3c4d/      weights and data, neuralforecast's own safe format

The JSON file names the folder of weights and is replaced last, in one step: a
save that is cut off at any moment leaves the former model whole.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from automodel_sk.auto_model import AutoModel
from automodel_sk.catalog import MODEL_CATALOG
from automodel_sk.complexity import DatasetSize
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.exceptions import ModelFileError
from automodel_sk.intervals import ConformalScores
from automodel_sk.search.building import effective_config, trained_module
from automodel_sk.search.hardware import trainer_options
from automodel_sk.search.quiet import isolated_random_state, quiet
from automodel_sk.search.task import TrainingTask
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.tracking import TrialRecord
from automodel_sk.validation import ValidationResult

__all__ = ["FORMAT_VERSION", "load_auto_model", "save_auto_model"]

FORMAT = "automodel_sk"
FORMAT_VERSION = 1
_MANIFEST = "automodel.json"
_MODEL_FOLDER = re.compile(r"model-[0-9a-f]{8}")
_MOST_MANIFEST_BYTES = 512 * 2**20
_TASK_FIELDS = (
    "model_name",
    "h",
    "val_size",
    "n_series",
    "random_seed",
    "futr_exog",
    "hist_exog",
    "stat_exog",
    "pad_short_series",
)


def save_auto_model(model: AutoModel, path: Path) -> Path:
    """Write a model to a folder; see `AutoModel.save`."""
    if model.model_name == "HINT":
        raise ModelFileError(
            "HINT can't be saved, neuralforecast has no format for it; keep best_config and train"
            " it again with create_auto_model('HINT', ..., config=model.best_config)"
        )
    _check_target(path)
    path.mkdir(parents=True, exist_ok=True)
    name = f"model-{secrets.token_hex(4)}"
    try:
        with quiet():
            model.to_neuralforecast().save(str(path / name), save_dataset=True)
        manifest = json.dumps(_describe(model, name), default=_plain)
        draft = path / f".{_MANIFEST}.{name}"
        draft.write_text(manifest, encoding="utf-8")
    except BaseException:
        shutil.rmtree(path / name, ignore_errors=True)
        raise
    draft.replace(path / _MANIFEST)
    _remove_former(path, keep=name)
    return path


def _check_target(path: Path) -> None:
    """Raise where saving would mix with or replace something else."""
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not _is_ours(path)):
        raise ModelFileError(
            f"{path} exists and is no saved model; pass a path that is free,"
            f" for example {str(path) + '-model'!r}"
        )


def _is_ours(path: Path) -> bool:
    return all(_MODEL_FOLDER.fullmatch(p.name) or _MANIFEST in p.name for p in path.iterdir())


def _remove_former(path: Path, keep: str) -> None:
    for entry in path.iterdir():
        if _MODEL_FOLDER.fullmatch(entry.name) and entry.name != keep:
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name.startswith(f".{_MANIFEST}."):
            entry.unlink(missing_ok=True)


def _describe(model: AutoModel, folder: str) -> dict[str, Any]:
    task, scores = model._task, model._scores
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "model": folder,
        "task": {name: getattr(task, name) for name in _TASK_FIELDS},
        "best_config": model.best_config,
        "best_step": model.best_step,
        "season": model._season,
        "trials": [asdict(record) for record in model._records],
        "strategy": None if model.strategy is None else asdict(model.strategy),
        "profile": None if model.profile is None else asdict(model.profile),
        "validation": _findings(model.validation),
        "scores": None if scores is None else {"scores": scores.scores, "season": scores.season},
    }


def _findings(validation: ValidationResult | None) -> dict[str, Any] | None:
    if validation is None:
        return None
    names = ("is_valid", "errors", "warnings", "corrected_config")
    return {name: getattr(validation, name) for name in names}


def _plain(value: Any) -> Any:
    """Return what JSON can hold for what it can't: numbers, lists, times; text for the rest."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return repr(value)


def load_auto_model(path: Path) -> AutoModel:
    """Read a model from a folder; see `AutoModel.load`."""
    manifest = _read_manifest(path)
    try:
        task = _task(manifest["task"])
        fitted = _load_fitted(path / _folder_name(manifest))
        module = trained_module(fitted.models[0])
        module.trainer_kwargs.update(trainer_options())
        _restore_window(module, effective_config(task, manifest["best_config"]))
        task = replace(
            task, loss=module.loss, valid_loss=module.valid_loss, lengths=_lengths(manifest)
        )
        _check_agreement(path, task, fitted)
        return AutoModel(fitted, task, manifest["best_config"], **_history(manifest))
    except ModelFileError:
        raise
    except Exception as exc:
        raise ModelFileError(
            f"{path} is damaged ({type(exc).__name__}: {exc}); save the model again"
        ) from exc


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / _MANIFEST
    if not file.is_file():
        raise ModelFileError(
            f"{path} holds no saved model: {_MANIFEST} is missing; pass the folder that"
            " AutoModel.save wrote"
        )
    if file.stat().st_size > _MOST_MANIFEST_BYTES:
        raise ModelFileError(f"{file} has {file.stat().st_size} bytes, too many for a saved model")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ModelFileError(f"{file} is damaged ({exc}); save the model again") from exc
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFileError(f"{file} is no saved model of automodel_sk")
    version = manifest.get("version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise ModelFileError(
            f"{file} has format version {version!r}, this release reads up to {FORMAT_VERSION};"
            " update with: pip install --upgrade automodel_sk"
        )
    return manifest


def _folder_name(manifest: Mapping[str, Any]) -> str:
    name = manifest.get("model")
    if not isinstance(name, str) or not _MODEL_FOLDER.fullmatch(name):
        raise ModelFileError(f"the saved model names {name!r} as its folder of weights; not ours")
    return name


def _load_fitted(folder: Path) -> Any:
    """Load with neuralforecast, its formats that could hold pickles refused outright."""
    from neuralforecast import NeuralForecast

    if not (folder / "configuration.json").is_file() or folder.is_symlink():
        raise ModelFileError(f"{folder} lacks configuration.json; save the model again")
    foreign = [p.name for p in folder.iterdir() if p.suffix not in (".json", ".safetensors")]
    if foreign:
        raise ModelFileError(f"{folder} holds {foreign[0]!r}, which no saved model has")
    with quiet(), isolated_random_state():
        fitted = NeuralForecast.load(str(folder), allow_pickle=False)
    fitted.models[0].alias = None
    return fitted


def _restore_window(module: Any, config: Mapping[str, Any]) -> None:
    """Give a recurrent model its window back: it grows by a step whenever it is rebuilt."""
    if not module.RECURRENT:
        return
    sizes = (config.get("inference_input_size") or 0, config["input_size"], 3 * module.h)
    asked = next(size for size in sizes if size >= 1)
    module.inference_input_size = asked + 1
    module.hparams["inference_input_size"] = asked


def _task(stored: Mapping[str, Any]) -> TrainingTask:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
    if set(values) != set(_TASK_FIELDS) or values["model_name"] not in MODEL_CATALOG:
        raise ModelFileError("the saved model's description is not one of ours")
    return TrainingTask(**values, trainer_options=trainer_options())


def _check_agreement(path: Path, task: TrainingTask, fitted: Any) -> None:
    found = type(fitted.models[0]).__name__
    if found != task.model_name or fitted.h != task.h:
        raise ModelFileError(
            f"{path} describes {task.model_name} with h={task.h} and holds {found}"
            f" with h={fitted.h}; save the model again"
        )


def _lengths(manifest: Mapping[str, Any]) -> Any:
    """Return the series' lengths, without which later trainings would draw other windows."""
    profile = manifest["profile"]
    return None if profile is None else np.asarray(profile["lengths"])


def _history(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of the search and the data."""
    strategy, profile = manifest["strategy"], manifest["profile"]
    validation, scores = manifest["validation"], manifest["scores"]
    return {
        "best_step": manifest["best_step"],
        "season": int(manifest["season"]),
        "records": [_record(stored) for stored in manifest["trials"]],
        "strategy": None if strategy is None else SearchStrategy(**strategy),
        "profile": None if profile is None else _profile(profile),
        "validation": None if validation is None else ValidationResult(**validation),
        "scores": None if scores is None else _scores(scores),
    }


def _record(stored: Mapping[str, Any]) -> TrialRecord:
    times = {
        name: None if stored[name] is None else datetime.fromisoformat(stored[name])
        for name in ("datetime_start", "datetime_complete")
    }
    losses = {int(step): float(loss) for step, loss in stored["intermediate_values"].items()}
    return TrialRecord(**{**stored, **times, "intermediate_values": losses})


def _profile(stored: Mapping[str, Any]) -> DatasetProfile:
    names = ("futr_exog", "hist_exog", "stat_exog", "unused_columns")
    columns = {name: tuple(stored[name]) for name in names}
    derived = {"size": DatasetSize(stored["size"]), "lengths": np.asarray(stored["lengths"])}
    return DatasetProfile(**{**stored, **columns, **derived})


def _scores(stored: Mapping[str, Any]) -> ConformalScores:
    scores = np.asarray(stored["scores"], dtype=float)
    if scores.ndim != 2 or not math.isfinite(scores.sum()):
        raise ModelFileError("the saved model's interval scores are damaged; save it again")
    return ConformalScores(scores, int(stored["season"]))
