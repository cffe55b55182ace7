"""Let a training that goes on from fitted weights start with small steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["gentle_restart", "rate_after"]

WARM_UP = 20
"""Steps until the learning rate is reached. The first steps of a fresh Adam change every weight by
the whole learning rate, whatever the gradients: a single one can ruin a fitted model."""

LEAST_RATE = 0.1
"""Share of the first learning rate below which the restart does not go: schedules may end at 0."""


@contextmanager
def gentle_restart(module: Any, done: int) -> Iterator[None]:
    """Let a module's next training go on at the learning rate at which the last one ended.

    Parameters
    ----------
    module : Lightning module of neuralforecast
        The fitted module; it is restored afterwards.
    done : int
        Steps of its last training.
    """
    from torch.optim.lr_scheduler import ChainedScheduler, LinearLR

    upstream, rate = type(module).configure_optimizers, module.learning_rate

    def configured() -> Any:
        made = upstream(module)
        schedule = made["lr_scheduler"]
        warm_up = LinearLR(made["optimizer"], start_factor=1 / WARM_UP, total_iters=WARM_UP)
        schedule["scheduler"] = ChainedScheduler([warm_up, schedule["scheduler"]])
        return made

    module.learning_rate = rate_after(module, done)
    module.configure_optimizers = configured
    try:
        yield
    finally:
        module.learning_rate = rate
        del module.configure_optimizers


def rate_after(module: Any, steps: int) -> float:
    """Return the learning rate of a module after so many steps of its schedule.

    Parameters
    ----------
    module : Lightning module of neuralforecast
        Its own schedule is used, or that of the user.
    steps : int
        Steps made.

    Returns
    -------
    float
        At least a tenth of the first rate.

    Examples
    --------
    >>> from neuralforecast.models import MLP
    >>> model = MLP(h=1, input_size=2, learning_rate=0.008, max_steps=300, num_lr_decays=3)
    >>> [rate_after(model, steps) for steps in (0, 99, 100, 300)]
    [0.008, 0.008, 0.004, 0.001]
    """
    made = type(module).configure_optimizers(module)
    schedule = made["lr_scheduler"]["scheduler"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a schedule without a training
        for _ in range(steps):
            schedule.step()
    (rate,) = {float(group["lr"]) for group in made["optimizer"].param_groups}
    return max(rate, LEAST_RATE * float(module.learning_rate))
