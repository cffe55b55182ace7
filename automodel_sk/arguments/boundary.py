"""The boundary of all public calls: convert arguments once, and rephrase upstream's errors.

`public` wraps a function or method. Each argument whose name is in `TABLE` is checked against its
rule and passed on as a plain Python object, so that inner code never receives NumPy numbers, pandas
indexes of names or paths with ``~``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

import pandas as pd

from automodel_sk.arguments.conversion import convert_all
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.kinds import Choices, Flag, Names, Place, Rule, Several, Text
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.arguments.other_frames import as_pandas
from automodel_sk.arguments.upstream import in_words

__all__ = ["TABLE", "engine_names", "public"]

P = ParamSpec("P")
R = TypeVar("R")

_HORIZON = "in steps of the data"


def _is_id(value: Any) -> bool:
    return isinstance(value, Hashable) and value is not None and value == value


_INSIDE: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether a public call is in progress: calls within it use the internal column names."""

TABLE: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        NumberRule("h", 12, also=(None,), note=_HORIZON),
        NumberRule("n_windows", 2, also=(None,)),
        NumberRule("step_size", 12, also=(None,), note="None: the horizon"),
        NumberRule("season_length", 12, also=(None,)),
        NumberRule("n_paths", 100, high=1_000_000),
        NumberRule("max_steps", 100, also=(None,)),
        NumberRule("max_ids", 6),
        NumberRule("history", 48, also=(None,)),
        NumberRule("seed", 42, low=0, high=2**32 - 1, also=(None,)),
        Flag("baselines"),
        Flag("held_out"),
        Flag("by_series"),
        Frame("dataset"),
        Frame("futr_df", columns=("unique_id", "ds")),
        Frame("static_df", columns=("unique_id",)),
        Frame("actual", columns=("unique_id", "ds", "y")),
        Names("futr_exog_list", "price"),
        Names("hist_exog_list", "visits"),
        Names("stat_exog_list", "region"),
        Several("ids", _is_id, '["a", "b"]'),
        Several("params", lambda name: isinstance(name, str), '["learning_rate"]'),
        Several("metrics", lambda m: isinstance(m, str) or callable(m), '["mae", "mase"]'),
        Several("steps", NumberRule("steps", 1).accepts, "[1, 12]"),
        Place("path", "model"),
        Place("tracking_uri", "sqlite:///mlflow.db", optional=True, addresses=True, as_text=True),
        Text("experiment_name", "automodel_sk", longest=500),
        Text("run_id", "0a1b2c3d", optional=True),
        Text("register_as", "sales-forecast", optional=True),
        Choices("backend", ("matplotlib", "plotly")),
        Choices("method", ("schaake_shuffle", "gaussian_copula"), optional=True),
    )
}
"""Rules by argument name, valid for every public call that has an argument of that name."""


@contextmanager
def engine_names() -> Iterator[None]:
    """Pass and return frames under the internal column names within this block.

    This lets a public method call another one.
    """
    token = _INSIDE.set(True)
    try:
        yield
    finally:
        _INSIDE.reset(token)


def _under_own_names(
    names: Any, arguments: Mapping[str, Any], frames: Mapping[str, Frame]
) -> dict[str, Any]:
    """Return the frames among some arguments under the internal column names."""
    given = {name: arguments.get(name) for name in frames}
    plain = {
        n: f for n, f in given.items() if isinstance(f, pd.DataFrame) and f.columns.nlevels == 1
    }
    return {name: names.own(frame, name, frames[name].columns) for name, frame in plain.items()}


def _names_of(args: Sequence[Any]) -> Any:
    """Return the names of columns that the object called speaks of, None for the engine's."""
    if _INSIDE.get() or not args or isinstance(args[0], type):
        return None
    return getattr(args[0], "_columns", None)


def _words(names: Any) -> AbstractContextManager[None]:
    """Return a block in which messages speak of columns as the user does."""
    words: AbstractContextManager[None] = nullcontext() if names is None else names.worded()
    return words


def _under_their_names(names: Any, result: Any) -> Any:
    """Return a frame, or what holds frames, under the user's names of columns."""
    if isinstance(result, pd.DataFrame):
        return names.theirs(result)
    rename = getattr(result, "under_names", None)
    return result if rename is None else rename(names)


def public(**own: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a public function or method.

    Parameters
    ----------
    **own : Rule
        Rules for arguments that have a different meaning here than in `TABLE`.

    Returns
    -------
    callable

    Examples
    --------
    >>> @public()
    ... def steps(h): return list(range(h))
    >>> steps(3)
    [0, 1, 2]
    >>> steps(2.5)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: h must be a whole number of at least 1 ...
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        rules = {name: own.get(name, TABLE.get(name)) for name in signature.parameters}
        known = {name: rule for name, rule in rules.items() if rule is not None}
        frames = {name: rule for name, rule in known.items() if isinstance(rule, Frame)}

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            bound.arguments.update(
                {name: as_pandas(v) for name, v in bound.arguments.items() if name in frames}
            )
            names = _names_of(args)
            if names is not None:
                bound.arguments.update(_under_own_names(names, bound.arguments, frames))
            given = {name: v for name, v in bound.arguments.items() if name in known}
            bound.arguments.update(convert_all(known, given))
            with in_words(), engine_names(), _words(names):
                result = function(*bound.args, **bound.kwargs)
            return result if names is None else cast(R, _under_their_names(names, result))

        return checked

    return decorate
