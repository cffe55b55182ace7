"""Choose the precision of trials by measuring it on this machine and model."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from automodel_sk.training.task import TrainingTask

__all__ = ["PrecisionChoice", "choose_precision", "unmeasured"]

logger = logging.getLogger(__name__)

FULL = "32-true"
HALF = "bf16-mixed"
WORTHWHILE = 0.85
"""Half precision is chosen if a step takes at most this share of the time in full precision."""

TYPICAL_SPEEDUP = 1.6
"""How many times as fast steps are in half precision where the machine has instructions for it."""

_SHORT_STEP_SECONDS = 0.02
"""On a CPU, a step this short gains little from half precision, and noise would decide."""

_WARM_UP, _MEASURED = 2, 10
_ENOUGH_SECONDS = 0.2
_ENOUGH_WINDOWS = 256
"""Long steps need only a few measurements, on a part of their windows."""
_measured: dict[str, PrecisionChoice] = {}
"""What this process has measured; its next search of the same kind starts at once."""

_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision and the reason for choosing it.

    Parameters
    ----------
    precision : str
        As Lightning names it.
    reason : str
        What was found or measured.
    speedup : float, default 1.0
        How many times as fast as in float32 a step is, as measured or as is usual.

    Examples
    --------
    >>> print(PrecisionChoice("32-true", "this machine has no bfloat16 instructions"))
    32-true: this machine has no bfloat16 instructions
    """

    precision: str
    reason: str
    speedup: float = 1.0

    def __str__(self) -> str:
        return f"{self.precision}: {self.reason}"


def choose_precision(
    asked: str, task: TrainingTask, config: Callable[[], Mapping[str, Any]], dataset: Any
) -> PrecisionChoice:
    """Return the precision of the trials: the requested one, or a measured one for "auto".

    Parameters
    ----------
    asked : str
        "auto" or one of Lightning's precisions.
    task : TrainingTask
        Settings that all trials share.
    config : callable
        Returns a configuration to measure with.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.

    Returns
    -------
    PrecisionChoice
        Half precision only if this machine supports it natively and steps of the model were
        measured to be faster with it.
    """
    if asked != "auto":
        return unmeasured(asked, "as requested", task)
    if not _has_bfloat16(task):
        return PrecisionChoice(FULL, "this machine has no bfloat16 instructions")
    try:
        example = config()
    except Exception as exc:  # the trials will fail and give the reason
        return PrecisionChoice(FULL, f"the search space gave no example ({exc})")
    known = _key(task, example, dataset)
    if known not in _measured:
        _measured[known] = _by_measurement(task, example, dataset)
    return _measured[known]


def unmeasured(precision: str, reason: str, task: TrainingTask) -> PrecisionChoice:
    """Return a precision that was chosen without measuring, with its usual speed.

    Parameters
    ----------
    precision, reason : str
        As in `PrecisionChoice`.
    task : TrainingTask
        Settings that all trials share, the device among them.
    """
    faster = precision == HALF and _has_bfloat16(task)
    return PrecisionChoice(precision, reason, TYPICAL_SPEEDUP if faster else 1.0)


def _key(task: TrainingTask, config: Mapping[str, Any], dataset: Any) -> str:
    """Return what the time of a step depends on, for the next search of this process."""
    device = task.trainer_options.get("accelerator")
    shape = tuple(dataset.temporal.shape), dataset.n_groups
    return repr((task.model_name, task.h, task.loss, device, sorted(config.items()), shape))


def _by_measurement(
    task: TrainingTask, example: Mapping[str, Any], dataset: Any
) -> PrecisionChoice:
    full = _seconds_of_a_step(task, example, dataset, FULL)
    if math.isinf(full):  # neuralforecast raises bare exceptions; the trials will report theirs
        return PrecisionChoice(FULL, "an example of the search space can't be trained")
    measured = f"a step takes {full * 1000:.3g} ms in float32"
    if full <= _SHORT_STEP_SECONDS and task.trainer_options.get("accelerator") != "gpu":
        return PrecisionChoice(FULL, f"{measured}, too short to gain from bfloat16")
    half = _seconds_of_a_step(task, example, dataset, HALF)
    choice = HALF if half < WORTHWHILE * full else FULL
    reason = f"{measured}, {half * 1000:.3g} ms in bfloat16"
    return PrecisionChoice(choice, reason, full / half if choice == HALF else 1.0)


def _has_bfloat16(task: TrainingTask) -> bool:
    """Return whether the device of a task multiplies bfloat16 matrices natively."""
    import torch

    if task.trainer_options.get("accelerator") == "gpu":
        return bool(torch.cuda.is_bf16_supported())
    known: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = known()  # not available before torch 2.11
    return any(capabilities.get(flag) for flag in _CPU_FLAGS)


def _seconds_of_a_step(
    task: TrainingTask, config: Mapping[str, Any], dataset: Any, precision: str
) -> float:
    """Return the seconds of the fastest of several steps, or infinity if training fails."""
    from automodel_sk.training.build import build_model, effective_config, trained_module
    from automodel_sk.training.train import training

    options = {**task.trainer_options, "precision": precision}
    steps = _WARM_UP + _MEASURED
    short = {**config, "max_steps": steps, "val_check_steps": steps}
    stamps: list[float] = []
    try:
        windows = effective_config(task, config).get("windows_batch_size")
        if isinstance(windows, int):
            short["windows_batch_size"] = min(windows, _ENOUGH_WINDOWS)
        with training():
            model = build_model(replace(task, trainer_options=options), short)
            trained_module(model).trainer_kwargs["callbacks"] = [_stamper(stamps)]
            model.fit(dataset, val_size=task.val_size)
    except Exception:  # no bfloat16 kernel, or a failing configuration: the trials report it
        logger.debug("nothing measured in %s", precision, exc_info=True)
        return float("inf")
    steps_taken = (later - earlier for earlier, later in pairwise(stamps[_WARM_UP - 1 :]))
    return min(steps_taken, default=float("inf"))


def _stamper(stamps: list[float]) -> Any:
    """Return a callback that records when each step ends and stops training after enough steps."""
    from pytorch_lightning.callbacks import LambdaCallback

    def stamp(trainer: Any, *_: Any) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        stamps.append(time.perf_counter())
        measured = stamps[_WARM_UP - 1 :]
        trainer.should_stop = len(measured) > 2 and measured[-1] - measured[0] >= _ENOUGH_SECONDS

    return LambdaCallback(on_train_batch_end=stamp)
