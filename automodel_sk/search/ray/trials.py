"""Pass trials between the study, which keeps them, and Ray, which runs them."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import Trial, TrialState

from automodel_sk.search.ray.replay import PROPOSED, RESULTS_SEEN, pass_result, replayed
from automodel_sk.search.ray.searcher import IdleProposer
from automodel_sk.search.study.attributes import (
    PLANNED_REPORTS,
    changes_of,
    count_of,
    note_changes,
)
from automodel_sk.search.study.loop import TrialNotifier
from automodel_sk.search.study.ownership import claim, heartbeats, requeue
from automodel_sk.search.study.request import SearchRequest, timeout_failure
from automodel_sk.search.study.storage import claiming
from automodel_sk.search.study.study import AskTellStudy, trials_left
from automodel_sk.search.study.trial_lifecycle import (
    copy_duplicate,
    end,
    fail,
    find_duplicate,
    record_of,
    retry_after_crash,
)
from automodel_sk.search.study.upstream import frozen, set_loss
from automodel_sk.training.reasons import failure_of
from automodel_sk.training.time_budget import RunningTrial as BudgetOfTrial
from automodel_sk.training.train import Decision, Outcome
from automodel_sk.trials import Failure

__all__ = ["RayTrials", "RunningTrial"]

logger = logging.getLogger(__name__)

_SECONDS_TO_IMPORT = 120
"""Time that a new process may need to import torch before its first training starts."""

_SECONDS_TO_ASK_AGAIN = 0.5

_SECONDS_TO_END = 10
"""Grace period for a trial whose own process ends it when its time is up."""

_MOST_LOST = 3
"""A trial that loses its machine more often than this is considered the cause."""

_LOST = "machines_lost"


@dataclass
class RunningTrial:
    """A trial that Ray runs, and its reports so far."""

    trial: Trial
    beating: ExitStack
    changed: Mapping[str, Any]
    budget: BudgetOfTrial
    started: float | None = None
    losses: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    verdict: Decision = Decision.CONTINUE
    late: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    limit: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    forecasts: str | None = None

    def age(self) -> float:
        """Return the seconds of training, without imports once the trial has reported."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    def outcome(self) -> Outcome:
        """Return the outcome of its training."""
        best_step = min(self.losses, key=lambda step: self.losses[step])
        return Outcome(
            self.losses[best_step],
            best_step,
            self.losses,
            self.verdict,
            self.seconds,
            self.notes,
            self.forecasts,
        )

    def stops_itself(self) -> bool:
        """Return whether its process ends it soon, so that it keeps what it has learnt."""
        return self.limit is not None and self.age() < self.limit + _SECONDS_TO_END


