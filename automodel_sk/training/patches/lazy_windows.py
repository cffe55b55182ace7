"""Copy training windows only after they are sampled.

At each step, neuralforecast copies all windows of a batch of series and then samples a few hundred
of them. With a hundred series of a thousand rows, copying takes longer than the model itself. Here
the windows stay a view of the rows, and only the sampled windows are copied: the same ones, in the
same order.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

__all__ = ["cut_when_drawn", "is_known"]

_KNOWN = frozenset({"f0c1b62ca2ac166c"})
"""Digests of the upstream functions whose windows this module reproduces."""


@contextmanager
def cut_when_drawn() -> Iterator[None]:
    """Copy only sampled windows for models trained in this context.

    If the upstream code is not a version known here, it is left unchanged.
    """
    from neuralforecast.common._base_model import BaseModel

    upstream = BaseModel._create_windows
    if not is_known(upstream):
        yield
        return

    def create(self: Any, batch: Mapping[str, Any], step: str) -> Any:
        drawn = _windows_to_draw(self, batch) if step == "train" else None
        return upstream(self, batch, step) if drawn is None else drawn

    BaseModel._create_windows = create
    try:
        yield
    finally:
        BaseModel._create_windows = upstream


@lru_cache(maxsize=8)
def is_known(function: Callable[..., Any]) -> bool:
    """Return whether `cut_when_drawn` can replace an upstream function.

    Examples
    --------
    >>> from neuralforecast.common._base_model import BaseModel
    >>> is_known(BaseModel._create_windows), is_known(BaseModel._parse_windows)
    (True, False)
    """
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # installed without its source
        return False
    return hashlib.blake2b(source.encode(), digest_size=8).hexdigest() in _KNOWN


class _Windows:
    """All windows of some series by index, not yet copied.

    Parameters
    ----------
    view : tensor, shape (series, windows of a series, steps, columns)
        A view of the rows.
    """

    def __init__(self, view: Any) -> None:
        self._view = view
        self.device = view.device

    def __getitem__(self, numbers: Any) -> Any:
        """Return windows of shape (drawn, steps, columns, 1)."""
        of_a_series = self._view.shape[1]
        drawn = self._view[numbers // of_a_series, numbers % of_a_series]
        return drawn.contiguous().unsqueeze(-1)


def _windows_to_draw(module: Any, batch: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return the result of the upstream function, or None if upstream must compute it."""
    import torch

    columns, rows = batch["temporal_cols"], batch["temporal"]
    held_out = module.val_size + module.test_size
    rows = module.padder_train(rows[:, :, :-held_out] if held_out else rows)
    steps = module.input_size + module.h
    if "sample_weight" in columns or rows.shape[-1] < steps:
        return None
    usable = _usable(module, rows[:, columns.get_loc("available_mask")])
    numbers = torch.nonzero(usable).squeeze(-1)
    if not len(numbers):
        return None
    views = rows.unfold(dimension=-1, size=steps, step=module.step_size)
    static = batch.get("static")
    windows: Any
    if module.MULTIVARIATE:
        windows = views.permute(2, 3, 1, 0)
    else:
        windows = _Windows(views.permute(0, 2, 3, 1))
        if static is not None:
            static = torch.repeat_interleave(static, repeats=views.shape[2], dim=0)
    return windows, static, batch.get("static_cols"), numbers, None, columns


def _usable(module: Any, observed: Any) -> Any:
    """Return which windows have enough of their past and of their future observed.

    Parameters
    ----------
    module : neuralforecast model
    observed : tensor, shape (series, steps)
        1 for actual rows, 0 for padding.

    Returns
    -------
    tensor of bool, by window index
    """
    import torch

    before = torch.nn.functional.pad(observed.double().cumsum(-1), (1, 0))
    if module.MULTIVARIATE:
        before = before.sum(0, keepdim=True)
    past, future = module.input_size, module.h
    counts = before.unfold(dimension=-1, size=past + future + 1, step=module.step_size)
    start, middle, end = counts[..., 0], counts[..., past], counts[..., -1]
    usable = middle - start >= _least(module, past, module.min_insample_fraction)
    if future:
        usable &= end - middle >= _least(module, future, module.min_outsample_fraction)
    return usable.flatten()


def _least(module: Any, steps: int, share: float) -> int:
    return max(1, int(steps * share * module.n_series))
