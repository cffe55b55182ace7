"""What a portfolio was judged on: the windows, each candidate's forecasts of them, their errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.times.wall_dates import in_zone
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.metrics import computable, metric_name, resolve_metric
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.window_errors import Errors, errors_by, mean_error
from automodel_sk.training.objective import make_objective

__all__ = ["WindowRecord", "window_errors"]

Array = npt.NDArray[np.float64]
Forecasts = npt.NDArray[Any]


def window_errors(data: PortfolioData, metric: Any) -> Errors:
    """Return the function that gives the errors of forecasts of a portfolio's windows.

    Parameters
    ----------
    data : PortfolioData
        Data and windows.
    metric : str or callable
        As in `OptimizationConfig`.

    Returns
    -------
    callable
        See `errors_by`.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": [0.0, 2.0, 4.0, 6.0, 9.0]})
    >>> errors_of = window_errors(PortfolioData(frame, h=1, freq=1, season=1), "mase")
    >>> errors_of(np.full((1, 1, 1), 6.0, dtype=np.float32)).tolist()
    [[1.5]]
    """
    resolved = resolve_metric(metric, data.season)
    if resolved is None:
        raise InvalidInputError("several models need a metric; try metric='mase'")
    return errors_by(make_objective(resolved, data.windows, data.judged))


@dataclass(frozen=True)
class WindowRecord:
    """The windows of a portfolio, and what was forecast for them.

    Parameters
    ----------
    data : PortfolioData
        Data and windows.
    candidates : tuple of Candidate
        All that was tried, with its forecasts of the windows.
    combined : array of shape (n_judged, n_windows, h)
        The combination's forecasts of the windows; for each window with weights that were chosen
        without it, if there are several.
    metric : str or callable
        Metric of the errors.
    zone : tzinfo or str, optional
        Time zone of the data, if `data` has wall-clock times.
    naive : array, shape (n_judged, n_windows), optional
        Errors of the seasonal-naive forecast; computed if None.
    """

    data: PortfolioData
    candidates: tuple[Candidate, ...]
    combined: Forecasts
    metric: Any = "mase"
    zone: Any = None
    naive: Array | None = None

    @property
    def metric_name(self) -> str:
        """Name of the metric."""
        return metric_name(self.metric)

    @cached_property
    def errors_of(self) -> Errors:
        """The function that gives the errors of forecasts, shape (n_judged, n_windows)."""
        return window_errors(self.data, computable(self.metric) or "mase")

    def errors(self, candidate: Candidate) -> Array | None:
        """Return a candidate's errors; None if it has no forecasts."""
        if candidate.errors is not None or candidate.forecasts is None:
            return candidate.errors
        return self.errors_of(candidate.forecasts)

    @cached_property
    def judged(self) -> tuple[Candidate, ...]:
        """The candidates with their errors."""
        return tuple(replace(c, errors=self.errors(c)) for c in self.candidates)

    @cached_property
    def naive_errors(self) -> Array:
        """The errors of the seasonal-naive forecast."""
        if self.naive is not None:
            return self.naive
        reference = self.data.windows.reference.reshape(self.data.truth.shape)
        return self.errors_of(reference.astype(np.float32))

    @cached_property
    def naive_score(self) -> float:
        """The mean error of the seasonal-naive forecast."""
        return mean_error(self.naive_errors)

    def of_number(self, number: int | None) -> Candidate | None:
        """Return a candidate by its number."""
        return next((c for c in self.candidates if c.number == number), None)

    def table(self, **columns: Forecasts) -> pd.DataFrame:
        """Return forecasts of the windows as a frame.

        Returns
        -------
        DataFrame
            Columns unique_id, ds, cutoff, the given ones, and y; sorted by series, window and step.
            Times are in the data's zone.
        """
        frame = self.data.windows.frame
        own = {name: np.asarray(v, dtype=np.float64).ravel() for name, v in columns.items()}
        table = frame[["unique_id", "ds", "cutoff"]].assign(**own, y=frame["y"])
        return in_zone(table, self.zone)

    def conformal(self, point: Forecasts) -> ConformalScores:
        """Return the scores that calibrate intervals around forecasts like these."""
        table = self.table(point=point)
        errors = table.assign(error=table["y"] - table["point"])
        data = self.data
        history = in_zone(data.judged, self.zone)
        return ConformalScores.from_cross_validation(errors, history, data.h, data.season)

    def windows(self) -> Windows:
        """Return which windows of which series these are."""
        data = self.data
        ids = pd.Index(data.frame["unique_id"].unique())
        judged = data.is_judged
        step = data.step_size or data.h
        return Windows(data.n_windows, step, ids[judged], tuple(ids[~judged]))
