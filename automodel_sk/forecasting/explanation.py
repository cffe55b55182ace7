"""Explain a forecast: the contribution of each past and future value."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.packages import need
from automodel_sk.catalog.losses import trained_quantiles
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.times.wall_dates import in_zone, with_wall_dates
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.predict import loss_family, tidy
from automodel_sk.training.build import module_of
from automodel_sk.training.inference import private_copy
from automodel_sk.training.train import training

__all__ = ["METHODS", "Explanation", "explain"]

METHODS = ("IntegratedGradients", "InputXGradient", "ShapleyValueSampling")
"""Methods of captum that neuralforecast offers; the second is fast, the third slow."""

_MUCH = 0.1
"""From this share on, what attributions don't explain is worth a warning."""

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Explanation:
    """The contribution of each input value to each forecast.

    Parameters
    ----------
    attributions : DataFrame
        One row per forecast and input value: `unique_id` and `ds` of the forecast; the `kind` of
        the value ("target", "future", "historic" or "static"), its `variable`, its `source` (the
        series it comes from), its `lag` (steps after the last known row, 0 for that row, missing
        for static values); and the `attribution`, in units of the target.
    forecast : DataFrame
        `unique_id`, `ds`, the model's name and, for methods that have one, the `baseline`: the
        forecast from inputs of zero. Baseline and attributions add up to the forecast except for
        `unexplained`.
    method : str
        The attribution method.

    Examples
    --------
    >>> rows = [("a", 9, "target", "y", "a", 0, 2.0), ("a", 9, "future", "price", "a", 1, -6.0)]
    >>> columns = ["unique_id", "ds", "kind", "variable", "source", "lag", "attribution"]
    >>> explanation = Explanation(pd.DataFrame(rows, columns=columns), pd.DataFrame(), "by hand")
    >>> explanation.importance()
    variable
    price    0.75
    y        0.25
    Name: importance, dtype: float64
    """

    attributions: pd.DataFrame
    forecast: pd.DataFrame
    method: str

    def importance(self, by: str | Sequence[str] = "variable") -> pd.Series:
        """Return the share of each variable in the absolute attributions.

        Parameters
        ----------
        by : str or sequence of str
            Columns of `attributions` to group by, such as ``["variable", "lag"]``.

        Returns
        -------
        Series
            Shares that sum to 1, largest first.
        """
        sizes = self.attributions["attribution"].abs()
        keys = [self.attributions[key] for key in ([by] if isinstance(by, str) else by)]
        sums = sizes.groupby(keys, dropna=False, observed=True).sum()
        shares: pd.Series = (sums / sums.sum()).sort_values(ascending=False, kind="stable")
        return shares.rename("importance")

    def under_names(self, names: ColumnNames) -> Explanation:
        """Return the same under a user's names of columns, where they leave room for others."""
        variable = self.attributions["variable"]
        own = variable.mask(self.attributions["kind"] == "target", names.target_col)
        table = names.theirs(self.attributions.assign(variable=own))
        forecast = names.theirs(self.forecast)
        if not (table.columns.is_unique and forecast.columns.is_unique):
            return self
        return replace(self, attributions=table, forecast=forecast)

    def _repr_html_(self) -> str:
        """Return the importances as an HTML table, for notebooks."""
        return self.importance().to_frame().to_html()


def explain(
    fitted: Any,
    *,
    history: pd.DataFrame | None,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
    steps: Sequence[int] | None,
    method: str | None,
) -> Explanation:
    """Explain the forecasts of a fitted object; see `AutoModel.explain`."""
    model = module_of(fitted)
    method = _method(model, method)
    need("captum", "explain", user="explain")
    steps = _steps(model, steps)
    with training():
        try:
            own = private_copy(fitted)
            ask = partial(
                own.explain,
                static_df=static_df,
                horizons=[step - 1 for step in steps],
                outputs=[_output(model.loss)],
                explainer=method,
                verbose=False,
            )
            (raw, found), zone = with_wall_dates(own, ask, history, futr_df)
        except Exception as exc:  # captum may raise anything in one of 36 models
            raise InvalidInputError(
                f"{type(model).__name__} can't be explained by {method}"
                f" ({type(exc).__name__}: {str(exc)[:300]}); try another of {', '.join(METHODS)}"
            ) from exc
    forecast = tidy(in_zone(raw, zone), model)[["unique_id", "ds", repr(model)]]
    (arrays,) = found.values()
    plain = {name: None if a is None else a.detach().numpy() for name, a in arrays.items()}
    return _explanation(model, forecast, plain, steps, method)


def _method(model: Any, method: str | None) -> str:
    if loss_family(model.loss) == "distribution":
        raise InvalidInputError(
            f"{type(model).__name__} with {type(model.loss).__name__} can't be explained; train it"
            " with a loss of points or quantiles, for example loss='mae' or loss=MQLoss(level=[80])"
        )
    if method is None:
        return "InputXGradient" if model.RECURRENT else "IntegratedGradients"
    if method not in METHODS:
        raise InvalidInputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if model.RECURRENT and method == "IntegratedGradients":
        raise InvalidInputError(
            f"IntegratedGradients can't explain a recurrent {type(model).__name__};"
            " try method='InputXGradient', or train with recurrent=False"
        )
    return method


