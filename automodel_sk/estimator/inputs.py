"""Convert the estimator's parameters and sktime's data to the inputs of `AutoModel`."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.options import OptimizationConfig

__all__ = [
    "PI_METHODS",
    "chosen_columns",
    "columns_as_series",
    "columns_in_order",
    "save_pickled",
    "seed_of",
    "sorted_by_index",
    "training_loss",
]


def _wide_quantiles() -> Any:
    from neuralforecast.losses.pytorch import MQLoss

    return MQLoss(level=[50, 80, 90, 95, 98])


PI_METHODS: Mapping[str, Callable[[], Any]] = {
    "auto": lambda: None,
    "conformal": lambda: None,
    "quantile": _wide_quantiles,
    "distribution": lambda: "studentt",
}


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raise if a parameter's value is not one of its choices.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        The value passed.
    choices : iterable of str
        The valid values.

    Raises
    ------
    InvalidInputError
        If it is not one of them.

    Examples
    --------
    >>> check_choice("on_update", "search", ["refit", "search"])
    """
    allowed = list(choices)
    if value not in allowed:
        raise InvalidInputError(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(value)}; "
            f"try {name}={allowed[0]!r}"
        )


def training_loss(loss: Any, pi_method: str) -> Any:
    """Return the training loss: the user's own, or the one that an interval method requires.

    Parameters
    ----------
    loss : neuralforecast loss, str or None
        The user's loss; it is not modified, a copy is returned.
    pi_method : str
        A key of `PI_METHODS`.

    Returns
    -------
    neuralforecast loss, str or None
        None means the default point loss.

    Examples
    --------
    >>> training_loss(None, "distribution"), training_loss("mse", "auto")
    ('studentt', 'mse')
    """
    return PI_METHODS[pi_method]() if loss is None else copy.deepcopy(loss)


def seed_of(random_state: Any) -> int:
    """Return an integer seed.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        None means the default seed.

    Raises
    ------
    InvalidInputError
        If it is none of these.

    Examples
    --------
    >>> seed_of(None), seed_of(7)
    (42, 7)
    >>> seed_of(1.5)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: random_state must be a whole number, a ...
    """
    if random_state is None:
        return OptimizationConfig.random_seed
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(np.iinfo(np.int32).max))
    if isinstance(random_state, np.random.RandomState) or random_state is np.random:
        return int(random_state.randint(np.iinfo(np.int32).max))
    raise InvalidInputError(
        "random_state must be a whole number, a RandomState or Generator of NumPy, or None, got"
        f" {shown(random_state)}; try random_state=42"
    )


def columns_as_series(
    y: pd.DataFrame, X: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Turn several target columns into separate series, in one more index level.

    Parameters
    ----------
    y : pandas.DataFrame
        One or more target columns.
    X : pandas.DataFrame, optional
        Exogenous data; repeated for each column.

    Returns
    -------
    y : pandas.DataFrame
        One column.
    X : pandas.DataFrame or None

    Examples
    --------
    >>> y, _ = columns_as_series(pd.DataFrame({"a": [1.0], "b": [2.0]}), None)
    >>> y.index.tolist()
    [('a', 0), ('b', 0)]
    """
    if y.shape[1] == 1:
        return y, X
    parts = {column: y[[column]].set_axis(["y"], axis=1) for column in y.columns}
    repeated = None
    if X is not None:  # its levels may be in another order
        copies = dict.fromkeys(y.columns, X)
        repeated = pd.concat(copies, names=["variable", *X.index.names])
    return pd.concat(parts, names=["variable", *y.index.names]), repeated


def columns_in_order(y: pd.DataFrame, known: Sequence[Any]) -> pd.DataFrame:
    """Return the columns of later rows in the order of fit.

    Parameters
    ----------
    y : pandas.DataFrame
        Rows for `update`.
    known : sequence of hashable
        The columns seen in fit. The name of a single column does not matter.

    Returns
    -------
    pandas.DataFrame
        Unnamed columns (0, 1, ...) are matched by position.

    Raises
    ------
    InvalidInputError
        If `y` has other columns.

    Examples
    --------
    >>> columns_in_order(pd.DataFrame({"b": [1], "a": [2]}), ["a", "b"]).columns.tolist()
    ['a', 'b']
    """
    found = list(y.columns)
    if len(found) == len(known) and (len(known) == 1 or found == list(known)):
        return y
    if len(found) == len(known):
        if set(found) == set(known):
            return y[list(known)]
        unnamed = list(range(len(known)))
        if unnamed in (found, list(known)):
            return y
    names = "one column" if len(known) == 1 else f"the columns {list(known)}"
    raise InvalidInputError(
        f"y has the columns {found}, but fit got {names}; pass y with the same column(s)"
    )


def sorted_by_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame sorted by its index, or unchanged if the index can't be sorted.

    Parameters
    ----------
    frame : pandas.DataFrame
        A forecast.

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> sorted_by_index(pd.DataFrame({"y": [1, 2]}, index=["b", "a"]))["y"].tolist()
    [2, 1]
    """
    if frame.index.is_monotonic_increasing:
        return frame
    try:
        return frame.sort_index()
    except TypeError:  # instances of mixed types
        return frame


def chosen_columns(
    forecast: pd.DataFrame, quantiles: Sequence[float] | None
) -> npt.NDArray[np.float64]:
    """Select the requested values of a forecast.

    Parameters
    ----------
    forecast : pandas.DataFrame
        Series id, time, point forecast, and the quantiles in ascending order.
    quantiles : sequence of float, optional
        Quantiles in the requested order; the point forecast if None.

    Returns
    -------
    numpy.ndarray, shape (n_rows, n_quantiles) or (n_rows, 1)

    Examples
    --------
    >>> row = pd.DataFrame([[0, 1, 5.0, 4.0, 6.0]])
    >>> chosen_columns(row, [0.9, 0.1]).tolist()
    [[6.0, 4.0]]
    """
    if quantiles is None:
        return forecast.iloc[:, [2]].to_numpy(dtype=np.float64)
    ordered = sorted(set(quantiles))
    places = [3 + ordered.index(quantile) for quantile in quantiles]
    return forecast.iloc[:, places].to_numpy(dtype=np.float64)


def save_pickled(
    save: Callable[[Path | None, str], Any], path: str | Path | None, serialization_format: str
) -> Any:
    """Save with sktime's `save`, even under names that contain dots.

    Parameters
    ----------
    save : callable
        sktime's own `save`, which treats text after a dot as a suffix.
    path : str or Path, optional
        Name of the zip file without its suffix; None to save in memory.
    serialization_format : str
        Passed to `save`.

    Returns
    -------
    zipfile.ZipFile or tuple
        The return value of `save`, opened under the correct name.

    Examples
    --------
    >>> save_pickled(lambda path, form: (path, form), None, "pickle")
    (None, 'pickle')
    """
    if path is None:
        return save(None, serialization_format)
    path = Path(path).expanduser()
    try:
        return _save_file(save, path, serialization_format)
    except OSError as exc:
        raise ModelFileError(
            f"the forecaster can't be saved to {path} ({exc.strerror or exc}); pass a path in a"
            " folder that exists and can be written"
        ) from exc


def _save_file(save: Callable[[Path | None, str], Any], path: Path, form: str) -> Any:
    if "." not in path.name:
        return save(path, form)
    plain = path.with_name(path.name.replace(".", "-") + f"-{secrets.token_hex(4)}")
    with save(plain, form):
        pass
    named = path.with_name(f"{path.name}.zip")
    plain.with_name(f"{plain.name}.zip").replace(named)
    return ZipFile(named)
