"""Fit several final members side by side, in the processes that ran the trials."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from automodel_sk.portfolio.budget import end_times
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.final_fits import Fit, Result, unzipped, zipped
from automodel_sk.search.optuna.workers.pool import NoProcessError
from automodel_sk.search.parts import Processes, computed_parts
from automodel_sk.training.memory import is_out_of_memory

__all__ = ["FitFailedError", "fitted_side_by_side", "worth_moving"]

logger = logging.getLogger(__name__)

LEAST_GAIN = 1.0
"""Seconds that must be gained, since starting processes takes time too."""

_SECONDS_PER_ROW = 1e-6
"""What passing on the rows of one member takes."""

_SECONDS_TO_TAKE_BACK = 0.4
"""What building a network around weights from another process takes."""

GRACE_SECONDS = 2.0
"""A process that is not done so long after the time is up does not end by itself."""

_ERROR = "error.txt"


class FitFailedError(Exception):
    """A member could not be fitted in another process, and would not be in this one."""


@dataclass(frozen=True)
class _Fits:
    """Fits as parts of some work.

    Parameters
    ----------
    fits : sequence of Fit
        The fits.
    ends : sequence of float
        When each must have ended, in seconds since 1970.
    gpus : float, optional
        GPUs that they may use.
    """

    fits: Sequence[Fit]
    ends: Sequence[float]
    gpus: float | None

    def __len__(self) -> int:
        return len(self.fits)

    def part(self, number: int, data: PortfolioData) -> bytes:
        """Fit one member; return its files, or why it failed."""
        try:
            files = self.fits[number].packed(data, self.ends[number] - time.time())
        except Exception as exc:
            if is_out_of_memory(exc):
                return b""  # alone it may have enough
            files = {_ERROR: f"{type(exc).__name__}: {exc}".encode()}
        return zipped(files)


def worth_moving(fits: Sequence[Fit], data: PortfolioData, processes: Processes) -> list[Fit]:
    """Return the fits to run in other processes, in their order; none if little is gained.

    Those that are lost if time is short come first, the longest of each kind before the others.

    Parameters
    ----------
    fits : sequence of Fit
        All of them.
    data : PortfolioData
        All rows.
    processes : Processes
        Where they can run.
    """
    movable = [fit for fit in fits if fit.is_movable(data, processes)]
    movable.sort(key=lambda fit: (not fit.is_needed, -fit.expected))
    if not processes.are_several or len(movable) < 2:
        return []
    seconds = [fit.expected for fit in movable]
    gain = sum(seconds) - max(end_times(seconds, _number(processes, seconds)))
    price = LEAST_GAIN + _SECONDS_PER_ROW * len(data.frame) * len(movable)
    return movable if gain >= price else []


def _number(processes: Processes, seconds: Sequence[float]) -> int:
    """Return how many fits run at a time."""
    return len(seconds) if processes.on_ray else max(1, min(processes.workers, len(seconds)))


def fitted_side_by_side(
    fits: Sequence[Fit],
    data: PortfolioData,
    processes: Processes,
    left: float,
    gpus: float | None = None,
) -> Iterator[tuple[Fit, Result]]:
    """Run fits in other processes, each within its share of the time.

    Parameters
    ----------
    fits : sequence of Fit
        The fits, as from `worth_moving`.
    data : PortfolioData
        All rows.
    processes : Processes
        Where to run them.
    left : float
        Seconds left for all of them; infinite without a limit.
    gpus : float, optional
        GPUs that they may use.

    Yields
    ------
    tuple of Fit and Result
        As they end. Those whose process died or ran out of memory are missing, and may be run in
        this process.
    """
    seconds = [fit.expected for fit in fits]
    logger.debug("final models: %.1f s left for fits of %s s", left, seconds)
    now, left = time.time(), max(0.0, left - _SECONDS_TO_TAKE_BACK * len(fits))
    turns = end_times(seconds, _number(processes, seconds), left)
    ends = [now + (left if fit.is_needed else turn) for fit, turn in zip(fits, turns, strict=True)]
    work = _Fits(fits, ends, gpus)
    try:
        for number, content in computed_parts(work, data, processes, left + GRACE_SECONDS):
            if content:
                yield fits[number], _unpacked(fits[number], content, data)
    except NoProcessError as exc:
        logger.warning("final models are fitted one after another: %s", exc)


def _unpacked(fit: Fit, content: bytes, data: PortfolioData) -> Result:
    files = unzipped(content)
    if _ERROR in files:
        return FitFailedError(files[_ERROR].decode())
    return fit.unpacked(files, data)
