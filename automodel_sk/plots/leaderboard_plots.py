"""Plots of several models: their scores, their weights, and their scores over the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.baselines import BASELINE_COLUMN
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.plots.figure_spec import Bars, FigureSpec, Line, Points, Subplot, log_suits
from automodel_sk.trials import TrialRecord

__all__ = ["leaderboard", "score_over_time", "seconds_of_search", "weights"]

_FAMILIES = ("ensemble", "neural", "tree", "linear", "statistical", "pretrained", "naive")
_NAIVE = "seasonal naive"
_FAR = 10.0
"""Candidates with scores of more than so many times the best are counted, not drawn."""


def leaderboard(table: pd.DataFrame, metric: str, max_rows: int) -> FigureSpec:
    """Return the scores of the best candidates as bars, by family, the best on top.

    Parameters
    ----------
    table : DataFrame
        The leaderboard.
    metric : str
        Name of the score.
    max_rows : int
        Number of candidates to show.
    """
    named = table.assign(label=_labels(table)).dropna(subset="score")
    if named.empty:
        raise InvalidInputError("no model has a score; see leaderboard()['reason']")
    near = named[named["score"] <= _FAR * max(named["score"].min(), 1e-12)]
    shown = named.head(1) if near.empty else near.head(max_rows)
    rows = list(shown["label"][::-1])
    layers: list[Any] = list(_bars(shown, "score"))
    naive = float(table.loc[table["model"] == BASELINE_COLUMN, "score"].min())
    if np.isfinite(naive) and naive <= _FAR * shown["score"].iloc[0] and len(rows) > 1:
        layers.append(Line([naive, naive], [rows[0], rows[-1]], _NAIVE, "past", dashed=True))
    title = _title(len(shown), len(table))
    panel = Subplot(layers, title, f"{metric} on the validation windows", rows=rows)
    return FigureSpec([panel], panel_size=(9.0, _height(len(rows))))


def _title(shown: int, rows: int) -> str:
    return "Leaderboard" if shown == rows else f"Leaderboard: the best {shown} of {rows}"


def _labels(table: pd.DataFrame) -> pd.Series:
    """Return a text for each row, distinct: the member's name, or the model and its trial."""
    label = table["model"].astype(str)
    repeated = label.duplicated(keep=False)
    numbered = label + " (trial " + table["trial"].astype(str) + ")"
    return label.where(~repeated, numbered)


def _bars(shown: pd.DataFrame, column: str) -> Iterator[Bars]:
    """Yield the bars of each family, which are drawn in its colour."""
    for family in _FAMILIES:
        own = shown[shown["family"] == family]
        if len(own):
            yield Bars(list(own["label"]), own[column], family, family, horizontal=True)


def _height(rows: int) -> float:
    return max(1.8, 1.1 + 0.3 * rows)


def weights(table: pd.DataFrame, kind: str) -> FigureSpec:
    """Return the members' weights as bars, by family, the largest on top.

    Parameters
    ----------
    table : DataFrame
        Columns `label`, `family` and `weight`.
    kind : str
        How the members are combined.
    """
    ordered = table.sort_values("weight", ascending=False, kind="stable")
    rows = list(ordered["label"][::-1])
    members = "1 member" if len(rows) == 1 else f"{kind} of {len(rows)} members"
    panel = Subplot(
        list(_bars(ordered, "weight")), f"Weights: {members}", "weight in the ensemble", rows=rows
    )
    return FigureSpec([panel], panel_size=(9.0, _height(len(rows))))


def score_over_time(
    table: pd.DataFrame, records: Sequence[TrialRecord], metric: str, score: float | None
) -> FigureSpec:
    """Return each candidate's score against the seconds at which it was known, and the best so far.

    Parameters
    ----------
    table : DataFrame
        The leaderboard.
    records : sequence of TrialRecord
        The trials.
    metric : str
        Name of the score.
    score : float, optional
        Score of the ensemble.
    """
    ends = seconds_of_search(records)
    known = table[table["trial"].isin(list(ends))].dropna(subset="score")
    if known.empty:
        raise InvalidInputError("the times of the trials are unknown; see leaderboard()['seconds']")
    known = known.assign(at=known["trial"].map(ends)).sort_values("at", kind="stable")
    complete = known[known["state"] == "COMPLETE"]
    layers: list[Any] = [_points(known, family) for family in _FAMILIES]
    layers = [layer for layer in layers if len(layer.x)]
    last = float(known["at"].max())
    if len(complete):
        best = np.minimum.accumulate(complete["score"].to_numpy(dtype=float))
        times = [*complete["at"], last]
        layers.append(Line(times, [*best, best[-1]], "best so far", "past", step=True))
    if score is not None:
        span = [float(known["at"].min()), last]
        layers.append(Line(span, [score, score], "ensemble", "ensemble", dashed=True))
    panel = Subplot(
        layers,
        "Score over time",
        "seconds of search",
        metric,
        log_y=log_suits(known["score"]),
    )
    return FigureSpec([panel])


def _points(known: pd.DataFrame, family: str) -> Points:
    own = known[known["family"] == family]
    notes = [
        f"{model}, trial {trial}: {score:.4g} after {at:.3g} s"
        for model, trial, score, at in zip(
            own["model"], own["trial"], own["score"], own["at"], strict=True
        )
    ]
    return Points(
        own["at"].to_numpy(float), own["score"].to_numpy(float), family, family, False, notes
    )


def seconds_of_search(records: Sequence[TrialRecord]) -> dict[int, float]:
    """Return after how many seconds of search each trial ended.

    Time in which no trial ran, as between a stop and its resumption, does not count.

    Parameters
    ----------
    records : sequence of TrialRecord
        The trials; those without times are left out.

    Examples
    --------
    >>> from datetime import datetime, timedelta
    >>> noon = datetime(2024, 1, 1, 12)
    >>> spans = [(0, 10), (5, 20), (3600, 3605)]  # the last one after an hour's stop
    >>> records = [
    ...     TrialRecord(
    ...         number,
    ...         "COMPLETE",
    ...         datetime_start=noon + timedelta(seconds=start),
    ...         datetime_complete=noon + timedelta(seconds=end),
    ...     )
    ...     for number, (start, end) in enumerate(spans)
    ... ]
    >>> seconds_of_search(records)
    {0: 10.0, 1: 20.0, 2: 25.0}
    """
    spans = [
        (r.datetime_start.timestamp(), r.datetime_complete.timestamp(), r.number)
        for r in records
        if r.datetime_start is not None and r.datetime_complete is not None
    ]
    ends: dict[int, float] = {}
    idle, reached = 0.0, None
    for start, end, number in sorted(spans):
        if reached is None:
            idle = start
        elif start > reached:
            idle += start - reached
        reached = end if reached is None else max(reached, end)
        ends[number] = end - idle
    return {number: ends[number] for number in sorted(ends)}
