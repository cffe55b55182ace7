"""Record the end of a trial: complete, failed, copied from a duplicate, or retried.

The study is an Optuna study with both backends: it numbers the trials and outlives the processes
that run them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.search.study.attributes import (
    FITTED_TO_SLOT,
    NOTES,
    PLANNED_REPORTS,
    RETRIED_WITH,
    attach,
    changes_of,
    count_of,
    failure_of,
    notes_of,
    reason_of,
    retried_with,
    seconds_of,
    steps_of,
)
from automodel_sk.search.study.ownership import is_ours, requeue
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.upstream import frozen, set_attributes
from automodel_sk.search_space import Computed
from automodel_sk.training.train import Decision, Outcome
from automodel_sk.trials import OUT_OF_TIME, Failure, TrialRecord

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "copy_duplicate",
    "end",
    "fail",
    "find_duplicate",
    "force_fail",
    "record_of",
    "retry_after_crash",
    "run_again",
]

logger = logging.getLogger(__name__)

_STOPPED = "stopped"
_MOST_STOPPED = 3
"""A trial that is stopped more often may be the cause, for example by exceeding a memory limit."""

_STATE_OF = {
    Decision.CONTINUE: TrialState.COMPLETE,
    Decision.PLATEAU: TrialState.COMPLETE,
    Decision.SLOT_OVER: TrialState.COMPLETE,
    Decision.PRUNE: TrialState.PRUNED,
    Decision.OUT_OF_TIME: TrialState.COMPLETE,  # no pruner decided; a reason says so
}


def end(study: Study, trial: Trial, outcome: Outcome) -> None:
    """Record a training's outcome in the study; a pruned trial's value is its last report."""
    if not is_ours(frozen(study, trial)):
        return
    trial.set_user_attr("steps", list(outcome.losses))
    trial.set_user_attr("seconds", outcome.seconds)
    if outcome.notes:
        trial.set_user_attr(NOTES, dict(outcome.notes))
    if outcome.forecasts is not None:
        attach(trial, outcome.forecasts)
    if outcome.verdict is Decision.OUT_OF_TIME:
        trial.set_user_attr("reason", OUT_OF_TIME)
    state = _STATE_OF[outcome.verdict]
    study.tell(trial, outcome.score if state is TrialState.COMPLETE else None, state)


def fail(study: Study, trial: Trial, failure: Failure, seconds: float) -> None:
    """Record that a trial of this process failed, and why."""
    if is_ours(frozen(study, trial)):
        force_fail(study, trial, failure, seconds)


def force_fail(study: Study, trial: Trial | FrozenTrial, failure: Failure, seconds: float) -> None:
    """Record that a trial failed, whichever process ran it, and why."""
    reason = failure.reason.strip()[:2000]
    set_attributes(study, trial, reason=reason, failure=failure.kind, seconds=seconds)
    study.tell(trial.number, state=TrialState.FAIL)


def find_duplicate(study: Study, trial: Trial, request: SearchRequest) -> FrozenTrial | None:
    """Return an earlier trial of the same configuration, so that it is not trained again."""
    computed = any(isinstance(domain, Computed) for domain in request.space.domains.values())
    if computed or request.space.function is not None:
        return None  # the returned configuration may depend on more than the parameters
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return next((t for t in ended if t.params == trial.params and _is_whole(t)), None)


def _is_whole(trial: FrozenTrial) -> bool:
    """Return whether a trial's result depends on nothing but its configuration."""
    noted = trial.user_attrs
    changed = RETRIED_WITH in noted or FITTED_TO_SLOT in noted
    return noted.get("reason") is None and not changed and bool(steps_of(trial))


def copy_duplicate(study: Study, trial: Trial, duplicate: FrozenTrial) -> None:
    """End a trial with the result of its duplicate."""
    for number, loss in sorted(duplicate.intermediate_values.items()):
        trial.report(loss, step=number)
    trial.set_user_attr("steps", steps_of(duplicate))
    trial.set_user_attr("seconds", 0.0)
    trial.set_user_attr("copy_of", duplicate.number)
    if planned := count_of(duplicate, PLANNED_REPORTS):
        trial.set_user_attr(PLANNED_REPORTS, planned)
    value = duplicate.value if duplicate.state is TrialState.COMPLETE else None
    study.tell(trial, value, duplicate.state)


