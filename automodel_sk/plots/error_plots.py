"""Plots of a model's errors: by step of the horizon, by series, and by sign."""

from __future__ import annotations

import numpy as np
import pandas as pd

from automodel_sk.data.baselines import BASELINE_COLUMN
from automodel_sk.data.period import unit_of
from automodel_sk.evaluation.backtest import Backtest
from automodel_sk.plots.figure_spec import Band, Bars, FigureSpec, Layer, Line, Points, Subplot

__all__ = ["error_by_series", "error_by_step", "residuals"]

_ERROR = "scaled error (MASE)"
_NAIVE = "seasonal naive"
_LONGEST_NAME = 28
_BINS = 40


def error_by_step(test: Backtest, freq: str | int = 1) -> FigureSpec:
    """Return the errors by step ahead, next to those of the seasonal-naive forecast."""
    unit = unit_of(freq)
    errors = test.by_step()
    layers: list[Layer] = [
        Line(errors.index, errors[BASELINE_COLUMN], _NAIVE, "other", dashed=True),
        Line(errors.index, errors[test.model], test.model, "model", width=2.2),
    ]
    return FigureSpec([Subplot(layers, f"Error by {unit} ahead", f"{unit}s ahead", _ERROR)])


def error_by_series(test: Backtest, max_ids: int) -> FigureSpec:
    """Return the errors of the series with the worst forecasts, worst on top."""
    ranked = test.by_series()
    shown = ranked.tail(max_ids)
    names = _short_names(shown.index)
    layers: list[Layer] = [
        Bars(names, shown[test.model], test.model, horizontal=True),
        Points(shown[BASELINE_COLUMN], names, _NAIVE, "other"),
    ]
    every = len(shown) == len(ranked)
    title = "Error by series" if every else f"The worst {len(shown)} of {len(ranked):,} series"
    height = max(2.2, 1.2 + 0.3 * len(shown))
    return FigureSpec([Subplot(layers, title, _ERROR)], panel_size=(9.0, height))


def _short_names(index: pd.Index) -> list[str]:
    """Shorten long series ids, keeping them distinct."""
    names = [str(name) for name in index]
    cut = [n if len(n) <= _LONGEST_NAME else n[: _LONGEST_NAME - 1] + "\u2026" for n in names]
    return cut if len(set(cut)) == len(cut) else names


def residuals(test: Backtest) -> FigureSpec:
    """Return the signed errors: their distribution, and whether they drift over time."""
    errors = test.scaled[test.model].dropna().to_numpy(dtype=float)  # NaN: not observed
    counts, edges = np.histogram(errors, bins=min(_BINS, max(8, len(errors) // 4)))
    spread = Bars((edges[1:] + edges[:-1]) / 2, counts, "residuals", "model")
    over_time = test.scaled.groupby("ds", observed=True)[test.model]
    bounds = over_time.quantile(np.array([0.1, 0.5, 0.9])).unstack()
    layers: list[Layer] = [
        Band(bounds.index, bounds[0.1], bounds[0.9], "80% of the residuals", "model"),
        Line(bounds.index, bounds[0.5], "median residual", "model"),
        Line(bounds.index[[0, -1]], [0.0, 0.0], "no error", "past", dashed=True, width=1.0),
    ]
    what = "truth less forecast, scaled"
    return FigureSpec(
        [
            Subplot([spread], "How far forecasts are off", what, "forecasts"),
            Subplot(layers, "Over time", "", what),
        ],
        columns=2,
        panel_size=(5.0, 3.4),
    )
