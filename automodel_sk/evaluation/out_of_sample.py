"""Errors of a fitted model on rows that came after its training data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.catalog.losses import point_quantile, trained_quantiles
from automodel_sk.data.baselines import BASELINE_COLUMN, BASELINES, baseline_forecasts
from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.data.preparation import filled_target, observed_values, read_times
from automodel_sk.data.times.read import read_time_column
from automodel_sk.data.wording import wording
from automodel_sk.evaluation.validation_scores import DEFAULT_METRICS, chosen_metrics
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.forecasting.state import ModelState
from automodel_sk.metrics import Forecast, Metric
from automodel_sk.metrics.quantiles import quantile_columns
from automodel_sk.training.objective import make_objective

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["evaluate"]

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float64]
_KEYS = ["unique_id", "ds"]
_GRID = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Quantiles that metrics of quantiles score, where the loss names none."""


@dataclass(frozen=True)
class TestRows:
    """Rows after the training data, at the steps that a model forecasts.

    Parameters
    ----------
    table : DataFrame
        `unique_id`, `ds`, `y` (NaN where nothing was observed), the baselines and the columns known
        in the future: `h` steps of each series, sorted.
    windows : HeldOutWindows
        The same as a window of each series.
    """

    __test__ = False

    table: pd.DataFrame
    windows: HeldOutWindows


def evaluate(
    model: AutoModel,
    predictors: Mapping[str, Callable[..., pd.DataFrame]],
    test_df: pd.DataFrame,
    metrics: Sequence[Any] | None = None,
    *,
    futr_df: pd.DataFrame | None = None,
    by_series: bool = False,
) -> pd.DataFrame:
    """Return the errors of forecasts after the training data; see `AutoModel.evaluate`.

    Parameters
    ----------
    model : AutoModel
        The model; nothing is trained, except for intervals that are not calibrated yet.
    predictors : mapping of str to callable
        What forecasts under a column's name, with the arguments `futr_df` and `quantiles`.
    test_df, metrics, futr_df, by_series
        As in `AutoModel.evaluate`.
    """
    state = model.state
    judged = _metrics(state, metrics)
    rows = _test_rows(state, test_df)
    if futr_df is None and state.asked_ahead:
        futr_df = _future(state, rows.table, test_df)
    own = {
        name: _Forecaster(name, predict, futr_df, rows, state)
        for name, predict in predictors.items()
    }
    own[state.column].point()  # what can't be forecast from these inputs is no missing score
    simple = {name: _fixed(rows.table[name]) for name in BASELINES if name not in own}
    table = [
        {"metric": metric.name, **_errors(metric, rows, state, {**own, **simple})}
        for metric in judged
    ]
    return _by_series(table, rows) if by_series else _in_all(table)


def _metrics(state: ModelState, asked: Sequence[Any] | None) -> list[Metric]:
    """Return the metrics asked for, or that of the search and the usual ones."""
    is_median = abs(point_quantile(state.loss) - 0.5) < 1e-6
    usual = DEFAULT_METRICS if is_median else ("mqloss",)  # distances to a quantile are no errors
    return chosen_metrics(state.task.metric, asked, state.season, usual)


def _test_rows(state: ModelState, test_df: pd.DataFrame) -> TestRows:
    """Check rows that came after the training data, and put them beside the steps forecast."""
    later = _later(state, test_df)
    history = state.history()
    tested = history["unique_id"].isin(later["unique_id"])
    baselines = baseline_forecasts(
        filled_target(history[tested]), state.h, state.freq, state.season
    )
    _check_steps(later, baselines, state)
    table = baselines.merge(later, on=_KEYS, how="left", validate="one_to_one")
    ends = state.ends().set_index("unique_id")["ds"]
    frame = table[[*_KEYS, "y"]].assign(cutoff=table["unique_id"].map(ends))
    reference = table[BASELINE_COLUMN].to_numpy(dtype=float)
    numbers = np.ones(len(table), dtype=np.int64)
    return TestRows(table, HeldOutWindows(frame, state.h, numbers, reference))


