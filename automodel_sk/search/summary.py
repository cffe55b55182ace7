"""Summarise a search: as a dict that prints as a table, and in the few lines said at its end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk._utils.plain_text import plain_text
from automodel_sk.arguments.packages import refusal_without
from automodel_sk.auto_model import AutoModel
from automodel_sk.console.state import clock_text
from automodel_sk.data.wording import wording
from automodel_sk.evaluation.outcome import outcome_of
from automodel_sk.metrics import display_name
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.final_refit import final_threads
from automodel_sk.search.planning import SearchPlan
from automodel_sk.search.run import Fit
from automodel_sk.training.build import effective_config
from automodel_sk.trials import best_record, trials_frame

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["OptimizationSummary", "conclusion", "no_report", "summarise"]


_COUNTS = {
    "n_complete": "complete",
    "n_pruned": "pruned",
    "n_out_of_time": "out of time",
    "n_failed": "failed",
}


class OptimizationSummary(dict[str, Any]):
    """Summary of a search; prints as a table.

    Examples
    --------
    >>> print(OptimizationSummary(model_name="NHITS", best_score=0.5))
    model_name  NHITS
    best_score  0.5
    """

    trials: pd.DataFrame = pd.DataFrame()

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {_text(value)}" for name, value in self.items())

    def __repr__(self) -> str:
        """Return the table, as `print` shows it."""
        return str(self)

    def outcome(self) -> str:
        """Return in one line how many trials ran, how long they took, and the best score.

        Examples
        --------
        >>> counts = {"n_trials": 3, "n_complete": 2, "n_pruned": 1, "n_failed": 0}
        >>> OptimizationSummary(
        ...     model_name="NHITS", **counts, metric="mae", best_score=0.5, seconds=70.2
        ... ).outcome()
        'NHITS: 3 trials (2 complete, 1 pruned) in 0:01:10; best MAE 0.5'
        """
        took = clock_text(self["seconds"])
        if not self["n_trials"]:
            return f"{self['model_name']}: trained without a search in {took}"
        counts = ", ".join(f"{self[key]} {name}" for key, name in _COUNTS.items() if self.get(key))
        best = f"best {display_name(self['metric'])} {self['best_score']:.5g}"
        return f"{self['model_name']}: {self['n_trials']} trials ({counts}) in {took}; {best}"

    def __rich__(self) -> Table:
        """Return the table for terminals."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in self.items():
            table.add_row(
                name, Text(plain_text(_text(value)), "bold" if name.startswith("best") else "")
            )
        return table

    def _repr_html_(self) -> str:
        """Return the table for notebooks."""
        return pd.Series({k: _text(v) for k, v in self.items()}).to_frame("").to_html()

    def metrics(self) -> dict[str, float]:
        """Return the metrics for a tracker."""
        names = ("best_score", "best_step", "trained_steps", "seconds", *_COUNTS)
        return {name: float(self[name]) for name in names if self.get(name) is not None}

    def artifacts(self) -> dict[str, Any]:
        """Return the files for a tracker: configuration, summary and trials."""
        return {
            "best_config.json": self["best_config"],
            "summary.json": dict(self),
            "trials.csv": self.trials,
        }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return str(value)


def summarise(
    plan: SearchPlan, options: OptimizationConfig, fit: Fit, started: datetime
) -> OptimizationSummary:
    """Return the summary of an ended search.

    Parameters
    ----------
    plan : SearchPlan
        The plan of the search.
    options : OptimizationConfig
        The options of the search.
    fit : Fit
        The trials and the refit.
    started : datetime
        When the call began, with its time zone.

    Returns
    -------
    OptimizationSummary
    """
    records = fit.records
    best = best_record(records)
    states = [record.state for record in records]
    summary = OptimizationSummary(
        model_name=plan.task.model_name,
        h=plan.task.h,
        backend=options.backend,
        study_name=options.study_name,
        algorithm=plan.strategy.algorithm_name if plan.strategy else None,
        pruner=plan.strategy.pruner_name if plan.strategy else None,
        description=plan.strategy.description if plan.strategy else plan.explanation,
        precision=fit.precision,
        refit=options.refit,
        hardware=_hardware(plan, options, fit),
        n_trials=len(records),
        n_complete=sum(record.ran_to_its_end for record in records),
        n_pruned=states.count("PRUNED"),
        n_out_of_time=states.count("COMPLETE") - sum(record.ran_to_its_end for record in records),
        n_failed=states.count("FAIL"),
        metric=plan.metric_name,
        best_trial=None if best is None else best.number,
        best_score=None if best is None else min(best.intermediate_values.values()),
        best_step=fit.best_step,
        trained_steps=fit.steps,
        best_config=dict(plan.space.decode({}) if best is None else best.params),
        seconds=round((datetime.now().astimezone() - started).total_seconds(), 3),
    )
    if fit.note is not None:
        summary["cut"] = fit.note
    summary.trials = trials_frame(records, plan.metric_name)
    return summary


def _hardware(plan: SearchPlan, options: OptimizationConfig, fit: Fit) -> dict[str, Any]:
    """Return how the machine was used: parallel trials, windows per step, the refit."""
    settled = effective_config(plan.task, fit.config)
    return {
        "accelerator": plan.task.trainer_options.get("accelerator"),
        "workers": fit.workers,
        "windows_per_step": settled.get("windows_batch_size"),
        "refit_threads": final_threads(options),
        "refit_precision": options.refit_precision,
    }


def conclusion(model: AutoModel, summary: OptimizationSummary) -> str:
    """Return what is said of one tuned model; nothing is trained for it.

    Parameters
    ----------
    model : AutoModel
        The model.
    summary : OptimizationSummary
        The summary of its search.

    Returns
    -------
    str
        A few lines.
    """
    outcome = outcome_of(model)
    lines = [summary.outcome()]
    if outcome is not None:
        lines.append(outcome.sentence())
    words = wording()
    code = ", ".join(words.result(name) for name in ("best_config", "trials", "report()"))
    shell = "automodel-sk trials MODEL, automodel-sk report MODEL"
    lines.append(f"Details: {words.how(code, shell)}")
    return "\n".join(lines + no_report())


def no_report() -> list[str]:
    """Return a line that says how to get reports, if the package that they need is missing."""
    missing = refusal_without("plotly", "report")
    return [] if missing is None else [f"No report, also in MLflow: {missing}"]
