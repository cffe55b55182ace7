"""Convert between sktime containers and long frames, for every type of index."""

from automodel_sk.frames.conversion import (
    Layout,
    exogenous_names,
    from_long,
    future_exogenous,
    known_future,
    last_steps,
    looks_like_long_frame,
    to_engine,
    to_long,
)

__all__ = [
    "Layout",
    "exogenous_names",
    "from_long",
    "future_exogenous",
    "known_future",
    "last_steps",
    "looks_like_long_frame",
    "to_engine",
    "to_long",
]
