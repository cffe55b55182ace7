"""Make the forecasts of a hierarchy add up: a linear map from forecasts to coherent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import named

__all__ = ["METHODS", "Reconciliation"]

METHODS = ("bottom_up", "ols", "wls_struct", "wls_var", "mint_shrink", "mint_cov")
"""Where the forecasts of the bottom series come from: their own, or a combination of all series'
forecasts that is optimal (MinT) if their errors are independent and of equal size, grow with the
number of bottom series, are independent, or have the covariance of past errors, shrunk or not."""

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reconciliation:
    """How the forecasts of a hierarchy are made coherent.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    ids : Index
        All series, in the order of the model's.
    sums : scipy.sparse.csr_array, shape (n_series, n_bottom)
        Which bottom series each series is the sum of.
    bottom : array of int, shape (n_bottom,)
        Positions of the bottom series among all series.
    projection : array, shape (n_bottom, n_series), optional
        Forecasts of the bottom series, as a combination of those of all series. If None, their own
        forecasts are kept.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> sums = csr_array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> ids = pd.Index(["all", "north", "south"])
    >>> rule = Reconciliation("bottom_up", ids, sums, np.array([1, 2]))
    >>> rule.applied(np.array([[9.0], [2.0], [5.0]])).ravel().tolist()
    [7.0, 2.0, 5.0]
    """

    method: str
    ids: pd.Index
    sums: Any
    bottom: Integers
    projection: Array | None = None

    def applied(self, values: npt.ArrayLike) -> Array:
        """Return coherent values.

        Parameters
        ----------
        values : array of shape (n_series, ...)
            Values of all series, in the order of `ids`.

        Returns
        -------
        array of the same shape
        """
        given = np.asarray(values, dtype=np.float64)
        flat = given.reshape(len(self.ids), -1)
        lowest = flat[self.bottom] if self.projection is None else self.projection @ flat
        return np.asarray(self.sums @ lowest).reshape(given.shape)

    def of_windows(self, values: npt.NDArray[Any], ids: Any) -> npt.NDArray[Any]:
        """Return coherent forecasts of windows, as float32.

        Parameters
        ----------
        values : array of shape (n_judged, n_windows, h)
            Forecasts of windows.
        ids : sequence
            The series that they are of.
        """
        self.check_series(ids)
        return self.applied(values).astype(np.float32)

    def of_table(self, table: pd.DataFrame, column: str) -> pd.DataFrame:
        """Return forecasts with coherent values.

        Parameters
        ----------
        table : DataFrame
            Columns unique_id, ds and the forecasts, sorted by series; as many rows for each series.
        column : str
            Column of the forecasts.

        Returns
        -------
        DataFrame

        Raises
        ------
        InvalidInputError
            Series are missing or unknown, or end at different times.
        """
        ids = table["unique_id"].drop_duplicates()
        self.check_series(ids)
        times = table["ds"].to_numpy().reshape(len(ids), -1)
        apart = (times != times[:1]).any(axis=1)
        if apart.any():
            raise InvalidInputError(
                f"series {named(list(ids[apart]))} and {ids.iloc[0]!r} end at different times, and"
                " forecasts of different times don't add up; pass rows up to the same time"
            )
        return table.assign(**{column: self.applied(_by_series(table[column], len(ids))).ravel()})

    def check_series(self, ids: Any) -> None:
        """Raise if these are not the series of the hierarchy, in their order."""
        given = pd.Index(np.asarray(ids))
        if given.equals(self.ids):
            return
        lacking, unknown = self.ids.difference(given), given.difference(self.ids)
        if len(lacking):
            raise InvalidInputError(
                f"{len(lacking)} of {len(self.ids)} series of the hierarchy have no forecast, first"
                f" {lacking[0]!r}: a sum needs all its parts; pass all series of the hierarchy,"
                " each with enough rows"
            )
        raise InvalidInputError(
            f"{len(unknown)} series are not part of the hierarchy, first {unknown[:1].tolist()};"
            " leave them out, or call reconcile(S_df) with a row for each"
        )


def _by_series(values: pd.Series[Any], n_series: int) -> Array:
    return values.to_numpy(dtype=np.float64).reshape(n_series, -1)
