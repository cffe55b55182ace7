"""Answer a request to a served model: one long frame in, the forecast out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.arguments.boundary import engine_names
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.preparation import MASK, WEIGHT, read_times
from automodel_sk.data.times import read as times
from automodel_sk.exceptions import AutoModelError, InvalidInputError
from automodel_sk.metrics.quantiles import read_levels, read_quantiles
from automodel_sk.serving.request_checks import (
    ID,
    TARGET,
    TIME,
    check_epochs,
    check_steps,
    checked_columns,
    checked_h,
    checked_numbers,
    has_rows,
    known_ids,
    quoted,
)

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["answer", "split_request"]


def answer(
    model: AutoModel, frame: pd.DataFrame | None, params: Mapping[str, Any], sent: Any = None
) -> pd.DataFrame:
    """Forecast what a request asks for.

    Parameters
    ----------
    model : AutoModel
        The model.
    frame : DataFrame, optional
        Long frame, with the column names that the model was fitted with. Rows at the end of a
        series without target are the steps to forecast, with the future values of exogenous
        columns. A series without any target is forecast from its training data; if the frame has no
        rows or is None, all series are.
    params : mapping
        ``level``, ``quantiles`` and ``h`` as in `AutoModel.predict`: at most 100 numbers, and at
        most 100 times the model's own horizon.
    sent : object, optional
        The original request, before unknown columns were dropped.

    Returns
    -------
    DataFrame
        As returned by `AutoModel.predict`.

    Raises
    ------
    InvalidInputError
        The rows or parameters are invalid; the message says why.
    """
    names = model.columns
    with names.worded(), engine_names():  # the names are translated here
        try:
            rows = None if frame is None else _under_own_names(frame, names)
            return names.theirs(_answer(model, rows, params, frame if sent is None else sent))
        except AutoModelError:
            raise
        except Exception as exc:
            # Any invalid input is answered with a one-sentence error.
            reason = f"{type(exc).__name__}: {exc}"[:200].splitlines()[0]
            raise InvalidInputError(
                f"the request can't be used ({reason}); send rows with {quoted(ID)},"
                f" {quoted(TIME)} and {quoted(TARGET)} as the model was trained on"
            ) from exc


def _under_own_names(frame: pd.DataFrame, names: ColumnNames) -> pd.DataFrame:
    """Return a request under the internal names of columns, and of the levels of its index."""
    if not names.differ:
        return frame
    renames: Any = dict(zip(names.names, (ID, TIME, TARGET), strict=True))
    return names.own(frame.rename_axis(index=renames), "the request")


def _answer(
    model: AutoModel, frame: pd.DataFrame | None, params: Mapping[str, Any], sent: Any
) -> pd.DataFrame:
    level = checked_numbers(params.get("level"), read_levels)
    quantiles = checked_numbers(params.get("quantiles"), read_quantiles)
    known = pd.Series(model.state.ids)
    if not has_rows(sent):
        h = checked_h(params.get("h"), model.h, len(known))
        return _first_steps(model.predict(h=max(h, model.h), level=level, quantiles=quantiles), h)
    frame = checked_columns(pd.DataFrame() if frame is None else frame, sent)
    frame = frame.assign(**{ID: known_ids(frame[ID], known)})
    h = checked_h(params.get("h"), model.h, frame[ID].nunique())
    if TIME in frame.columns:
        check_epochs(frame[TIME], model.freq)
    frame = read_times(frame, model.state.date_order)
    _check_times(frame)
    history, future = split_request(frame)
    stored = _remembered(model, frame[ID], history)
    if stored is not None:
        history = pd.concat([history, stored], ignore_index=True) if len(history) else stored
        if MASK in history.columns:  # one of the two may lack it: its rows are all observed
            history = history.fillna({MASK: 1.0})
    result = model.predict(
        history,
        futr_df=future,
        static_df=_static(frame, model),
        level=level,
        quantiles=quantiles,
        h=max(h, model.h),
    )
    check_steps(result, future, sent)
    return _first_steps(result, h)


def _first_steps(result: pd.DataFrame, h: int) -> pd.DataFrame:
    """Return the first steps of each series."""
    return result.groupby(ID, sort=False, observed=True).head(h).reset_index(drop=True)


def _check_times(frame: pd.DataFrame) -> None:
    """Raise if the times cannot be read, before rows are compared by them."""
    if TIME in frame.columns:
        times.read_time_column(frame[TIME])


def split_request(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Split the past from the steps to forecast, which are the last rows without `y`.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3], "y": [5.0, None, None]})
    >>> past, future = split_request(frame)
    >>> past["ds"].tolist(), future["ds"].tolist()
    ([1], [2, 3])
    """
    if TARGET not in frame.columns or TIME not in frame.columns:
        return frame.iloc[:0], frame if TIME in frame.columns else None
    observed = frame[TARGET].notna()
    if not observed.any():
        return frame.iloc[:0], frame.drop(columns=TARGET)
    last = frame[ID].map(frame[observed].groupby(ID, observed=True)[TIME].max())
    past = observed | (frame[TIME] <= last)
    return frame[past], None if past.all() else frame[~past].drop(columns=TARGET)


def _remembered(
    model: AutoModel, asked: pd.Series[Any], history: pd.DataFrame
) -> pd.DataFrame | None:
    """Return the training data of the requested series that have no past in the request."""
    ids = pd.Index(asked.unique())
    lacking = ids.difference(pd.Index(history[ID].unique()))
    if lacking.empty:
        return None
    stored = model.state.history()
    unknown = lacking.difference(pd.Index(stored[ID].unique()))
    if len(unknown):
        raise InvalidInputError(
            f"the series {unknown[0]!r} was not trained on and has no past in the request"
            f" ({len(unknown)} such series); pass its last rows with {quoted(TIME)} and"
            f" {quoted(TARGET)}"
        )
    return stored[stored[ID].isin(lacking)].drop(columns=WEIGHT, errors="ignore")


def _static(frame: pd.DataFrame, model: AutoModel) -> pd.DataFrame | None:
    """Return the static values of a request, taken from the first row of each series."""
    columns = list(model.state.task.stat_exog)
    if not columns or not set(columns) <= set(frame.columns):
        return None
    return frame.drop_duplicates(ID)[[ID, *columns]]
