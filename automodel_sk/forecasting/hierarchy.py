"""Read a hierarchy's summing matrix, and reconcile the forecasts of a model by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.number_rule import shown
from automodel_sk.catalog.losses import point_quantile
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.forecasting.calibration import named
from automodel_sk.forecasting.past_windows import (
    forecast_past_windows,
    windows_to_hold_out,
    with_scores,
)
from automodel_sk.forecasting.reconciliation import Reconciliation
from automodel_sk.forecasting.state import ModelState

__all__ = [
    "SUMMING",
    "SummingMatrix",
    "bottom_up_rule",
    "projection_of",
    "reconciled",
    "with_method",
]

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FROM_ERRORS = ("wls_var", "mint_shrink", "mint_cov")
_MOST_SERIES = 5_000
"""Series whose dense matrices are of a reasonable size; `bottom_up` has none."""


@dataclass(frozen=True)
class SummingMatrix:
    """The rule of the argument that holds a summing matrix.

    Examples
    --------
    >>> SUMMING.accepts(pd.DataFrame()), SUMMING.accepts([[1.0, 1.0]])
    (True, False)
    """

    name: str = "S_df"

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a DataFrame, or hierarchicalforecast's sparse matrix."""
        if isinstance(value, pd.DataFrame):
            return value.columns.nlevels == 1
        return type(value).__name__ == "SMatrix"

    def convert(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value

    def fix(self, value: Any) -> Any:
        """Return the value unchanged, since no other can be suggested."""
        return value

    def refusal(self, value: Any) -> str:
        """Return the sentence that says what is needed."""
        return (
            f"{self.name} must be the summing matrix as a DataFrame, got {shown(value)}; pass the"
            " second result of aggregate(...)"
        )


SUMMING = SummingMatrix()


def _matrix() -> str:
    """Return what messages call the summing matrix."""
    return wording().frame("S_df")


def reconciled(state: ModelState, S_df: Any, method: str) -> ModelState:
    """Return the state of a model whose forecasts add up; see `AutoModel.reconcile`."""
    _check_point(state)
    rule = bottom_up_rule(S_df, state.ids, state.columns.id_col)  # before any training
    if method != "bottom_up":
        _check_able(method, len(rule.ids))
    base = replace(state, reconciliation=None)
    known = base.kept_forecasts()
    if known is None and method in _FROM_ERRORS:
        known = _past_forecasts(base)
    errors = None if known is None else _errors(known[1], state.column, state.ids)
    rule = with_method(rule, method, errors)
    coherent = replace(state, reconciliation=rule, scores=None)
    if known is None or errors is None:
        return coherent
    windows, raw, frame = known
    return with_scores(coherent, rule.of_table(raw, state.column), windows.of(frame))


def _check_point(state: ModelState) -> None:
    """Raise if the point forecasts of a model are no estimates of sums' parts."""
    if state.model_name == "HINT":
        raise InvalidInputError("HINT's forecasts add up already; call predict()")
    quantile = point_quantile(state.loss)
    if abs(quantile - 0.5) > 1e-6:
        raise InvalidInputError(
            f"the model forecasts the quantile {quantile:g}, and quantiles don't add up; train it"
            " with a point loss such as loss='mae'"
        )


def _past_forecasts(state: ModelState) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """Choose past windows and forecast them, which takes a training."""
    frame = state.history()
    windows = windows_to_hold_out(state, frame)
    raw = forecast_past_windows(
        state, windows.of(frame), n_windows=windows.count, step_size=windows.step
    )
    return windows, raw.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True), frame


def _errors(raw: pd.DataFrame, column: str, ids: Any) -> Array | None:
    """Return the errors of all series on the same steps; None if some series have none.

    Parameters
    ----------
    raw : DataFrame
        Forecasts of windows, sorted by series, window and step.
    column : str
        Column of the forecasts.
    ids : sequence
        All series, in order.
    """
    judged = raw["unique_id"].drop_duplicates()
    if not pd.Index(judged.to_numpy()).equals(pd.Index(ids)):
        return None
    errors: Array = (raw["y"] - raw[column]).to_numpy(dtype=np.float64)
    return errors.reshape(len(judged), -1)


