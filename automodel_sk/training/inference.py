"""Forecast with a fitted model from several threads at once.

Neuralforecast stores the state of a running forecast on the model itself: the horizon, the scale of
the windows, quantiles, the state of a recurrent network, a trainer. Each call therefore forecasts
with its own copy of the model, which shares the weights read-only. If the forecast also depends on
the state of the process, calls run one at a time and use a full copy.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from automodel_sk.training.build import module_of, network_of, trained_module
from automodel_sk.training.patches.isolation import quiet
from automodel_sk.training.patches.own_random import own_random_numbers
from automodel_sk.training.patches.torch_modes import threads
from automodel_sk.training.patches.upstream import TRAINERS, forecast_with, own_attributes
from automodel_sk.training.train import most_series_at_once, training

__all__ = ["detach_leftovers", "private_copy", "to_forecast_with", "without_a_trainer"]

_OF_NO_CONSEQUENCE = frozenset(
    {
        "accelerator",
        "accumulate_grad_batches",
        "callbacks",
        "check_val_every_n_epoch",
        "devices",
        "enable_checkpointing",
        "enable_model_summary",
        "enable_progress_bar",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "limit_train_batches",
        "limit_val_batches",
        "log_every_n_steps",
        "logger",
        "max_epochs",
        "max_steps",
        "min_epochs",
        "min_steps",
        "num_sanity_val_steps",
        "precision",
        "use_distributed_sampler",
        "val_check_interval",
    }
)
"""Trainer arguments that do not change forecasts, or that `without_a_trainer` checks itself."""

_FULL = (None, 32, "32", "32-true")
_USUAL_SERIES_AT_ONCE = 32
_SERIES_AT_ONCE = 128
"""Larger batches of series than neuralforecast's default take less time."""

_DRAWING = ("Informer",)
"""Models that draw random numbers for every forecast, apart from losses that sample."""


@contextmanager
def to_forecast_with(fitted: Any, seed: int) -> Iterator[Any]:
    """Yield a copy of a fitted object to forecast with.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        With one model; it is not changed.
    seed : int
        Seeds the sampling in HINT. All other random numbers use the model's own seed.

    Yields
    ------
    neuralforecast.NeuralForecast
        For forecasts in this thread. Other threads may forecast and train at the same time, unless
        `without_a_trainer` returns False.
    """
    if without_a_trainer(network_of(fitted)):
        own = private_copy(fitted, share_weights=True)
        with quiet(), threads(1), _without_trainer(own):
            yield own
        return
    import numpy as np

    with training():
        np.random.seed(seed)  # noqa: NPY002 - HINT shuffles its samples with it
        yield private_copy(fitted)


