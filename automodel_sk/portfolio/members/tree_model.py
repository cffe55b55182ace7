"""Train one gradient-boosted tree model of all series, and forecast with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.packages import need
from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.series import SeriesValues
from automodel_sk.portfolio.members.tree_features import Rows, TreeFeatures
from automodel_sk.portfolio.members.tree_panel import Columns, TreePanel, calendar_parts

__all__ = [
    "LEAST_ROWS",
    "MOST_DIRECT_ROWS",
    "MOST_ROWS",
    "PARAMETERS",
    "TreeSettings",
    "forecast",
    "train_booster",
]

Array = npt.NDArray[np.float32]

MOST_SERIES, MOST_ROWS, MOST_DIRECT_ROWS = 20_000, 1_000_000, 250_000
LEAST_ROWS, SHORTEST = 50, 4
_LEAST_TREES = 20
_SPARED = 0.1  # share of the time that is left for forecasting
_CLIP = 20.0
PARAMETERS = {
    "objective": "l1",
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}
N_TREES = 200


@dataclass(frozen=True)
class TreeSettings:
    """What the features of a trained tree are built with.

    Parameters
    ----------
    h, season, freq
        As in `PortfolioData`.
    direct : bool
        Whether each step is forecast from the last known row; else from the step before.
    columns : Columns
        The columns that it reads.
    """

    h: int
    season: int
    freq: str | int
    direct: bool
    columns: Columns

    @classmethod
    def of(
        cls, data: PortfolioData, train: pd.DataFrame, static_df: pd.DataFrame | None, direct: bool
    ) -> TreeSettings:
        """Read the settings from the rows to train on."""
        longest = train.groupby("unique_id", observed=True, sort=False)["ds"].size().idxmax()
        times = train.loc[train["unique_id"] == longest, "ds"]
        tables = [train[[*data.futr_exog, *data.hist_exog]]]
        if static_df is not None and data.stat_exog:
            tables.append(static_df[list(data.stat_exog)])
        columns = Columns(
            data.futr_exog,
            data.hist_exog,
            data.stat_exog if static_df is not None else (),
            {
                str(name): sorted(map(str, table[name].dropna().unique()))
                for table in tables
                for name in table.columns
                if not pd.api.types.is_numeric_dtype(table[name].dtype)
            },
            calendar_parts(times),
        )
        return cls(data.h, data.season, data.freq, direct, columns)

    def features(self, panel: TreePanel) -> TreeFeatures:
        """Return the features of a panel."""
        calendar = panel.calendar(self.columns.calendar, self.season, self.freq)
        return TreeFeatures(panel, self.season, calendar)


def train_booster(
    name: str,
    settings: TreeSettings,
    panel: TreePanel,
    deadline: Deadline,
    weights: npt.NDArray[np.float64] | None = None,
) -> Any:
    """Return the booster trained on a panel, its rows weighted by what their targets weigh."""
    need("lightgbm", "portfolio", name)
    import lightgbm as lgb

    if deadline.left() <= 0:
        raise SearchError(f"{name} had no time left to train; give it more time, or leave it out")
    if len(panel.sizes) > MOST_SERIES:
        chosen = np.zeros(len(panel.sizes), dtype=bool)
        chosen[np.random.default_rng(0).permutation(len(chosen))[:MOST_SERIES]] = True
        weights = None if weights is None else weights[chosen[panel.series]]
        panel = panel.of_series(chosen)
    rows = _training_rows(settings, panel)
    if len(rows.series) < LEAST_ROWS:
        raise SearchError(
            f"{name} found {len(rows.series)} rows to train on and needs {LEAST_ROWS}; pass longer"
            " series, or leave it out"
        )
    features = settings.features(panel)
    base, scale = features.base_and_scale(rows)
    target = np.clip((features.y[rows.origin + rows.lead] - base) / scale, -_CLIP, _CLIP)
    weight = None if weights is None else weights[rows.origin + rows.lead]
    data = lgb.Dataset(features.of(rows), target, weight=weight, free_raw_data=True)
    return lgb.train(PARAMETERS, data, N_TREES, callbacks=[_stop_at(deadline, name)])


def _stop_at(deadline: Deadline, name: str) -> Any:
    """Return a callback that ends training in time to forecast, with the trees there are."""
    from lightgbm.callback import EarlyStopException

    spared = _SPARED * deadline.left() if np.isfinite(deadline.left()) else 0.0

    def stop(env: Any) -> None:
        if deadline.left() > spared:
            return
        if env.iteration + 1 < _LEAST_TREES:
            raise SearchError(
                f"{name} trained {env.iteration + 1} of {N_TREES} trees in its time; give it more"
                " time, or leave it out"
            )
        raise EarlyStopException(env.iteration, [])

    return stop


def _training_rows(settings: TreeSettings, panel: TreePanel) -> Rows:
    """Return every origin and lead whose target is known and observed, or a sample of them."""
    h = settings.h if settings.direct else 1
    origins = np.flatnonzero(np.arange(len(panel.y)) < np.repeat(panel.ends, panel.sizes) - 1)
    most = MOST_DIRECT_ROWS if settings.direct else MOST_ROWS
    total = len(origins) * h
    drawn = np.arange(total)
    if total > most:
        drawn = np.random.default_rng(0).integers(0, total, most)
    origin, lead = origins[drawn // h], drawn % h + 1
    series = panel.series[origin]
    inside = origin + lead < panel.ends[series]
    inside[inside] &= panel.observed[(origin + lead)[inside]]
    return Rows(series[inside], origin[inside], lead[inside])


def forecast(booster: Any, settings: TreeSettings, panel: TreePanel, futr: Any, h: int) -> Array:
    """Forecast `h` steps after the end of each series."""
    n_series = len(panel.sizes)
    longer = panel.extended(h, futr, settings.freq)
    features = settings.features(longer)
    stride = settings.h if settings.direct else 1
    series = np.arange(n_series)
    last = longer.ends - h - 1
    for done in range(0, h, stride):
        leads = np.arange(1, min(stride, h - done) + 1)
        rows = Rows(
            series.repeat(len(leads)),
            (last + done).repeat(len(leads)),
            np.tile(leads, n_series),
        )
        base, scale = features.base_and_scale(rows)
        found = booster.predict(features.of(rows), num_threads=1)
        features.fill(rows.origin + rows.lead, base + scale * found)
    ahead = (last[:, None] + 1 + np.arange(h)).ravel()
    point = (features.y[ahead] * features.unit.repeat(h)).reshape(n_series, h)
    whole = _with_short(point, SeriesValues(panel.y, panel.sizes), settings)
    return np.asarray(whole, dtype=np.float32)


def _with_short(point: Any, series: SeriesValues, settings: TreeSettings) -> Any:
    """Replace the forecasts of very short and of constant series by seasonal naive."""
    starts = series.ends - series.sizes
    most = np.maximum.reduceat(series.values, starts)
    plain = (most == np.minimum.reduceat(series.values, starts)) | (series.sizes < SHORTEST)
    naive = series.seasonal_naive(point.shape[1], settings.season)
    return np.where(plain[:, None], naive, point)
