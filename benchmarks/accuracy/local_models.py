"""Models of single series, from statsforecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.accuracy.exchange import Request
from benchmarks.accuracy.task import KEYS, QUANTILES, Dataset

CLASSES = {
    "SeasonalNaive": "SeasonalNaive",
    "AutoARIMA": "AutoARIMA",
    "AutoCES": "AutoCES",
    "AutoETS": "AutoETS",
    "AutoTheta": "AutoTheta",
    "DOT": "DynamicOptimizedTheta",
}
LEVELS = [20, 40, 60, 80]
LAST_ROWS = 2_500  # of longer series, as AutoGluon does


@dataclass(frozen=True)
class LocalModel:
    """One statsforecast model with its own prediction intervals."""

    name: str
    has_budget = False
    has_seed = False
    modules = ("statsforecast", "statsforecast.models")
    package = "statsforecast"

    def run(self, data: Dataset, request: Request) -> pd.DataFrame:
        """Fit and forecast."""
        from statsforecast import StatsForecast, models

        rows = max(LAST_ROWS, 3 * data.season)
        train = data.train.groupby("unique_id", sort=False).tail(rows)[[*KEYS, "y"]]
        model = getattr(models, CLASSES[self.name])(season_length=data.season)
        simple = models.SeasonalNaive(season_length=data.season)
        forecaster = StatsForecast([model], freq=data.freq, fallback_model=simple)
        return as_quantiles(forecaster.forecast(df=train, h=data.h, level=LEVELS))


def as_quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Rename the columns of one model: its point, and the quantiles that its intervals are.

    A model without a usable interval for a series has its point as all quantiles.
    """
    [name] = [c for c in frame.columns.difference(KEYS) if "-lo-" not in c and "-hi-" not in c]
    columns: dict[str, Any] = {"point": frame[name]}
    for quantile in QUANTILES:
        column = interval_column(name, quantile)
        columns[str(quantile)] = frame[column].fillna(frame[name])
    return frame[KEYS].assign(**columns)


def interval_column(name: str, quantile: float) -> str:
    """Return the column of a quantile.

    >>> [interval_column("ETS", q) for q in (0.1, 0.5, 0.9)]
    ['ETS-lo-80', 'ETS', 'ETS-hi-80']
    """
    level = round(abs(200 * quantile - 100))
    if level == 0:
        return name
    return f"{name}-{'lo' if quantile < 0.5 else 'hi'}-{level}"