def bottom_up_rule(S_df: Any, ids: Any, id_col: str = "unique_id") -> Reconciliation:
    """Return the rule that sums the bottom series, after checking the matrix.

    Parameters
    ----------
    S_df : DataFrame or hierarchicalforecast.utils.SMatrix
        A row for each series in any order, a column for each bottom series.
    ids : sequence
        The series of the model, in order.
    id_col : str
        Column of the ids, if these are in a column of another name than `unique_id`.

    Returns
    -------
    Reconciliation

    Raises
    ------
    InvalidInputError
        Series are missing, or the matrix is none.
    """
    known = pd.Index(np.asarray(ids))
    rows, columns, sums = _read(S_df, id_col)
    _check_ids(rows, columns, known)
    ordered = sums[rows.get_indexer(known)]
    bottom = known.get_indexer(columns)
    _check_bottom(ordered[bottom], columns)
    return Reconciliation("bottom_up", known, ordered, bottom.astype(np.int64))


def with_method(rule: Reconciliation, method: str, errors: Array | None = None) -> Reconciliation:
    """Return a rule of the same hierarchy with a method's projection.

    Parameters
    ----------
    rule : Reconciliation
        The rule of `bottom_up_rule`.
    method : str
        One of `METHODS`.
    errors : array of shape (n_series, n_errors), optional
        Errors of past forecasts, of the same steps for all series; NaN where nothing was observed.

    Returns
    -------
    Reconciliation

    Raises
    ------
    MissingDependencyError
        hierarchicalforecast is not installed, and the method needs it.

    Examples
    --------
    >>> S_df = pd.DataFrame({"unique_id": ["all", "a", "b"], "a": [1, 1, 0], "b": [1, 0, 1]})
    >>> rule = with_method(bottom_up_rule(S_df, ["a", "all", "b"]), "ols")
    >>> rule.applied(np.array([2.0, 9.0, 4.0])).round(6).tolist()  # the gap of 3 is shared
    [3.0, 8.0, 5.0]
    """
    if method == "bottom_up":
        return rule
    projection = projection_of(rule.sums, rule.bottom, method, errors)
    return replace(rule, method=method, projection=projection)


def _read(S_df: Any, id_col: str) -> tuple[pd.Index, pd.Index, Any]:
    """Return the rows' and the columns' ids of a summing matrix, and its values."""
    from scipy import sparse

    if not isinstance(S_df, pd.DataFrame):
        matrix = sparse.csr_array(S_df.to_sparse())
        return pd.Index(np.asarray(S_df.row_labels)), pd.Index(np.asarray(S_df.col_labels)), matrix
    name = next((n for n in (id_col, "unique_id") if n in (*S_df.columns, *S_df.index.names)), None)
    if name is None:
        raise InvalidInputError(
            f"{_matrix()} has no column {id_col!r}, its columns are"
            f" {shown([str(column) for column in S_df.columns])}; name the column of ids"
            f" {id_col!r}"
        )
    table = S_df if name in S_df.columns else S_df.reset_index(name)
    values = table.drop(columns=name)
    try:
        matrix = sparse.csr_array(values.to_numpy(dtype=np.float64))
    except (TypeError, ValueError):
        wrong = [c for c in values.columns if not pd.api.types.is_numeric_dtype(values[c])]
        raise InvalidInputError(
            f"the columns {shown([str(c) for c in wrong])} of {_matrix()} are no numbers; keep"
            f" {name!r} and one column per bottom series"
        ) from None
    return pd.Index(table[name].to_numpy()), pd.Index(values.columns), matrix


def _check_ids(rows: pd.Index, columns: pd.Index, known: pd.Index) -> None:
    """Raise unless a summing matrix has one row for each series and a row for each column."""
    for index, what in ((rows, "rows"), (columns, "columns")):
        if not index.is_unique:
            twice = index[index.duplicated()][0]
            raise InvalidInputError(f"{_matrix()} has two {what} of {twice!r}; drop one of them")
    if not len(columns):
        raise InvalidInputError(f"{_matrix()} has no column of a bottom series; pass one for each")
    lacking = {
        "has no row of {} of the model's series": known.difference(rows),
        "has rows of {} series that the model was not trained on": rows.difference(known),
        "has columns of {} bottom series without a row": columns.difference(rows),
    }
    advice = wording().how(
        "train the model on Y_df of the same aggregate(...) as S_df",
        "fit a model to all series of the hierarchy",
    )
    for sentence, ids in lacking.items():
        if len(ids):
            raise InvalidInputError(
                f"{_matrix()} {sentence.format(len(ids))}: {named(list(ids))}; {advice}"
            )


