"""Translate errors that other libraries raise for a user's mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from automodel_sk.exceptions import AutoModelError, InvalidInputError

__all__ = ["in_words"]

_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"missing combinations of ids and times in `futr_df`",
        "futr_df has missing rows: it needs one per series and step to forecast; compare its"
        " unique_id and ds with those of predict() without futr_df",
    ),
    (
        r"Time series is too short for|requires at least \d+ training timestamp",
        "the series are too short for this model and horizon; pass longer series, or a smaller"
        " input_size or n_windows",
    ),
    (
        r"has historic exogenous features",
        "columns that are known only in the past have no known future, so the model can't forecast"
        " more than the h steps that it was built for; ask for at most h steps, or fit it anew with"
        " a larger h",
    ),
    (
        r"`test_size` should be greater or equal to `h`",
        "n_windows and step_size leave no window to forecast; try n_windows=1",
    ),
    (
        r"Loss is NaN, training stopped",
        "the training diverged: its loss became NaN; use a smaller learning_rate,"
        " scaler_type='standard', or rescale the values",
    ),
    (
        r"CUDA out of memory|CUDNN_STATUS_ALLOC_FAILED",
        "the GPU has too little free memory; use a smaller windows_batch_size or gpus=0",
    ),
)


@contextmanager
def in_words() -> Iterator[None]:
    """Raise this package's own error in place of a known error of another library.

    Raises
    ------
    InvalidInputError
        Replaces the library's exception, which becomes its cause.

    Examples
    --------
    >>> with in_words():
    ...     raise Exception("Time series is too short for training, consider ...")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: the series are too short for this model ...
    """
    try:
        yield
    except AutoModelError:
        raise
    except Exception as exc:
        words = _words_for(str(exc))
        if words is None:
            raise
        raise InvalidInputError(words) from exc


def _words_for(text: str) -> str | None:
    return next((words for pattern, words in _WORDS if re.search(pattern, text[:2000])), None)
