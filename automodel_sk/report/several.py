"""What a report says about several models: the leaderboard, the weights, what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk._utils.by_reason import by_reason
from automodel_sk.data.baselines import BASELINE_COLUMN
from automodel_sk.metrics import computable, display_name
from automodel_sk.report.forecast_table import day_of

if TYPE_CHECKING:
    from automodel_sk.plots import ModelPlots

__all__ = ["several_models"]

_MOST_ROWS = 30


def several_models(plots: ModelPlots) -> dict[str, Any] | None:
    """Return what a report says about an ensemble; None for a single model.

    Parameters
    ----------
    plots : ModelPlots
        The plots of the model, which know the ids and times of its data.

    Returns
    -------
    dict or None
    """
    model: Any = plots._model
    if not hasattr(model, "leaderboard"):
        return None
    table = model.leaderboard()
    metric = display_name(model.metric_name)
    return {
        "metric": metric,
        "rows": table.head(_MOST_ROWS).to_dict("records"),
        "more": max(0, len(table) - _MOST_ROWS),
        "kind": model.state.team.kind,
        "validation": model.combination.validation,
        "windows": _windows(plots),
        "members": list(model.members),
        "names": list(dict.fromkeys([model.state.column, *model.members, BASELINE_COLUMN])),
        "left_out": list(by_reason({**model.left_out, **_without_result(table)})),
    }


def _windows(plots: ModelPlots) -> list[dict[str, Any]]:
    """Return the scores of each validation window by its first and last forecast time."""
    model: Any = plots._model
    state = model.state
    metric = computable(state.record.metric)
    if metric is None:  # a function that is not saved with the model
        return []
    scores = model.validation_scores([metric])
    frame = state.record.table()
    spans = frame.groupby("cutoff")["ds"].agg(["min", "max"])
    shown = {
        name: plots._shown(
            pd.DataFrame({"unique_id": frame["unique_id"].iloc[0], "ds": spans[name].to_numpy()})
        )["ds"].to_list()
        for name in spans
    }
    dates = dict(zip(spans.index, zip(shown["min"], shown["max"], strict=True), strict=True))
    return [
        {"first": day_of(dates[row["cutoff"]][0]), "last": day_of(dates[row["cutoff"]][1]), **row}
        for row in scores.to_dict("records")
        if row["cutoff"] in dates
    ]


def _without_result(table: pd.DataFrame) -> dict[str, str]:
    """Return the models of which no trial has a score, and why."""
    scored = set(table.loc[table["score"].notna(), "model"])
    rows = table[~table["model"].isin(scored)].drop_duplicates("model")
    return {
        str(row["model"]): str(row["reason"] or str(row["state"]).lower())
        for row in rows.to_dict("records")
    }
