"""Execute a plan: run the trials, then refit the best configuration on all the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, repeat
from typing import Any

from automodel_sk.exceptions import InvalidInputError, NoUsableTrialError
from automodel_sk.forecasting.calibration import plan_windows
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.forecasting.window_errors import enough_windows, scores_of_windows
from automodel_sk.metrics import display_name
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.backends import make_backend
from automodel_sk.search.final_refit import BestTrial, FinalModel, final_model_of
from automodel_sk.search.pacing import run_at_pace
from automodel_sk.search.planning import SearchPlan
from automodel_sk.search.progress import Callbacks, ProgressBar, TrackerCallback, progress_bar, say
from automodel_sk.search.request_builder import search_request, training_data
from automodel_sk.search.scratch import scratch_folder
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.storage import on_disk
from automodel_sk.tracking import Tracker
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.window_forecasts import KeptForecasts, kept_forecasts
from automodel_sk.trials import TrialRecord, best_record

__all__ = [
    "Fit",
    "calibration_is_possible",
    "failures_of",
    "run_trials",
    "score_name_of",
    "search_and_refit",
]


@dataclass(frozen=True)
class Fit:
    """The result of a search and its refit.

    Parameters
    ----------
    fitted : neuralforecast.NeuralForecast
        The final model.
    config : mapping
        Its configuration.
    best_step : int, optional
        Training steps at the best validation; None for a fixed configuration.
    records : sequence of TrialRecord
        The trials.
    precision : str, optional
        Precision of the trials.
    workers : int
        Number of parallel trials.
    steps : int, optional
        Training steps behind the final model's weights.
    note : str, optional
        What the time budget cut short.
    windows : KeptForecasts, optional
        The best trial's forecasts of its validation windows, if they are those of a model like the
        final one.
    scores : ConformalScores, optional
        Calibration of the intervals by these forecasts, if there are enough windows.
    """

    fitted: Any
    config: Mapping[str, Any]
    best_step: int | None
    records: Sequence[TrialRecord]
    precision: str | None = None
    workers: int = 1
    steps: int | None = None
    note: str | None = None
    windows: KeptForecasts | None = None
    scores: ConformalScores | None = None


def search_and_refit(
    plan: SearchPlan,
    options: OptimizationConfig,
    budget: TimeBudget,
    tracker: Tracker,
    key: str | None = None,
) -> Fit:
    """Run the trials of a plan and refit the best configuration on all the data.

    Parameters
    ----------
    plan : SearchPlan
        The plan; a fixed configuration is trained at once.
    options : OptimizationConfig
        How to search.
    budget : TimeBudget
        The time for search and refit.
    tracker : Tracker
        A started tracker that each trial is logged to.
    key : str, optional
        Key of the study if it is created.

    Returns
    -------
    Fit

    Raises
    ------
    NoUsableTrialError
        Every trial failed; lists the reasons.
    """
    data = cache(lambda: training_data(plan))
    trials = plan.num_samples if plan.strategy else 0
    reports = plan.strategy.n_reports if plan.strategy else 1
    label, metric = plan.task.model_name, score_name_of(plan)
    prunes = plan.strategy is not None and plan.strategy.pruner_name is not None
    with (
        progress_bar(
            trials, label, options.verbose, budget, reports, metric=metric, prunes=prunes
        ) as bar,
        scratch_folder("trials") as folder,
    ):
        records: Sequence[TrialRecord] = ()
        precision, workers = None, 1
        if plan.strategy is None:
            best = BestTrial(plan.task, plan.space.decode({}))
        else:
            trained_for = calibration_is_possible(plan) and not _calibrated_by_windows(plan)
            budget.calibrates = budget.is_limited and trained_for
            request = search_request(plan, options, budget, data())
            task = _keeping(request.task, str(folder), options)
            request = replace(request, task=task, key=key)
            precision, workers = request.task.trainer_options["precision"], request.workers
            callback = Callbacks([TrackerCallback(tracker), bar])
            tracker.check()  # its store is opened beside the trials, not beside what precedes them
            records = run_trials(request, data(), options, callback, bar)
            best = _best_trial(request, records)
        bar.on_refit()
        final = final_model_of(best, plan, options, data, budget, bar.on_refit)
        windows = _windows_of(best, final, str(folder))
    by_windows = windows is not None and _calibrated_by_windows(plan)
    return Fit(
        final.fitted,
        best.config,
        best.step,
        records,
        precision,
        workers,
        steps=final.steps,
        note=final.note,
        windows=windows,
        scores=_scores(windows, plan) if windows is not None and by_windows else None,
    )


def score_name_of(plan: SearchPlan) -> str:
    """Return what the trials' values are: a metric, or the training loss."""
    return display_name(plan.metric_name)


