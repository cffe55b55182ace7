"""Simulate paths from a model's quantiles, with dependence between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.catalog.losses import trained_quantiles
from automodel_sk.data.preparation import MASK, filled_target
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.predict import forecast, stored_history
from automodel_sk.training.patches.isolation import quiet

__all__ = ["GRID", "METHODS", "paths_between", "simulate"]

METHODS = ("schaake_shuffle", "gaussian_copula")
"""How neuralforecast relates a path's steps: by the order that the values of past windows had,
or by the autocorrelation of past changes (of which a random walk has none)."""

GRID = [percent / 100 for percent in range(1, 100)]


def simulate(
    fitted: Any,
    *,
    history: pd.DataFrame | None,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
    scores: Callable[[], ConformalScores],
    n_paths: int,
    method: str | None,
    seed: int,
    h: int | None = None,
) -> pd.DataFrame:
    """Sample paths from the quantiles of a fitted object; see `AutoModel.simulate`.

    The quantiles are those of `predict`, for every loss; neuralforecast's own samplers draw from
    them.
    """
    _check(n_paths, method)
    quantiles = _grid(fitted.models[0].loss)
    columns = {f"q{place}": quantile for place, quantile in enumerate(quantiles)}
    table = forecast(
        fitted,
        history=history,
        futr_df=futr_df,
        static_df=static_df,
        columns=columns,
        scores=scores,
        seed=seed,
        h=h,
    )
    past = _dataset(fitted, history)
    name = repr(fitted.models[0])
    return paths_between(table, name, columns, past, n_paths=n_paths, method=method, seed=seed)


def paths_between(
    table: pd.DataFrame,
    name: str,
    columns: Mapping[str, float],
    past: Any,
    *,
    n_paths: int,
    method: str | None,
    seed: int,
) -> pd.DataFrame:
    """Sample paths between quantiles that were forecast.

    Parameters
    ----------
    table : DataFrame
        Columns unique_id, ds and those of `columns`, as many rows for each series.
    name : str
        Column for the values of the paths.
    columns : mapping of str to float
        Quantiles by column name.
    past : DataFrame or neuralforecast.tsdataset.TimeSeriesDataset
        Prepared rows of the same series, or neuralforecast's form of them.
    n_paths, method, seed
        As in `AutoModel.simulate`.

    Returns
    -------
    DataFrame
        As in `AutoModel.simulate`.
    """
    from neuralforecast.utils import sample_from_quantiles

    _check(n_paths, method)
    past = _as_dataset(past) if isinstance(past, pd.DataFrame) else past
    quantiles = list(columns.values())
    steps = len(table) // past.n_groups
    method = _usable_method(method, int(np.diff(past.indptr).min()), steps)
    values = table[list(columns)].to_numpy(dtype=float, copy=True)  # torch needs a writable array
    with quiet():
        paths = sample_from_quantiles(
            quantiles,
            values.reshape(past.n_groups, steps, -1),
            past,
            n_paths,
            seed=seed,
            method=method,
        )
    return _long(table, np.asarray(paths), name)


def _check(n_paths: int, method: str | None) -> None:
    if isinstance(n_paths, bool) or not isinstance(n_paths, (int, np.integer)) or n_paths < 1:
        raise InvalidInputError(f"n_paths must be at least 1, got {n_paths!r}; try n_paths=100")
    if method not in (None, *METHODS):
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")


def _grid(loss: Any) -> list[float]:
    """Return the quantiles to sample between: a model trained on quantiles has no others."""
    known = sorted(trained_quantiles(loss))
    if len(known) == 1:
        raise InvalidInputError(
            f"the model was trained only for the quantile {known[0]:g}, which does not determine"
            " the spread of paths; train with MQLoss(level=[80, 90]), or with a point loss"
        )
    return known or GRID


def _dataset(fitted: Any, history: pd.DataFrame | None) -> Any:
    """Return the history from which the dependence between steps is estimated.

    Rows that were not observed repeat the value before them.
    """
    if history is None:
        history = stored_history(fitted)
        if MASK not in history.columns:
            return fitted.dataset
    return _as_dataset(history)


def _as_dataset(history: pd.DataFrame) -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    filled = filled_target(history)
    return TimeSeriesDataset.from_df(filled[["unique_id", "ds", "y"]])[0]


def _usable_method(method: str | None, shortest: int, steps: int) -> str:
    if method is None:
        return "schaake_shuffle" if shortest >= 2 * steps else "gaussian_copula"
    if method == "schaake_shuffle" and shortest < steps:
        raise InvalidInputError(
            f"a series of {shortest} rows is too short for paths of {steps} steps by"
            " schaake_shuffle, which takes their order from past windows;"
            " try method='gaussian_copula'"
        )
    return method


def _long(table: pd.DataFrame, paths: Any, name: str) -> pd.DataFrame:
    """Return one row per series, path and step."""
    n_series, n_paths, steps = paths.shape
    own_rows = np.arange(len(table)).reshape(n_series, 1, steps)
    rows = np.broadcast_to(own_rows, paths.shape).ravel()
    result = table[["unique_id", "ds"]].iloc[rows].reset_index(drop=True)
    numbers = np.tile(np.repeat(np.arange(n_paths), steps), n_series)
    return result.assign(sample_id=numbers, **{name: paths.ravel()})
