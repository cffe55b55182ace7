"""Intervals of series that grow, and of times that no window shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.levels import error_growth
from automodel_sk.forecasting.series_traits import describe_series


def test_errors_grow_with_the_square_root_of_the_level() -> None:
    y = np.repeat([100.0, 144.0], 8) + np.tile([1.0, -1.0], 8)
    history = pd.DataFrame({"unique_id": "a", "ds": range(16), "y": y})
    errors = pd.DataFrame(
        {"unique_id": "a", "cutoff": [7, 7, 13, 13], "ds": [8, 9, 14, 15], "error": [3, -3, 6, 6.0]}
    )
    scores = ConformalScores.from_cross_validation(errors, history, h=2, season=1)
    expected = np.array([[3.0, 3.0], [6.0, 6.0]]) * [[np.sqrt(144 / 100)], [1.0]]
    assert scores.errors[0] == pytest.approx(expected / scores.series.units[0])


def test_more_than_a_doubling_and_levels_of_zero_do_not_count() -> None:
    values = {"a": [1.0, 1.0, 9.0, 9.0], "b": [0.0, 0.0, 5.0, 5.0]}
    frames = [pd.DataFrame({"unique_id": k, "ds": range(4), "y": y}) for k, y in values.items()]
    cutoffs = pd.DataFrame({0: [1, 1]}, index=["a", "b"])
    growth = error_growth(cutoffs, pd.concat(frames), h=2, season=1)
    assert growth.ravel() == pytest.approx([np.sqrt(2), 1.0])


def test_one_window_leaves_more_open_than_many() -> None:
    series = describe_series(np.array(["a"] * 9), np.arange(9.0), season=1)
    errors = np.arange(1.0, 100.0).reshape(1, 99, 1)
    point = np.zeros((1, 1))
    narrow = ConformalScores(errors, series, 1).quantiles(point, series, [0.55, 0.995])[0, 0]
    wide = ConformalScores(errors, series, 1, spread=0.5).quantiles(point, series, [0.55, 0.995])
    assert wide[0, 0, 1] > 1.5 * narrow[1], "the tail is longer"
    assert wide[0, 0, 0] < narrow[0], "and the middle narrower, as the mean size is the same"
