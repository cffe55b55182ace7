"""The input of the rules: the trials, the search space and the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS
from automodel_sk.trials import OUT_OF_TIME, best_record

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.search_algorithm_selector import SearchStrategy
    from automodel_sk.search_space import SearchSpace
    from automodel_sk.trials import TrialRecord

__all__ = ["OUT_OF_TIME", "SearchRun", "best_loss"]


def best_loss(record: TrialRecord) -> float:
    """Return a trial's best validation loss."""
    return min(record.intermediate_values.values())


@dataclass(frozen=True)
class SearchRun:
    """A finished search, as input for the rules.

    Parameters
    ----------
    records : sequence of TrialRecord
        The trials, by number; empty for a fixed configuration.
    config : mapping
        The best configuration.
    h, val_size : int
        Forecast horizon, and number of held-out steps.
    space : SearchSpace, optional
        The search space.
    strategy : SearchStrategy, optional
        The algorithm, the pruner and the requested number of trials.
    profile : DatasetProfile, optional
        The profile of the data.
    scores : mapping of str to float
        Scaled errors of the model (first) and of the baselines; empty if they were not measured.

    Examples
    --------
    >>> SearchRun([], {"input_size": 24}, h=12, val_size=12).best is None
    True
    """

    records: Sequence[TrialRecord]
    config: Mapping[str, Any]
    h: int
    val_size: int
    space: SearchSpace | None = None
    strategy: SearchStrategy | None = None
    profile: DatasetProfile | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, model: AutoModel, *, baselines: bool = False) -> SearchRun:
        """Return a model's search; with `baselines`, its errors on past windows as well."""
        scores: dict[str, float] = {}
        if baselines:
            from automodel_sk.evaluation.backtest import measured

            errors = measured(model).scores()["MASE"]
            scores = dict(zip(errors.index.astype(str), errors.astype(float), strict=True))
        state = model.state
        return cls(
            state.records,
            state.config,
            state.h,
            state.task.val_size,
            state.space,
            state.strategy,
            state.profile,
            scores,
        )

    @cached_property
    def usable(self) -> list[TrialRecord]:
        """Trials with a loss of their own, by number; duplicates are excluded."""
        return [r for r in self.records if r.intermediate_values and "copy_of" not in r.tags]

    @cached_property
    def complete(self) -> list[TrialRecord]:
        """Trials that ran to their end, best first."""
        done = [record for record in self.usable if record.ran_to_its_end]
        return sorted(done, key=best_loss)

    @cached_property
    def pruned(self) -> list[TrialRecord]:
        """Trials that the pruner stopped; those stopped by the time budget are excluded."""
        return [r for r in self.usable if r.state == "PRUNED" and r.reason != OUT_OF_TIME]

    @cached_property
    def failed(self) -> list[TrialRecord]:
        """Failed trials."""
        return [record for record in self.records if record.state == "FAIL"]

    @property
    def best(self) -> TrialRecord | None:
        """The trial whose configuration was fitted."""
        return best_record(self.records)

    @property
    def leaders(self) -> list[TrialRecord]:
        """The three best complete trials; a single one may be an accident."""
        return self.complete[:3]

    @property
    def tuned(self) -> dict[str, Any]:
        """Domains with more than one value, by name."""
        domains = {} if self.space is None else self.space.domains
        return {name: domain for name, domain in domains.items() if domain.size != 1}

    @staticmethod
    def max_steps(record: TrialRecord) -> int:
        """Return the number of training steps a trial was configured for."""
        return int(record.params.get("max_steps") or DEFAULT_MAX_STEPS)
