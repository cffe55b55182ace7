"""Forecast past windows with a model's configuration, and calibrate intervals on the errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from automodel_sk.catalog.models import is_joint
from automodel_sk.data.held_out import held_out_steps, long_enough, of_series, with_unobserved_rows
from automodel_sk.data.preparation import observed_only
from automodel_sk.data.times.wall_dates import day_zone, in_zone, on_wall
from automodel_sk.data.wording import wording
from automodel_sk.forecasting.calibration import Windows, named, plan_windows
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.inputs import check_room, prepared_history, prepared_static
from automodel_sk.forecasting.predict import tidy
from automodel_sk.forecasting.state import ModelState
from automodel_sk.training.refit import final_model, padded_for
from automodel_sk.training.train import training
from automodel_sk.training.weight_average import averaged_weights

__all__ = [
    "calibrated",
    "forecast_past_windows",
    "warn_left_out",
    "windows_to_hold_out",
    "with_scores",
]

logger = logging.getLogger(__name__)

_MOST_NAMES = 30


def forecast_past_windows(
    state: ModelState,
    dataset: pd.DataFrame | None = None,
    *,
    n_windows: int = 1,
    step_size: int | None = None,
    refit: bool | int = False,
    static_df: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast past windows with the configuration of a model; see `AutoModel.cross_validation`."""
    if dataset is None:
        frame = state.exact_history()
    else:
        frame = prepared_history(state, dataset, trains_anew=True)
    static = prepared_static(state, static_df, frame, trains_anew=True)
    zone = day_zone(frame["ds"], state.freq)
    frame = on_wall(frame, state.freq)
    check_room(state, frame, static)
    held_out = held_out_steps(state.h, n_windows, step_size)
    kept = long_enough(frame, held_out + 2)
    tested = of_series(frame, kept)
    warn_left_out(frame, kept, held_out + 2)
    if is_joint(state.model_name):
        categories = state.task.cat_exog
        frame = with_unobserved_rows(frame, held_out + 1, state.freq, categories)
    else:
        frame, static = tested, None if static is None else static[kept]
    task = padded_for(state.task, state.config, frame, held_out)
    with training():
        model = final_model(task, state.config, state.training_steps)
        with averaged_weights(model, wanted=task.average_weights):
            result: pd.DataFrame = _trained_anew(model, state.freq).cross_validation(
                frame,
                static_df=static,
                n_windows=n_windows,
                step_size=step_size or state.h,
                refit=refit,
            )
    result = result[result["unique_id"].isin(tested["unique_id"].unique())]
    result = observed_only(tidy(result.reset_index(drop=True), model), frame)
    return state.coherent(in_zone(result, zone))


def _trained_anew(model: Any, freq: str | int) -> Any:
    """Return a NeuralForecast object of which each training begins with the untrained model.

    Upstream's loop over windows would train on from the weights of the window before.
    """
    from neuralforecast import NeuralForecast

    class Anew(NeuralForecast):  # type: ignore[misc]  # upstream is untyped
        def fit(self, *args: Any, **kwargs: Any) -> None:
            super().fit(*args, **{**kwargs, "use_init_models": True})

    return Anew([model], freq=freq)


def calibrated(
    state: ModelState,
    dataset: pd.DataFrame | None = None,
    *,
    n_windows: int | None = None,
    static_df: pd.DataFrame | None = None,
    cross_validation: Callable[..., pd.DataFrame] | None = None,
) -> ModelState:
    """Return the state with calibrated intervals; see `AutoModel.calibrate`.

    `cross_validation` forecasts the windows; if None, `forecast_past_windows` does.
    """
    if dataset is None:
        frame = state.history()
    else:
        frame = prepared_history(state, dataset, trains_anew=True)
    windows = windows_to_hold_out(state, frame, n_windows)
    forecasts = (cross_validation or partial(forecast_past_windows, state))(
        frame if is_joint(state.model_name) else windows.of(frame),
        n_windows=windows.count,
        step_size=windows.step,
        static_df=static_df,
    )
    return with_scores(state, forecasts, frame)


def with_scores(state: ModelState, forecasts: pd.DataFrame, frame: pd.DataFrame) -> ModelState:
    """Return the state with intervals calibrated on forecasts of past windows of a frame."""
    errors = forecasts.assign(error=forecasts["y"] - forecasts[state.column])
    scores = ConformalScores.from_cross_validation(errors, frame, state.h, state.season)
    return replace(state, scores=scores)


def windows_to_hold_out(
    state: ModelState, frame: pd.DataFrame, n_windows: int | None = None, *, last_half: bool = True
) -> Windows:
    """Return the windows to calibrate intervals on, and report series without any."""
    windows = plan_windows(
        frame, state.h, n_windows, last_half=last_half, together=is_joint(state.model_name)
    )
    if windows.left_out:
        logger.warning(
            "series %s: too short to hold out %d steps; their intervals come from the errors of"
            " similar series",
            named(windows.left_out),
            state.h + (windows.count - 1) * windows.step,
        )
    return windows


def warn_left_out(frame: pd.DataFrame, kept: Any, rows: int) -> None:
    """Report the series that are too short for past windows in one warning."""
    short = [wording().name(name) for name in frame["unique_id"].unique()[~kept]]
    if short:
        shown = ", ".join(short[:_MOST_NAMES]) + (", ..." if len(short) > _MOST_NAMES else "")
        logger.warning(
            "%d of %d series have fewer than the %d rows that past windows take, and are left"
            " out: %s",
            len(short),
            len(kept),
            rows,
            shown,
        )
