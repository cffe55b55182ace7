"""What a process and all its descendants use: CPU seconds and memory, sampled from outside."""

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
    """One process of a tree: its CPU seconds so far, its memory now and at its peak, in MB.

    PSS counts a page that several processes share in parts, USS not at all, RSS
    in each of them.
    """

    process: psutil.Process
    parent: int
    command: str
    cpu: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)

    def read_cpu(self) -> None:
        """Note the CPU seconds so far."""
        times = self.process.cpu_times()
        self.cpu = times.user + times.system

    def read_memory(self) -> None:
        """Note the memory held now."""
        info = self.process.memory_full_info()
        own = getattr(info, "pss", info.uss)  # PSS is Linux's
        self.memory = {"pss": own / MB, "uss": info.uss / MB, "rss": info.rss / MB}
        for kind, now in self.memory.items():
            self.peak[kind] = max(now, self.peak.get(kind, 0.0))


class TreeWatch:
    """Samples a tree of processes; those once seen stay members when their parent dies."""

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
        """Note what the tree uses now."""
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
        """Return the CPU seconds of the whole tree between two moments."""
        return _rise(self.times, self._cpu, start, end)

    def others_between(self, start: float, end: float) -> float:
        """Return the CPU seconds that anything else took: what disturbs a timing."""
        return _rise(self.times, self._others, start, end)

    def peak_between(self, start: float, end: float, kind: str) -> float:
        """Return the most memory that the whole tree held at once, in MB."""
        held = [
            memory[kind]
            for when, memory in zip(self.times, self._memory, strict=True)
            if start <= when <= end
        ]
        return max(held, default=0.0)

    def end(self) -> None:
        """Kill what is left of the tree, and see it gone."""
        for process in self._alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(list(self._alive), timeout=GONE_WITHIN_SECONDS)


def _rise(times: list[float], values: list[float], start: float, end: float) -> float:
    before, after = np.interp([start, end], times, values)
    return float(after - before)


def _busy_seconds() -> float:
    """Return the seconds that the machine's CPUs were not idle."""
    times = psutil.cpu_times()._asdict()
    counted = ("user", "nice", "system", "irq", "softirq", "steal")
    return float(sum(times.get(kind, 0.0) for kind in counted))


def watched(
    process: subprocess.Popen[bytes],
    timeout: float,
    memory_every: float = MEMORY_EVERY_SECONDS,
) -> TreeWatch:
    """Sample a process until it ends; afterwards nothing of its tree is left."""
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
