"""Check the estimator's arguments before they reach sktime or neuralforecast."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.models import MODEL_CATALOG, ModelCharacteristics
from automodel_sk.data.wording import shown
from automodel_sk.estimator.models import abilities, known_names
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.names import makes_ensemble
from automodel_sk.search.study.storage import IN_MEMORY
from automodel_sk.search_space import SearchSpace

__all__ = [
    "HORIZON",
    "as_numbers",
    "check_calendar",
    "check_exogenous",
    "check_horizon",
    "check_intervals",
    "check_names",
    "check_one_study",
    "probabilities",
    "refuse_missing",
    "refuse_missing_exogenous",
    "refuse_plain_values",
    "warn_unused",
]

logger = logging.getLogger(__name__)

HORIZON = NumberRule("h", 12, note="in steps of the data")
"""The rule of the parameter `h`."""

_MOST_STEPS = 1_000_000


def probabilities(name: str, value: Any) -> list[float]:
    """Return quantiles or coverages as a list of floats.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : float or sequence of float
        The value passed.

    Returns
    -------
    list of float

    Raises
    ------
    InvalidInputError
        If a value is not a number between 0 and 1, is a duplicate, or the list is empty.

    Examples
    --------
    >>> probabilities("coverage", 0.9), probabilities("alpha", np.array([0.1, 0.9]))
    ([0.9], [0.1, 0.9])
    >>> probabilities("coverage", 90)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: coverage must lie between 0 and 1, got 90; try ...
    """
    is_many = isinstance(value, (list, tuple, np.ndarray, pd.Index, pd.Series, set, frozenset))
    values = list(value) if is_many and np.ndim(list(value)) == 1 else [value]
    found = [_probability(name, one) for one in values]
    if not found or len(set(found)) < len(found):
        raise InvalidInputError(
            f"{name} must hold at least one number, and none twice, got {shown(value)}; try "
            f"{name}=[0.9]"
        )
    return found


def _probability(name: str, value: Any) -> float:
    is_number = isinstance(value, (float, int, np.floating, np.integer))
    if is_number and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    is_percent = is_number and not isinstance(value, bool) and 2 <= value < 100
    example = value / 100 if is_percent else 0.9
    raise InvalidInputError(
        f"{name} must lie between 0 and 1, got {shown(value)}; try {name}={example}"
    )


def check_horizon(fh: Any) -> None:
    """Raise for a horizon with implausibly many steps, before it is expanded.

    Parameters
    ----------
    fh : object
        The value passed.

    Raises
    ------
    InvalidInputError
        If it is an integer above a million.

    Examples
    --------
    >>> check_horizon(12)
    """
    if isinstance(fh, (int, np.integer)) and abs(int(fh)) > _MOST_STEPS:
        raise InvalidInputError(
            f"fh must be at most {_MOST_STEPS:,} steps, got {shown(fh)}; try fh=12"
        )


def check_names(name: str, value: Any) -> None:
    """Raise if a parameter is not a list of columns.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        The value passed.

    Raises
    ------
    InvalidInputError
        If it is a single name, or not a list.

    Examples
    --------
    >>> check_names("hist_exog", "visits")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: hist_exog must be a list of columns of X, got ...
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, (Collection, pd.Index)):
        example = value if isinstance(value, str) else "visits"
        raise InvalidInputError(
            f"{name} must be a list of columns of X, got {shown(value)}; "
            f"try {name}=[{shown(example)}]"
        )


def check_intervals(model: Any, pi_method: str, ensemble: Any = None) -> None:
    """Raise if an ensemble gets a source of intervals that it does not have.

    Parameters
    ----------
    model : str or sequence of str
        Name of the model, names of several, or "auto".
    pi_method : str
        A key of `PI_METHODS`.
    ensemble : str, optional
        How several models, or the trials of one, are combined.

    Raises
    ------
    InvalidInputError
        If an ensemble shall have intervals of a training loss.

    Examples
    --------
    >>> check_intervals("NHITS", "quantile")
    >>> check_intervals("auto", "quantile")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: pi_method='quantile' is for one network; the ...
    """
    if makes_ensemble(model, ensemble) and pi_method not in ("auto", "conformal"):
        raise InvalidInputError(
            f"pi_method={pi_method!r} is for one network; the intervals of an ensemble come from"
            " its errors on validation windows: leave pi_method out, or choose one network without"
            " ensemble, e.g. model='NHITS'"
        )


