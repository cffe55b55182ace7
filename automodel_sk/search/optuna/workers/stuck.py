"""Workers that wait for what nobody will give them.

A fork has none of its parent's other threads, and whatever lock one of them held stays locked
in it: a module's import, a library's own. The fork proves that it can train before it is used,
but can't try everything. A worker that needs such a lock sleeps for ever.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

__all__ = ["IDLE_SECONDS", "StuckError", "StuckWorkers"]

IDLE_SECONDS = 60.0
"""A worker that has not computed for so long waits for something."""

_LEAST_CPU_SECONDS = 0.05
"""What signs of life take in that time is less."""


class StuckError(Exception):
    """A worker of a forked host waits for a lock that is lost, by all likelihood."""


@dataclass
class _Seen:
    cpu: float
    at: float


class StuckWorkers:
    """Notices workers that have not computed for long."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def look(self, pids: set[int]) -> None:
        """Look at the workers that there are.

        Parameters
        ----------
        pids : set of int
            Their processes.

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
    except psutil.Error:  # it has ended, as its host will say
        return float("inf")
    return float(times.user + times.system)
