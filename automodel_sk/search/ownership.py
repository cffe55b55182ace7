"""Whose a running trial is, and whether its owner still lives, on this machine or another."""

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
from typing import TYPE_CHECKING, NamedTuple

import psutil
from optuna.storages._heartbeat import BaseHeartbeat, is_heartbeat_enabled
from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.search.storage import StudyLocation, claiming

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "Owner",
    "claim",
    "is_ours",
    "local_pid",
    "owner_of",
    "requeue",
    "requeue_orphans",
    "running_trials",
    "signs_of_life",
]

logger = logging.getLogger(__name__)

_OWNER = "owner"


class Owner(NamedTuple):
    """A thread of a process of a machine, told from any other and from later ones.

    Parameters
    ----------
    machine : str
        Its name, and what tells it from others of that name.
    pid : int
        The process.
    created : float
        When the process began: its number may be given again.
    thread : int
        The thread.
    """

    machine: str
    pid: int
    created: float
    thread: int

    def __str__(self) -> str:
        return f"{self.machine.split()[0]} (process {self.pid})"

    @classmethod
    def here(cls) -> Owner:
        """Return the calling thread."""
        created = psutil.Process().create_time()
        return cls(_this_machine(), os.getpid(), created, threading.get_ident())

    def is_alive(self, heard: bool) -> bool:
        """Return whether the owner may still be at work.

        Parameters
        ----------
        heard : bool
            Whether its trial has shown a sign of life: processes of other machines
            can't be asked.
        """
        if self.machine != _this_machine():
            return heard
        if self.pid == os.getpid():
            # The thread that asks is at no trial.
            others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
            return self.thread in others
        try:
            process = psutil.Process(self.pid)
            same = math.isclose(process.create_time(), self.created, abs_tol=1.0)
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def _this_machine() -> str:
    """Return what tells this machine from others, and containers on it from each other."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def owner_of(trial: FrozenTrial) -> Owner | None:
    """Return who runs a trial, None where that was never noted."""
    noted = trial.user_attrs.get(_OWNER)
    return None if noted is None else Owner(*json.loads(noted))


def local_pid(trial: FrozenTrial) -> int | None:
    """Return the process that runs a trial, None where it is on another machine."""
    owner = owner_of(trial)
    return owner.pid if owner is not None and owner.machine == _this_machine() else None


def is_ours(trial: FrozenTrial) -> bool:
    """Return whether this process runs a trial: one taken for dead may find it given away."""
    owner, here = owner_of(trial), Owner.here()
    running = trial.state is TrialState.RUNNING
    return running and owner is not None and owner[:3] == here[:3]


def claim(trial: Trial) -> None:
    """Note that the calling thread runs a trial; to be called while claiming."""
    _beat(trial)
    trial.set_user_attr(_OWNER, json.dumps(Owner.here()))


def requeue(study: Study, trial: Trial | FrozenTrial) -> None:
    """Queue a trial again under its own number, with the parameters that it has."""
    for name in {_OWNER, "reason"} & set(trial.user_attrs):
        study._storage.set_trial_user_attr(trial._trial_id, name, None)
    study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)


def requeue_orphans(study: Study, location: StudyLocation) -> None:
    """Queue again what dead processes left half done.

    Parameters
    ----------
    study : optuna.Study
        The study.
    location : StudyLocation
        Where it lives: nobody claims a trial while its owner is looked for.
    """
    if not running_trials(study):
        return
    with claiming(location):
        silent = _silent(study)
        for trial in running_trials(study):
            if not _is_at_work(trial, silent):
                logger.info("trial %d was cut off; it runs again", trial.number)
                requeue(study, trial)


def running_trials(study: Study) -> list[FrozenTrial]:
    """Return the trials that some process has begun and not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _silent(study: Study) -> Collection[int]:
    """Return the ids of running trials that have shown no sign of life for too long."""
    storage = study._storage
    if not isinstance(storage, BaseHeartbeat) or not is_heartbeat_enabled(storage):
        return ()
    return storage._get_stale_trial_ids(study._study_id)


def _is_at_work(trial: FrozenTrial, silent: Collection[int]) -> bool:
    owner = owner_of(trial)
    return owner is not None and owner.is_alive(heard=trial._trial_id not in silent)


@contextlib.contextmanager
def signs_of_life(trial: Trial) -> Iterator[None]:
    """Show from time to time, in the storage, that a trial's process is alive."""
    storage = trial.storage
    if not isinstance(storage, BaseHeartbeat) or not is_heartbeat_enabled(storage):
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
            _beat(trial)
        except Exception:  # a storage that is away for a while: the next sign may reach it
            logger.debug("no sign of life of trial %d", trial.number, exc_info=True)


def _beat(trial: Trial) -> None:
    storage = trial.storage
    if isinstance(storage, BaseHeartbeat) and is_heartbeat_enabled(storage):
        storage.record_heartbeat(trial._trial_id)
