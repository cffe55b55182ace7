"""What candidates are judged on: the prepared rows, their windows and the metric."""

from __future__ import annotations

import numpy as np

from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.data.times.wall_dates import on_wall
from automodel_sk.metrics import resolve_metric
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.search.planning import UserInput
from automodel_sk.search.prepared import PreparedData
from automodel_sk.training.objective import Objective, make_objective
from automodel_sk.validation import ValidationResult
from automodel_sk.validation.data.categories import text_columns

__all__ = [
    "DEFAULT_METRIC",
    "judging_data",
    "judging_objective",
    "prepared_with_windows",
    "text_of",
    "validated",
    "windows_for",
]

DEFAULT_METRIC = "mase"


def windows_for(profile: DatasetProfile, h: int, step_size: int | None = None) -> int:
    """Return the number of validation windows: the more, the fewer series there are.

    Examples
    --------
    >>> import pandas as pd
    >>> from automodel_sk.data.analysis import analyse_dataset
    >>> times = pd.date_range("2015-01-31", periods=60, freq="ME")
    >>> df = pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0})
    >>> windows_for(analyse_dataset(df), 6), windows_for(analyse_dataset(df), 24)
    (5, 1)
    """
    wanted = 5 if profile.n_series < 20 else 3 if profile.n_series < 100 else 2
    room = (int(profile.median_length) - max(2 * h + 1, 10) - h) // (step_size or h) + 1
    return max(1, min(wanted, room))


def prepared_with_windows(
    given: UserInput, options: OptimizationConfig, categories: tuple[str, ...]
) -> PreparedData:
    """Check the data, then settle the number of windows, which depends on them."""
    prepared = given.prepared(options)
    validated(prepared, categories)
    windows = options.n_windows or windows_for(prepared.profile, given.h, options.step_size)
    return prepared.with_windows(windows)


def text_of(prepared: PreparedData) -> tuple[str, ...]:
    """Return the columns of text, which the models that take categories read."""
    columns = (*prepared.futr_exog, *prepared.hist_exog, *prepared.stat_exog)
    return text_columns(columns, prepared.dataset, prepared.static_df)


def validated(prepared: PreparedData, categories: tuple[str, ...]) -> ValidationResult:
    """Return the findings about the data; raise if they are invalid."""
    known = tuple(dict.fromkeys([*categories, *text_of(prepared)]))
    result = prepared.checked(known).findings.result()
    result.raise_if_invalid()
    return result


def judging_data(prepared: PreparedData) -> PortfolioData:
    """Return the prepared rows with the windows at their end."""
    data = prepared.data
    return PortfolioData(
        on_wall(data.frame, data.profile.freq),
        prepared.h,
        data.profile.freq,
        season=data.season,
        static_df=data.static_df,
        n_windows=data.n_windows,
        step_size=data.step_size,
        futr_exog=tuple(prepared.futr_exog),
        hist_exog=tuple(prepared.hist_exog),
        stat_exog=tuple(prepared.stat_exog),
    )


def judging_objective(options: OptimizationConfig, data: PortfolioData) -> Objective:
    """Return the objective; series without an error scale, as constant ones, are not scored."""
    metric = resolve_metric(options.metric or DEFAULT_METRIC, data.season)
    assert metric is not None
    objective = make_objective(metric, data.windows, data.judged).of_scaled_series()
    if options.metric is not None:
        objective.check([""])
    if np.isfinite(np.asarray(objective.weights, dtype=float)).any():
        return objective
    plain = resolve_metric("mae", data.season)
    assert plain is not None
    return make_objective(plain, data.windows, data.judged)
