"""Sample the CPU time and memory of a process and its descendants."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import psutil

EVERY_SECONDS = 0.2
MEMORY_EVERY_SECONDS = 1.0
"""Reading a large process's memory takes milliseconds of a CPU that is being timed."""
GONE_WITHIN_SECONDS = 3.0
MB = 1e6


@dataclass
class Member:
    """One process of a tree: CPU seconds so far, current and peak memory in MB.

    A page shared by several processes counts proportionally in PSS, not at all in USS, and fully in
    each process's RSS.
    """

    process: psutil.Process
    parent: int
    command: str
    cpu: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)

    def read_cpu(self) -> None:
        """Record the CPU seconds so far."""
        times = self.process.cpu_times()
        self.cpu = times.user + times.system

    def read_memory(self) -> None:
        """Record the current memory."""
        info = self.process.memory_full_info()
        own = getattr(info, "pss", info.uss)  # PSS exists only on Linux
        self.memory = {"pss": own / MB, "uss": info.uss / MB, "rss": info.rss / MB}
        for kind, now in self.memory.items():
            self.peak[kind] = max(now, self.peak.get(kind, 0.0))


class TreeWatch:
    """Samples a process tree; members are kept after their parent dies."""

    def __init__(self, pid: int, memory_every: float = MEMORY_EVERY_SECONDS) -> None:
        self._memory_every = memory_every
        self._root = psutil.Process(pid)
        self._alive: dict[psutil.Process, Member] = {}
        self._seen: set[psutil.Process] = set()
        self.members: list[Member] = []
        self.times: list[float] = []
        self._cpu: list[float] = []
        self._others: list[float] = []
        self._memory: list[dict[str, float]] = []
        self._memory_due = 0.0

    def sample(self) -> None:
        """Record the current usage of the tree."""
        self._meet_new()
        now = time.time()
        with_memory = now >= self._memory_due
        for member in list(self._alive.values()):
            try:
                member.read_cpu()
                if with_memory:
                    member.read_memory()
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                del self._alive[member.process]
        if with_memory:
            self._memory_due = now + self._memory_every
        self.times.append(now)
        own = sum(member.cpu for member in self.members)
        self._cpu.append(own)
        self._others.append(_busy_seconds() - own)
        self._memory.append(self._memory_now())

    def _meet_new(self) -> None:
        for process in self._tree():
            if process in self._seen:
                continue
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                member = Member(process, process.ppid(), " ".join(process.cmdline()))
                self._seen.add(process)
                self._alive[process] = member
                self.members.append(member)

    def _tree(self) -> Iterator[psutil.Process]:
        try:
            yield self._root
            yield from self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return

    def _memory_now(self) -> dict[str, float]:
        kinds = ("pss", "uss", "rss")
        living = [member.memory for member in self._alive.values()]
        return {kind: sum(memory.get(kind, 0.0) for memory in living) for kind in kinds}

    def cpu_between(self, start: float, end: float) -> float:
        """Return the CPU seconds of the whole tree between two times."""
        return _rise(self.times, self._cpu, start, end)

    def others_between(self, start: float, end: float) -> float:
        """Return the CPU seconds of all other processes, which disturb timings."""
        return _rise(self.times, self._others, start, end)

    def peak_between(self, start: float, end: float, kind: str) -> float:
        """Return the peak memory of the whole tree at one time, in MB."""
        held = [
            memory[kind]
            for when, memory in zip(self.times, self._memory, strict=True)
            if start <= when <= end
        ]
        return max(held, default=0.0)

    def end(self) -> None:
        """Kill the rest of the tree and wait for it to end."""
        for process in self._alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(list(self._alive), timeout=GONE_WITHIN_SECONDS)


def _rise(times: list[float], values: list[float], start: float, end: float) -> float:
    before, after = np.interp([start, end], times, values)
    return float(after - before)


def _busy_seconds() -> float:
    """Return the seconds the machine's CPUs were busy."""
    times = psutil.cpu_times()._asdict()
    counted = ("user", "nice", "system", "irq", "softirq", "steal")
    return float(sum(times.get(kind, 0.0) for kind in counted))


def watched(
    process: subprocess.Popen[bytes],
    timeout: float,
    memory_every: float = MEMORY_EVERY_SECONDS,
) -> TreeWatch:
    """Sample a process until it ends, then end the rest of its tree."""
    watch = TreeWatch(process.pid, memory_every)
    force_fail = time.monotonic() + timeout
    try:
        while process.poll() is None and time.monotonic() < force_fail:
            watch.sample()
            time.sleep(EVERY_SECONDS)
    finally:
        watch.end()
        process.wait()
    return watch
