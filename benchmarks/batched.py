"""Compare training steps of several networks, one after another and as one batched model.

    python -m benchmarks.batched [--networks 2 4 8] [--steps 12] [--threads 1]

`torch.func` stacks the weights of networks of one shape, so that one step of all of them is one
larger matrix product per layer. Both ways take the same windows and change the weights alike, which
is checked. The networks are of neuralforecast's default sizes, and a small MLP.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import torch

from benchmarks.tables import markdown

WARM_UP = 2


@dataclass(frozen=True)
class Case:
    """The networks of a comparison, and the windows of a step."""

    name: str
    model: str
    h: int
    input_size: int
    windows: int
    arguments: dict[str, Any]

    def networks(self, number: int) -> list[Any]:
        """Return networks of one shape with different weights."""
        from neuralforecast import models
        from neuralforecast.losses.pytorch import MAE

        quiet = {"logger": False, "enable_progress_bar": False}
        build = partial(getattr(models, self.model), h=self.h, input_size=self.input_size)
        return [
            build(loss=MAE(), random_seed=seed, **quiet, **self.arguments).train()
            for seed in range(1, number + 1)
        ]

    def batch(self) -> tuple[dict[str, Any], torch.Tensor]:
        """Return the inputs of a step and the values to forecast."""
        torch.manual_seed(0)
        history = torch.randn(self.windows, self.input_size, 1)
        inputs = {"insample_y": history, "insample_mask": torch.ones_like(history)}
        inputs |= dict.fromkeys(("futr_exog", "hist_exog", "stat_exog"))
        return inputs, torch.randn(self.windows, self.h, 1)


CASES = (
    Case("air-passengers", "NHITS", 12, 24, 128, {}),
    Case("ETTh1", "NHITS", 96, 192, 512, {}),
    Case("M4 hourly", "NHITS", 48, 144, 1024, {}),
    Case("small", "MLP", 12, 24, 128, {"hidden_size": 128}),
)

Way = tuple[Callable[[], None], Callable[[], dict[str, torch.Tensor]]]
"""A function that makes one step of all networks, and one that returns their stacked weights."""


def one_after_another(networks: list[Any], inputs: dict[str, Any], y: torch.Tensor) -> Way:
    """Train each network with its own optimizer."""
    optimizers = [torch.optim.Adam(network.parameters(), fused=True) for network in networks]

    def step() -> None:
        for network, optimizer in zip(networks, optimizers, strict=True):
            optimizer.zero_grad(set_to_none=True)
            (network(dict(inputs)) - y).abs().mean().backward()
            optimizer.step()

    return step, lambda: torch.func.stack_module_state(networks)[0]


def batched(networks: list[Any], inputs: dict[str, Any], y: torch.Tensor) -> Way:
    """Train all networks as one with stacked weights."""
    shape = copy.deepcopy(networks[0])
    weights, buffers = torch.func.stack_module_state(networks)
    optimizer = torch.optim.Adam(list(weights.values()), fused=True)

    def loss(weights: Any, buffers: Any) -> torch.Tensor:
        forecast = torch.func.functional_call(shape, (weights, buffers), (dict(inputs),))
        return (forecast - y).abs().mean()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.func.vmap(loss, randomness="different")(weights, buffers).sum().backward()
        optimizer.step()

    return step, lambda: weights


def milliseconds(step: Callable[[], None], steps: int) -> float:
    """Return the median milliseconds of a step."""
    times = []
    for _ in range(WARM_UP + steps):
        started = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[WARM_UP:])


def compare(case: Case, number: int, steps: int) -> dict[str, Any]:
    """Time both ways for a number of networks, after a step that must change weights alike.

    The difference is taken in the mean: Adam's first step depends on a gradient's sign alone, and
    rounding turns the sign of a gradient near zero.
    """
    inputs, y = case.batch()
    ways = [make(case.networks(number), inputs, y) for make in (one_after_another, batched)]
    for step, _ in ways:
        step()
    first, second = (weights() for _, weights in ways)
    for name in first:
        apart = (first[name] - second[name]).abs().mean().item()
        assert apart < 1e-5, f"{name} differs by {apart}"
    alone, together = (milliseconds(step, steps) for step, _ in ways)
    return {
        "networks": f"{number} {case.model}, {case.name}",
        "windows": case.windows,
        "one after another, ms": round(alone, 1),
        "batched, ms": round(together, 1),
        "times faster": round(alone / together, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [
        compare(case, number, arguments.steps) for case in CASES for number in arguments.networks
    ]
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
