"""Save and load models.

::

    my_model/
        automodel.json       the model and the search behind it
        model-1a2b3c4d/      weights and data in neuralforecast's own safe format, and how the
                             forecasts of a hierarchy are reconciled
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automodel_sk._utils.plain_json import plain_json
from automodel_sk.exceptions import ModelFileError
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.state import ModelState
from automodel_sk.metrics import metric_name, saved_metric
from automodel_sk.persistence.allowed_arguments import check_settings, passive, passive_hparams
from automodel_sk.persistence.folders import FolderFormat
from automodel_sk.persistence.manifest import Manifest, StoredTask, StoredTrial
from automodel_sk.persistence.reconciliations import (
    described_reconciliation,
    read_reconciliation,
    write_reconciliation,
)
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.targets import check_target, read_target, write_target
from automodel_sk.persistence.weights import load_fitted
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.serialization import space_from_json, space_to_json
from automodel_sk.training.build import effective_config, trained_module
from automodel_sk.training.devices import trainer_options
from automodel_sk.training.inference import private_copy
from automodel_sk.training.patches.isolation import quiet
from automodel_sk.training.task import TrainingTask
from automodel_sk.trials import TrialRecord
from automodel_sk.validation import ValidationResult

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = [
    "FORMAT_VERSION",
    "MODEL_FORMAT",
    "described_search",
    "load_any_model",
    "load_auto_model",
    "load_metric_name",
    "load_trials",
    "save_auto_model",
]

FORMAT_VERSION = 1
MODEL_FORMAT = FolderFormat(
    name="automodel_sk",
    version=FORMAT_VERSION,
    oldest=1,
    manifest="automodel.json",
    content="model",
    subject="saved model",
    saver="AutoModel.save",
)
# Saved by rooms above this one, which it never imports: the module that reads each kind.
_KINDS = {"ensemble": "automodel_sk.portfolio.restoring"}
_MOST_SCORES = 2_000_000
_OBJECTS = ("lr_scheduler", "optimizer")

logger = logging.getLogger(__name__)


def save_auto_model(state: ModelState, path: Path) -> Path:
    """Write a model to a folder; see `AutoModel.save`."""
    if state.model_name == "HINT":
        raise ModelFileError(
            "HINT can't be saved, neuralforecast has no format for it; keep best_config and train"
            " it again with create_auto_model('HINT', ..., config=model.best_config)"
        )

    def write(folder: Path) -> Mapping[str, Any]:
        fitted = private_copy(state.fitted, share_weights=True)
        with quiet(), passive_hparams(trained_module(fitted.models[0])):
            fitted.save(str(folder), save_dataset=True)
        write_reconciliation(folder, state.reconciliation)
        write_target(folder, state.target)
        return _describe(state)

    return MODEL_FORMAT.write(path, write)


def _describe(state: ModelState) -> dict[str, Any]:
    described = {
        "task": _task(state.task),
        "best_config": passive(state.model_name, state.config),
        "best_step": state.best_step,
        "trained_steps": state.trained_steps,
        "season": state.season,
        "space": _space(state.space),
        "has_target": state.target is not None,
        **described_search(state),
    }
    plain: dict[str, Any] = plain_json(described, strict=False)
    return plain


def described_search(state: ModelState) -> dict[str, Any]:
    """Return the part of a manifest that models of every kind have."""
    return {
        "training_note": state.note,
        "trials": [asdict(record) for record in state.records],
        "strategy": None if state.strategy is None else asdict(state.strategy),
        "profile": None if state.profile is None else asdict(state.profile),
        "validation": _findings(state.validation),
        "scores": _scores(state.scores),
        "columns": asdict(state.columns),
        "reconciliation": described_reconciliation(state.reconciliation),
        "treatment": asdict(state.treatment),
        "levels": list(state.levels),
    }


def _task(task: TrainingTask) -> dict[str, Any]:
    stored = {name: getattr(task, name) for name in StoredTask.model_fields}
    return {**stored, "metric": None if task.metric is None else metric_name(task.metric)}


def _findings(validation: ValidationResult | None) -> dict[str, Any] | None:
    if validation is None:
        return None
    names = ("is_valid", "errors", "warnings", "corrected_config")
    return {name: getattr(validation, name) for name in names}


def _scores(scores: ConformalScores | None) -> dict[str, Any] | None:
    """Return the scores; if there are too many, they are omitted and recalibrated when needed."""
    if scores is None or scores.errors.size > _MOST_SCORES:
        return None
    series = {field.name: getattr(scores.series, field.name) for field in fields(scores.series)}
    stored = {field.name: getattr(scores, field.name) for field in fields(scores)}
    return {**stored, "series": series}


def _space(space: SearchSpace | None) -> dict[str, Any] | None:
    if space is None:
        return None
    stored = space_to_json(space)
    if stored["left_out"]:
        names = ", ".join(stored["left_out"])
        logger.info("the saved search space leaves out %s: functions can't be saved", names)
    return stored


def load_any_model(path: Path, make: type[AutoModel]) -> AutoModel:
    """Read what a folder holds, a single model or several; see `AutoModel.load`."""

    def restore(stored: dict[str, Any], folder: Path) -> AutoModel:
        return _reader(stored, path, make)(stored, folder)

    return MODEL_FORMAT.load(path, restore)


def _reader(
    stored: Mapping[str, Any], path: Path, make: type[AutoModel]
) -> Callable[[dict[str, Any], Path], AutoModel]:
    """Return the function that reads a folder of the kind that its manifest names."""
    kind = stored.get("kind")
    if kind is None:
        return partial(_restore_single, path=path, make=make)
    module = _KINDS.get(kind) if isinstance(kind, str) else None
    if module is None:
        raise ModelFileError(
            f"{path} holds a model of the kind {str(kind)[:100]!r}, which this release does not"
            " know; update with: pip install --upgrade automodel_sk"
        )
    return partial(import_module(module).restore, path=path)


def load_auto_model(path: Path, make: type[AutoModel]) -> AutoModel:
    """Read a single model from a folder; see `AutoModel.load`.

    Raises
    ------
    ModelFileError
        As `AutoModel.load`; or the folder holds several models.
    """
    return MODEL_FORMAT.load(path, partial(_restore_single, path=path, make=make))


def _restore_single(
    stored: dict[str, Any], folder: Path, path: Path, make: type[AutoModel]
) -> AutoModel:
    if stored.get("kind") is not None:
        raise ModelFileError(f"{path} holds several models; load it with AutoModel.load")
    manifest = _manifest(stored, path)
    check_settings(manifest.task.model_name, manifest.best_config, path / MODEL_FORMAT.manifest)
    try:
        return _restore(manifest, folder, make)
    except ModelFileError:
        raise
    except Exception as exc:
        reason = f"{type(exc).__name__}: {exc}"[:300]
        raise ModelFileError(f"{path} is damaged ({reason}); save the model again") from exc


def load_trials(path: Path) -> list[TrialRecord]:
    """Read only the trials of a model's search; see `AutoModel.load`."""
    return MODEL_FORMAT.load(path, lambda stored, _: _trials(stored, path))


