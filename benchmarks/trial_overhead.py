"""Measure the overhead of a trial besides training: space, storage, model, trainer, tracking.

Run with ``python -m benchmarks.trial_overhead [--trials 10] [--steps 200]``. Searches a small MLP
with a journal and MLflow on SQLite; wrappers sum the time of each part, in CPU seconds of one
thread and in wall time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd

SPACE_SIZE = {"hidden_size": 16, "num_layers": 1, "windows_batch_size": 16, "input_size": 24}

OWN = [
    "storage: ask",
    "storage: attributes",
    "storage: pruner",
    "storage: reports",
    "storage: tell",
    "search space",
    "record",
    "tracking",
    "tracking, beside",
]
"""The parts that a bare training would not have; the last one in a thread of its own."""


class Clock:
    """Sums the time spent in functions, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time is added under a name."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.running(name):
                return function(*args, **kwargs)

        return timed

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Add the time of a block under a name."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.wall[name] += time.perf_counter() - wall
            self.cpu[name] += time.thread_time() - cpu


def patched(clock: Clock) -> ExitStack:
    """Wrap each part of a trial with the clock."""
    import optuna
    import pytorch_lightning as pl

    from automodel_sk.search.optuna import loop as optuna_loop
    from automodel_sk.search_space import SearchSpace
    from automodel_sk.tracking import MLflowTracker
    from automodel_sk.tracking.mlflow.runs import MlflowSearchRun
    from automodel_sk.training import train as training

    parts = [
        ("trial in all", optuna_loop, "run_trial"),
        ("search space", SearchSpace, "suggest"),
        ("storage: reports", optuna.Trial, "report"),
        ("storage: pruner", optuna.Trial, "should_prune"),
        ("storage: attributes", optuna.Trial, "set_user_attr"),
        ("storage: ask", optuna.Study, "ask"),
        ("storage: tell", optuna.Study, "tell"),
        ("model", training, "build_model"),
        ("trainer in all", pl.Trainer, "fit"),
        ("training steps", pl.loops.fit_loop._TrainingEpochLoop, "advance"),
        ("validation", pl.loops.fit_loop._TrainingEpochLoop, "on_advance_end"),
        ("record", optuna_loop, "record_of"),
        ("tracking", MLflowTracker, "log_trial"),
        ("tracking, beside", MlflowSearchRun, "add"),
    ]
    stack = ExitStack()
    for name, owner, attribute in parts:
        wrapper = clock.around(name, getattr(owner, attribute))
        stack.enter_context(mock.patch.object(owner, attribute, wrapper))
    return stack


def run(trials: int, steps: int) -> Clock:
    from neuralforecast.utils import AirPassengersPanel
    from ray import tune

    from automodel_sk import create_auto_model

    clock = Clock()
    space = {**SPACE_SIZE, "max_steps": steps, "learning_rate": tune.loguniform(1e-4, 1e-2)}
    with tempfile.TemporaryDirectory() as folder, patched(clock):
        create_auto_model(
            "MLP",
            h=12,
            dataset=AirPassengersPanel[["unique_id", "ds", "y"]],
            config=space,
            num_samples=trials,
            cpus=1,
            use_pruning=False,
            storage=folder,
            mlflow_tracking_uri=f"sqlite:///{Path(folder) / 'mlflow.db'}",
            verbose=False,
        )
    return clock


def table(clock: Clock, trials: int) -> pd.DataFrame:
    """Return the milliseconds per trial of each part; the trainer's include the refit's share."""
    frame = pd.DataFrame({"wall ms": clock.wall, "CPU ms": clock.cpu}) * 1000 / trials
    inside = ["storage: reports", "storage: pruner"]
    frame.loc["validation"] -= frame.loc[inside].sum()
    trained = frame.loc[["training steps", "validation", *inside]].sum()
    frame.loc["trainer, fixed"] = frame.loc["trainer in all"] - trained
    frame.loc["our own, in all"] = frame.loc[OWN].sum()
    # A trial does not wait for this background work, but it uses the CPU.
    frame.loc["our own, in all", "wall ms"] -= frame.loc["tracking, beside", "wall ms"]
    return frame.round(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json", type=Path, help="a file for the table, as JSON")
    arguments = parser.parse_args()
    costs = table(run(arguments.trials, arguments.steps), arguments.trials)
    print(costs.to_string())
    if arguments.json:
        costs.to_json(arguments.json)


if __name__ == "__main__":
    main()
