"""Which process owns a running trial, and whether it is still alive."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import platform
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.search.study.attributes import json_of
from automodel_sk.search.study.storage import StudyLocation, claiming
from automodel_sk.search.study.upstream import (
    record_heartbeat,
    sends_heartbeats,
    set_attributes,
    set_waiting,
    silent_trials,
)

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "Owner",
    "claim",
    "heartbeats",
    "is_ours",
    "local_pid",
    "owner_of",
    "requeue",
    "requeue_orphans",
    "running_trials",
    "trials_at_work",
]

logger = logging.getLogger(__name__)

_OWNER = "owner"
_STARTED = 19
"""Index of a process's start time among the fields of ``/proc/PID/stat`` after its name."""

_SAME_BEGINNING = 1.0
_LARGEST_PID = 2**31


class Owner(NamedTuple):
    """A thread of a process on a machine, distinct from all others and later ones.

    Parameters
    ----------
    machine : str
        Name of the machine, with an identifier that distinguishes it from others of that name.
    pid : int
        The process id.
    created : float
        Start time of the process, on a clock that is never set, because process ids are reused.
    thread : int
        The thread id.
    """

    machine: str
    pid: int
    created: float
    thread: int

    def __str__(self) -> str:
        name = self.machine.partition(" ")[0][:80]  # another process may have written any value
        return f"{name if name.isprintable() else repr(name)} (process {self.pid})"

    @classmethod
    def here(cls) -> Owner:
        """Return the calling thread."""
        return cls(_this_machine(), os.getpid(), _began(os.getpid()), threading.get_ident())

    def is_alive(self, has_heartbeat: bool) -> bool:
        """Return whether the owner may still be at work.

        Parameters
        ----------
        has_heartbeat : bool
            Whether its trial has sent a recent heartbeat, since processes of other machines cannot
            be inspected.
        """
        if self.machine != _this_machine():
            return has_heartbeat
        if self.pid == os.getpid():
            # The calling thread does not run a trial.
            others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
            return self.thread in others
        try:
            same = math.isclose(_began(self.pid), self.created, abs_tol=_SAME_BEGINNING)
            return same and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def _began(pid: int) -> float:
    """Return a process's start in ticks since boot, which clock adjustments do not affect.

    If that count is not available, it is the wall-clock time.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return psutil.Process(pid).create_time()
    return float(stat.rpartition(b")")[2].split()[_STARTED])


def _this_machine() -> str:
    """Return an identifier of this machine that also distinguishes its containers."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def owner_of(trial: FrozenTrial) -> Owner | None:
    """Return the owner of a trial, or None if it was never recorded."""
    noted = json_of(trial.user_attrs.get(_OWNER))
    if not isinstance(noted, list) or len(noted) != len(Owner._fields):
        return None
    machine, pid, created, thread = noted
    known = isinstance(machine, str) and type(thread) is int
    known = known and type(pid) is int and 0 < pid < _LARGEST_PID
    known = known and isinstance(created, (int, float))
    return Owner(machine, pid, created, thread) if known else None


def local_pid(trial: FrozenTrial) -> int | None:
    """Return the id of the process that runs a trial, or None if it is on another machine."""
    owner = owner_of(trial)
    return owner.pid if owner is not None and owner.machine == _this_machine() else None


def is_ours(trial: FrozenTrial) -> bool:
    """Return whether this process owns a trial; one considered dead may have lost it to another."""
    owner, here = owner_of(trial), Owner.here()
    running = trial.state is TrialState.RUNNING
    return running and owner is not None and owner[:3] == here[:3]


def claim(trial: Trial) -> None:
    """Record that the calling thread owns a trial; call it while claiming."""
    record_heartbeat(trial)
    trial.set_user_attr(_OWNER, json.dumps(Owner.here()))


def requeue(study: Study, trial: Trial | FrozenTrial) -> None:
    """Queue a trial again with its number and parameters."""
    noted = {_OWNER, "reason", "failure"} & set(trial.user_attrs)
    set_attributes(study, trial, **dict.fromkeys(noted))
    set_waiting(study, trial)


def requeue_orphans(study: Study, location: StudyLocation) -> None:
    """Queue unfinished trials of dead processes again.

    Parameters
    ----------
    study : optuna.Study
        The study.
    location : StudyLocation
        The location to lock, so that no trial is claimed during the check.
    """
    if not running_trials(study):
        return
    with claiming(location):
        at_work = {trial.number for trial in trials_at_work(study)}
        for trial in running_trials(study):
            if trial.number not in at_work:
                logger.info("trial %d was interrupted; it is retried", trial.number)
                requeue(study, trial)


def trials_at_work(study: Study) -> list[FrozenTrial]:
    """Return the running trials whose owners may still be alive."""
    running = running_trials(study)
    silent = silent_trials(study, running)
    return [trial for trial in running if _is_at_work(trial, silent)]


def running_trials(study: Study) -> list[FrozenTrial]:
    """Return the trials that some process has started and not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _is_at_work(trial: FrozenTrial, silent: Collection[int]) -> bool:
    owner = owner_of(trial)
    return owner is not None and owner.is_alive(has_heartbeat=trial.number not in silent)


@contextlib.contextmanager
def heartbeats(trial: Trial) -> Iterator[None]:
    """Send heartbeats to the storage while a trial runs."""
    storage: Any = trial.storage
    if not sends_heartbeats(storage):
        yield
        return
    over = threading.Event()
    thread = threading.Thread(
        target=_beat_until, args=(trial, storage.get_heartbeat_interval(), over), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat_until(trial: Trial, interval: float, over: threading.Event) -> None:
    while not over.wait(interval):
        try:
            record_heartbeat(trial)
        except Exception:  # the storage is unavailable for a while; the next heartbeat may reach it
            logger.debug("no sign of life of trial %d", trial.number, exc_info=True)
