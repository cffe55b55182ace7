"""Run this package with one call and all defaults, including MLflow and storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.datasets import Dataset
from benchmarks.plan import Run
from benchmarks.spaces import gru_distributions, upstream_space

MODULES = (
    "mlflow",
    "neuralforecast",
    "neuralforecast.auto",
    "automodel_sk.auto_model_factory",
    "automodel_sk.search.optuna.backend",
)


def search(model: str, data: Dataset, run: Run) -> dict[str, Any]:
    from automodel_sk import create_auto_model

    amount: dict[str, Any] = (
        {"num_samples": run.trials}
        if run.seconds is None
        else {"time_budget_hours": run.seconds / 3600}
    )
    fitted = create_auto_model(
        model,
        h=data.h,
        dataset=data.train,
        config=space(model, data.h, run.steps),
        random_seed=run.seed,
        verbose=False,
        **amount,
    )
    losses = [pair for record in fitted._records for pair in learning_curve(record)]
    starts = [r.datetime_start.timestamp() for r in fitted._records if r.datetime_start]
    return {
        "predict": fitted.predict,
        "losses": losses,
        "trials": len(fitted._records),
        "first_trial": min(starts, default=None),
    }


def space(model: str, h: int, steps: int) -> dict[str, Any]:
    if model == "GRU":
        return {**gru_distributions(h), "max_steps": steps}
    return upstream_space(model, h, steps)


def learning_curve(record: Any) -> Iterator[tuple[float, float]]:
    """Yield each validation loss of a trial with the time at which it was known.

    A trial records its start and its training time; its losses are evenly spaced in training steps,
    and so nearly evenly in time.
    """
    losses = record.intermediate_values
    if record.state == "FAIL" or not losses or record.datetime_start is None:
        return
    start = record.datetime_start.timestamp()
    for step, loss in losses.items():
        yield start + record.duration_seconds * step / max(losses), loss