def _later(state: ModelState, test_df: pd.DataFrame) -> pd.DataFrame:
    """Return the rows after the training data, with the values that were observed."""
    rows = read_times(test_df, state.date_order)
    own = wording().column("ds", "test_df")
    if read_time_column(rows["ds"].rename(wording().own("ds")), state.date_order).hasnans:
        raise InvalidInputError(f"{own} has missing times; drop those rows")
    rows = observed_values(rows.assign(y=_numbers(rows["y"])))
    _check_kinds(rows, state)
    ends = state.ends().set_index("unique_id")["ds"]
    try:
        last = rows["unique_id"].map(ends)
    except TypeError:  # lists and other values that can be no key
        raise InvalidInputError(
            f"{wording().column('unique_id', 'test_df')} holds values that are no ids; pass numbers"
            " or text"
        ) from None
    unknown = rows.loc[last.isna(), "unique_id"].unique()
    if len(unknown):
        raise InvalidInputError(
            f"test_df has {wording().series(unknown[0])}, which the model was not trained on"
            f"{_and_others(unknown)}; leave such series out, or refit the model with them"
        )
    later = rows[rows["ds"].to_numpy() > last.to_numpy()]
    if later["y"].notna().sum() == 0:
        place = wording().time(ends.index[0], ends.max())
        what = "observed value" if len(later) else "row"
        raise InvalidInputError(
            f"test_df has no {what} after the training data, which end at {place}; pass the rows"
            " that follow, or use validation_scores() for the windows of the search"
        )
    _check_once(later)
    _warn_of_missing(ends.index, later)
    kept = [*_KEYS, "y", *(c for c in state.asked_ahead if c in later.columns)]
    return later[kept].sort_values(_KEYS, kind="stable", ignore_index=True)


def _numbers(values: pd.Series) -> pd.Series:
    """Return the target as numbers."""
    try:
        return pd.to_numeric(values).astype(float)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{wording().column('y', 'test_df')} holds values that are no numbers; convert them,"
            f" e.g. pd.to_numeric({wording().code('y', 'test_df')})"
        ) from None


def _check_kinds(rows: pd.DataFrame, state: ModelState) -> None:
    """Raise if times are of another kind than those of the training."""
    of_training = state.ends()["ds"]
    kinds = [pd.api.types.is_numeric_dtype(times) for times in (rows["ds"], of_training)]
    zones = [getattr(times.dtype, "tz", None) is None for times in (rows["ds"], of_training)]
    if kinds[0] != kinds[1] or zones[0] != zones[1]:
        raise InvalidInputError(
            f"{wording().column('ds', 'test_df')} is of type {rows['ds'].dtype}, and that of the"
            f" training data of type {of_training.dtype}; pass times of the same kind"
        )


def _and_others(ids: Sized) -> str:
    return f", and {len(ids) - 1} more" if len(ids) > 1 else ""


def _check_once(later: pd.DataFrame) -> None:
    doubled = later[later.duplicated(_KEYS)]
    if len(doubled):
        series, time = doubled[_KEYS].iloc[0]
        raise InvalidInputError(
            f"test_df has {wording().series(series)} twice at {wording().time(series, time)}; keep"
            " one row of each series and time"
        )


def _warn_of_missing(ids: Any, later: pd.DataFrame) -> None:
    """Warn about series without rows, whose errors are unknown."""
    known = set(later["unique_id"])
    missing = [name for name in ids if name not in known]
    if missing:
        logger.warning(
            "test_df has no later row of %s%s; the errors are those of the other %d series",
            wording().series(missing[0]),
            _and_others(missing),
            len(ids) - len(missing),
        )


def _check_steps(later: pd.DataFrame, steps: pd.DataFrame, state: ModelState) -> None:
    """Raise if a series has more rows than are forecast, or rows at other times."""
    sizes = later.groupby("unique_id", observed=True).size()
    if sizes.max() > state.h:
        longest, id_col = sizes.idxmax(), wording().own("unique_id")
        raise InvalidInputError(
            f"test_df has {sizes.max()} rows of {wording().series(longest)} after the training"
            f" data, more than the horizon h={state.h}; pass the first {state.h}, e.g. test_df ="
            f' test_df.groupby("{id_col}").head({state.h}), or use cross_validation() for several'
            " horizons"
        )
    both = steps.assign(step=steps.groupby("unique_id", observed=True).cumcount())
    found = later.merge(both[[*_KEYS, "step"]], on=_KEYS, how="left")
    found["number"] = found.groupby("unique_id", observed=True).cumcount()
    wrong = found[found["step"] != found["number"]]
    if len(wrong):
        series, time, number = wrong[["unique_id", "ds", "number"]].iloc[0]
        expected = both.loc[(both["unique_id"] == series) & (both["step"] == number), "ds"].iloc[0]
        words = wording()
        raise InvalidInputError(
            f"test_df lacks the row of {words.series(series)} at {words.time(series, expected)};"
            f" the next one is at {words.time(series, time)}: pass all rows that follow the"
            " training data, with a missing value where nothing was observed"
        )


