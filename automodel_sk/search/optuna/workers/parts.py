"""Compute the parts of some work in the worker processes of this machine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automodel_sk.exceptions import SearchError
from automodel_sk.search.optuna.workers.pool import NoProcessError, WorkerPool, shared_pool
from automodel_sk.search.optuna.workers.stuck import StuckError, StuckWorkers
from automodel_sk.search.scratch import scratch_folder

__all__ = ["parts_in_workers"]

logger = logging.getLogger(__name__)

_DONE = ".done"


class _TimeUpError(Exception):
    """The parts that are not computed yet have no time left."""


@dataclass(frozen=True)
class _Shared:
    """What a worker runs: it computes one free part after the other until none is left.

    A worker takes a part by creating its file, so that no two compute the same one.
    """

    parts: Any
    folder: str

    @property
    def gpus(self) -> float | None:
        gpus: float | None = self.parts.gpus
        return gpus

    def work(self, data: Any, callback: Any = None) -> None:
        for number in range(len(self.parts)):
            if self._is_taken(number):
                continue
            written = Path(self.folder) / f"{number}.part"
            written.write_bytes(self.parts.part(number, data))
            written.replace(written.with_suffix(_DONE))

    def _is_taken(self, number: int) -> bool:
        try:
            os.close(os.open(Path(self.folder) / f"{number}.taken", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return True
        return False


def parts_in_workers(
    parts: Any, data: Any, workers: int, seconds: float = float("inf")
) -> Iterator[tuple[int, bytes]]:
    """Compute parts in worker processes and yield each result as it is known.

    Parameters
    ----------
    parts, data
        As in `computed_parts`.
    workers : int
        Number of processes.
    seconds : float
        Workers that are not done by then are killed.

    Yields
    ------
    tuple of int and bytes
        Number and result of a part. Those whose worker died are missing.

    Raises
    ------
    NoProcessError
        No worker can be started, or they hang; the parts not yielded have to be computed here.
    """
    with scratch_folder("parts") as folder:
        found = _Results(folder)
        failed: Exception | None = None
        pool = shared_pool()
        try:
            for _ in _ticks(pool, _Shared(parts, str(folder)), data, workers, seconds):
                yield from found.new()
        except _TimeUpError:
            pool.close()
        except (StuckError, SearchError) as exc:
            pool.close()
            failed = exc
        except BaseException:  # Ctrl-C, or nobody waits for the results any more
            pool.close()
            raise
        yield from found.new()
        if failed is not None:
            raise NoProcessError(str(failed)) from failed


def _ticks(
    pool: WorkerPool, shared: _Shared, data: Any, workers: int, seconds: float
) -> Iterator[None]:
    """Yield now and then while the workers compute; raise if they hang or the time is up."""
    ends = time.monotonic() + seconds
    stuck = StuckWorkers() if pool.is_fork else None
    for _ in pool.run((shared, data), min(workers, len(shared.parts))):
        yield
        if time.monotonic() > ends:
            raise _TimeUpError
        if stuck is not None:
            stuck.look(pool.workers())


class _Results:
    """The results that workers wrote to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[int] = set()

    def new(self) -> Iterator[tuple[int, bytes]]:
        """Yield the results that were not yielded before."""
        for file in sorted(self._folder.glob(f"*{_DONE}")):
            number = int(file.stem)
            if number not in self._known:
                self._known.add(number)
                yield number, file.read_bytes()
