"""In which precision trials are trained: measured on this machine and model."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from automodel_sk.training.task import TrainingTask

__all__ = ["PrecisionChoice", "choose_precision"]

logger = logging.getLogger(__name__)

FULL = "32-true"
HALF = "bf16-mixed"
WORTHWHILE = 0.85
"""Share of the full precision's time that a step in half precision may take to be chosen."""

_SHORT_STEP_SECONDS = 0.02
"""On a CPU, a step this short gains little in half precision, and noise would decide."""

_WARM_UP, _MEASURED = 2, 10
_ENOUGH_SECONDS = 0.4
_ENOUGH_WINDOWS = 256
"""Long steps tell the same from a few of them, and on a part of their windows."""
_CPU_FLAGS = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision and why it was chosen.

    Examples
    --------
    >>> print(PrecisionChoice("32-true", "this machine has no bfloat16 instructions"))
    32-true: this machine has no bfloat16 instructions
    """

    precision: str
    reason: str

    def __str__(self) -> str:
        return f"{self.precision}: {self.reason}"


def choose_precision(
    asked: str, task: TrainingTask, config: Callable[[], Mapping[str, Any]], dataset: Any
) -> PrecisionChoice:
    """Return the precision of the trials: as asked, or measured where "auto".

    Parameters
    ----------
    asked : str
        "auto" or a precision of Lightning.
    task : TrainingTask
        What is the same for all trials.
    config : callable
        Returns a configuration to measure with.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.

    Returns
    -------
    PrecisionChoice
        Half precision only where this machine has instructions for it and some
        steps of the model were faster in it.
    """
    if asked != "auto":
        return PrecisionChoice(asked, "as asked for")
    if not _has_bfloat16(task):
        return PrecisionChoice(FULL, "this machine has no bfloat16 instructions")
    try:
        example = config()
    except Exception as exc:  # the trials will show what becomes of that
        return PrecisionChoice(FULL, f"the search space gave no example ({exc})")
    full = _seconds_of_a_step(task, example, dataset, FULL)
    if math.isinf(full):  # neuralforecast raises bare exceptions: the trials will name theirs
        return PrecisionChoice(FULL, "an example of the search space can't be trained")
    measured = f"a step takes {full * 1000:.3g} ms in float32"
    if full <= _SHORT_STEP_SECONDS and task.trainer_options.get("accelerator") != "gpu":
        return PrecisionChoice(FULL, f"{measured}, too short to gain from bfloat16")
    half = _seconds_of_a_step(task, example, dataset, HALF)
    choice = HALF if half < WORTHWHILE * full else FULL
    return PrecisionChoice(choice, f"{measured}, {half * 1000:.3g} ms in bfloat16")


def _has_bfloat16(task: TrainingTask) -> bool:
    """Return whether the device that a task is trained on multiplies bfloat16 matrices."""
    import torch

    if task.trainer_options.get("accelerator") == "gpu":
        return bool(torch.cuda.is_bf16_supported())
    known: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = known()  # nothing before torch 2.11
    return any(capabilities.get(flag) for flag in _CPU_FLAGS)


def _seconds_of_a_step(
    task: TrainingTask, config: Mapping[str, Any], dataset: Any, precision: str
) -> float:
    """Return the seconds of the fastest of some steps, infinite where none can be trained so."""
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
    except Exception:  # an operation that bfloat16 lacks, or a trial that fails: see the trials
        logger.debug("nothing measured in %s", precision, exc_info=True)
        return float("inf")
    steps_taken = (later - earlier for earlier, later in pairwise(stamps[_WARM_UP - 1 :]))
    return min(steps_taken, default=float("inf"))


def _stamper(stamps: list[float]) -> Any:
    """Return a callback that notes when each step ended, and ends the training after enough."""
    from pytorch_lightning.callbacks import LambdaCallback

    def stamp(trainer: Any, *_: Any) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        stamps.append(time.perf_counter())
        measured = stamps[_WARM_UP - 1 :]
        trainer.should_stop = len(measured) > 2 and measured[-1] - measured[0] >= _ENOUGH_SECONDS

    return LambdaCallback(on_train_batch_end=stamp)
