"""Forecast with a fitted NeuralForecast object and return a tidy frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.catalog.losses import trained_quantiles
from automodel_sk.data.categories import decoded
from automodel_sk.data.preparation import MASK
from automodel_sk.data.times.wall_dates import in_zone, with_wall_dates
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import named
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.plausible import far_from_past, ranges_of, stored_ranges
from automodel_sk.metrics.quantiles import (
    check_within,
    column_ending,
    interpolate_quantiles,
    quantile_of,
)
from automodel_sk.training.inference import to_forecast_with

__all__ = [
    "forecast",
    "loss_family",
    "stored_history",
    "tidy",
    "warn_of_non_finite",
    "with_conformal_quantiles",
]

Array = npt.NDArray[np.float64]
logger = logging.getLogger(__name__)

_KEYS = ["unique_id", "ds"]
_NO_FORECASTS = (*_KEYS, "cutoff", "y")


def loss_family(loss: Any) -> str:
    """Return the way a loss provides quantiles: a key of the table of families."""
    if hasattr(loss, "update_quantile"):
        return "distribution" if loss.is_distribution_output else "implicit"
    return "quantiles" if trained_quantiles(loss) else "point"


def stored_history(fitted: Any) -> pd.DataFrame:
    """Return the long frame that a NeuralForecast object was fitted on or stores.

    It has a column `available_mask` if some rows were not observed.
    """
    dataset = fitted.dataset
    values = pd.DataFrame(np.asarray(dataset.temporal), columns=list(dataset.temporal_cols))
    keys = {
        "unique_id": np.repeat(np.asarray(fitted.uids), np.diff(dataset.indptr)),
        "ds": fitted.ds,
    }
    frame = pd.DataFrame(keys).astype({"unique_id": pd.Series(fitted.uids).dtype})
    if values[MASK].all():
        values = values.drop(columns=MASK)
    return decoded(pd.concat([frame, values], axis=1), fitted.categorical_vocab_)


def forecast(
    fitted: Any,
    *,
    history: pd.DataFrame | None,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
    columns: Mapping[str, float],
    scores: Callable[[], ConformalScores],
    seed: int,
    h: int | None = None,
) -> pd.DataFrame:
    """Return point forecasts and the requested quantiles.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        A fitted object with one model.
    history : DataFrame, optional
        The prepared long frame; the training data if None.
    futr_df, static_df : DataFrame, optional
        Prepared future and static values.
    columns : mapping of str to float
        Quantiles by column name.
    scores : callable
        Function that returns the conformal scores; called only if they are needed.
    seed : int
        Random seed for the samples of distribution losses.
    h : int, optional
        Forecast horizon, if longer than the model's own.

    Returns
    -------
    DataFrame
        Columns unique_id, ds, the model's name and those of `columns`; without `columns`, the
        outputs of the loss itself.
    """
    ask = _Asker(fitted, history, futr_df, static_df, seed, h)
    family = loss_family(fitted.models[0].loss)
    if not columns and family != "implicit":
        result = tidy(ask(), fitted.models[0])
    else:
        result = _FAMILIES[family](ask, columns, scores)
    warn_of_non_finite(result, ask.name)
    ranges = stored_ranges(fitted) if history is None else ranges_of(history)
    _warn_of_far(result, ask.name, ranges)
    return result


def _warn_of_far(
    result: pd.DataFrame, name: str, ranges: tuple[npt.NDArray[Any], npt.NDArray[Any]]
) -> None:
    """Warn about series whose forecast is far beyond all their past values."""
    column = next(column for column in result.columns if column not in _NO_FORECASTS)
    point = result[column].to_numpy(dtype=float).reshape(len(ranges[0]), -1)
    far = far_from_past(point, ranges)
    if far.any():
        ids = result["unique_id"].to_numpy()[:: point.shape[1]][far]
        logger.warning(
            "%s's forecasts of %d of %d series are far beyond all their past values: %s; try"
            " config={'scaler_type': 'standard'}, a shorter input_size, or model='auto'",
            name,
            far.sum(),
            len(far),
            named(list(ids)),
        )


def warn_of_non_finite(result: pd.DataFrame, name: str) -> None:
    """Warn about series without a usable forecast, because their values exceed single precision."""
    outputs = [column for column in result.columns if column not in _NO_FORECASTS]
    gone = ~np.isfinite(result[outputs].to_numpy(dtype=float)).all(axis=1)
    if gone.any():
        logger.warning(
            "%s's forecast is NaN or infinite in %d of %d rows, of series %s: values above 1e19"
            " overflow float32, which models use; scale them, e.g. df['y'] /= 1e12",
            name,
            gone.sum(),
            len(result),
            named(list(result.loc[gone, "unique_id"].unique())),
        )


class _Asker:
    """Call a copy of the fitted object, because forecasting modifies the object."""

    def __init__(
        self,
        fitted: Any,
        history: pd.DataFrame | None,
        futr_df: pd.DataFrame | None,
        static_df: pd.DataFrame | None,
        seed: int,
        h: int | None,
    ) -> None:
        self.fitted, self.history, self.futr_df, self.seed = fitted, history, futr_df, seed
        self.arguments: dict[str, Any] = {"static_df": static_df}
        if h is not None and h > fitted.h:
            self.arguments["h"] = h

    @property
    def name(self) -> str:
        return repr(self.fitted.models[0])

    def __call__(self, quantiles: Sequence[float] | None = None) -> pd.DataFrame:
        with to_forecast_with(self.fitted, self.seed) as own:
            more = {} if quantiles is None else _request(own.models[0], quantiles)
            ask = partial(own.predict, **self.arguments, **more)
            result, zone = with_wall_dates(own, ask, self.history, self.futr_df)
        return in_zone(result, zone)

    def past(self) -> pd.DataFrame:
        """Return the history to forecast from."""
        return self.history if self.history is not None else stored_history(self.fitted)


def _request(model: Any, quantiles: Sequence[float]) -> dict[str, Any]:
    """Return the arguments that request quantiles; HINT reconciles samples and reads its loss."""
    if getattr(model, "SP", None) is None:
        return {"quantiles": list(quantiles)}
    import torch

    model.loss.quantiles = torch.nn.Parameter(torch.tensor(quantiles), requires_grad=False)
    model.loss.output_names = ["", *(f"_ql{quantile}" for quantile in quantiles)]
    return {}


def tidy(raw: pd.DataFrame, model: Any) -> pd.DataFrame:
    """Return the outputs of the loss: a column named after the model, then quantiles in order.

    Parameters
    ----------
    raw : DataFrame
        A forecast or cross-validation of a NeuralForecast object.
    model : neuralforecast model
        The model that produced it.

    Returns
    -------
    DataFrame
        A new frame. A single output is the forecast; if there are only quantiles, their median is.
    """
    name = repr(model)
    own = [column for column in raw.columns if column.startswith(name)]
    raw = raw.rename(columns={c: name + column_ending(c.removeprefix(name)) for c in own})
    outputs = [column for column in raw.columns if column not in _NO_FORECASTS]
    if len(outputs) == 1:
        return raw.rename(columns={outputs[0]: name})
    endings = {column: column.removeprefix(name) for column in outputs if column != name}
    found = {column: quantile_of(ending) for column, ending in endings.items()}
    quantiles = {column: q for column, q in found.items() if q is not None}
    ordered = sorted(quantiles, key=lambda column: quantiles[column])
    result = raw.copy()
    result[ordered] = np.sort(result[ordered].to_numpy(), axis=1)
    if name not in outputs:
        point = _median([quantiles[column] for column in ordered], result[ordered].to_numpy())
        result.insert(list(result.columns).index(outputs[0]), name, point)
    return result


def _median(known: Sequence[float], values: Array) -> Array:
    """Return the median, or the trained quantile closest to it."""
    middle = min(max(0.5, known[0]), known[-1])
    return interpolate_quantiles(known, values, [middle])[:, 0]


def _from_distribution(
    ask: _Asker, columns: Mapping[str, float], scores: Callable[[], ConformalScores]
) -> pd.DataFrame:
    """Read quantiles from the distribution; the median replaces a missing mean."""
    known = sorted({*columns.values(), 0.5})
    raw = ask(known)
    values = raw[_quantile_columns(raw, ask.name, known)]
    rising = np.sort(values.to_numpy(), axis=1)
    point = raw[ask.name] if ask.name in raw.columns else rising[:, known.index(0.5)]
    return _assemble(raw, ask.name, point, columns, rising[:, _positions(known, columns)])


def _quantile_columns(raw: pd.DataFrame, name: str, known: Sequence[float]) -> list[str]:
    """Return the quantile columns of a forecast, lowest first."""
    found = [c for c in raw.columns if c.startswith(f"{name}_ql")]
    if len(found) != len(known):  # pragma: no cover - neuralforecast's naming changed
        raise InvalidInputError(f"expected quantiles {list(known)}, got columns {found}")
    return found


def _positions(known: Sequence[float], columns: Mapping[str, float]) -> list[int]:
    return [known.index(quantile) for quantile in columns.values()]


def _from_trained_quantiles(
    ask: _Asker, columns: Mapping[str, float], scores: Callable[[], ConformalScores]
) -> pd.DataFrame:
    """Select or interpolate the quantiles that the model was trained for."""
    loss = ask.fitted.models[0].loss
    known = trained_quantiles(loss)
    check_within(sorted(known), list(columns.values()))
    raw = ask()
    own = [ask.name + suffix for suffix in loss.output_names]
    if len(known) == 1:  # neuralforecast names a single output by the loss or the model alone
        own = [column for column in raw.columns if column not in _NO_FORECASTS]
    order = np.argsort(known)
    known, trained = [known[k] for k in order], raw[own].to_numpy()[:, order]
    values = interpolate_quantiles(known, trained, list(columns.values()))
    return _assemble(raw, ask.name, _median(known, trained), columns, values)


def _from_conformal_scores(
    ask: _Asker, columns: Mapping[str, float], scores: Callable[[], ConformalScores]
) -> pd.DataFrame:
    """Add conformal intervals to point forecasts."""
    calibrated = scores()
    raw = tidy(ask(), ask.fitted.models[0])
    return with_conformal_quantiles(raw, ask.name, ask.past(), columns, calibrated)


def with_conformal_quantiles(
    table: pd.DataFrame,
    name: str,
    history: pd.DataFrame,
    columns: Mapping[str, float],
    scores: ConformalScores,
) -> pd.DataFrame:
    """Return point forecasts with quantiles around them.

    Parameters
    ----------
    table : DataFrame
        Columns unique_id, ds and the point forecasts; as many rows for each series, in the order of
        `history`.
    name : str
        Column of the point forecasts.
    history : DataFrame
        Prepared rows that the forecasts start from.
    columns : mapping of str to float
        Quantiles by column name.
    scores : ConformalScores
        Calibration of the quantiles.

    Returns
    -------
    DataFrame
        Columns unique_id, ds, `name` and those of `columns`.
    """
    series = scores.describe(history)
    _warn_of_strangers(series.ids[scores.strangers(series)])
    point = table[name].to_numpy(dtype=float).reshape(len(series.ids), -1)
    values = scores.quantiles(point, series, list(columns.values()))
    return _assemble(table, name, point.ravel(), columns, values.reshape(len(table), -1))


def _warn_of_strangers(ids: npt.NDArray[Any]) -> None:
    if len(ids):
        logger.warning(
            "series %s: unlike any series that the intervals were calibrated on; their intervals"
            " are those of a seasonal-naive forecast; call calibrate(dataset) on similar series",
            named(list(ids)),
        )


_FAMILIES: Mapping[str, Callable[..., pd.DataFrame]] = {
    "distribution": _from_distribution,
    "implicit": _from_distribution,
    "quantiles": _from_trained_quantiles,
    "point": _from_conformal_scores,
}


def _assemble(
    raw: pd.DataFrame, name: str, point: Any, columns: Mapping[str, float], values: Array
) -> pd.DataFrame:
    quantiles = pd.DataFrame(values, columns=list(columns), index=raw.index)
    return pd.concat([raw[_KEYS].assign(**{name: np.asarray(point)}), quantiles], axis=1)
