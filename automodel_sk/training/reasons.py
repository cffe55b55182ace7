"""Describe why a trial failed."""

from __future__ import annotations

import traceback
from pathlib import Path

from automodel_sk.training.memory import is_out_of_memory
from automodel_sk.trials import Failure, FailureKind

__all__ = ["TrialDivergedError", "failure_of", "reason_of"]


class TrialDivergedError(ArithmeticError):
    """A validation loss was NaN or infinite."""


def failure_of(error: BaseException) -> Failure:
    """Return the kind of an error that a trial's training raised, and its reason.

    Parameters
    ----------
    error : BaseException
        The exception.

    Examples
    --------
    >>> failure_of(RuntimeError("CUDA out of memory")).kind, failure_of(KeyError("a")).kind
    ('out_of_memory', 'error')
    """
    kind: FailureKind = "error"
    if isinstance(error, TrialDivergedError):
        kind = "diverged"
    elif is_out_of_memory(error):
        kind = "out_of_memory"
    return Failure(kind, reason_of(error))


def reason_of(error: BaseException) -> str:
    """Return an error's type and message, or the line that raised it if it has no message.

    Parameters
    ----------
    error : BaseException
        The exception that a trial's training raised.

    Examples
    --------
    >>> reason_of(ValueError("too short"))
    'ValueError: too short'
    >>> try:
    ...     assert 10 % 4 == 0
    ... except AssertionError as exc:
    ...     reason_of(exc).startswith("AssertionError: raised ")
    True
    """
    text = str(error).strip()
    return f"{type(error).__name__}: {text or _place_of(error)}"


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "without a message"
    last = frames[-1]
    line = f"by `{last.line}` " if last.line else ""
    return f"raised {line}in {Path(last.filename).name}, line {last.lineno}, without a message"
