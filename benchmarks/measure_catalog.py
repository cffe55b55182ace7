"""Measure the cost of training each model; prints the rows of the catalog's table.

    python -m benchmarks.measure_catalog [MODEL ...]

Each model runs in a fresh process on one CPU thread, with AirPassengersPanel, h=12 and the middle
of its default search space. Prints the CPU minutes of 1,000 steps (from the median of 10 steps
after 3 warm-up steps) and the peak memory of training minus the memory used after imports. CPU time
is less sensitive to other load than wall time. xLSTM needs the packages xlstm and mlstm_kernels.
Takes about twenty minutes.
"""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from itertools import pairwise
from typing import Any

from automodel_sk.catalog.models import MODEL_CATALOG, get_characteristics, model_class
from automodel_sk.search_space import Choice, Domain
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space

HORIZON = 12
WARM_UP_STEPS = 3
TIMED_STEPS = 10
TYPICAL_STEPS = 1_000
TIMEOUT_SECONDS = 300
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
QUIET_TRAINER = {
    "accelerator": "cpu",
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "logger": False,
}


def middle(domain: Domain) -> Any:
    """Return the middle value of a domain; the lower one of two."""
    if isinstance(domain, Choice):
        return domain.values[(len(domain.values) - 1) // 2]
    low, high = domain.bounds
    centre = math.sqrt(low * high) if domain.log else (low + high) / 2
    values = domain.listed()
    return min(values, key=lambda value: abs(value - centre)) if values else centre


def middle_config(model_name: str, n_series: int) -> dict[str, Any]:
    space = neuralforecast_space(model_name, HORIZON)
    config = {name: middle(domain) for name, domain in space.domains.items()}
    if get_characteristics(model_name).multivariate:
        config["n_series"] = n_series
    return config


def training_data(hierarchical: bool) -> Any:
    from neuralforecast.utils import AirPassengersPanel

    frame = AirPassengersPanel[["unique_id", "ds", "y"]]
    if not hierarchical:
        return frame
    import pandas as pd

    total = frame.groupby("ds", as_index=False)["y"].sum().assign(unique_id="A_total")
    return pd.concat([total, frame], ignore_index=True)


def untrained_model(model_name: str, n_series: int, callbacks: list[Any]) -> Any:
    options = {**QUIET_TRAINER, "callbacks": callbacks, "max_steps": WARM_UP_STEPS + TIMED_STEPS}
    if get_characteristics(model_name).has_default_space:
        config = {**middle_config(model_name, n_series), **options}
        return model_class(model_name)(h=HORIZON, **config)
    import numpy as np
    from neuralforecast.losses.pytorch import GMM

    config = {**middle_config("NHITS", n_series), **options}
    base = model_class("NHITS")(h=HORIZON, loss=GMM(), **config)
    summing = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    return model_class(model_name)(h=HORIZON, model=base, S=summing, reconciliation="BottomUp")


def step_clock(ticks: list[float]) -> Any:
    """Return a callback that records the CPU time at the end of each step.

    It appends to the given list, because training uses a copy of the callback.
    """
    from pytorch_lightning import Callback

    class StepClock(Callback):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            ticks.append(time.process_time())

    return StepClock()


def resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


def peak_mb() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)


def measure(model_name: str) -> dict[str, float]:
    """Train one model in this process and return its cost."""
    warnings.simplefilter("ignore")
    import torch
    from neuralforecast import NeuralForecast

    torch.set_num_threads(1)
    hierarchical = not get_characteristics(model_name).has_default_space
    frame = training_data(hierarchical)
    ticks: list[float] = []
    before = resident_mb()
    model = untrained_model(model_name, frame["unique_id"].nunique(), [step_clock(ticks)])
    NeuralForecast(models=[model], freq="ME").fit(frame)
    timed = ticks[WARM_UP_STEPS - 1 :]
    steps = [end - start for start, end in pairwise(timed)]
    return {
        "minutes": statistics.median(steps) * TYPICAL_STEPS / 60,
        "megabytes": peak_mb() - before,
    }


def measure_in_fresh_process(model_name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.measure_catalog", "--here", model_name]
    done = subprocess.run(
        command,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    costs: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return costs


def table_row(model_name: str, minutes: float, megabytes: float) -> str:
    model = MODEL_CATALOG[model_name]
    letters = "".join(
        letter
        for letter, present in (
            ("F", model.supports_future_exogenous),
            ("H", model.supports_historic_exogenous),
            ("S", model.supports_static),
            ("C", model.supports_categorical),
            ("M", model.multivariate),
            ("R", model.recurrent),
        )
        if present
    )
    rounded = float(f"{minutes:.2g}")
    return f'    ("{model_name}", "{model.family}", "{letters}", {rounded}, {megabytes:.0f}),'


def print_row(model_name: str) -> bool:
    """Print a model's row; if it can't be trained, print why to stderr and return False."""
    try:
        costs = measure_in_fresh_process(model_name)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{model_name} failed: {error}", file=sys.stderr)
        return False
    print(table_row(model_name, **costs), flush=True)
    return True


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--here"]:
        print(json.dumps(measure(arguments[1])))
        return
    models = arguments or list(MODEL_CATALOG)
    failed = [model_name for model_name in models if not print_row(model_name)]
    sys.exit(f"not measured: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