def _future(state: ModelState, table: pd.DataFrame, test_df: pd.DataFrame) -> pd.DataFrame:
    """Return the future values of the steps to forecast, from the test rows."""
    names = list(state.asked_ahead)
    absent = [name for name in names if name not in test_df.columns]
    complete = not absent and table[names].notna().all().all()
    if not complete or table["unique_id"].nunique() < len(state.ids):
        raise InvalidInputError(
            f"the model reads the future values of {', '.join(map(repr, names))} for all"
            f" h={state.h} steps of each series, which test_df does not have; pass them in futr_df"
        )
    return table[[*_KEYS, *names]]


class _Forecaster:
    """Forecasts of the test rows under one name; quantiles are computed when a metric needs them.

    Parameters
    ----------
    name : str
        Column of the forecasts.
    predict : callable
        Forecasts all series.
    futr_df : DataFrame, optional
        Future values.
    rows : TestRows
        The test rows.
    state : ModelState
        The model's state.
    """

    def __init__(
        self,
        name: str,
        predict: Callable[..., pd.DataFrame],
        futr_df: pd.DataFrame | None,
        rows: TestRows,
        state: ModelState,
    ) -> None:
        self._name, self._predict, self._futr_df = name, predict, futr_df
        self._steps, self._state = rows.table[_KEYS], state
        self._point: Forecast | None = None
        self._full: Forecast | None = None

    def point(self) -> Forecast:
        """Return point forecasts."""
        if self._point is None:
            self._point = Forecast(self._values(self._predict(futr_df=self._futr_df))[:, 0], {})
        return self._point

    def full(self) -> Forecast:
        """Return point and quantile forecasts."""
        if self._full is None:
            quantiles = sorted(trained_quantiles(self._state.loss)) or list(_GRID)
            columns = quantile_columns(self._name, None, quantiles)
            table = self._predict(futr_df=self._futr_df, quantiles=quantiles)
            values = self._values(table, list(columns))
            places = enumerate(columns.values(), start=1)
            self._full = Forecast(values[:, 0], {round(q, 6): values[:, k] for k, q in places})
        return self._full

    def _values(self, table: pd.DataFrame, columns: Sequence[str] = ()) -> Array:
        """Return columns of a forecast in the order of the test rows."""
        merged = self._steps.merge(table, on=_KEYS, how="left", validate="one_to_one")
        return merged[[self._name, *columns]].to_numpy(dtype=float)


class _Fixed:
    """Point forecasts that are known, as those of baselines."""

    def __init__(self, values: Array) -> None:
        self._forecast = Forecast(values, {})

    def point(self) -> Forecast:
        """Return the forecasts."""
        return self._forecast

    full = point


def _fixed(values: pd.Series) -> _Fixed:
    return _Fixed(values.to_numpy(dtype=float))


def _errors(
    metric: Metric,
    rows: TestRows,
    state: ModelState,
    forecasters: Mapping[str, _Forecaster | _Fixed],
) -> dict[str, Array]:
    """Return the error of each series by forecaster; NaN where it has no quantiles to score."""
    objective = make_objective(metric, rows.windows, state.history()).of_scaled_series()
    found: dict[str, Array] = {}
    # A point loss forecasts the median; the point of others may be a mean, or another quantile.
    of_quantile = metric.scores_a_quantile and loss_family(state.loss) != "point"
    with np.errstate(all="ignore"):
        for name, forecaster in forecasters.items():
            kinds = (forecaster.full,) if of_quantile else (forecaster.point, forecaster.full)
            found[name] = _first_scored(objective, kinds, len(rows.windows.truth))
    return found


def _first_scored(objective: Any, kinds: Sequence[Callable[[], Forecast]], n_series: int) -> Array:
    """Return the errors of the first forecast that has what the metric scores; else NaN."""
    for forecast in kinds:
        try:
            errors: Array = objective.by_window(forecast())
        except InvalidInputError:  # the metric scores quantiles
            continue
        return errors
    return np.full(n_series, np.nan)


def _in_all(table: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row for each metric: the mean over the series."""
    return pd.DataFrame(
        [
            {name: v if name == "metric" else float(pd.Series(v).mean()) for name, v in row.items()}
            for row in table
        ]
    )


def _by_series(table: Sequence[Mapping[str, Any]], rows: TestRows) -> pd.DataFrame:
    """Return a row for each series and metric."""
    ids = rows.table["unique_id"].drop_duplicates().to_numpy()
    parts = [pd.DataFrame({"unique_id": ids, **row}) for row in table]
    found = pd.concat(parts, ignore_index=True)
    order = pd.Index(ids).get_indexer(pd.Index(found["unique_id"]))
    return found.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
