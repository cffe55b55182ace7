"""Measure the cost of a training step and its limiting factor.

    python -m benchmarks.steps [--data DIR] [--windows 512] [--steps 12]

Runs steps of NHITS with the model's defaults, an input of five horizons and the validation steps
held out: with neuralforecast's windows and with this package's, in float32 and bfloat16. The share
of matrix products comes from the profiler's CPU time; their rate is shown next to the rate of the
same cores for one product of 1,024 x 512 x 512.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.datasets import NAMES, Dataset, load, needs_files
from benchmarks.tables import markdown

MODEL = "NHITS"
WARM_UP = 3
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


Work = tuple[Dataset, int, str, int, bool, int]
"""Data, windows a step, precision, threads, whether windows are cut as ours are, steps."""


@contextmanager
def untrained(work: Work) -> Iterator[tuple[Any, Callable[[], Any]]]:
    """Yield a model and a function that trains it for a number of steps."""
    from neuralforecast.tsdataset import TimeSeriesDataset

    from automodel_sk.training.build import build_model
    from automodel_sk.training.task import TrainingTask
    from automodel_sk.training.train import training

    data, windows, precision, threads, ours, number = work
    dataset, *_ = TimeSeriesDataset.from_df(data.train)
    options = {"accelerator": "cpu", "devices": 1, "precision": PRECISIONS[precision]}
    lengths = np.diff(dataset.indptr)
    task = TrainingTask(
        MODEL, data.h, data.h, n_series=len(lengths), trainer_options=options, lengths=lengths
    )
    config = {
        "input_size": 5 * data.h,
        "windows_batch_size": windows,
        "batch_size": 128,
        "max_steps": number,
        "val_check_steps": number,
        "scaler_type": "standard",
    }
    known = "automodel_sk.training.patches.lazy_windows.is_known"
    with nullcontext() if ours else mock.patch(known, return_value=False), training(threads):
        model = build_model(task, config)
        yield model, partial(model.fit, dataset, val_size=data.h)


def timed(work: Work) -> float:
    """Return the median milliseconds per step."""
    from pytorch_lightning.callbacks import LambdaCallback

    ends: list[float] = []
    with untrained(work) as (model, train):
        note = LambdaCallback(on_train_batch_end=lambda *_: ends.append(time.perf_counter()))
        model.trainer_kwargs["callbacks"] = [note]
        train()
    return 1000 * statistics.median(later - earlier for earlier, later in pairwise(ends[WARM_UP:]))


def profiled(work: Work) -> tuple[float, float]:
    """Return the share of matrix products in the CPU time, and their GFLOP per second."""
    from torch.profiler import ProfilerActivity, profile

    with (
        untrained(work) as (_, train),
        profile(activities=[ProfilerActivity.CPU], with_flops=True) as record,
    ):
        train()
    events = record.key_averages()
    products = [event for event in events if event.key in PRODUCTS]
    seconds = sum(event.self_cpu_time_total for event in products) / 1e6
    whole = sum(event.self_cpu_time_total for event in events) / 1e6
    return seconds / whole, sum(event.flops for event in products) / seconds / 1e9


def ceiling(precision: str, threads: int) -> float:
    """Return the GFLOP per second of a product of the size that NHITS computes."""
    import torch

    from automodel_sk.training.patches.isolation import threads as limited

    left = torch.randn(1024, 512).to(getattr(torch, precision))
    right = torch.randn(512, 512).to(left.dtype)
    with limited(threads):
        for _ in range(50):
            left @ right
        started = time.perf_counter()
        for _ in range(500):
            left @ right
        return 500 * 2 * 1024 * 512 * 512 / (time.perf_counter() - started) / 1e9


def rows(data: Dataset, windows: int, number: int) -> Iterator[dict[str, Any]]:
    """Yield one row per way to train: trials use one thread, the final model several."""
    for precision, threads, ours in (
        ("float32", 1, False),
        ("float32", 1, True),
        ("bfloat16", 1, False),
        ("bfloat16", 1, True),
        ("float32", 2, True),
    ):
        work = (data, windows, precision, threads, ours, number)
        share, rate = profiled(work)
        yield {
            "data": data.name,
            "precision": precision,
            "threads": threads,
            "windows": "ours" if ours else "upstream's",
            "ms a step": f"{timed(work):.0f}",
            "matrix products": f"{share:.0%}",
            "their GFLOP/s": f"{rate:.0f}",
            "ceiling": f"{ceiling(precision, threads):.0f}",
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with " + ", ".join(NAMES[1:]))
    parser.add_argument("--windows", type=int, default=512)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    names = [name for name in NAMES if options.data or not needs_files(name)]
    table = [
        row
        for name in names
        for row in rows(load(name, options.data), options.windows, WARM_UP + 1 + options.steps)
    ]
    print(markdown(pd.DataFrame(table)))


if __name__ == "__main__":
    main()