def load_metric_name(path: Path) -> str:
    """Read only the name of the metric of a model's trials: "loss" for the training loss."""

    def name_of(stored: Mapping[str, Any], _: Path) -> str:
        if stored.get("kind") is None:
            return _manifest(stored, path).task.metric or "loss"
        return checked(_Metric, stored, path / MODEL_FORMAT.manifest).metric

    return MODEL_FORMAT.load(path, name_of)


def _trials(stored: Mapping[str, Any], path: Path) -> list[TrialRecord]:
    if stored.get("kind") is None:
        trials = _manifest(stored, path).trials
    else:
        trials = checked(_Trials, stored, path / MODEL_FORMAT.manifest).trials
    return [trial.decode() for trial in trials]


class _Metric(Stored):
    """The metric, which a manifest of several models has."""

    metric: str


class _Trials(Stored):
    """The trials, which a manifest of every kind has."""

    trials: list[StoredTrial]


def _manifest(stored: Mapping[str, Any], path: Path) -> Manifest:
    return checked(Manifest, stored, path / MODEL_FORMAT.manifest)


def _restore(manifest: Manifest, folder: Path, make: type[AutoModel]) -> AutoModel:
    described = manifest.task.fields() | {"metric": saved_metric(manifest.task.metric)}
    task = TrainingTask(**described, trainer_options=trainer_options())
    fitted = load_fitted(folder, task.model_name)
    module = trained_module(fitted.models[0])
    _check_agreement(folder, task, module)
    module.trainer_kwargs.update(trainer_options())
    config = _config(manifest, module)
    task = replace(task, cat_exog=tuple(config.get("cat_exog_list") or ()))
    _restore_window(module, effective_config(task, config))
    parts = {
        name: None if part is None else part.decode()
        for name in ("strategy", "profile", "validation", "scores", "columns", "treatment")
        for part in (getattr(manifest, name),)
    }
    profile = parts["profile"]
    model = make(
        fitted,
        replace(
            task,
            loss=module.loss,
            valid_loss=module.valid_loss,
            # Without the series' lengths, later trainings would sample other windows.
            lengths=None if profile is None else np.diff(fitted.dataset.indptr),
        ),
        config,
        best_step=manifest.best_step,
        trained_steps=manifest.trained_steps,
        training_note=manifest.training_note,
        season=manifest.season,
        records=[trial.decode() for trial in manifest.trials],
        space=None if manifest.space is None else space_from_json(manifest.space),
        **parts,
    )
    rule = read_reconciliation(folder, manifest.reconciliation, model.state.ids)
    target = None
    if check_target(folder, manifest.has_target):
        target = read_target(folder, model.state.history()["y"].to_numpy())
    levels = tuple(manifest.levels)
    model._state = replace(model.state, reconciliation=rule, target=target, levels=levels)
    return model