def _steps(model: Any, steps: Sequence[int] | None) -> list[int]:
    """Return the chosen steps ahead in order; all of them by default."""
    if steps is None:
        return list(range(1, model.h + 1))
    chosen = sorted(set(steps))
    if not chosen or not all(1 <= step <= model.h for step in chosen):
        raise InvalidInputError(
            f"steps must lie between 1 and {model.h}, got {list(steps)}; try steps=[1]"
        )
    return chosen


def _output(loss: Any) -> int:
    """Return the index of the loss's output to explain: the median, or the closest quantile."""
    distances = [abs(quantile - 0.5) for quantile in trained_quantiles(loss)]
    return int(np.argmin(distances)) if distances else 0


def _explanation(
    model: Any,
    forecast: pd.DataFrame,
    arrays: Mapping[str, Array | None],
    steps: Sequence[int],
    method: str,
) -> Explanation:
    within = forecast.groupby("unique_id", observed=True, sort=False).cumcount() + 1
    forecast = forecast[within.isin(steps)].reset_index(drop=True)
    tables = [_table(forecast, *part) for part in _parts(model, arrays)]
    attributions = pd.concat(tables, ignore_index=True)
    baseline = arrays["baseline_predictions"]
    if baseline is not None:
        forecast["baseline"] = _by_series(model, baseline).ravel()
        forecast["unexplained"] = _unexplained(forecast, attributions, repr(model))
    return Explanation(attributions, forecast, method)


def _unexplained(forecast: pd.DataFrame, attributions: pd.DataFrame, name: str) -> pd.Series:
    """Return the unexplained part of each forecast, and warn if it is large."""
    keys = ["unique_id", "ds"]
    sums = attributions.groupby(keys, observed=True, sort=False)["attribution"].sum()
    explained = sums.loc[pd.MultiIndex.from_frame(forecast[keys])].to_numpy()
    moved = forecast[name] - forecast["baseline"]
    missing: pd.Series = moved - explained
    if missing.abs().sum() > _MUCH * moved.abs().sum():
        logger.warning(
            "attributions leave %.0f%% of what %s forecasts unexplained, as scaling inside a model"
            " (revin=True) makes them: train with revin=False, or try"
            " method='ShapleyValueSampling'",
            100 * missing.abs().sum() / moved.abs().sum(),
            name,
        )
    return missing


def _by_series(model: Any, values: Array) -> Array:
    """Return an array with series and step as its first axes, for the one output."""
    if model.MULTIVARIATE:
        return np.swapaxes(values[0, :, :, 0], 0, 1)
    return values[:, :, 0, 0]


def _parts(
    model: Any, arrays: Mapping[str, Array | None]
) -> Iterator[tuple[str, Sequence[str], Sequence[int | None], Array]]:
    """Yield each kind of input value with its variables, lags and attributions.

    The attributions have the axes series, step, variable, lag and source. A univariate model sees
    one series at a time, so its last axis has length 1.
    """
    found = {name: _by_series(model, a) for name, a in arrays.items() if a is not None}

    def own(values: Array) -> Array:
        return values if model.MULTIVARIATE else values[..., None]

    target = own(found["insample"].sum(-1))  # a value and its mask are one variable
    past = target.shape[2] - (model.h if model.RECURRENT else 0)
    yield "target", ["y"], range(1 - past, 1), target[:, :, None, :past]
    if "futr_exog" in found:
        future = own(found["futr_exog"])
        yield "future", model.futr_exog_list, range(1 - past, future.shape[3] - past + 1), future
    if "hist_exog" in found:
        historic = own(found["hist_exog"])[:, :, :, :past]
        yield "historic", model.hist_exog_list, range(1 - past, 1), historic
    if "stat_exog" in found:
        static = found["stat_exog"]
        if model.MULTIVARIATE:
            static = np.swapaxes(static, 2, 3)
        yield "static", model.stat_exog_list, [None], own(static)[:, :, :, None]


def _table(
    forecast: pd.DataFrame,
    kind: str,
    variables: Sequence[str],
    lags: Sequence[int | None],
    values: Array,
) -> pd.DataFrame:
    """Convert attributions with the axes of `_parts` to rows."""
    _, _, n_variables, n_lags, n_sources = values.shape
    each = n_variables * n_lags * n_sources
    table = forecast.loc[forecast.index.repeat(each), ["unique_id", "ds"]].reset_index(drop=True)
    variable, lag, source = (
        np.tile(place.ravel(), len(forecast))
        for place in np.indices((n_variables, n_lags, n_sources))
    )
    series = forecast["unique_id"].drop_duplicates()
    return table.assign(
        kind=kind,
        variable=np.asarray(variables)[variable],
        source=series.array[source] if n_sources > 1 else table["unique_id"],
        lag=pd.array(list(lags), dtype="Int64")[lag],
        attribution=values.ravel(),
    )