def run_again(study: Study, trial: FrozenTrial) -> bool:
    """Queue a trial again whose process was stopped; False if that happened too often."""
    stopped = count_of(trial, _STOPPED)
    if stopped >= _MOST_STOPPED:
        return False
    set_attributes(study, trial, **{_STOPPED: stopped + 1})
    requeue(study, trial)
    return True


def retry_after_crash(study: Study, request: SearchRequest, trial: FrozenTrial, how: str) -> None:
    """Retry a trial whose process died once with smaller batches; the second death is a failure.

    A killed process most often means that the system is short of memory.
    """
    smaller = None if "died" in trial.user_attrs else _smaller(request, trial)
    set_attributes(study, trial, died=how)
    if smaller is None:
        reason = f"its worker process died ({how})"
        set_attributes(study, trial, reason=reason, failure="crashed")
        study.tell(trial.number, state=TrialState.FAIL)
        return
    with_what = smaller or "the same configuration"
    logger.warning("trial %d: its worker died (%s); retrying with %s", trial.number, how, with_what)
    set_attributes(study, trial, **{RETRIED_WITH: smaller})
    requeue(study, trial)


def _smaller(request: SearchRequest, trial: FrozenTrial) -> dict[str, int] | None:
    try:
        config = request.space.decode(trial.params, number=trial.number)
        smaller = request.trainer.smaller({**config, **changes_of(trial, config)})
    except Exception:  # a user's define-by-run function can raise anything
        return {}  # it died before it had a valid configuration, so it is retried unchanged
    return smaller and {**retried_with(trial, config), **smaller}


def record_of(trial: FrozenTrial, request: SearchRequest) -> TrialRecord:
    """Convert an ended trial to a record.

    A complete trial whose parameters are not in the search space is converted to a failed one.
    """
    config = _config_of(trial, request)
    state, reason = trial.state, reason_of(trial)
    if config is None and state in (TrialState.COMPLETE, TrialState.PRUNED):
        state, reason = TrialState.FAIL, "its parameters are not in the search space"
    losses = _losses_of(trial, config or {})
    # Clocks may be set back during a trial.
    elapsed = max(0.0, trial.duration.total_seconds()) if trial.duration else 0.0
    seconds = seconds_of(trial)
    return TrialRecord(
        number=trial.number,
        state=state.name,
        value=list(losses.values())[-1] if state is TrialState.PRUNED and losses else trial.value,
        params=dict(trial.params) if config is None else config,
        intermediate_values=losses,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        duration_seconds=elapsed if seconds is None else seconds,
        reason=reason,
        failure=failure_of(trial) if state is TrialState.FAIL else None,
        tags=_tags_of(trial, config or {}),
    )


def _losses_of(trial: FrozenTrial, config: Mapping[str, Any]) -> dict[int, float]:
    """Return the validation losses by training step, or by number if the steps are unknown."""
    reported = [trial.intermediate_values[k] for k in sorted(trial.intermediate_values)]
    steps = steps_of(trial, most=_steps_in(config)) or sorted(trial.intermediate_values)
    # An earlier attempt may have made more reports.
    pairs = zip(steps, reported, strict=False)
    return {step: loss for step, loss in pairs if math.isfinite(loss)}


def _steps_in(config: Mapping[str, Any]) -> int:
    most = config.get("max_steps", DEFAULT_MAX_STEPS)
    return int(most) if isinstance(most, (int, float)) and math.isfinite(most) else 0


def _tags_of(trial: FrozenTrial, config: Mapping[str, Any]) -> dict[str, Any]:
    tags: dict[str, Any] = dict(notes_of(trial))
    if type(copy_of := trial.user_attrs.get("copy_of")) is int:
        tags["copy_of"] = copy_of
    if changed := retried_with(trial, config):
        tags[RETRIED_WITH] = changed
    return tags


def _config_of(trial: FrozenTrial, request: SearchRequest) -> dict[str, Any] | None:
    """Return the trained configuration, or None if the space has no such configuration."""
    decode: Callable[..., dict[str, Any]] = request.space.decode
    try:
        config = decode(trial.params, number=trial.number)
    except Exception:  # a user's define-by-run function can raise anything
        return None
    return {**config, **changes_of(trial, config)}