def calibration_is_possible(plan: SearchPlan) -> bool:
    """Return whether a plan's model needs held-out windows for its intervals and has some."""
    if plan.task.loss is not None and loss_family(plan.task.loss) != "point":
        return False
    try:
        plan_windows(plan.frame, plan.task.h)
    except InvalidInputError:
        return False
    return True


def _calibrated_by_windows(plan: SearchPlan) -> bool:
    """Return whether the validation windows are enough to calibrate the intervals."""
    point = plan.task.loss is None or loss_family(plan.task.loss) == "point"
    return point and enough_windows(int(plan.data.is_judged.sum()), plan.task.n_windows)


def _keeping(task: TrainingTask, folder: str, options: OptimizationConfig) -> TrainingTask:
    """Return a task whose best trial leaves its forecasts, and its weights if they can be used."""
    useless = options.refit == "full" and options.time_budget_hours is None
    weights = None if useless else folder
    return replace(task, weights=weights, forecasts=folder, keep_forecasts=1)


def _windows_of(best: BestTrial, final: FinalModel, folder: str) -> KeptForecasts | None:
    """Return the best trial's forecasts, unless the final training ended long before the trial."""
    cut_short = final.note is not None and best.step is not None and final.steps < best.step
    return None if cut_short else kept_forecasts(folder, best.config)


def _scores(windows: KeptForecasts, plan: SearchPlan) -> ConformalScores:
    data = plan.data
    return scores_of_windows(windows.point, data.windows, data.frame, data.season)


def run_trials(
    request: SearchRequest,
    dataset: Any,
    options: OptimizationConfig,
    callback: SearchCallback,
    bar: ProgressBar,
) -> Sequence[TrialRecord]:
    """Run the trials; if their number is open, as many as the time budget allows.

    Parameters
    ----------
    request : SearchRequest
        The search.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data.
    options : OptimizationConfig
        How to search.
    callback : SearchCallback
        Receives the events; an ended trial may come several times.
    bar : ProgressBar
        Shows how many trials are expected.

    Returns
    -------
    sequence of TrialRecord
    """
    open_number = options.num_samples is None and options.time_budget_hours is not None
    if not open_number or options.backend == "ray":  # each call restarts Ray's processes
        return make_backend(options.backend).run(request, dataset, callback)
    with on_disk(request.location) as location:  # each round opens the study anew
        return _run_in_rounds(replace(request, location=location), dataset, options, callback, bar)


def _run_in_rounds(
    request: SearchRequest,
    dataset: Any,
    options: OptimizationConfig,
    callback: SearchCallback,
    bar: ProgressBar,
) -> Sequence[TrialRecord]:
    backend = make_backend(options.backend)
    resume = chain([request.resume], repeat("auto"))  # the study of the first round goes on

    def run(number: int) -> Sequence[TrialRecord]:
        part = replace(request, num_samples=number, resume=next(resume))
        return backend.run(part, dataset, callback)

    def announce(number: int, seconds: float) -> None:
        bar.expect(number)
        speed = f"at {seconds:.3g} s a trial, {request.workers} at a time"
        say(f"Trials: about {number} fit into the time budget, {speed}.", options.verbose)

    return run_at_pace(run, request.num_samples, request.workers, request.budget, announce)


def _best_trial(request: SearchRequest, records: Sequence[TrialRecord]) -> BestTrial:
    best = best_record(records)
    if best is None:
        raise NoUsableTrialError(failures_of(records))
    losses = best.intermediate_values
    step = min(losses, key=lambda step: losses[step])
    return BestTrial(request.task, best.params, step, complete=best.ran_to_its_end)


def failures_of(records: Sequence[TrialRecord]) -> str:
    """Return why there is no model: the reasons of failure by frequency."""
    if not records:
        return "the time budget was used up before the first validation; raise time_budget_hours"
    reasons: dict[str, int] = {}
    for record in records:
        reason = record.reason or record.state.lower()
        reasons[reason] = reasons.get(reason, 0) + 1
    lines = [f"  {count} x {reason}" for reason, count in reasons.items()]
    return f"all {len(records)} trials failed, for these reasons:\n" + "\n".join(lines)
