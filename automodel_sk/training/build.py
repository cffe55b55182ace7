"""Build an untrained model from a configuration."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.catalog.models import get_characteristics, is_joint, model_class
from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS, why_refused, without_refused
from automodel_sk.data.held_out import least_rows
from automodel_sk.data.panel import IntArray
from automodel_sk.data.windows import WindowShape, count_windows
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.training.task import TrainingTask

__all__ = [
    "build_model",
    "constructor_default",
    "effective_config",
    "further_callback",
    "is_padded",
    "module_of",
    "network_of",
    "trained_module",
]

_WHOLE_NUMBERS = (
    "batch_size",
    "early_stop_patience_steps",
    "input_size",
    "max_steps",
    "step_size",
    "val_check_steps",
    "valid_batch_size",
    "windows_batch_size",
)
_QUIET_TRAINER: Mapping[str, Any] = {
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "logger": False,
    "num_sanity_val_steps": 0,
}


def effective_config(task: TrainingTask, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments for one trial.

    Fills in the settings that the user left open (`input_size`, `max_steps`, `val_check_steps`) and
    those that the search controls (horizon, seeds, exogenous columns). Losses are added when the
    model is built.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The trial's configuration.

    Returns
    -------
    dict
        Arguments of the model's constructor.

    Examples
    --------
    >>> task = TrainingTask("NHITS", h=12, val_size=12)
    >>> effective_config(task, {"max_steps": 400.0})["val_check_steps"]
    4
    """
    for name, value in config.items():
        _refuse(name, value)
    arguments = {
        k: _whole(v) if k in _WHOLE_NUMBERS else v for k, v in without_refused(config).items()
    }
    _check_categories(task, config)
    arguments.setdefault("max_steps", DEFAULT_MAX_STEPS)
    arguments["input_size"] = _window(task, arguments)
    arguments.setdefault("val_check_steps", task.check_interval(arguments["max_steps"]))
    arguments["val_check_steps"] = min(arguments["val_check_steps"], arguments["max_steps"])
    arguments["random_seed"] = task.random_seed
    characteristics = get_characteristics(task.model_name)
    if characteristics.multivariate:
        arguments["n_series"] = task.n_series
    if "training_data_availability_threshold" in arguments:
        shares = _shares(arguments["training_data_availability_threshold"])
        arguments["training_data_availability_threshold"] = list(shares)
    if arguments.get("drop_last_loader"):
        # With fewer series than a batch, every batch would be dropped and nothing trained.
        lengths = _trained_lengths(task)
        n_series = task.n_series if lengths is None else len(lengths)
        batch = arguments.get("batch_size", constructor_default(task.model_name, "batch_size"))
        arguments["batch_size"] = min(batch or n_series, n_series)
    padded = is_padded(task, arguments)
    if padded:
        arguments["start_padding_enabled"] = True
    if task.lengths is not None:
        if not padded and task.lengths.min() < task.lengths.max() and not task.has_mask:
            # Shorter series are padded to the longest, so that no window of pure padding is trained
            # on.
            arguments.setdefault("training_data_availability_threshold", [1.0, 0.0])
        arguments |= _existing_windows(task, arguments, characteristics.multivariate)
    arguments |= {name: list(columns) for name, columns in _exogenous(task).items() if columns}
    return {**_QUIET_TRAINER, **task.trainer_options, **arguments, "h": task.h}


def _refuse(name: str, value: Any) -> None:
    """Raise if a function or a stored configuration sets what validation refuses."""
    advice = why_refused(name, value)
    if advice is not None:
        raise InvalidInputError(f"{name} is not allowed in config, got {shown(value)}; {advice}")


def _check_categories(task: TrainingTask, config: Mapping[str, Any]) -> None:
    """Raise if a configuration has other categories than the data are encoded for."""
    named = config.get("cat_exog_list") or ()
    if set(named) != set(task.cat_exog):
        raise InvalidInputError(
            f"cat_exog_list must be one plain list for all trials, got {shown(list(named))} of a"
            " function: the data are encoded once; name it in a search space of domains instead"
        )


def _window(task: TrainingTask, config: Mapping[str, Any]) -> int:
    """Return the past steps of a window; neuralforecast reads a size below 1 as 3 horizons."""
    size: int = _whole(config.get("input_size", 2 * task.h))
    return 3 * task.h if size < 1 else size


def is_padded(task: TrainingTask, config: Mapping[str, Any]) -> bool:
    """Return whether short series are padded with zeros at the start so that they can take part.

    Parameters
    ----------
    task : TrainingTask
        Provides the lengths of all series, and of those that trials train on.
    config : mapping
        A trial's configuration, which may set the padding explicitly.

    Examples
    --------
    >>> import numpy as np
    >>> task = TrainingTask("MLP", h=7, val_size=7, lengths=np.array([90, 40]))
    >>> [is_padded(task, {"input_size": size}) for size in (14, 35, -1)]
    [False, True, False]
    """
    if "start_padding_enabled" in config:
        return bool(config["start_padding_enabled"])
    if task.pad_short_series or task.lengths is None:
        return task.pad_short_series
    return int(task.lengths.min()) <= _window(task, config) + task.h + task.val_size


