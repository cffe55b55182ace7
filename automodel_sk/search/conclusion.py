"""What is said at the end of a search: how it went, and what the model is worth."""

from __future__ import annotations

from automodel_sk.arguments.packages import refusal_without
from automodel_sk.auto_model import AutoModel
from automodel_sk.catalog.losses import point_quantile
from automodel_sk.data.baselines import BASELINES
from automodel_sk.data.wording import wording
from automodel_sk.evaluation.outcome import Outcome
from automodel_sk.search.summary import OptimizationSummary

__all__ = ["conclusion", "no_report", "outcome_of"]


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
    lines.append(
        wording().how(
            "Details: model.best_config, model.trials, model.report()",
            "Details: automodel-sk trials MODEL, automodel-sk report MODEL",
        )
    )
    return "\n".join(lines + no_report())


def no_report() -> list[str]:
    """Return a line that says how to get reports, if the package that they need is missing."""
    missing = refusal_without("plotly", "report")
    return [] if missing is None else [f"No report, also in MLflow: {missing}"]


def outcome_of(model: AutoModel) -> Outcome | None:
    """Return a model's error beside those of the baselines; None if a training would be needed."""
    task = model.state.task
    if model.state.windows is None:
        return None
    median = task.loss is None or abs(point_quantile(task.loss) - 0.5) < 1e-6
    metric = task.metric or ("mae" if median else "mqloss")
    scores = model.validation_scores([metric])
    means = scores.drop(columns=["window", "cutoff", "metric"]).mean()
    own = next(name for name in means.index if name not in BASELINES)
    baselines = {name: float(means[name]) for name in BASELINES if name in means.index}
    name = str(scores["metric"].iloc[0])
    return Outcome(name, float(means[own]), baselines, task.n_windows, task.h)
