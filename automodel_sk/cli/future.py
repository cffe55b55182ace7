"""Check the file of future values before a search, as the forecast after it would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["future_errors"]


def future_errors(
    future: pd.DataFrame, needed: Sequence[str], frame: pd.DataFrame, h: int, freq: Any
) -> list[str]:
    """Return what future values lack for a forecast of the steps after some series.

    Parameters
    ----------
    future : DataFrame
        The future values.
    needed : sequence of str
        The columns that are known ahead.
    frame : DataFrame
        The series.
    h : int
        Steps to forecast.
    freq : str or int, optional
        Step of the data; inferred if not given.

    Returns
    -------
    list of str
        One sentence each; none about series whose frequency is unknown, which the check of the data
        reports.
    """
    from automodel_sk.data.calendar import without_calendar
    from automodel_sk.data.frequency import infer_frequency
    from automodel_sk.data.preparation import date_order, read_times
    from automodel_sk.validation import DataValidator
    from automodel_sk.validation.data.categories import text_columns

    own = without_calendar(needed)
    missing = [repr(name) for name in own if name not in future.columns]
    if missing:
        words = wording()
        return [
            f"{words.frame('futr_df')} has no column {' and no column '.join(missing)}"
            f" (--futr-exog); its columns are {words.columns(future.columns)}: add the values of"
            " the steps to forecast"
        ]
    series = read_times(frame)
    try:
        step = infer_frequency(series) if freq is None else freq
    except InvalidInputError:
        return []
    ahead = read_times(future, date_order(frame))
    categories = text_columns(own, series)
    result = DataValidator().validate_future(
        series, ahead, h, futr_exog=own, freq=step, categories=categories
    )
    return result.errors or _unknown_categories(ahead, categories, series)


def _unknown_categories(
    ahead: pd.DataFrame, categories: Sequence[str], series: pd.DataFrame
) -> list[str]:
    """Return which columns have no category of the training data after the end of the series."""
    from automodel_sk.data.categories import UnknownCategoriesError, check_known

    known = {name: dict.fromkeys(series[name].dropna().unique(), 0) for name in categories}
    ends = series.groupby("unique_id", observed=True)["ds"].max()
    later = ahead[ahead["ds"] > ahead["unique_id"].map(ends)]
    try:
        check_known(later, known, "futr_df")
    except UnknownCategoriesError as exc:
        return [str(exc)]
    return []
