"""Find consecutive rows that are not one step of the frequency apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.data.panel import Panel
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.times.time_grid import TimeGrid
from automodel_sk.data.times.wall_clock import as_integers, distances
from automodel_sk.data.wording import show_time, shown
from automodel_sk.validation.data.structure import Names

__all__ = ["MAX_ODD_STEPS", "Spacing"]

MAX_ODD_STEPS = 0.5
"""Share of steps that may differ from the frequency before it counts as wrong."""

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]

_JUMP_PER_TIME, _LEAST_JUMP = 50, 1_000


@dataclass(frozen=True)
class Spacing:
    """Pairs of consecutive rows that are not one step apart.

    Parameters
    ----------
    panel : Panel
        The panel.
    freq : str or int
        The expected frequency, as messages show it.
    names : Names
        The columns, for messages.
    n_pairs : int
        Number of pairs of consecutive rows in total.
    codes, earlier, later : numpy.ndarray of int, shape (n_odd,)
        Series and ranks of the odd pairs.
    steps : numpy.ndarray of float, shape (n_odd,)
        Number of steps between them; NaN if it is not a whole number.
    """

    panel: Panel
    freq: str | int
    names: Names
    n_pairs: int
    codes: IntArray
    earlier: IntArray
    later: IntArray
    steps: npt.NDArray[np.float64]

    @classmethod
    def of(cls, panel: Panel, freq: Any, names: Names) -> Spacing:
        """Compare each row with the previous row of its series."""
        step = parse_frequency(freq)
        grid = TimeGrid.of(panel.times, step)
        codes, ranks = panel.in_order
        pairs = codes[1:] == codes[:-1]
        pairs &= ranks[1:] != ranks[:-1]
        odd = grid.successors().astype(np.int32)[ranks[:-1]] != ranks[1:]
        odd &= pairs
        at = np.flatnonzero(odd)
        steps = grid.steps(ranks[at], ranks[at + 1])
        wrong = steps != 1
        at, steps = at[wrong], steps[wrong]
        told = step if isinstance(step, int) else freq if isinstance(freq, str) else step.freqstr
        n_pairs = int(np.count_nonzero(pairs))
        return cls(panel, told, names, n_pairs, codes[at], ranks[at], ranks[at + 1], steps)

    @cached_property
    def is_uneven(self) -> BoolArray:
        """Mark the pairs that are not a whole number of steps apart."""
        return ~(self.steps > 1)

    @cached_property
    def is_jump(self) -> BoolArray:
        """Mark the pairs that are further apart than all times together could explain."""
        times = self.panel.times
        numbers = as_integers(times)
        gaps = distances(numbers[:-1], numbers[1:])
        usual = max(float(np.median(gaps)), 1.0) if len(gaps) else 1.0
        apart = distances(numbers[self.earlier], numbers[self.later]) / usual
        most = max(_LEAST_JUMP, _JUMP_PER_TIME * len(times))
        return (apart > most) | (self.steps > most)

    @cached_property
    def odd_share_by_series(self) -> npt.NDArray[np.float64]:
        """Return the share of unexpected steps per series; 0 for a series of one row."""
        n_series = len(self.panel.ids)
        odd = np.bincount(self.codes, minlength=n_series)
        return odd / np.maximum(self.panel.lengths - 1, 1)

    def first(self, chosen: BoolArray) -> str:
        """Format the first of the chosen pairs for a message."""
        at = int(chosen.argmax())
        start, end = (self.panel.times[ranks[at]] for ranks in (self.earlier, self.later))
        name = shown(self.panel.ids[self.codes[at]])
        return f"series {name} from {show_time(start)} to {show_time(end)}"