def _config(manifest: Manifest, module: Any) -> dict[str, Any]:
    """Return the best configuration, with classes as the weights name them."""
    objects = {name: module.hparams[name] for name in _OBJECTS if name in manifest.best_config}
    return {**manifest.best_config, **objects}


def _restore_window(module: Any, config: Mapping[str, Any]) -> None:
    """Restore a recurrent model's window, which grows by a step whenever it is rebuilt."""
    if not module.RECURRENT:
        return
    sizes = (config.get("inference_input_size") or 0, config["input_size"], 3 * module.h)
    asked = next(size for size in sizes if size >= 1)
    module.inference_input_size = asked + 1
    module.hparams["inference_input_size"] = asked


def _check_agreement(folder: Path, task: TrainingTask, module: Any) -> None:
    """Raise if the weights belong to another model than the manifest describes."""
    described = {
        "model": task.model_name,
        "h": task.h,
        "futr_exog": list(task.futr_exog),
        "hist_exog": list(task.hist_exog),
        "stat_exog": list(task.stat_exog),
        "n_series": task.n_series if module.MULTIVARIATE else module.n_series,
    }
    held = {
        "model": type(module).__name__,
        "h": module.h,
        **{name: list(getattr(module, f"{name}_list") or ()) for name in _EXOGENOUS},
        "n_series": module.n_series,
    }
    for name, value in described.items():
        if held[name] != value:
            raise ModelFileError(
                f"{folder.parent} describes a model with {name}={value!r} and holds one with"
                f" {name}={held[name]!r}; save the model again"
            )


_EXOGENOUS = ("futr_exog", "hist_exog", "stat_exog")
