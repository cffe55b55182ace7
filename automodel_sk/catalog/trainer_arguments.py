"""Lightning's arguments that a configuration may not contain, and their replacements.

All other arguments shape the training of one model in one process. These start processes (for more
than one device, Lightning runs the user's whole program again), write files, or change the duration
of training from what the search assumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["DEFAULT_MAX_STEPS", "REFUSED", "why_refused", "without_refused"]

DEFAULT_MAX_STEPS = 1000
"""Training steps if a configuration does not set ``max_steps``."""

REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = MappingProxyType(
    {
        "devices": ((1, "1"), "a trial uses one device; give the search GPUs with gpus=2"),
        "num_nodes": ((1,), "a trial runs on one machine; search on several with backend='ray'"),
        "strategy": (("auto",), "a trial uses one device; give the search GPUs with gpus=2"),
        "plugins": ((None,), "a trial uses one device, in the option precision='bf16-mixed'"),
        "logger": ((False, None), "trials are tracked with the option use_mlflow=True"),
        "default_root_dir": ((None,), "training writes no files; keep the model with model.save()"),
        "enable_checkpointing": ((False,), "keep the best weights with refit='best_weights'"),
        "enable_progress_bar": ((False,), "progress is shown with the option verbose=True"),
        "enable_model_summary": (
            (False,),
            "inspect the model with model.to_neuralforecast().models",
        ),
        "profiler": ((None,), "profile training with neuralforecast directly"),
        "barebones": ((False,), "a search needs the validation losses; leave it out"),
        "fast_dev_run": ((False,), "for one step try max_steps=1"),
        "overfit_batches": ((0, 0.0), "to use less data, pass fewer rows"),
        "max_time": ((None,), "try the option trial_timeout_minutes=30 or time_budget_hours=2"),
        "model_registry": ((None,), "register the model with mlflow_register_as='name'"),
        "dataloader_kwargs/num_workers": (
            (0,),
            "the data are in memory; run several trials in parallel with cpus=4",
        ),
    }
)
"""By name: the values without effect, and the replacement."""

_LOADER = "dataloader_kwargs"


def why_refused(name: str, value: Any) -> str | None:
    """Return what to use instead of a setting, or None if it is allowed or has no effect.

    Parameters
    ----------
    name : str
        Flat name.
    value : object
        Its value; a dict of entries for `dataloader_kwargs`.

    Examples
    --------
    >>> why_refused("devices", 2)
    'a trial uses one device; give the search GPUs with gpus=2'
    >>> why_refused("devices", 1) is None, why_refused("max_steps", 2) is None
    (True, True)
    """
    if name == _LOADER and isinstance(value, Mapping):
        reasons = (why_refused(f"{name}/{key}", item) for key, item in value.items())
        return next((reason for reason in reasons if reason), None)
    if name not in REFUSED:
        return None
    harmless, advice = REFUSED[name]
    kept = any(type(value) is type(other) and value == other for other in harmless)
    return None if kept else advice


def without_refused(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the refused settings.

    Parameters
    ----------
    config : mapping
        Nested.

    Examples
    --------
    >>> without_refused({"max_steps": 5, "devices": 2, "dataloader_kwargs": {"num_workers": 2}})
    {'max_steps': 5, 'dataloader_kwargs': {}}
    """
    kept = {name: value for name, value in config.items() if name not in REFUSED}
    loader = kept.get(_LOADER)
    if isinstance(loader, Mapping):
        kept[_LOADER] = {k: v for k, v in loader.items() if f"{_LOADER}/{k}" not in REFUSED}
    return kept
