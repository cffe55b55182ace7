"""Keep a fitted object's category codes while it is fitted again.

Written for neuralforecast 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["same_codes"]


@contextmanager
def same_codes(fitted: Any) -> Iterator[None]:
    """Keep the category codes, which a fit would otherwise derive from the new rows alone."""
    codes = fitted.categorical_vocab_

    def keep(*_: Any) -> None:
        fitted.categorical_vocab_ = codes

    fitted._build_categorical_vocab = keep
    try:
        yield
    finally:
        del fitted._build_categorical_vocab