def _check_bottom(own: Any, columns: pd.Index) -> None:
    """Raise unless each bottom series is the sum of itself alone."""
    difference = np.asarray(abs(own - _identity(len(columns))).sum(axis=1)).ravel()
    wrong = ~(difference < 1e-9)
    if wrong.any():
        raise InvalidInputError(
            f"the rows of the bottom series {named(list(columns[wrong]))} of {_matrix()} must be 1"
            " in their own column and 0 elsewhere; pass the second result of aggregate(...)"
        )


def _identity(size: int) -> Any:
    from scipy import sparse

    return sparse.eye_array(size, format="csr")


def projection_of(sums: Any, bottom: Integers, method: str, errors: Array | None) -> Array:
    """Return the combination of all series' forecasts for each bottom series.

    Parameters
    ----------
    sums : scipy.sparse.csr_array, shape (n_series, n_bottom)
        The summing matrix.
    bottom : array of int
        Positions of the bottom series.
    method : str
        One of `METHODS` but "bottom_up".
    errors : array of shape (n_series, n_errors), optional
        As in `with_method`.

    Returns
    -------
    array of shape (n_bottom, n_series)
    """
    n_series = sums.shape[0]
    _check_able(method, n_series)
    # The library wants the bottom series last.
    order = np.r_[np.setdiff1d(np.arange(n_series), bottom), bottom]
    residuals = None
    if method in _FROM_ERRORS:
        residuals = _usable(errors, method, n_series)[order]
    found = np.empty((len(bottom), n_series))
    with _threads_kept():
        found[:, order] = _projection(method, sums[order].toarray(), residuals)
    return found


def _check_able(method: str, n_series: int) -> None:
    """Raise if the library is missing or its matrices would be too large."""
    if n_series > _MOST_SERIES:
        raise InvalidInputError(
            f"method={method!r} takes matrices of {n_series:,} times {n_series:,} numbers, more"
            f" than {_MOST_SERIES:,} each way; try method='bottom_up'"
        )
    if find_spec("hierarchicalforecast") is None:
        raise MissingDependencyError(
            f"method={method!r} needs hierarchicalforecast; install it with:"
            " pip install 'automodel_sk[hierarchical]', or try method='bottom_up'"
        )


def _projection(method: str, sums: Array, residuals: Array | None) -> Any:
    """Return the library's matrix; it computes errors as actual values minus forecasts."""
    from hierarchicalforecast.methods import MinTrace

    try:
        return (
            MinTrace(method)
            .fit(
                S=sums,
                y_hat=np.zeros((len(sums), 1)),
                y_insample=residuals,
                y_hat_insample=None if residuals is None else np.zeros_like(residuals),
            )
            .P
        )
    except Exception as exc:  # the library raises bare exceptions
        raise InvalidInputError(
            f"method={method!r} can't be computed from the errors of past forecasts"
            f" ({str(exc)[:200]}); try method='wls_struct', which needs none"
        ) from exc


@contextmanager
def _threads_kept() -> Iterator[None]:
    """Restore the number of threads, which the library sets for torch too when it is imported."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def _usable(errors: Array | None, method: str, n_series: int) -> Array:
    """Return errors in units of their size, on which the projection does not depend."""
    without = "try method='wls_struct', which needs none"
    if errors is None:
        raise InvalidInputError(
            f"method={method!r} needs errors of past forecasts of every series, and some series"
            f" are too short for any; {without}"
        )
    counts = np.isfinite(errors).sum(axis=1)
    needed = n_series + 1 if method == "mint_cov" else 2
    if counts.min() < needed:
        raise InvalidInputError(
            f"method={method!r} needs {needed} errors of past forecasts of every series, some have"
            f" {counts.min()}; " + ("try method='mint_shrink'" if counts.min() > 1 else without)
        )
    size = float(np.sqrt(np.nanmean(errors**2)))
    if size == 0:
        raise InvalidInputError(
            f"the errors of past forecasts are all zero, which method={method!r} can't weigh;"
            f" {without}"
        )
    known = np.where(np.isfinite(errors), errors, np.nan) / size
    if method == "wls_var":  # the library divides sums of what is known by the number of all
        sizes = np.sqrt(np.nanmean(known**2, axis=1, keepdims=True))
        known = np.where(np.isnan(known), sizes, known)
    return known