class RayTrials:
    """Claim trials for Ray and record their results in the study.

    Parameters
    ----------
    study : AskTellStudy
        Numbers the trials and outlives all processes.
    request : SearchRequest
        The search.
    notifier : TrialNotifier
        Notified of each report and each ended trial.
    most : int
        Maximum number of parallel trials.
    """

    def __init__(
        self, study: AskTellStudy, request: SearchRequest, notifier: TrialNotifier, most: int
    ) -> None:
        self._study, self._request, self._notifier, self._most = study, request, notifier, most
        self._awaited: int | None = None
        self._asked = -math.inf, 0
        self.running: dict[int, RunningTrial] = {}
        self.is_over = False
        own = request.make_sampler is not None
        self._proposer = IdleProposer() if own else replayed(study, request)

    def next_job(self) -> dict[str, Any] | None:
        """Claim a trial for Ray; None if there is none now, `is_over` if none will follow."""
        while len(self.running) < self._most and self._is_time_to_ask():
            trial = self._claimed()
            if trial is None:
                self._asked = time.monotonic(), len(self.running)
                return None
            config = self._begun(trial)
            if config is not None:
                return self._job(trial.number, config)
        return None

    def _job(self, number: int, config: dict[str, Any]) -> dict[str, Any]:
        """Return what a trial's process needs."""
        running, budget = self.running[number], self._request.budget
        slot = self._request.trainer.slot(config)
        if self._request.several is not None and budget.is_limited:
            running.limit = max(0.0, budget.left() - budget.reserve)
        return {
            "number": number,
            "config": config,
            "changed": running.changed,
            "slot": slot,
            "limit": running.limit,
        }

    def _is_time_to_ask(self) -> bool:
        """Return whether to look for a trial again, since Ray asks for one at every report."""
        asked, running = self._asked
        return running != len(self.running) or time.monotonic() > asked + _SECONDS_TO_ASK_AGAIN

    def _claimed(self) -> Trial | None:
        with claiming(self._request.location):
            budget = self._request.budget
            if not trials_left(self._study, self._request) or budget.search_is_over():
                self.is_over = not self.running
                return None
            if not self._ensure_trial():
                return None
            trial = self._study.ask()
            claim(trial)
            return trial

    def _ensure_trial(self) -> bool:
        """Make sure that the study has a trial to run; False if the searcher waits for results."""
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return True
        if self._request.make_sampler is not None:
            return True  # the study's own sampler draws it
        if self._awaited == self._proposer.results_seen and self.running:
            return False
        params = self._proposer.propose()
        if params is None and self.running:
            self._awaited = self._proposer.results_seen
            return False
        seen = self._proposer.results_seen
        self._study.enqueue_trial(params or {}, user_attrs={PROPOSED: True, RESULTS_SEEN: seen})
        return True

    def _begun(self, trial: Trial) -> dict[str, Any] | None:
        """Return a claimed trial's configuration, or None if it ended at once."""
        config = self._configuration(trial)
        if RESULTS_SEEN not in trial.user_attrs:
            trial.set_user_attr(RESULTS_SEEN, self._proposer.results_seen)
        self._proposer.begin(trial.number, trial.params)
        if isinstance(config, Failure):
            fail(self._study, trial, config, 0.0)
        elif duplicate := find_duplicate(self._study, trial, self._request):
            copy_duplicate(self._study, trial, duplicate)
        else:
            beating = ExitStack()
            beating.enter_context(heartbeats(trial))
            changed = changes_of(trial, config)
            budget = self._request.budget.of_trial(config)
            self.running[trial.number] = RunningTrial(
                trial, beating, changed, budget, config=config
            )
            return config
        self._pass_on(trial)
        return None

    def _configuration(self, trial: Trial) -> dict[str, Any] | Failure:
        try:
            return self._request.space.suggest(trial)
        except Exception as exc:  # a user's define-by-run function can raise anything
            return failure_of(exc)

    def start(self, number: int) -> None:
        """Record that a process has started a trial."""
        self.running[number].started = time.monotonic()

    def report(self, result: Mapping[str, Any]) -> None:
        """Record a validation loss, and whether the trial was stopped at it."""
        running = self.running[result["number"]]
        trial, number = running.trial, result["number"]
        if "outcome" in result:
            running.notes = result["outcome"]["notes"]
            running.forecasts = result["outcome"]["forecasts"]
            steps = result["outcome"]["steps"]
            if len(steps) == len(running.losses):  # the last one may have come early
                running.losses = dict(zip(steps, running.losses.values(), strict=True))
            return
        if result["changed"] != running.changed:
            running.changed = result["changed"]
            note_changes(trial, running.changed)
        if result["report"] == 1:
            running.losses.clear()
            if self._request.several is not None:
                trained = {**running.config, **running.changed}
                trial.set_user_attr(PLANNED_REPORTS, self._request.several.reports(trained))
        running.losses[result["step"]] = result["loss"]
        running.seconds = result["seconds"]
        running.started = time.monotonic() - running.seconds
        set_loss(self._study, trial, result["report"], result["loss"])
        if result.get("done") and running.verdict is Decision.CONTINUE:
            running.verdict = Decision.PRUNE
        self._notifier.on_report(number, result["report"], result["loss"])

    def must_stop(self, result: Mapping[str, Any]) -> bool:
        """Return whether to stop a trial at a report, which is recorded later."""
        number = result["number"]
        running = self.running[number]
        over = bool(running.losses) and running.budget.is_over(running.losses, running.age())
        if over and not running.stops_itself():
            running.verdict = Decision.OUT_OF_TIME
        elif self._request.make_pruner is not None and self._lags(running.trial, result):
            running.verdict = Decision.PRUNE
        return running.verdict is not Decision.CONTINUE or self.is_late(number)

    def _lags(self, trial: Trial, result: Mapping[str, Any]) -> bool:
        """Return whether the pruner stops a trial at a report; its own copy has no reports."""
        known, latest = copy.copy(frozen(self._study, trial)), result["report"]
        # An earlier attempt may have made more reports.
        earlier = {n: v for n, v in known.intermediate_values.items() if n < latest}
        known.intermediate_values = {**dict(sorted(earlier.items())), latest: result["loss"]}
        return self._study.pruner.prune(self._study, known)

    def is_late(self, number: int) -> bool:
        """Return whether a trial has exceeded its time limit."""
        running, limit = self.running[number], self._request.trial_timeout_minutes
        importing = 0 if running.losses else _SECONDS_TO_IMPORT
        running.late |= limit is not None and running.age() > 60 * limit + importing
        return running.late

    def end(self, number: int) -> None:
        """Record that a trial ended, whether complete or stopped at its last report."""
        running = self._taken(number)
        if running.late:
            fail(self._study, running.trial, timeout_failure(self._request), running.age())
        else:
            trained = {**running.config, **running.changed}
            outcome = self._request.trainer.keep(trained, running.outcome())
            end(self._study, running.trial, outcome)
        self._pass_on(running.trial)

    def fail(self, number: int, failure: Failure, seconds: float) -> None:
        """Record that a trial failed."""
        running = self._taken(number)
        fail(self._study, running.trial, failure, seconds)
        self._pass_on(running.trial)

    def die(self, number: int, how: str | None) -> None:
        """Record that a trial's process died, and retry it once with smaller batches.

        If its machine was lost (`how` is None), the trial is not the cause and is retried
        unchanged.
        """
        running = self._taken(number)
        trial = frozen(self._study, running.trial)
        lost = count_of(trial, _LOST)
        if running.late:
            fail(self._study, running.trial, timeout_failure(self._request), running.age())
        elif how is not None:
            retry_after_crash(self._study, self._request, trial, how)
        elif lost >= _MOST_LOST:
            failure = Failure("crashed", f"{lost + 1} machines were lost while running it")
            fail(self._study, running.trial, failure, running.age())
        else:
            logger.warning("trial %d: its machine was lost; it is retried", number)
            running.trial.set_user_attr(_LOST, lost + 1)
            requeue(self._study, running.trial)
        self._pass_on(running.trial)

    def _taken(self, number: int) -> RunningTrial:
        running = self.running.pop(number)
        running.beating.close()
        return running

    def _pass_on(self, trial: Trial) -> None:
        """Notify of an ended trial."""
        ended = frozen(self._study, trial)
        if ended.state.is_finished():
            pass_result(self._proposer, ended)
            self._notifier.on_trial_end(record_of(ended, self._request))

    def give_back(self) -> None:
        """Queue unfinished trials again."""
        for number in [*self.running]:
            requeue(self._study, self._taken(number).trial)
