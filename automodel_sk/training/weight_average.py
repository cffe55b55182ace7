"""Average the weights of a training over its last steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from automodel_sk.training.build import further_callback

__all__ = ["EVERY", "WeightAverage", "averaged_weights", "share_of_newest"]

EVERY = 5
"""Steps between two additions to the average; each takes as long as copying the weights."""

_POWER = 16
"""Step t counts in proportion to t to this power: the mean age of the weights is an eighteenth of
all steps, however many there are."""


def share_of_newest(number: int) -> float:
    """Return the share of the newest of so many weights in their average.

    The average is that of power functions in [1]_.

    References
    ----------
    .. [1] Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models",
       CVPR 2024, equation 4.

    Examples
    --------
    >>> [round(share_of_newest(number), 2) for number in (1, 2, 10, 100)]
    [1.0, 1.0, 0.83, 0.16]
    """
    return 1.0 - (1.0 - 1.0 / number) ** (_POWER + 1)


@contextmanager
def averaged_weights(model: Any, *, wanted: bool = True) -> Iterator[None]:
    """Let trainings of a model end with the average of their weights.

    A learning rate that has not yet fallen leaves the last weights at a random place around a
    minimum; their average lies nearer to it.

    Parameters
    ----------
    model : neuralforecast model
        Its callbacks are restored afterwards.
    wanted : bool
        If False, nothing is changed.
    """
    with further_callback(model, _averaging()) if wanted else nullcontext():
        yield


class WeightAverage:
    """The average of the states of a module.

    Attributes
    ----------
    state : dict of str to tensor
        The average; empty before the first addition.

    Examples
    --------
    >>> import torch
    >>> average = WeightAverage()
    >>> for value in (0.0, 1.0, 2.0):
    ...     average.add({"weight": torch.tensor([value])})
    >>> round(average.state["weight"].item(), 3)
    1.999
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self._number = 0

    def add(self, newest: Mapping[str, Any]) -> None:
        """Add a state, a mapping of str to tensor; of counts, the newest is kept."""
        self._number += 1
        share = share_of_newest(self._number)
        for name, value in newest.items():
            if name in self.state and (value.is_floating_point() or value.is_complex()):
                self.state[name].lerp_(value.detach(), share)
            else:  # the first one, or a count
                self.state[name] = value.detach().clone()


def _averaging() -> Any:
    """Return the callback that averages the weights, anew in each training."""
    from pytorch_lightning.callbacks import Callback

    class AverageWeights(Callback):  # type: ignore[misc]  # upstream is untyped
        def __init__(self) -> None:
            self._average = WeightAverage()
            self._added = 0  # the step whose weights were added last

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            self._average, self._added = WeightAverage(), 0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            self._add(trainer.global_step, pl_module, EVERY)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self._add(trainer.global_step, pl_module, 1)
            if self._average.state:
                pl_module.load_state_dict(self._average.state)
                self._average = WeightAverage()

        def _add(self, step: int, module: Any, every: int) -> None:
            if step >= self._added + every:  # batches of accumulated gradients share a step
                self._average.add(module.state_dict())
                self._added = step

    return AverageWeights()
