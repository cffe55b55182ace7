"""Divide one time budget among the trials of several models and the refit of the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from automodel_sk.data.baselines import BASELINES
from automodel_sk.portfolio.rules import EQUALS_RATIO, MOST_MEMBERS
from automodel_sk.portfolio.shortlist import MOST_OF_A_MODEL
from automodel_sk.portfolio.space import MODEL
from automodel_sk.portfolio.window_errors import times_worse
from automodel_sk.training.refit_steps import final_steps
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.trials import TrialRecord

__all__ = [
    "CHEAP_SHARE",
    "CHEAP_SHARE_OF_SHORT_SEASONS",
    "SHORTEST_SLOT",
    "TOO_LITTLE",
    "PortfolioBudget",
    "TrialsBudget",
    "end_times",
    "first_slot",
    "network_refit_seconds",
]

REFIT_SHARE = 0.3
"""At most this share of the budget is kept for the final models."""

CHEAP_SHARE = 0.15
"""Share of the workers' time for all statistical and tree members of "auto" together."""

CHEAP_SHARE_OF_SHORT_SEASONS = 0.5
"""The same for seasons of at most 12 steps, where these members are better than networks: with 0.15
the errors on M1 monthly, M1 quarterly and M3 quarterly are 1.01, 1.01 and 1.03 times as large."""

TOO_LITTLE = 0.5
"""Once every network had its first trial, none starts with less than this share of its time."""

LEAST_SHARE = 0.04
"""At least this share is kept, since the final models may take longer than the trials did."""

SHORTEST_SLOT = 2.0
"""Seconds below which no network is trained."""

_SHORTEST_FIT = 0.1


class PortfolioBudget(TimeBudget):
    """Seconds for all trials and the final models together.

    Time is set aside for fitting the best models again on all rows. A network makes its steps at
    the speed of its trial, a tree takes as long as its trial, a local model as one of its windows.

    Parameters
    ----------
    seconds : float, optional
        The budget, starting now; no limit if None.
    refit : str
        As in `OptimizationConfig`; nothing is set aside unless it is "full".
    refit_shares : mapping of str to float
        Seconds that the final model takes, as a share of its trial's, by model.
    networks : iterable of str
        The models that are trained rather than fitted.

    Examples
    --------
    >>> budget = PortfolioBudget(100.0, refit_shares={"MLP": 1.0})
    >>> losses = {100: 1.0, 200: 2.0}
    >>> trial = TrialRecord(0, "COMPLETE", 1.0, {"model": "MLP"}, losses, duration_seconds=8.0)
    >>> budget.note(trial)
    >>> budget.reserve
    8.0
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        refit: str = "full",
        refit_shares: Mapping[str, float] | None = None,
        networks: Iterable[str] = (),
        **clock: Any,
    ) -> None:
        super().__init__(seconds, refit=refit, **clock)
        self._total = seconds or 0.0
        self._side_by_side = 1
        self._shares = dict(refit_shares or {})
        self._networks = frozenset(networks)
        self._refits = refit == "full"
        self._refits_of: dict[str, list[tuple[float, float]]] = {}
        self._most = REFIT_SHARE
        self._tried: set[str] = set()
        self._first_of: dict[str, tuple[int, float]] = {}
        self._cheap_seconds: dict[str, float] = {}

    def of_networks(self, names: Iterable[str]) -> None:
        """Set which models are trained rather than fitted."""
        self._networks = frozenset(names)

    def share_refits(
        self, shares: Mapping[str, float], most: float = REFIT_SHARE, side_by_side: int = 1
    ) -> None:
        """Set the seconds of final models as shares of their trials', by model.

        Parameters
        ----------
        shares : mapping of str to float
            By model; more than one where the final model forecasts many more series.
        most : float
            At most this share of the budget is set aside; what takes longer is no final model.
        side_by_side : int
            How many final models are fitted at a time.
        """
        self._shares, self._most, self._side_by_side = dict(shares), most, side_by_side

    @property
    def total(self) -> float:
        """Seconds of the whole budget; 0 without a limit."""
        return self._total

    def note(self, record: TrialRecord) -> None:
        """Update the time set aside, and what trials take, from an ended trial."""
        loss, model = record.best_loss, record.params.get(MODEL)
        if model in self._networks:
            self._tried.add(model)
            if record.state == "COMPLETE":
                first = record.number, record.duration_seconds
                self._first_of[model] = min(first, self._first_of.get(model, first))
        else:
            self._cheap_seconds[str(model)] = record.duration_seconds
        if record.state == "FAIL" or loss is None or model not in self._shares:
            return
        own = network_refit_seconds(record) if model in self._networks else record.duration_seconds
        seconds = self._shares[model] * own
        if self._shares[model] > 1 and self.is_limited and seconds > self._most * self._total:
            return  # it takes too long for all series
        if seconds > 0:
            self._refits_of[model] = sorted([*self._refits_of.get(model, ()), (loss, seconds)])[
                :MOST_OF_A_MODEL
            ]

    @property
    def reserve(self) -> float:
        """Seconds that the final models need, as far as is known."""
        if not self._refits:
            return 0.0
        longest_first = sorted(self._likely_members(), reverse=True)
        expected = max(end_times(longest_first, self._side_by_side), default=0.0)
        if not self.is_limited:
            return expected
        least = LEAST_SHARE * self._total if self._refits_of else 0.0
        return min(max(expected, least), self._most * self._total)

    def _likely_members(self) -> list[float]:
        """Return the seconds of the final models that an equal mean would have, see `Judged`."""
        losses = {model: refits[0][0] for model, refits in self._refits_of.items()}
        most = times_worse(min(losses.values(), default=0.0), EQUALS_RATIO)
        baseline = min((loss for name, loss in losses.items() if name in BASELINES), default=inf)
        likely = [
            (turn, loss, seconds)
            for model, refits in self._refits_of.items()
            for turn, (loss, seconds) in enumerate(refits)
            if loss <= most and (loss < baseline or model not in self._networks)
        ]
        return [seconds for _, _, seconds in sorted(likely)[:MOST_MEMBERS]]

    @property
    def refit_seconds(self) -> float | None:
        """Seconds that the final models will take; None before a network has ended."""
        return self.reserve if self._refits_of else None

    @property
    def cheap_seconds(self) -> Mapping[str, float]:
        """Seconds that the trial of each model without a training took, once it has ended."""
        return self._cheap_seconds

    def search_slot(self, model: str) -> float | None:
        """Return the seconds of a further trial of a network: those of the longest first trial.

        None before the network had its first trial, and before any network's trial is complete: a
        failed trial does not tell how long one takes.
        """
        if model not in self._tried or not self._first_of:
            return None
        return max(seconds for _, seconds in self._first_of.values())

    def search_is_over(self) -> bool:
        """Return whether too little time is left for another trial."""
        return super().search_is_over() or self.left() - self.reserve < self._least()

    def _least(self) -> float:
        """Return the seconds below which no trial is started."""
        if not self.is_limited or not self._networks:
            return 0.0
        if self._networks - self._tried:
            return SHORTEST_SLOT
        return max(SHORTEST_SLOT, TOO_LITTLE * (self.search_slot(next(iter(self._networks))) or 0))

    def of_trial(self, config: Mapping[str, Any]) -> Any:
        """Return an object that stops a running trial once its time is needed for the refit."""
        return _UntilReserve(self)


class _UntilReserve:
    """Stops a trial when only the refit's time is left."""

    def __init__(self, budget: PortfolioBudget) -> None:
        self._budget = budget

    def is_over(self, losses: Mapping[int, float], seconds: float | None = None) -> bool:
        """Return whether the trial must stop."""
        over = self._budget.is_limited and self._budget.left() <= self._budget.reserve
        if over:
            self._budget.cut_a_trial()
        return over


