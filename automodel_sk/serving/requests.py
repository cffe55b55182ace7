"""A request to a served model, one long frame, and the forecast that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.data import times
from automodel_sk.data.preparation import MASK, WEIGHT, read_times
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.prediction import stored_history

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["answer", "split_request"]

ID, TIME, TARGET = "unique_id", "ds", "y"


def answer(model: AutoModel, frame: pd.DataFrame | None, params: Mapping[str, Any]) -> pd.DataFrame:
    """Forecast what a request asks for.

    Parameters
    ----------
    model : AutoModel
        The model.
    frame : DataFrame, optional
        Long frame. Rows at the end of a series that lack `y` are the steps to forecast,
        with the future values of exogenous columns. A series without any `y` is forecast
        from its training data; so are all series where the frame is empty or None.
    params : mapping
        ``level``, ``quantiles`` and ``h`` as in `AutoModel.predict`.

    Returns
    -------
    DataFrame
        As `AutoModel.predict` returns it.

    Raises
    ------
    InvalidInputError
        The rows can't be used, or a series is new and has no past.
    """
    options = {name: params.get(name) or None for name in ("level", "quantiles", "h")}
    if frame is None or frame.empty:
        return model.predict(**options)
    if ID not in frame.columns and ID not in frame.index.names:
        raise InvalidInputError(
            f"the request lacks the column 'unique_id', it has {list(map(str, frame.columns))};"
            " pass 'unique_id', 'ds' and 'y', or no rows to forecast after the training data"
        )
    frame = read_times(frame, model._date_order)
    _check_times(frame)
    history, future = split_request(frame)
    known = _remembered(model, frame[ID], history)
    if known is not None:
        history = pd.concat([history, known], ignore_index=True) if len(history) else known
        if MASK in history.columns:  # one of the two may lack it: its rows are all observed
            history = history.fillna({MASK: 1.0})
    static = _static(frame, model)
    return model.predict(history, futr_df=future, static_df=static, **options)


def _check_times(frame: pd.DataFrame) -> None:
    """Raise where the times can't be read, before rows are compared by them."""
    if TIME in frame.columns:
        times.read_times(frame[TIME])


def split_request(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Part the past from the steps to forecast, which are the last rows that lack `y`.

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
    last = frame[ID].map(frame[observed].groupby(ID, observed=True)[TIME].max())
    past = observed | (frame[TIME] <= last)
    return frame[past], None if past.all() else frame[~past].drop(columns=TARGET)


def _remembered(
    model: AutoModel, asked: pd.Series[Any], history: pd.DataFrame
) -> pd.DataFrame | None:
    """Return the training data of the series that are asked for without a past."""
    ids = pd.Index(asked.unique())
    lacking = ids.difference(history[ID].unique())
    if lacking.empty:
        return None
    stored = stored_history(model.to_neuralforecast())
    unknown = lacking.difference(stored[ID].unique())
    if len(unknown):
        raise InvalidInputError(
            f"the series {unknown[0]!r} was not trained on and has no past in the request"
            f" ({len(unknown)} such series); pass its last rows with 'ds' and 'y'"
        )
    return stored[stored[ID].isin(lacking)].drop(columns=WEIGHT, errors="ignore")


def _static(frame: pd.DataFrame, model: AutoModel) -> pd.DataFrame | None:
    """Return the static values in a request: the first row of each series counts."""
    columns = list(model._task.stat_exog)
    if not columns or not set(columns) <= set(frame.columns):
        return None
    return frame.drop_duplicates(ID)[[ID, *columns]]