def check_exogenous(
    model: Any, past: Sequence[Hashable], future: Collection[Hashable], static: Any
) -> None:
    """Raise if a model gets columns of a kind that it does not support.

    Parameters
    ----------
    model : str or sequence of str
        Name of the model, names of several, or "auto". Several take what one of them takes.
    past : sequence of hashable
        Columns of X that are known only in the past.
    future : collection of hashable
        Columns of X with known future values.
    static : DataFrame, optional
        Static columns.

    Raises
    ------
    InvalidInputError
        If it does not support them; the message names the model and the parameter.

    Examples
    --------
    >>> check_exogenous("NHITS", ["visits"], ["price"], None)
    >>> check_exogenous(["NLinear", "NHITS"], ["visits"], ["price"], None)
    >>> check_exogenous("NLinear", ["visits"], [], None)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: hist_exog=['visits'], but NLinear does not accept ...
    """
    able = abilities(model)
    if len(past) and not able.past:
        raise InvalidInputError(
            f"hist_exog={shown(list(past))}, but {_refusing(model)} columns with unknown"
            f" future values; leave hist_exog out, or {_able('supports_historic_exogenous')}"
        )
    if future and not able.future:
        raise InvalidInputError(
            f"X has the columns {shown(list(future))}, but {_refusing(model)} columns with"
            " known future values; name them in hist_exog, or"
            f" {_able('supports_future_exogenous')}"
        )
    if static is not None and not able.static:
        raise InvalidInputError(
            f"static is given, but {_refusing(model)} static columns; leave static out, or"
            f" {_able('supports_static')}"
        )


def check_calendar(model: Any, columns: Collection[str]) -> None:
    """Raise if a model gets columns of the calendar and takes no columns with a known future.

    Parameters
    ----------
    model : str or sequence of str
        As in `check_exogenous`.
    columns : collection of str
        Columns of the calendar and of holidays.

    Raises
    ------
    InvalidInputError
        The message names the model and the parameters.

    Examples
    --------
    >>> check_calendar("NHITS", ["calendar_month_sin1"])
    >>> check_calendar("NLinear", ["calendar_month_sin1"])
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: calendar and holidays add columns with known ...
    """
    if columns and not abilities(model).future:
        raise InvalidInputError(
            f"calendar and holidays add columns with known future values, but {_refusing(model)}"
            " such columns; leave calendar and holidays out, or"
            f" {_able('supports_future_exogenous')}"
        )


def check_one_study(forecaster: Any, columns: Sequence[Hashable]) -> None:
    """Raise if the searches of several columns would share one stored study.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        The forecaster, of which each column gets a copy.
    columns : sequence of hashable
        The columns of `y`.

    Raises
    ------
    InvalidInputError
        Says how to give each column a study of its own.
    """
    name, config = forecaster.study_name, forecaster.config
    if name is None or forecaster.storage == IN_MEMORY:
        return
    if hasattr(forecaster, "pretrained_model_"):
        return  # forecasts without a search
    of_one = not makes_ensemble(forecaster.model, forecaster.ensemble)
    if of_one and config is not None and SearchSpace.parse(config).is_fixed:
        return  # trained without a study
    raise InvalidInputError(
        f"study_name={shown(name)} names one study, but y has {len(columns)} columns, each with a"
        " search of its own; leave study_name out, or fit each column with a study_name of its"
        f" own, e.g. fit(y[{shown(columns[0])}]) with study_name='{name}-{columns[0]}'"
    )


def warn_unused(model: Any, X: Any) -> None:
    """Warn that no model uses columns of X; sktime's forecasters leave them out without a word.

    Parameters
    ----------
    model : str or sequence of str
        As in `check_exogenous`.
    X : DataFrame or other container, optional
        The columns.
    """
    if X is None or abilities(model).exogenous:
        return
    columns = f" {shown(list(X.columns))}" if isinstance(X, pd.DataFrame) else ""
    logger.warning(
        "X is left out: %s columns%s; leave X out, or choose a model that takes them, such as"
        " 'NHITS'",
        _refusing(model),
        columns,
    )


def _refusing(model: Any) -> str:
    names = known_names(model) or ()
    if len(names) == 1:
        return f"{names[0]} does not accept"
    return f"none of {shown(list(names))} accepts"


def _able(flag: str) -> str:
    def can(row: ModelCharacteristics) -> bool:
        return bool(getattr(row, flag)) and not row.multivariate

    names = ["NHITS", *MODEL_CATALOG]
    first = next(name for name in names if can(MODEL_CATALOG[name]))
    return f"choose a model that accepts them, e.g. model={first!r}"


class PlainValuesError(InvalidInputError, TypeError):
    """`y` has no times; sktime requires a TypeError."""


