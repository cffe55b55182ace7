"""Apply all rules in order of importance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from automodel_sk.diagnosis import curve_rules, space_rules, trial_rules
from automodel_sk.diagnosis.findings import Diagnosis, Finding
from automodel_sk.diagnosis.search_record import SearchRun

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["RULES", "diagnose"]

Rule = Callable[[SearchRun], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    trial_rules.failures,
    trial_rules.memory,
    space_rules.not_better_than_baseline,
    trial_rules.time_up,
    curve_rules.underfitting,
    space_rules.edges,
    trial_rules.few_trials,
    curve_rules.overfitting,
    trial_rules.pruned_too_early,
    space_rules.short_history,
    space_rules.wide_space,
    trial_rules.no_pruning,
    trial_rules.flat,
)
"""The rules; what one finds counts for more than what those after it find."""


def diagnose(search: AutoModel | SearchRun, *, baselines: bool = False) -> Diagnosis:
    """Diagnose a finished search; see `AutoModel.diagnose`.

    Examples
    --------
    >>> from automodel_sk.trials import TrialRecord
    >>> curve = {step: 1 / step for step in range(10, 110, 10)}
    >>> trial = TrialRecord(0, "COMPLETE", 0.01, {"max_steps": 100}, curve)
    >>> print(diagnose(SearchRun([trial], trial.params, h=2, val_size=2)))
    1. underfitting: The losses of 1 of the 1 best trials were still falling at the end of their
    training. Train longer. Try max_steps=200.
    """
    run = search if isinstance(search, SearchRun) else SearchRun.of(search, baselines=baselines)
    return Diagnosis(finding for rule in RULES for finding in rule(run))