_TRIALS_REFITTED = 4
"""Members whose refit is expected in an ensemble of one network's trials."""


class TrialsBudget(TimeBudget):
    """Seconds for the search of one network and for fitting its best trials together.

    Time is set aside for several refits like that of the best trial, but no more than `REFIT_SHARE`
    of the budget unless one refit alone takes longer.

    Examples
    --------
    >>> budget = TrialsBudget(100.0, clock=lambda: 0.0)
    >>> budget.note(
    ...     TrialRecord(0, "COMPLETE", 1.0, {"max_steps": 100}, {100: 1.0}, duration_seconds=5.0)
    ... )
    >>> budget.refit_seconds, budget.reserve
    (5.0, 20.0)
    """

    @property
    def reserve(self) -> float:
        """Seconds that the final models need, as far as is known."""
        one: float = super().reserve
        return max(one, min(_TRIALS_REFITTED * one, REFIT_SHARE * self._seconds))


def first_slot(left: float, remaining: int, workers: int, others: float = 0.0) -> float:
    """Return the seconds for one of several first trainings that share some workers.

    Time that one leaves unused is spread over the rest; one share is left for the search.

    Parameters
    ----------
    left : float
        Seconds left for all of them.
    remaining : int
        Trainings not started yet, this one included.
    workers : int
        Trainings at a time.
    others : float
        Seconds of one worker that other trials will take meanwhile.

    Examples
    --------
    >>> first_slot(60.0, remaining=5, workers=2)
    20.0
    >>> first_slot(60.0, remaining=5, workers=2, others=30.0)
    15.0
    """
    free = max(0.0, left - others / workers)
    return max(SHORTEST_SLOT, free * min(workers, remaining) / (remaining + 1))


def end_times(seconds: Sequence[float], workers: int, left: float | None = None) -> list[float]:
    """Return when each of several fits ends, in seconds from the start of the first.

    A worker that is free takes the next fit.

    Parameters
    ----------
    seconds : sequence of float
        What each takes.
    workers : int
        Fits at a time.
    left : float, optional
        The time for all of them: each worker's fits are stretched or cut to fill it.

    Examples
    --------
    >>> end_times([6.0, 3.0, 2.0], workers=2)
    [6.0, 3.0, 5.0]
    >>> end_times([6.0, 3.0, 2.0], workers=2, left=10.0)
    [10.0, 6.0, 10.0]
    """
    loads = [0.0] * workers
    ends = []
    for each in seconds:
        worker = loads.index(min(loads))
        loads[worker] += max(_SHORTEST_FIT, each)
        ends.append((worker, loads[worker]))
    return [end if left is None else left * end / loads[worker] for worker, end in ends]


def network_refit_seconds(record: TrialRecord) -> float:
    """Return roughly how long a network's refit takes: its steps at the speed of its trial.

    Parameters
    ----------
    record : TrialRecord
        The trial, with its configuration.

    Examples
    --------
    >>> losses = {100: 1.0, 200: 2.0}
    >>> trial = TrialRecord(0, "COMPLETE", 1.0, {}, losses, duration_seconds=8.0)
    >>> network_refit_seconds(trial)  # half of the 200 steps
    4.0
    """
    losses = record.intermediate_values
    if not losses:
        return record.duration_seconds
    steps, best = max(losses), min(losses, key=lambda step: losses[step])
    wanted = final_steps({"max_steps": steps, **record.params}, best)
    return record.duration_seconds * wanted / steps