def _trained_lengths(task: TrainingTask) -> IntArray | None:
    """Return the lengths of the series that trials train on; trials leave out the shortest."""
    if task.lengths is None or not task.val_size or is_joint(task.model_name):
        return task.lengths
    kept = task.lengths[task.lengths >= least_rows(task.lengths, task.h, task.val_size)]
    return kept if len(kept) else task.lengths


def _whole(value: Any) -> Any:
    """Convert 500.0 to 500: quantised draws are floats, but constructors require integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _existing_windows(
    task: TrainingTask, arguments: Mapping[str, Any], multivariate: bool
) -> dict[str, int]:
    """Limit the windows per step to those that exist, since further ones would be repetitions."""
    asked = arguments.get(
        "windows_batch_size", constructor_default(task.model_name, "windows_batch_size")
    )
    lengths = _trained_lengths(task)
    if lengths is None or not isinstance(asked, int) or asked < 1:
        return {}
    shape = WindowShape(
        arguments["input_size"],
        task.h,
        int(arguments.get("step_size", 1)),
        bool(arguments.get("start_padding_enabled", False)),
        _shares(arguments.get("training_data_availability_threshold", 0.0)),
    )
    count = count_windows(lengths, shape, task.val_size, multivariate)
    batch = (
        arguments.get("batch_size", constructor_default(task.model_name, "batch_size"))
        or task.n_series
    )
    share = 1.0 if multivariate else min(1.0, batch / len(lengths))
    return {"windows_batch_size": max(1, min(asked, math.ceil(count * share)))}


def _shares(threshold: float | Sequence[float]) -> tuple[float, float]:
    """Return the observed shares of past and future that a window needs."""
    past, future = (threshold, threshold) if isinstance(threshold, (int, float)) else threshold
    return float(past), float(future)


def constructor_default(model_name: str, parameter: str) -> Any:
    """Return a constructor's default, or None if the parameter is not the constructor's own."""
    parameters = inspect.signature(model_class(model_name).__init__).parameters
    return parameters[parameter].default if parameter in parameters else None


def _exogenous(task: TrainingTask) -> dict[str, tuple[str, ...]]:
    return {
        "futr_exog_list": task.futr_exog,
        "hist_exog_list": task.hist_exog,
        "stat_exog_list": task.stat_exog,
    }


def build_model(task: TrainingTask, config: Mapping[str, Any]) -> Any:
    """Build an untrained neuralforecast model.

    Parameters
    ----------
    task : TrainingTask
        Settings that all trials share.
    config : mapping
        The trial's configuration.

    Returns
    -------
    neuralforecast model
        Built with copies of the losses, because training changes them.
    """
    arguments = copy.deepcopy(effective_config(task, config))
    if task.loss is not None:
        arguments["loss"] = _own_copy(task.loss, task.random_seed)
    if task.valid_loss is not None:
        arguments["valid_loss"] = _own_copy(task.valid_loss, task.random_seed)
    return _BUILDERS.get(task.model_name, _build_plain)(task, arguments)


def _own_copy(loss: Any, seed: int) -> Any:
    """Return a copy of a loss whose layers are initialised from the search's seed."""
    import torch

    own = copy.deepcopy(loss)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for layer in own.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
    return own


def network_of(fitted: Any) -> Any:
    """Return the one model of a NeuralForecast object."""
    return fitted.models[0]


def module_of(fitted: Any) -> Any:
    """Return the Lightning module of a NeuralForecast object's one model."""
    return trained_module(network_of(fitted))


def trained_module(model: Any) -> Any:
    """Return the Lightning module of a model; HINT wraps one and is not a module itself."""
    return model if hasattr(model, "trainer_kwargs") else model.model


@contextmanager
def further_callback(model: Any, callback: Any) -> Iterator[None]:
    """Let a model train with one more of Lightning's callbacks; the arguments are restored."""
    arguments = trained_module(model).trainer_kwargs
    before = dict(arguments)
    arguments["callbacks"] = [*(before.get("callbacks") or ()), callback]
    try:
        yield
    finally:
        arguments.pop("callbacks")
        arguments.update(before)


def _build_plain(task: TrainingTask, arguments: dict[str, Any]) -> Any:
    model_type = model_class(task.model_name)
    accepted = inspect.signature(model_type.__init__).parameters
    if "start_padding_enabled" not in accepted:
        arguments.pop("start_padding_enabled", None)
    return model_type(**arguments)


def _build_hint(task: TrainingTask, arguments: dict[str, Any]) -> Any:
    """Build a base model and wrap it in the reconciling HINT model."""
    missing = [name for name in ("model", "S", "reconciliation") if name not in arguments]
    if missing:
        raise InvalidInputError(
            f"config of HINT lacks {', '.join(missing)}; pass the base model's name, the summing"
            " matrix and the method, for example config={'model': 'NHITS', 'S': S,"
            " 'reconciliation': 'BottomUp', 'max_steps': 500}"
        )
    hint = {name: arguments.pop(name) for name in ("model", "S", "reconciliation")}
    base = model_class(hint.pop("model"))(**arguments)
    if not base.loss.is_distribution_output:
        raise InvalidInputError(
            f"loss of HINT must be a distribution, got {type(base.loss).__name__}(); try"
            " loss='normal', or GMM(n_components=3) of neuralforecast.losses.pytorch"
        )
    return model_class("HINT")(h=task.h, model=base, **hint)


_BUILDERS: Mapping[str, Callable[[TrainingTask, dict[str, Any]], Any]] = {"HINT": _build_hint}