def private_copy(fitted: Any, *, share_weights: bool = False) -> Any:
    """Return a copy of a fitted object that can be changed safely; the data are shared.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        With one model.
    share_weights : bool
        Share the tensors too, which must then only be read.

    Examples
    --------
    >>> from neuralforecast import NeuralForecast
    >>> from neuralforecast.models import MLP
    >>> fitted = NeuralForecast([MLP(h=1, input_size=2)], freq=1)
    >>> own = private_copy(fitted, share_weights=True)
    >>> (model,), (copied,) = fitted.models, own.models
    >>> copied.out is model.out, copied.out.weight is model.out.weight
    (False, True)
    """
    own = copy.copy(fitted)
    module = module_of(fitted)
    memo: dict[int, Any] = {}
    for part in module.modules():
        memo |= {id(tensor): tensor for tensor in _tensors(list(own_attributes(part).values()))}
    if share_weights:
        memo |= {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    memo |= {id(t): None for t in map(vars(module).get, TRAINERS) if t}
    own.models = [copy.deepcopy(network_of(fitted), memo)]
    return own


def _tensors(value: Any) -> Iterator[Any]:
    """Yield the tensors in a value, including those in lists, tuples and mappings."""
    import torch

    if torch.is_tensor(value):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def detach_leftovers(module: Any) -> None:
    """Detach tensors left over from a model's last batch, which otherwise cannot be copied.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> layer.seen = {"last": layer(torch.ones(1))}
    >>> detach_leftovers(layer)
    >>> layer.seen["last"].requires_grad
    False
    """
    for part in module.modules():
        for name, value in own_attributes(part).items():
            if any(tensor.grad_fn is not None for tensor in _tensors(value)):
                setattr(part, name, _detached(value))


def _detached(value: Any) -> Any:
    import torch

    if torch.is_tensor(value):
        return value.detach()
    if isinstance(value, dict):
        return {key: _detached(part) for key, part in value.items()}
    return type(value)(map(_detached, value)) if isinstance(value, (list, tuple)) else value


def without_a_trainer(model: Any) -> bool:
    """Return whether a model's forecasts are independent of the state of the process.

    Lightning's trainer is used on a GPU, with unusual precision, and with callbacks or trainer
    arguments that are not known here. HINT draws from NumPy's global generator. In these cases
    forecasts run one at a time.

    Examples
    --------
    >>> from neuralforecast.models import MLP
    >>> without_a_trainer(MLP(h=1, input_size=2, accelerator="cpu"))
    True
    >>> without_a_trainer(MLP(h=1, input_size=2, accelerator="cpu", limit_predict_batches=1))
    False
    """
    import torch
    from pytorch_lightning.callbacks import EarlyStopping

    if trained_module(model) is not model or torch.get_default_dtype() is not torch.float32:
        return False
    arguments = model.trainer_kwargs
    return (
        set(arguments) <= _OF_NO_CONSEQUENCE
        and arguments.get("devices", 1) in (1, "auto")
        and arguments.get("precision") in (*_FULL, "bf16-mixed")
        and all(type(c) is EarlyStopping for c in arguments.get("callbacks") or ())
        and _on_cpu(model, arguments.get("accelerator"))
    )


def _on_cpu(model: Any, accelerator: Any) -> bool:
    import torch

    if accelerator != "cpu" and (accelerator not in (None, "auto") or _has_accelerator()):
        return False
    return all(weights.device == torch.device("cpu") for weights in model.parameters())


def _has_accelerator() -> bool:
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


@contextmanager
def _without_trainer(own: Any) -> Iterator[None]:
    """Let a copy forecast in a plain loop over its batches, with its own random numbers."""
    import torch

    model, generator = network_of(own), torch.Generator()
    model.eval()
    # A forecast must not seed the global generator.
    draws = hasattr(model.loss, "update_quantile") or type(model).__name__ in _DRAWING
    half = model.trainer_kwargs.get("precision") not in _FULL
    loop = _Loop(generator, half, grows=not (draws or model.MULTIVARIATE))
    forecast_with(model, loop, lambda seed: generator.manual_seed(_seed(model, seed)))
    with own_random_numbers(generator) if draws else nullcontext():
        yield


def _seed(model: Any, seed: int | None) -> int:
    return int(model.random_seed if seed is None else seed)


class _Loop:
    """The minimal trainer that a model needs for forecasting."""

    def __init__(self, generator: Any, half: bool, grows: bool) -> None:
        self._generator, self._half, self._grows = generator, half, grows

    def predict(self, model: Any, datamodule: Any) -> list[Any]:
        """Return the forecasts of each batch of series."""
        import torch

        datamodule.dataloaders_kwargs["generator"] = self._generator
        if self._grows and not getattr(model, "explain", False):
            _enlarge_batches(datamodule)
        half = torch.autocast("cpu", torch.bfloat16, enabled=self._half, cache_enabled=False)
        with torch.inference_mode(), half:
            batches = enumerate(datamodule.predict_dataloader())
            return [model.predict_step(batch, number) for number, batch in batches]


def _enlarge_batches(datamodule: Any) -> None:
    """Forecast more series at a time, unless the user has asked for fewer than usual."""
    usual = datamodule.valid_batch_size
    if usual >= _USUAL_SERIES_AT_ONCE:
        room = most_series_at_once(datamodule.dataset)
        datamodule.valid_batch_size = max(usual, min(_SERIES_AT_ONCE, room))
