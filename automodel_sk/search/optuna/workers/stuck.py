"""Detect workers that wait for a lock which will never be released.

A fork has none of its parent's other threads, so any lock that one of them held stays locked: a
module's import lock or a library's own. The fork proves that it can train before it is used, but
cannot test everything. A worker that needs such a lock sleeps forever.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

__all__ = ["IDLE_SECONDS", "StuckError", "StuckWorkers"]

IDLE_SECONDS = 60.0
"""A worker that has not used the CPU for this long is waiting for something."""

_LEAST_CPU_SECONDS = 0.05
"""Heartbeats use less CPU time than this in that period."""


class StuckError(Exception):
    """A worker of a forked host most likely waits for a lock that is never released."""


@dataclass
class _Seen:
    cpu: float
    at: float


class StuckWorkers:
    """Detect workers that have not used the CPU for long."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def look(self, pids: set[int]) -> None:
        """Check the given workers.

        Parameters
        ----------
        pids : set of int
            Their process ids.

        Raises
        ------
        StuckError
            One of them has not computed for `IDLE_SECONDS`.
        """
        now = time.monotonic()
        self._seen = {pid: seen for pid, seen in self._seen.items() if pid in pids}
        for pid in pids:
            cpu = _cpu_seconds(pid)
            seen = self._seen.setdefault(pid, _Seen(cpu, now))
            if cpu - seen.cpu > _LEAST_CPU_SECONDS:
                self._seen[pid] = _Seen(cpu, now)
            elif now - seen.at > IDLE_SECONDS:
                raise StuckError(f"process {pid} has computed nothing for {IDLE_SECONDS:g} s")


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:  # it has ended, as its host will report
        return float("inf")
    return float(times.user + times.system)
