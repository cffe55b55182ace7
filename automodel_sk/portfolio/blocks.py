"""Forecast many series in blocks over several processes, or on a Ray cluster."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, FittedMember, Member
from automodel_sk.portfolio.members.files import Forecasts
from automodel_sk.portfolio.members.local import FittedLocal, LocalMember, LocalMethod
from automodel_sk.portfolio.members.series import SeriesValues
from automodel_sk.search.optuna.workers.pool import NoProcessError
from automodel_sk.search.parts import Processes, computed_parts

__all__ = ["BLOCK", "BlockForecasts", "fit_in_blocks", "needs_blocks"]

BLOCK = 500
"""Series of one block: few enough for processes to end together, many enough to start quickly."""

FEWEST = 2 * BLOCK
"""With fewer series, a member forecasts them in this process."""

_MOST_SECONDS = 1e9
_GRACE_SECONDS = 5.0
"""A process that is not done so long after the time is up does not end by itself."""


@dataclass(frozen=True)
class BlockForecasts:
    """Forecasts of blocks of series, which several processes share.

    Parameters
    ----------
    method : LocalMethod
        What forecasts.
    h, season : int
        Steps to forecast, and of one season.
    ends : float
        When the time is up, in seconds since 1970.
    order : array of int
        The series in random order, so that those left when the time is up are a random part.
    """

    method: LocalMethod
    h: int
    season: int
    ends: float
    order: npt.NDArray[np.int64]
    gpus: float | None = 0

    @property
    def blocks(self) -> list[npt.NDArray[np.int64]]:
        """The series of each block."""
        return [self.order[i : i + BLOCK] for i in range(0, len(self.order), BLOCK)]

    def __len__(self) -> int:
        return -(-len(self.order) // BLOCK)

    def part(self, number: int, series: SeriesValues) -> bytes:
        """Return the forecasts of one block, as a file of NumPy."""
        deadline = Deadline(self.ends - time.time())
        arrays: dict[str, Any] = {}
        try:
            taken = series.taken(self.blocks[number])
            found = self.method(taken, self.h, self.season, deadline)
            arrays = {"point": found.point.astype(np.float32), "lost": found.n_fallbacks}
            arrays["reason"] = found.reason or ""
        except SearchError as exc:  # of a whole block: the others may succeed
            arrays = {"reason": str(exc)[:500]}
        written = io.BytesIO()
        np.savez(written, **arrays)
        return written.getvalue()

    def result(self, parts: Mapping[int, bytes], series: SeriesValues, name: str) -> Forecasts:
        """Return the forecasts of all blocks; where there are none, seasonal-naive ones.

        Raises
        ------
        SearchError
            More than half of the series have none.
        """
        point = series.seasonal_naive(self.h, self.season).astype(np.float32)
        lost, reasons = 0, []
        for number, places in enumerate(self.blocks):
            arrays = _read(parts[number]) if number in parts else {}
            if "point" in arrays:
                point[places] = arrays["point"]
            lost += int(arrays["lost"]) if "point" in arrays else len(places)
            reasons.append(str(arrays.get("reason", "a worker process ended")))
        reason = next(filter(None, reasons), None)
        if 2 * lost > len(series):
            raise SearchError(
                f"{name} forecast {len(series) - lost} of {len(series)} series ({reason}); give it"
                " more time, or leave it out"
            )
        return Forecasts(point, lost, reason)


def _read(part: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(part), allow_pickle=False) as file:
        return dict(file)


def needs_blocks(member: Member, data: PortfolioData, processes: Processes) -> bool:
    """Return whether a member forecasts so many series that several processes share them."""
    if not isinstance(member, LocalMember) or member.family != "statistical":
        return False
    return processes.are_several and len(data.lengths) >= FEWEST


def fit_in_blocks(
    member: Member, data: PortfolioData, deadline: Deadline, processes: Processes
) -> FittedMember:
    """Fit a member on all rows; one that forecasts series by series does so in several processes.

    Parameters
    ----------
    member : Member
        The member.
    data : PortfolioData
        All rows.
    deadline : Deadline
        When the time is up; series that are not reached get the seasonal-naive forecast.
    processes : Processes
        Where to forecast.

    Raises
    ------
    SearchError
        The time did not suffice for half of the series.
    """
    if not needs_blocks(member, data, processes):
        return member.fit(data, deadline)
    assert isinstance(member, LocalMember)
    series = SeriesValues.of(data.frame)
    order = np.random.default_rng(0).permutation(len(series))
    left = min(deadline.left(), _MOST_SECONDS)
    task = BlockForecasts(member.method, data.h, data.season, time.time() + left, order)
    parts: dict[int, bytes] = {}
    try:
        parts.update(computed_parts(task, series, processes, left + _GRACE_SECONDS))
    except NoProcessError:
        for number in set(range(len(task))) - set(parts):
            parts[number] = task.part(number, series)
    return FittedLocal(member, data.season, task.result(parts, series, member.name))
