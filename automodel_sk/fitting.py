"""A plan carried out: the trials, then the final model on all the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from automodel_sk.exceptions import NoUsableTrialError
from automodel_sk.options import OptimizationConfig
from automodel_sk.planning import SearchPlan
from automodel_sk.progress import Listeners, ProgressBar, TrackerListener, progress_bar
from automodel_sk.search.budget import TimeBudget
from automodel_sk.search.engines import make_engine
from automodel_sk.search.quiet import quiet
from automodel_sk.search.refit import fit_final
from automodel_sk.search.request import SearchRequest, best_record
from automodel_sk.search.storage import StudyLocation
from automodel_sk.search.worker_pool import shared_pool, workers_wanted
from automodel_sk.tracking import Tracker, TrialRecord

__all__ = ["Fit", "search_and_refit", "start_workers_early"]


@dataclass(frozen=True)
class Fit:
    """What a search and its refit gave."""

    fitted: Any
    config: Mapping[str, Any]
    best_step: int | None
    records: Sequence[TrialRecord]


def search_and_refit(
    plan: SearchPlan, options: OptimizationConfig, budget: TimeBudget, tracker: Tracker
) -> Fit:
    """Run the trials of a plan and train the best configuration on all the data.

    Parameters
    ----------
    plan : SearchPlan
        What is searched over; a fixed configuration is trained at once.
    options : OptimizationConfig
        How to search.
    budget : TimeBudget
        The time for both.
    tracker : Tracker
        A started tracker, told of each trial.

    Returns
    -------
    Fit

    Raises
    ------
    NoUsableTrialError
        Every trial failed; lists the reasons.
    """
    trials = plan.num_samples if plan.strategy else 0
    with progress_bar(trials, plan.task.model_name, options.verbose, budget) as bar:
        if plan.strategy is None:
            config = plan.space.decode({})
            return Fit(_refit(plan, config, None, budget, bar), config, None, ())
        records = _search(plan, options, budget, Listeners([TrackerListener(tracker), bar]))
        best = best_record(records)
        if best is None:
            raise NoUsableTrialError(_failures(records, options))
        losses = best.intermediate_values
        step = min(losses, key=lambda step: losses[step])
        return Fit(_refit(plan, best.params, step, budget, bar), best.params, step, records)


def _search(
    plan: SearchPlan, options: OptimizationConfig, budget: TimeBudget, listener: Listeners
) -> Sequence[TrialRecord]:
    from neuralforecast.tsdataset import TimeSeriesDataset

    if plan.strategy is None:
        return ()
    request = SearchRequest(
        task=replace(plan.task, objective=plan.objective),
        space=plan.space,
        strategy=plan.strategy,
        num_samples=plan.num_samples,
        location=StudyLocation(str(options.study_name), options.storage),
        identity=plan.identity(),
        resume=options.resume,
        budget=budget,
        random_seed=options.random_seed,
        workers=_workers(plan, options),
    )
    with quiet():
        dataset, *_ = TimeSeriesDataset.from_df(plan.frame, static_df=plan.static_df)
    return make_engine(options.backend).run(request, dataset, listener)


def start_workers_early(options: OptimizationConfig) -> None:
    """Let worker processes import what they need while the data are validated."""
    if workers_wanted(options) > 1:
        shared_pool()


def _workers(plan: SearchPlan, options: OptimizationConfig) -> int:
    """Return how many trials run at a time: one per CPU, one alone on a GPU."""
    if plan.task.trainer_options.get("accelerator") == "gpu":
        return 1
    return max(1, min(workers_wanted(options), plan.num_samples))


def _refit(
    plan: SearchPlan,
    config: Mapping[str, Any],
    steps: int | None,
    budget: TimeBudget,
    bar: ProgressBar,
) -> Any:
    bar.on_refit()
    return fit_final(
        plan.task,
        config,
        plan.frame,
        plan.profile.freq,
        static_df=plan.static_df,
        steps=steps,
        budget=budget,
        on_progress=bar.on_refit,
    )


def _failures(records: Sequence[TrialRecord], options: OptimizationConfig) -> str:
    """Return why there is no model, the reasons by their number."""
    if not records:
        return "the time budget was used up before the first validation; raise time_budget_hours"
    reasons: dict[str, int] = {}
    for record in records:
        reason = record.reason or record.state.lower()
        reasons[reason] = reasons.get(reason, 0) + 1
    lines = [f"  {count} x {reason}" for reason, count in reasons.items()]
    return f"all {len(records)} trials failed, with these reasons:\n" + "\n".join(lines)
