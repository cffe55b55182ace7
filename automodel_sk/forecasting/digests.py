"""Digests of inputs and models, by which a stopped forecast knows what it may reuse."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["digest_of"]


def digest_of(*parts: Any) -> str:
    """Return a digest of frames, arrays, bytes and plain values.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a"], "y": [1.0]})
    >>> digest_of(frame, 3) == digest_of(frame.copy(), 3)
    True
    >>> digest_of(frame, 3) == digest_of(frame.assign(y=2.0), 3)
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(f"|{type(part).__name__}|".encode())
        if isinstance(part, pd.DataFrame):
            digest.update(repr(list(part.columns)).encode())
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        elif isinstance(part, np.ndarray):
            digest.update(repr(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(part if isinstance(part, bytes) else repr(part).encode())
    return digest.hexdigest()
