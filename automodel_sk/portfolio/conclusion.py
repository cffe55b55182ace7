"""What is said before and after a search over several models."""

from __future__ import annotations

import pandas as pd

from automodel_sk.console.state import clock_text, duration_text
from automodel_sk.data.baselines import BASELINES
from automodel_sk.data.wording import wording
from automodel_sk.evaluation.outcome import Outcome, target_name
from automodel_sk.metrics import display_name
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.presets import with_preset
from automodel_sk.portfolio.state import NAME
from automodel_sk.search.summary import no_report

__all__ = ["conclusion", "leaderboard_head", "outcome_of", "time_line"]

_ROWS = 5


def time_line(options: OptimizationConfig, label: str = "auto") -> str:
    """Return how long a search may take, and how to change that.

    Parameters
    ----------
    options : OptimizationConfig
        The options as given.
    label : str
        Name of the search.

    Returns
    -------
    str

    Examples
    --------
    >>> time_line(OptimizationConfig())
    'auto: up to 5 minutes (preset balanced); time_budget_hours=0.2 changes it'
    >>> time_line(OptimizationConfig(time_budget_hours=0.5))
    'auto: up to 30 minutes'
    """
    option = wording().option("time_budget_hours=0.2", "--time-budget 10m")
    hours = with_preset(options).time_budget_hours
    if hours is None:
        trials = f"{options.num_samples} trials of networks"
        return f"{label}: {trials}, without a time limit" + (
            "" if option is None else f"; {option} sets one"
        )
    change = f" (preset {options.preset})" + ("" if option is None else f"; {option} changes it")
    return f"{label}: up to {duration_text(hours * 3600)}" + (
        change if options.time_budget_hours is None else ""
    )


def conclusion(model: AutoEnsemble, seconds: float) -> str:
    """Return the head of the leaderboard, and what the ensemble is worth.

    Parameters
    ----------
    model : AutoEnsemble
        The ensemble.
    seconds : float
        Duration of the whole call.

    Returns
    -------
    str
        Some lines.
    """
    tried = model.leaderboard().query("family != 'ensemble'")
    failed = int((tried["state"] == "FAIL").sum())
    models = tried["model"].nunique()
    counts = f"{len(tried)} trials of {models} model{'' if models == 1 else 's'}"
    counts += f", {failed} failed" if failed else ""
    words = wording()
    details = words.how(
        f"{words.result('leaderboard()')} shows all of them, {words.result('report()')} writes a"
        " page",
        "automodel-sk leaderboard MODEL shows all of them",
    )
    lines = [f"{counts} in {clock_text(seconds)}; {details}", leaderboard_head(model)]
    return "\n".join([*lines, outcome_of(model).sentence(), *no_report()])


def leaderboard_head(model: AutoEnsemble, rows: int = _ROWS) -> str:
    """Return the best models and the ensemble as a small table.

    Parameters
    ----------
    model : AutoEnsemble
        The ensemble.
    rows : int
        Number of rows at most.

    Returns
    -------
    str
        One row per model: the score of its best trial, the weight and the seconds of all of them.
    """
    table = model.leaderboard()
    scored = table[table["score"].notna()]
    grouped = scored.groupby("model", sort=False)
    sums = grouped.agg(score=("score", "min"), weight=("weight", "sum"), seconds=("seconds", "sum"))
    head = sums.head(rows)
    if NAME not in head.index:  # always shown, also where lucky single models stand above it
        head = pd.concat([head.head(rows - 1), sums.loc[[NAME]]])
    name = display_name(model.state.record.metric_name)
    width = max(len("model"), *map(len, head.index))
    lines = [f"  {'model':<{width}}  {name:>8}  {'weight':>6}  {'seconds':>7}"]
    lines += [
        f"  {row.Index:<{width}}  {row.score:>8.3g}  {row.weight:>6.2f}  {row.seconds:>7.1f}"
        for row in head.itertuples()
    ]
    return "\n".join(lines)


def outcome_of(model: AutoEnsemble) -> Outcome:
    """Return the ensemble's cross-validated error beside those of the baselines."""
    state = model.state
    scores = model.leaderboard().groupby("model")["score"].min()
    baselines = {name: float(scores[name]) for name in BASELINES if name in scores.index}
    baselines.setdefault("SeasonalNaive", state.record.naive_score)
    data = state.record.data
    return Outcome(
        state.record.metric_name,
        state.score,
        baselines,
        data.n_windows,
        data.h,
        freq=data.freq,
        target=target_name(state.columns),
    )
