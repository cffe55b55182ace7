"""Backtest a model: its errors on past windows next to those of the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from automodel_sk.catalog.losses import point_quantile
from automodel_sk.catalog.models import is_joint
from automodel_sk.data.baselines import BASELINE_COLUMN, BASELINES, baseline_forecasts
from automodel_sk.data.preparation import filled_target, observed_values
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.forecasting.past_windows import windows_to_hold_out, with_scores
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.forecasting.series_traits import series_scales
from automodel_sk.forecasting.state import ModelState
from automodel_sk.training.turns import training_turn

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["Backtest", "backtest", "measured"]

_KEYS = ["unique_id", "cutoff", "ds"]


@dataclass(frozen=True)
class Backtest:
    """Forecasts of held-out windows, with the observed values.

    Parameters
    ----------
    forecasts : DataFrame
        Columns unique_id, cutoff, ds, y, scale (the series' mean absolute seasonal difference), the
        model's name and the names of the baselines; the windows of a series are in time order.
    model : str
        Column of the model.
    windows : Windows
        The held-out windows.
    raw : DataFrame, optional
        The model's forecasts before values below zero were cut off, on which intervals rest.

    Examples
    --------
    >>> forecasts = pd.DataFrame(
    ...     {"unique_id": "a", "cutoff": 2, "ds": [3, 4], "y": [5.0, 9.0], "MLP": [6.0, 9.0],
    ...      "SeasonalNaive": [3.0, 9.0], "scale": 2.0}
    ... )
    >>> test = Backtest(forecasts, "MLP", Windows(1, 2))
    >>> test.scores()[["MASE", "skill"]].values.tolist()
    [[0.25, 0.5], [0.5, 0.0]]
    """

    forecasts: pd.DataFrame
    model: str
    windows: Windows
    raw: pd.DataFrame | None = None

    @property
    def columns(self) -> list[str]:
        """The columns of the model and the baselines."""
        return [self.model, *(name for name in BASELINES if name in self.forecasts)]

    @cached_property
    def scaled(self) -> pd.DataFrame:
        """Signed errors (forecast minus observed value), in units of each series' scale.

        Returns
        -------
        DataFrame
            Columns unique_id, cutoff, ds, step (from 1) and one per forecast.
        """
        keys = self.forecasts[_KEYS].copy()
        keys["step"] = keys.groupby(["unique_id", "cutoff"], observed=True).cumcount() + 1
        truth, scale = self.forecasts["y"], self.forecasts["scale"]
        return keys.assign(**{c: (truth - self.forecasts[c]) / scale for c in self.columns})

    def by_step(self) -> pd.DataFrame:
        """Return the mean absolute scaled error by step of the horizon, one column per forecast."""
        return self._mean_absolute("step")

    def by_series(self) -> pd.DataFrame:
        """Return the mean absolute scaled error by series, sorted by the model's error."""
        return self._mean_absolute("unique_id").sort_values(self.model, kind="stable")

    def _mean_absolute(self, key: str) -> pd.DataFrame:
        sizes = self.scaled[self.columns].abs()
        means: pd.DataFrame = sizes.groupby(self.scaled[key], observed=True).mean()
        return means

    def scores(self) -> pd.DataFrame:
        """Return each forecast's errors over all series, windows and steps.

        Returns
        -------
        DataFrame
            One row per forecast, the model first: MASE (each series has the same weight), MAE and
            RMSE (in the unit of the target), and skill: 1 minus the ratio to the seasonal-naive
            forecast's MASE.
        """
        table = pd.DataFrame({"MASE": self.by_series()[self.columns].mean()})
        errors = self.forecasts[self.columns].sub(self.forecasts["y"], axis=0)
        table["MAE"] = errors.abs().mean()
        table["RMSE"] = np.sqrt((errors**2).mean())
        naive = float(table["MASE"][BASELINE_COLUMN])
        table["skill"] = 1 - table["MASE"] / naive if naive > 0 else np.nan
        return table

    def typical_series(self) -> dict[str, object]:
        """Return the series with the best, the median and the worst forecast, by these words.

        Returns fewer if there are fewer than three series with observed values, none without one.
        """
        ranked = self.by_series()[self.model].dropna().index
        if not len(ranked):
            return {}
        places = {"best": 0, "typical": len(ranked) // 2, "worst": len(ranked) - 1}
        named: dict[int, str] = {}
        for word in ("best", "worst", "typical"):
            named.setdefault(places[word], word)
        return {named[place]: ranked[place] for place in sorted(named)}


def measured(model: AutoModel) -> Backtest:
    """Return the backtest of a model whose errors are comparable with those of others.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

    Returns
    -------
    Backtest

    Raises
    ------
    InvalidInputError
        If the model forecasts a quantile other than the median, whose distance from the observed
        value is not an error; or if `backtest` raises.
    """
    quantile = point_quantile(model.state.loss)
    if abs(quantile - 0.5) > 1e-6:
        raise InvalidInputError(
            f"the model forecasts the quantile {quantile:g}, for which errors of point forecasts"
            " are not meaningful; see validation_scores(['mqloss']), or train with"
            " MQLoss(level=[80])"
        )
    return backtest(model)


_TESTED: WeakKeyDictionary[AutoModel, Backtest] = WeakKeyDictionary()


def backtest(model: AutoModel) -> Backtest:
    """Return a model's errors on past windows of its own data; computed on the first call.

    These are the errors of the search on its validation windows, if there are enough of them.
    Otherwise the best configuration is trained once without the held-out windows; the same training
    calibrates the prediction intervals if these are needed.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

    Returns
    -------
    Backtest

    Raises
    ------
    InvalidInputError
        If the series are too short to hold out a window.
    """
    if model not in _TESTED:
        with training_turn():  # concurrent threads share one training
            if model not in _TESTED:
                _TESTED[model] = _test(model)
    return _TESTED[model]


def _test(model: AutoModel) -> Backtest:
    state = model.state
    column = state.column
    windows, raw, everything = state.kept_forecasts() or _past_forecasts(model)
    frame = windows.of(everything)
    if state.scores is None and loss_family(state.loss) == "point":
        model._keep(with_scores(state, raw, frame))
    simple = _simple_forecasts(frame, windows, state)
    raw = raw[[*_KEYS, "y", column]]
    own = state.treatment.of_forecast(raw)
    forecasts = own.merge(simple, on=_KEYS, validate="one_to_one")
    forecasts["scale"] = forecasts["unique_id"].map(_scales(frame, state.season))
    return Backtest(forecasts.sort_values(_KEYS, ignore_index=True), column, windows, raw)


def _past_forecasts(model: AutoModel) -> tuple[Windows, pd.DataFrame, pd.DataFrame]:
    """Choose windows and forecast them, which takes a training."""
    frame = model.state.history()
    windows = _windows(frame, model.state)
    given = frame if is_joint(model.model_name) else windows.of(frame)
    # Without clipping, as intervals are laid around forecasts before it.
    raw = model._past_windows(given, n_windows=windows.count, step_size=windows.step)
    return windows, raw, frame


def _scales(frame: pd.DataFrame, season: int) -> pd.Series:
    """Return the mean absolute seasonal difference of each series, by id."""
    ids, y = frame["unique_id"].to_numpy(), observed_values(frame)["y"].to_numpy(float)
    names, scales = series_scales(ids, y, season)
    return pd.Series(scales, index=pd.Index(names))


def _windows(frame: pd.DataFrame, state: ModelState) -> Windows:
    try:
        return windows_to_hold_out(state, frame, last_half=False)
    except InvalidInputError as exc:
        longest = int(frame.groupby("unique_id", observed=True).size().max())
        raise InvalidInputError(
            f"the longest series has {longest} rows, too few to hold out {state.h} steps and"
            f" measure errors on them; use series of at least {3 * state.h} rows"
        ) from exc


def _simple_forecasts(frame: pd.DataFrame, windows: Windows, state: ModelState) -> pd.DataFrame:
    """Return the baselines' forecasts from the cutoff of each window."""
    left = frame.groupby("unique_id", observed=True).cumcount(ascending=False).to_numpy()
    frame = filled_target(frame)
    parts = []
    for number in range(windows.count):
        past = frame[left >= state.h + number * windows.step]
        cutoffs = past.groupby("unique_id", observed=True)["ds"].last()
        forecast = baseline_forecasts(past, state.h, state.freq, state.season)
        parts.append(forecast.assign(cutoff=forecast["unique_id"].map(cutoffs)))
    return pd.concat(parts, ignore_index=True)
