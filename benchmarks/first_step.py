"""Measure the time from a call to the first step of its first trial, stage by stage.

    python -m benchmarks.first_step [--model NHITS] [--rounds 3]

A search of a network on one short panel with all defaults, in two kinds of processes: one has
imported nothing but this package, the other all libraries. Each searches twice. The first trial
validates after each step, so that its first report comes after one step and one validation.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.ours import MODULES
from benchmarks.running import run_module
from benchmarks.tables import markdown

STAGES = {
    "workers' host started": ("automodel_sk.auto_model_factory", "", "start_workers_early"),
    "data checked, search planned": ("automodel_sk.auto_model_factory", "", "make_plan"),
    "tracker started": ("automodel_sk.tracking", "MLflowTracker", "start"),
    "data converted": ("automodel_sk.search.run", "", "training_data"),
    "precision chosen": ("automodel_sk.search.run", "", "search_request"),
    "sent to the workers": ("automodel_sk.search.optuna.workers.pool", "WorkerPool", "_send"),
    "first report": ("automodel_sk.search.progress", "Callbacks", "on_report"),
}
"""Functions of the calling process by stage; a stage ends when its function first returns."""

BEGUN = "first trial begun"
MODULE = "benchmarks.first_step"
CASES = ("nothing imported", "imported")


class Clock:
    """Notes when each stage first ends, in wall and in CPU seconds of this process."""

    def __init__(self) -> None:
        self.ends: dict[str, tuple[float, float]] = {}
        self.begin()

    def begin(self) -> None:
        """Start at zero."""
        self.began = (time.time(), time.process_time())

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its first return ends a stage."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            now = time.time() - self.began[0], time.process_time() - self.began[1]
            self.ends.setdefault(stage, now)
            return result

        return timed


@contextmanager
def watched_stages(clock: Clock) -> Iterator[None]:
    """Let a clock note the stages of the block."""
    with ExitStack() as stack:
        for stage, (module, owner, name) in STAGES.items():
            place: Any = importlib.import_module(module)
            place = getattr(place, owner) if owner else place
            wrapper = clock.around(stage, getattr(place, name))
            stack.enter_context(mock.patch.object(place, name, wrapper))
        yield


def panel() -> pd.DataFrame:
    """Return two monthly series of twelve years."""
    months = pd.date_range("2010-01-01", periods=144, freq="MS")
    rng = np.random.default_rng(0)
    season = np.sin(np.arange(144) * np.pi / 6)
    values = [season + rng.normal(0, 0.1, 144) + 5 for _ in range(2)]
    ids = np.repeat(["a", "b"], 144)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(months, 2), "y": np.concatenate(values)})


def search(model: str) -> dict[str, dict[str, float]]:
    """Search and return when each stage ended after the call: wall and own CPU seconds."""
    from automodel_sk import create_auto_model
    from automodel_sk.search_space import Float

    data, clock = panel(), Clock()
    space = {
        "input_size": 24,
        "max_steps": 10,
        "val_check_steps": 1,
        "learning_rate": Float(1e-4, 1e-2, log=True),
    }
    with watched_stages(clock):
        clock.begin()
        fitted = create_auto_model(
            model, h=12, dataset=data, config=space, num_samples=2, verbose=False
        )
    begun = min(r.datetime_start.timestamp() for r in fitted._records if r.datetime_start)
    found = {stage: {"wall": wall, "cpu": cpu} for stage, (wall, cpu) in clock.ends.items()}
    return {**found, BEGUN: {"wall": begun - clock.began[0], "cpu": float("nan")}}


def two_searches(model: str, case: str) -> list[dict[str, Any]]:
    """Search twice in this process and return a line per stage."""
    if case == "imported":
        for module in MODULES:
            importlib.import_module(module)
    lines = []
    for number in ("first", "second"):
        for stage, seconds in search(model).items():
            lines.append({"process": case, "search": number, "stage": stage, **seconds})
    return lines


def table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the medians of the rounds, in seconds after the call."""
    frame = pd.DataFrame(lines)
    frame["case"] = frame["process"] + ", " + frame["search"] + " search"
    medians = frame.groupby(["stage", "case"])[["wall", "cpu"]].median().unstack("case")
    cases = [f"{case}, {number} search" for case in CASES for number in ("first", "second")]
    wanted = [(kind, case) for case in cases for kind in ("wall", "cpu")]
    stages = [*STAGES]
    stages.insert(-1, BEGUN)
    medians = medians.reindex(stages)[wanted]
    medians.columns = [f"{case}: {'s' if kind == 'wall' else 'CPU, s'}" for kind, case in wanted]
    return medians.reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="NHITS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "first_step.log")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "RESULT"), help="one process")
    arguments = parser.parse_args()
    if arguments.one:
        case, result = arguments.one
        found = {"lines": two_searches(arguments.model, case)}
        Path(result).write_text(json.dumps(found), encoding="utf-8")
        return
    lines: list[dict[str, Any]] = []
    for _ in range(arguments.rounds):
        for case in CASES:
            told, _ = run_module(
                [MODULE, "--model", arguments.model, "--one", case, "RESULT"], arguments.log
            )
            lines += told["lines"]
    print(markdown(table(lines)))


if __name__ == "__main__":
    main()