def refuse_plain_values(y: Any) -> None:
    """Raise for values without times, which no forecaster takes.

    Examples
    --------
    >>> refuse_plain_values([1.0, 2.0])
    Traceback (most recent call last):
        ...
    automodel_sk.estimator.checks.PlainValuesError: y is a list, a type with no times; ...
    """
    kind = type(y)
    if not issubclass(kind, (list, tuple, dict, set, str, int, float)):
        return
    if issubclass(kind, (list, tuple)) and any(isinstance(part, pd.DataFrame) for part in y):
        return  # a panel as sktime has them
    raise PlainValuesError(
        f"y is a {kind.__name__}, a type with no times; pass a Series or DataFrame with an"
        " index of them, e.g. pd.Series(y, index=pd.period_range('2020-01', periods=len(y),"
        " freq='M'))"
    )


def refuse_missing(y: Any) -> None:
    """Raise for empty values of a Series or DataFrame, and say where the first one is.

    Examples
    --------
    >>> refuse_missing(pd.Series([1.0, None, 3.0]))
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: y has 1 missing value, first at 1; fill it, ...
    """
    if not isinstance(y, (pd.Series, pd.DataFrame)):
        return
    missing = y.isna() if isinstance(y, pd.Series) else y.isna().any(axis=1)
    number = int(missing.sum())
    if number:
        first = y.index[int(missing.to_numpy().argmax())]
        values, what = ("value", "it") if number == 1 else ("values", "them")
        raise InvalidInputError(
            f"y has {number:,} missing {values}, first at {first}; fill {what}, e.g."
            f" fill_gaps='interpolate', or drop {what} at the start and the end of a series"
        )


def refuse_missing_exogenous(X: Any, y: Any, past: Any) -> bool:
    """Raise for empty values of a frame `X`, except those that no model reads.

    Parameters
    ----------
    X, y : DataFrame
        What `fit`, `update` or `predict` gets; containers of other kinds are not checked.
    past : collection of hashable
        Columns whose values after the end of `y`, or in `predict`, are not read.

    Returns
    -------
    bool
        Whether there are empty values that no model reads.

    Examples
    --------
    >>> y, X = pd.DataFrame({"y": [1.0, 2.0]}), pd.DataFrame({"price": [3.0, 3.0, None]})
    >>> refuse_missing_exogenous(X, y, past=["price"])
    True
    >>> refuse_missing_exogenous(X, y, past=[])
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: column 'price' of X has 1 missing value, first ...
    """
    if not isinstance(X, pd.DataFrame):
        return False
    empty = X.isna()
    if not empty.to_numpy().any():
        return False
    later, past = _after_end(X.index, y), [*past] if isinstance(past, Collection) else []
    for place, name in enumerate(X.columns):
        missing = empty.iloc[:, place].to_numpy() & ~(later & (name in past))
        number = int(missing.sum())
        if number:
            values = "value" if number == 1 else "values"
            advice = "" if name in past else f", or hist_exog=[{name!r}] if its future isn't known"
            raise InvalidInputError(
                f"column {name!r} of X has {number:,} missing {values}, first at"
                f" {X.index[int(missing.argmax())]}; fill them, e.g. X = X.ffill(){advice}"
            )
    return True


def _after_end(index: pd.Index, y: Any) -> npt.NDArray[np.bool_]:
    """Return which rows lie after the end of their series in `y`; all if there is no `y`.

    None of them if the indexes do not go together, which is an error later.
    """
    if y is None:
        return np.ones(len(index), dtype=bool)
    none = np.zeros(len(index), dtype=bool)
    if not isinstance(y, (pd.Series, pd.DataFrame)) or y.index.nlevels != index.nlevels:
        return none
    try:
        return _later(index, y)
    except (TypeError, ValueError):
        return none


def _later(index: pd.Index, y: pd.Series[Any] | pd.DataFrame) -> npt.NDArray[np.bool_]:
    if index.nlevels == 1:
        return np.asarray(index > y.index.max())
    series, times = y.index.droplevel(-1), y.index.get_level_values(-1)
    ends = pd.Series(times, index=series).groupby(level=[*range(series.nlevels)]).max()
    of_rows = ends.reindex(index.droplevel(-1)).array
    return np.asarray(pd.Series(index.get_level_values(-1)) > pd.Series(of_rows))


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert booleans to 1 and 0, and pandas' nullable numbers to NumPy's.

    Parameters
    ----------
    frame : pandas.DataFrame
        `y` or `X`.

    Returns
    -------
    pandas.DataFrame
        The same frame if all its columns are plain numbers.

    Examples
    --------
    >>> as_numbers(pd.DataFrame({"open": [True, False]}))["open"].tolist()
    [1.0, 0.0]
    """
    types = pd.api.types
    changed = [
        place
        for place, dtype in enumerate(frame.dtypes)
        if types.is_bool_dtype(dtype)
        or (types.is_extension_array_dtype(dtype) and types.is_numeric_dtype(dtype))
    ]
    if not changed:
        return frame
    return frame.astype({frame.columns[place]: np.float64 for place in changed})
