"""One Optuna trial from its parameters to its end: complete, pruned or failed."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import psutil
from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.search.memory import is_out_of_memory, smaller_batches
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.training import Outcome, Report, Verdict, train_candidate
from automodel_sk.search_space import Computed
from automodel_sk.tracking import TrialRecord

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["owner_is_alive", "record_of", "requeue_orphans", "run_trial"]

logger = logging.getLogger(__name__)

_TAGS = ("copy_of", "retried_with")

_STATE_OF = {
    Verdict.GO_ON: TrialState.COMPLETE,
    Verdict.PRUNE: TrialState.PRUNED,
    Verdict.OUT_OF_TIME: TrialState.PRUNED,
}


def run_trial(
    study: Study, trial: Trial, request: SearchRequest, dataset: Any, listener: SearchListener
) -> TrialRecord:
    """Train a trial's candidate and tell the study how it ended.

    Parameters
    ----------
    study : optuna.Study
        The study that asked.
    trial : optuna.trial.Trial
        A running trial.
    request : SearchRequest
        The search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    listener : SearchListener
        Told of each validation loss.

    Returns
    -------
    TrialRecord
        The ended trial; a failure is recorded, not raised.
    """
    trial.set_user_attr("owner", this_process())
    started = time.perf_counter()
    try:
        config = request.space.suggest(trial)
        twin = _twin(study, trial, request)
        if twin is None:
            outcome = _train(trial, config, request, dataset, listener)
            _note(trial, outcome)
            study.tell(trial, *_ending(outcome))
        else:
            _copy(study, trial, twin)
    except KeyboardInterrupt:
        study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)
        raise
    except Exception as exc:
        logger.debug("trial %d failed", trial.number, exc_info=True)
        trial.set_user_attr("reason", f"{type(exc).__name__}: {exc}".strip()[:2000])
        trial.set_user_attr("seconds", time.perf_counter() - started)
        study.tell(trial, state=TrialState.FAIL)
    return record_of(_ended(study, trial), request)


def _ended(study: Study, trial: Trial) -> FrozenTrial:
    return study._storage.get_trial(trial._trial_id)


def _ending(outcome: Outcome) -> tuple[float | None, TrialState]:
    """Return what to tell: a pruned trial's value is its last report, Optuna's own rule."""
    state = _STATE_OF[outcome.verdict]
    return (outcome.score if state is TrialState.COMPLETE else None), state


def _train(
    trial: Trial,
    config: Mapping[str, Any],
    request: SearchRequest,
    dataset: Any,
    listener: SearchListener,
) -> Outcome:
    """Train; where memory runs out, again with half the batch."""
    changed: dict[str, Any] = dict(trial.user_attrs.get("retried_with", {}))
    while True:
        try:
            report = _reporter(trial, request, listener)
            return train_candidate(request.task, {**config, **changed}, dataset, report)
        except Exception as exc:
            smaller = smaller_batches({**config, **changed}) if is_out_of_memory(exc) else None
            if smaller is None:
                raise
            changed |= smaller
            trial.set_user_attr("retried_with", changed)
            logger.warning("trial %d ran out of memory; again with %s", trial.number, changed)


def _reporter(trial: Trial, request: SearchRequest, listener: SearchListener) -> Report:
    """Return what passes each loss on to the pruner and the listener."""
    started = time.monotonic()

    def report(number: int, loss: float) -> Verdict:
        trial.report(loss, step=number)
        listener.on_report(trial.number, number, loss)
        if request.budget.search_is_over(time.monotonic() - started):
            return Verdict.OUT_OF_TIME
        return Verdict.PRUNE if trial.should_prune() else Verdict.GO_ON

    return report


def _twin(study: Study, trial: Trial, request: SearchRequest) -> FrozenTrial | None:
    """Return an earlier trial of the same configuration: it need not be trained twice."""
    computed = any(isinstance(domain, Computed) for domain in request.space.domains.values())
    if computed or request.space.function is not None:
        return None  # what they return may hang on more than the parameters
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return next((t for t in ended if t.params == trial.params and _is_whole(t)), None)


def _is_whole(trial: FrozenTrial) -> bool:
    """Return whether nothing but its configuration decided how a trial ended."""
    return "reason" not in trial.user_attrs and "retried_with" not in trial.user_attrs


def _copy(study: Study, trial: Trial, twin: FrozenTrial) -> None:
    """End a trial as its twin ended."""
    for number, loss in sorted(twin.intermediate_values.items()):
        trial.report(loss, step=number)
    trial.set_user_attr("steps", twin.user_attrs["steps"])
    trial.set_user_attr("seconds", 0.0)
    trial.set_user_attr("copy_of", twin.number)
    value = twin.value if twin.state is TrialState.COMPLETE else None
    study.tell(trial, value, twin.state)


def _note(trial: Trial, outcome: Outcome) -> None:
    trial.set_user_attr("steps", list(outcome.losses))
    trial.set_user_attr("seconds", outcome.seconds)
    if outcome.verdict is Verdict.OUT_OF_TIME:
        trial.set_user_attr("reason", "the time budget was used up")


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
            study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)


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
