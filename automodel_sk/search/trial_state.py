"""What a study keeps of a trial: whose it is, how it ended, whose twin it is, how it died.

The study is an Optuna study on every engine: it numbers the trials and outlives
the processes that run them.
"""

from __future__ import annotations

import json
import logging
import math
import os
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psutil
from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.search.memory import smaller_batches
from automodel_sk.search.request import SearchRequest
from automodel_sk.search.training import Outcome, Verdict
from automodel_sk.search_space import Computed
from automodel_sk.tracking import TrialRecord

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "claim",
    "copy_twin",
    "end",
    "fail",
    "find_twin",
    "frozen",
    "owner_is_alive",
    "record_of",
    "requeue",
    "requeue_orphans",
    "survive",
]

logger = logging.getLogger(__name__)

_TAGS = ("copy_of", "retried_with")

_STATE_OF = {
    Verdict.GO_ON: TrialState.COMPLETE,
    Verdict.PRUNE: TrialState.PRUNED,
    Verdict.OUT_OF_TIME: TrialState.PRUNED,
}


def claim(trial: Trial) -> None:
    """Note that this process runs a trial."""
    trial.set_user_attr("owner", this_process())


def end(study: Study, trial: Trial, outcome: Outcome) -> None:
    """Tell the study how a training went: a pruned trial's value is its last report."""
    trial.set_user_attr("steps", list(outcome.losses))
    trial.set_user_attr("seconds", outcome.seconds)
    if outcome.verdict is Verdict.OUT_OF_TIME:
        trial.set_user_attr("reason", "the time budget was used up")
    state = _STATE_OF[outcome.verdict]
    study.tell(trial, outcome.score if state is TrialState.COMPLETE else None, state)


def fail(study: Study, trial: Trial, reason: str, seconds: float) -> None:
    """Tell the study that a trial failed, and why."""
    trial.set_user_attr("reason", reason.strip()[:2000])
    trial.set_user_attr("seconds", seconds)
    study.tell(trial, state=TrialState.FAIL)


def frozen(study: Study, trial: Trial) -> FrozenTrial:
    """Return a trial as the study holds it now."""
    return study._storage.get_trial(trial._trial_id)


def requeue(study: Study, trial: Trial | FrozenTrial) -> None:
    """Queue a trial again under its own number, with the parameters that it has."""
    study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)


def find_twin(study: Study, trial: Trial, request: SearchRequest) -> FrozenTrial | None:
    """Return an earlier trial of the same configuration: it need not be trained twice."""
    computed = any(isinstance(domain, Computed) for domain in request.space.domains.values())
    if computed or request.space.function is not None:
        return None  # what they return may hang on more than the parameters
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return next((t for t in ended if t.params == trial.params and _is_whole(t)), None)


def _is_whole(trial: FrozenTrial) -> bool:
    """Return whether nothing but its configuration decided how a trial ended."""
    return "reason" not in trial.user_attrs and "retried_with" not in trial.user_attrs


def copy_twin(study: Study, trial: Trial, twin: FrozenTrial) -> None:
    """End a trial as its twin ended."""
    for number, loss in sorted(twin.intermediate_values.items()):
        trial.report(loss, step=number)
    trial.set_user_attr("steps", twin.user_attrs["steps"])
    trial.set_user_attr("seconds", 0.0)
    trial.set_user_attr("copy_of", twin.number)
    value = twin.value if twin.state is TrialState.COMPLETE else None
    study.tell(trial, value, twin.state)


def this_process() -> str:
    """Return what tells this process from any other, a later one of its number too."""
    return json.dumps([platform.node(), os.getpid(), psutil.Process().create_time()])


def owner_is_alive(trial: FrozenTrial) -> bool:
    """Return whether the process that runs a trial may still be at work.

    A process of another machine is taken to be alive: it can't be asked.
    """
    owner = trial.user_attrs.get("owner")
    if owner is None:
        return False
    node, pid, created = json.loads(owner)
    if node != platform.node():
        return True
    try:
        process = psutil.Process(pid)
        same = math.isclose(process.create_time(), created, abs_tol=1.0)
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def requeue_orphans(study: Study) -> None:
    """Queue again what a dead process left half done, under its own number."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not owner_is_alive(trial):
            logger.info("trial %d was cut off; it runs again", trial.number)
            requeue(study, trial)


def survive(study: Study, request: SearchRequest, trial: FrozenTrial, how: str) -> None:
    """Run a trial whose process died once more with smaller batches; then it is a failure.

    What kills a process is most often the system, short of memory.
    """
    smaller = None if "died" in trial.user_attrs else _smaller(request, trial)
    storage, trial_id = study._storage, trial._trial_id
    storage.set_trial_user_attr(trial_id, "died", how)
    if smaller is None:
        storage.set_trial_user_attr(trial_id, "reason", f"its worker process died ({how})")
        study.tell(trial.number, state=TrialState.FAIL)
        return
    logger.warning("trial %d: its worker died (%s); again with %s", trial.number, how, smaller)
    storage.set_trial_user_attr(trial_id, "retried_with", smaller)
    requeue(study, trial)


def _smaller(request: SearchRequest, trial: FrozenTrial) -> dict[str, int] | None:
    try:
        config = request.space.decode(trial.params, number=trial.number)
    except Exception:  # a user's function of the trial can fail in any way
        return {}  # it died before it had a configuration: as it is
    return smaller_batches(config)


def record_of(trial: FrozenTrial, request: SearchRequest) -> TrialRecord:
    """Return an ended trial as the rest of the package knows it."""
    steps: list[int] = trial.user_attrs.get("steps", list(trial.intermediate_values))
    losses = [trial.intermediate_values[k] for k in sorted(trial.intermediate_values)]
    elapsed = trial.duration.total_seconds() if trial.duration else 0.0
    return TrialRecord(
        number=trial.number,
        state=trial.state.name,
        value=trial.value,
        params=_config_of(trial, request),
        intermediate_values=dict(zip(steps, losses, strict=False)),
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        duration_seconds=float(trial.user_attrs.get("seconds", elapsed)),
        reason=trial.user_attrs.get("reason"),
        tags={k: trial.user_attrs[k] for k in _TAGS if k in trial.user_attrs},
    )


def _config_of(trial: FrozenTrial, request: SearchRequest) -> dict[str, Any]:
    """Return the configuration that was trained; what there is, where it failed earlier."""
    decode: Callable[..., dict[str, Any]] = request.space.decode
    try:
        config = decode(trial.params, number=trial.number)
    except Exception:  # a user's function of the trial can fail in any way
        return dict(trial.params)
    return {**config, **trial.user_attrs.get("retried_with", {})}
