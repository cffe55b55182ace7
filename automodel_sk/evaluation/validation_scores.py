"""Scores of a model on each validation window, next to those of the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.catalog.losses import point_quantile
from automodel_sk.catalog.models import is_joint
from automodel_sk.data.baselines import BASELINES, baseline_forecasts
from automodel_sk.data.held_out import (
    HeldOutWindows,
    held_out_steps,
    hold_out,
    least_rows,
    long_enough,
    of_series,
    with_unobserved_rows,
)
from automodel_sk.data.preparation import filled_target
from automodel_sk.data.times.wall_dates import on_wall
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.predict import stored_history
from automodel_sk.forecasting.reconciliation import Reconciliation
from automodel_sk.metrics import Forecast, Metric, computable, resolve_metric
from automodel_sk.training.build import build_model, trained_module
from automodel_sk.training.objective import make_objective
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import training
from automodel_sk.training.turns import training_turn
from automodel_sk.training.window_forecasts import KeptForecasts

__all__ = ["DEFAULT_METRICS", "WindowLayout", "chosen_metrics", "scores_by_window", "window_scores"]

DEFAULT_METRICS = ("mae", "rmse", "smape", "mase")
_FORECASTS: WeakKeyDictionary[Any, Forecast] = WeakKeyDictionary()


def window_scores(
    fitted: Any,
    task: TrainingTask,
    config: Mapping[str, Any],
    *,
    steps: int | None = None,
    season: int = 1,
    static_df: pd.DataFrame | None = None,
    metrics: Sequence[Any] | None = None,
    kept: KeptForecasts | None = None,
    reconciliation: Reconciliation | None = None,
) -> pd.DataFrame:
    """Return the scores of a configuration on each validation window.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The final model; its data are used, its weights are not.
    task : TrainingTask
        The task: windows, losses and columns.
    config : mapping
        The configuration; it is trained once, like a trial of the search.
    steps : int, optional
        Training steps; those of the configuration if None.
    season : int
        Steps of one season.
    static_df : DataFrame, optional
        Static features, one row per series in the order of the series.
    metrics : sequence of str or callable, optional
        As in `AutoModel.validation_scores`.
    kept : KeptForecasts, optional
        Forecasts that the configuration's trial made of the windows; they replace the training.
    reconciliation : Reconciliation, optional
        Makes the forecasts add up, which then have no quantiles.

    Returns
    -------
    DataFrame
        As in `AutoModel.validation_scores`.
    """
    usual: tuple[str, ...] = DEFAULT_METRICS
    if abs(point_quantile(fitted.models[0].loss) - 0.5) > 1e-6:
        usual = ("mqloss",)  # the distance to a quantile is not an error
    judged = chosen_metrics(task.metric, metrics, season, usual)
    everything = stored_history(fitted)
    tested = long_enough(everything, _least_rows(everything, task))
    frame = of_series(everything, tested)
    windows = hold_out(frame, task.h, task.n_windows, task.step_size, season=season)
    if kept is not None and task.model_name != "HINT":  # whose kept forecasts lack quantiles
        _FORECASTS[fitted] = kept.forecast
    if fitted not in _FORECASTS:
        joint = is_joint(task.model_name)
        rows = task.val_size + 1
        wall = on_wall(everything if joint else frame, fitted.freq)
        past = with_unobserved_rows(wall, rows, fitted.freq, task.cat_exog) if joint else wall
        static_df = static_df if static_df is None or joint else static_df[tested]
        given = (fitted.freq, task, config, steps, past, static_df, windows)
        with training_turn():  # concurrent threads share one training
            if fitted not in _FORECASTS:
                _FORECASTS[fitted] = _forecast(*given)
    forecast = _FORECASTS[fitted]
    if reconciliation is not None:
        forecast = _coherent(forecast, frame["unique_id"].unique(), reconciliation)
    own = {repr(fitted.models[0]): forecast}
    layout = WindowLayout(task.h, task.n_windows, task.step_size)
    return scores_by_window(own, windows, frame, judged, layout, fitted.freq, season)


def _coherent(forecast: Forecast, ids: npt.NDArray[Any], rule: Reconciliation) -> Forecast:
    """Return forecasts of the windows that add up, without quantiles."""
    rule.check_series(ids)
    point = rule.applied(forecast.point.reshape(len(ids), -1))
    return Forecast(point.ravel(), {})


@dataclass(frozen=True)
class WindowLayout:
    """Where the windows lie: their length, their number, and the steps between them."""

    h: int
    n_windows: int
    step_size: int | None = None

    def behind(self, number: int) -> int:
        """Return the rows from the start of a window to the end of the series."""
        return held_out_steps(self.h, self.n_windows - number + 1, self.step_size)


def scores_by_window(
    own: Mapping[str, Forecast],
    windows: HeldOutWindows,
    frame: pd.DataFrame,
    metrics: Sequence[Metric],
    layout: WindowLayout,
    freq: str | int,
    season: int,
) -> pd.DataFrame:
    """Return the scores of forecasts and of the baselines on each window.

    Parameters
    ----------
    own : mapping of str to Forecast
        Forecasts of all windows, by name.
    windows : HeldOutWindows
        The observed values.
    frame : DataFrame
        Prepared rows of the same series, windows included.
    metrics : sequence of Metric
        The metrics.
    layout : WindowLayout
        Where the windows lie.
    freq : str or int
        Frequency of the data.
    season : int
        Steps of one season.

    Returns
    -------
    DataFrame
        As in `AutoModel.validation_scores`.
    """
    tables = []
    for number in range(1, layout.n_windows + 1):
        forecasts = {name: _part(forecast, windows, number) for name, forecast in own.items()}
        simple = _simple(frame, layout, number, freq, season)
        forecasts |= {name: f for name, f in simple.items() if name not in forecasts}
        tables.append(_table(windows.window(number), number, metrics, forecasts, frame))
    return pd.concat(tables, ignore_index=True)


def _least_rows(frame: pd.DataFrame, task: TrainingTask) -> int:
    lengths = frame.groupby("unique_id", observed=True, sort=False).size().to_numpy()
    return least_rows(lengths, task.h, task.val_size)


def chosen_metrics(
    of_search: Any, asked: Sequence[Any] | None, season: int, usual: Sequence[str]
) -> list[Metric]:
    """Return the requested metrics, or the search metric and the usual ones."""
    found: list[Metric] = []
    for given in asked or [computable(of_search), *usual]:
        metric = resolve_metric(given, season)
        if metric is not None and metric not in found:
            found.append(metric)
    names = [metric.name for metric in found]
    earlier = [names[:place].count(name) for place, name in enumerate(names)]
    return [
        replace(metric, name=f"{metric.name} ({count + 1})") if count else metric
        for metric, count in zip(found, earlier, strict=True)
    ]


def _forecast(
    freq: str | int,
    task: TrainingTask,
    config: Mapping[str, Any],
    steps: int | None,
    frame: pd.DataFrame,
    static_df: pd.DataFrame | None,
    windows: HeldOutWindows,
) -> Forecast:
    """Train without the windows, as the trial did, and forecast them."""
    from neuralforecast import NeuralForecast

    with training():
        model = build_model(task, {**config, "early_stop_patience_steps": -1})
        if steps is not None:
            trained_module(model).trainer_kwargs["max_steps"] = steps
        table = NeuralForecast([model], freq=freq).cross_validation(
            frame,
            static_df=static_df,
            n_windows=task.n_windows,
            step_size=task.step_size or task.h,
        )
    name = repr(model)
    table = table[table["unique_id"].isin(windows.frame["unique_id"].unique())]
    columns = [column for column in table.columns if column.startswith(name)]
    endings = [column.removeprefix(name) for column in columns]
    return Forecast.of_outputs(table[columns].to_numpy(dtype=float), endings)


def _part(forecast: Forecast, windows: HeldOutWindows, number: int) -> Forecast:
    """Return the forecast of one window."""
    chosen = windows.numbers == number
    quantiles = {q: values[chosen] for q, values in forecast.quantiles.items()}
    return Forecast(forecast.point[chosen], quantiles)


def _simple(
    frame: pd.DataFrame, layout: WindowLayout, number: int, freq: str | int, season: int
) -> dict[str, Forecast]:
    """Return the baselines' forecasts from the cutoff of a window."""
    left = frame.groupby("unique_id", observed=True).cumcount(ascending=False).to_numpy()
    past = filled_target(frame[left >= layout.behind(number)])
    table = baseline_forecasts(past, layout.h, freq, season)
    return {name: Forecast(table[name].to_numpy(dtype=float), {}) for name in BASELINES}


def _table(
    windows: HeldOutWindows,
    number: int,
    metrics: Sequence[Metric],
    forecasts: Mapping[str, Forecast],
    history: pd.DataFrame,
) -> pd.DataFrame:
    """Return one window's rows, one per metric."""
    rows = []
    for metric in metrics:
        objective = make_objective(metric, windows, history).of_scaled_series()
        with np.errstate(all="ignore"):
            scores = {name: _score(objective, f) for name, f in forecasts.items()}
        cutoff = windows.frame["cutoff"].max()
        rows.append({"window": number, "cutoff": cutoff, "metric": metric.name, **scores})
    return pd.DataFrame(rows)


def _score(objective: Any, forecast: Forecast) -> float:
    """Return the score of a forecast; NaN if it lacks the quantiles of the metric."""
    try:
        score: float = objective.score(forecast)
    except InvalidInputError:
        return float("nan")
    return score
