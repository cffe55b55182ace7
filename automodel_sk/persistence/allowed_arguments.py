"""Restrict the model settings that a file may contain to those without side effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from automodel_sk.catalog.models import model_parameters
from automodel_sk.exceptions import ModelFileError

__all__ = ["check_settings", "passive", "passive_hparams", "unsafe_setting"]

# Lightning's Trainer takes 40 arguments, most of which write files, start processes or load
# plugins. Only these settings from a file are used to build a model.
_TRAINER = frozenset(
    {
        "accelerator",
        "accumulate_grad_batches",
        "benchmark",
        "check_val_every_n_epoch",
        "deterministic",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "inference_mode",
        "limit_predict_batches",
        "limit_train_batches",
        "limit_val_batches",
        "log_every_n_steps",
        "max_epochs",
        "max_steps",
        "min_epochs",
        "min_steps",
        "num_sanity_val_steps",
        "precision",
        "reload_dataloaders_every_n_epochs",
        "use_distributed_sampler",
        "val_check_interval",
    }
)
_OFF = {
    "devices": 1,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "logger": False,
}
_LOADER = frozenset({"drop_last", "pin_memory", "shuffle"})


def passive(model_name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without those that a file may not contain.

    Parameters
    ----------
    model_name : str
        A model of the catalog.
    settings : mapping
        Arguments of its constructor.

    Examples
    --------
    >>> passive("NHITS", {"max_steps": 100, "logger": True, "default_root_dir": "/tmp"})
    {'max_steps': 100}
    """
    known = model_parameters(model_name)
    kept = {name: value for name, value in settings.items() if _allowed(name, value, known)}
    loader = kept.get("dataloader_kwargs")
    if isinstance(loader, Mapping):
        kept["dataloader_kwargs"] = {k: v for k, v in loader.items() if k in _LOADER}
    return kept


def check_settings(model_name: str, settings: Mapping[str, Any], source: object) -> None:
    """Raise if settings from a file could do more than shape a model.

    Parameters
    ----------
    model_name : str
        A model of the catalog.
    settings : mapping
        Arguments of its constructor.
    source : object
        Where the settings come from, for the message.

    Raises
    ------
    ModelFileError
        Names the setting.

    Examples
    --------
    >>> check_settings("NHITS", {"max_steps": 100, "logger": False}, "automodel.json")
    >>> check_settings("NHITS", {"callbacks": ["os.system"]}, "automodel.json")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.ModelFileError: automodel.json sets callbacks of NHITS, ...
    """
    name = unsafe_setting(model_name, settings)
    if name is not None:
        raise ModelFileError(
            f"{source} sets {name[:100]} of {model_name}, which saved models must not; pass it"
            " for training instead"
        )


def unsafe_setting(model_name: str, settings: Mapping[str, Any]) -> str | None:
    """Return the first setting that could do more than shape a model, or None.

    Examples
    --------
    >>> unsafe_setting("NHITS", {"max_steps": 100, "callbacks": ["os.system"]})
    'callbacks'
    """
    kept = passive(model_name, settings)
    for name, value in settings.items():
        if name not in kept or kept[name] != value:
            return name
    return None


def _allowed(name: str, value: Any, known: frozenset[str]) -> bool:
    return name in known or name in _TRAINER or _is_off(name, value)


def _is_off(name: str, value: Any) -> bool:
    """Return whether a setting has the one value that disables it."""
    return name in _OFF and type(value) is type(_OFF[name]) and value == _OFF[name]


@contextmanager
def passive_hparams(module: Any) -> Iterator[None]:
    """Write only a model's passive settings while in this context."""
    before = dict(module.hparams)
    module.hparams.clear()
    module.hparams.update(passive(type(module).__name__, before))
    try:
        yield
    finally:
        module.hparams.clear()
        module.hparams.update(before)
