"""Forecast many series in blocks over the worker processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, FittedMember, Member
from automodel_sk.portfolio.members.files import Forecasts
from automodel_sk.portfolio.members.local import FittedLocal, LocalMember, LocalMethod
from automodel_sk.portfolio.members.series import SeriesValues
from automodel_sk.search.optuna.workers.pool import NoProcessError, shared_pool
from automodel_sk.search.scratch import scratch_folder

__all__ = ["BLOCK", "BlockForecasts", "fit_in_blocks"]

BLOCK = 500
"""Series of one block: few enough for workers to end together, many enough to start quickly."""

FEWEST = 2 * BLOCK
"""With fewer series, a member forecasts them in this process."""


@dataclass(frozen=True)
class BlockForecasts:
    """Forecasts of blocks of series, which several processes share.

    A process takes a block by creating its file, so that no two forecast the same one.

    Parameters
    ----------
    method : LocalMethod
        What forecasts.
    h, season : int
        Steps to forecast, and of one season.
    ends : float
        When the time is up, in seconds since 1970.
    folder : str
        Folder for the results.
    order : array of int
        The series in random order, so that those left when the time is up are a random part.
    """

    method: LocalMethod
    h: int
    season: int
    ends: float
    folder: str
    order: npt.NDArray[np.int64]
    gpus: float | None = 0

    @property
    def blocks(self) -> list[npt.NDArray[np.int64]]:
        """The series of each block."""
        return [self.order[i : i + BLOCK] for i in range(0, len(self.order), BLOCK)]

    def work(self, series: SeriesValues, callback: Any = None) -> None:
        """Forecast one free block after the other until none is left."""
        for number, places in enumerate(self.blocks):
            if self._is_taken(number):
                continue
            deadline = Deadline(self.ends - time.time())
            arrays: dict[str, Any] = {}
            try:
                found = self.method(series.taken(places), self.h, self.season, deadline)
                arrays = {"point": found.point.astype(np.float32), "lost": found.n_fallbacks}
                arrays["reason"] = found.reason or ""
            except SearchError as exc:  # of a whole block: the others may succeed
                arrays = {"reason": str(exc)[:500]}
            written = self._path(number, "part")
            with written.open("wb") as file:
                np.savez(file, **arrays)
            written.replace(self._path(number, "npz"))

    def result(self, series: SeriesValues, name: str) -> Forecasts:
        """Return the forecasts of all blocks; where there are none, seasonal-naive ones.

        Raises
        ------
        SearchError
            More than half of the series have none.
        """
        point = series.seasonal_naive(self.h, self.season).astype(np.float32)
        lost, reasons = 0, []
        for number, places in enumerate(self.blocks):
            arrays = self._read(number)
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

    def _path(self, number: int, ending: str) -> Path:
        return Path(self.folder) / f"{number}.{ending}"

    def _is_taken(self, number: int) -> bool:
        try:
            os.close(os.open(self._path(number, "taken"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return True
        return False

    def _read(self, number: int) -> dict[str, Any]:
        with suppress(OSError), np.load(self._path(number, "npz"), allow_pickle=False) as file:
            return dict(file)
        return {}


def fit_in_blocks(
    member: Member, data: PortfolioData, deadline: Deadline, workers: int
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
    workers : int
        Number of processes.

    Raises
    ------
    SearchError
        The time did not suffice for half of the series.
    """
    if not isinstance(member, LocalMember) or member.family != "statistical":
        return member.fit(data, deadline)
    if workers < 2 or len(data.lengths) < FEWEST:
        return member.fit(data, deadline)
    series = SeriesValues.of(data.frame)
    order = np.random.default_rng(0).permutation(len(series))
    ends = time.time() + min(deadline.left(), 1e9)
    with scratch_folder("blocks") as folder:
        task = BlockForecasts(member.method, data.h, data.season, ends, str(folder), order)
        for _ in _workers_done(task, series, workers):
            pass
        return FittedLocal(member, data.season, task.result(series, member.name))


def _workers_done(
    task: BlockForecasts, series: SeriesValues, workers: int
) -> Iterator[dict[str, Any]]:
    """Let the worker processes forecast all blocks; without any, do so in this process."""
    try:
        pool = shared_pool()
        try:
            yield from pool.run((task, replace(series)), min(workers, len(task.blocks)))
        except NoProcessError:
            raise
        except BaseException:
            pool.close()
            raise
    except NoProcessError:
        task.work(series)
