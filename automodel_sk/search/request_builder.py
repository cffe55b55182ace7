"""Build the request for a backend from the plan, the options and this machine."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from automodel_sk._utils.machine import free_gpu_memory_gb, n_gpus
from automodel_sk.catalog.models import get_characteristics
from automodel_sk.data.categories import Vocabulary, encoded, vocabulary
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.final_refit import final_threads
from automodel_sk.search.initial_trials import example_config
from automodel_sk.search.optuna.workers.pool import (
    NoProcessError,
    shared_pool,
    workers_are_possible,
    workers_wanted,
)
from automodel_sk.search.planning import SearchPlan
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.training.patches.isolation import quiet
from automodel_sk.training.patches.torch_modes import plain_torch
from automodel_sk.training.precision import PrecisionChoice, choose_precision, unmeasured
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.turns import search_turn_if_free, training_turn

__all__ = [
    "gpus_allowed",
    "on_gpu",
    "search_request",
    "start_workers_early",
    "training_data",
    "trials_at_a_time",
    "trials_per_gpu",
]

logger = logging.getLogger(__name__)

_GPU_CONTEXT_GB = 0.6
_GPU_SHARE = 0.9
_MOST_PER_GPU = 16


def search_request(
    plan: SearchPlan, options: OptimizationConfig, budget: TimeBudget, dataset: Any
) -> SearchRequest:
    """Return the request for a backend.

    Parameters
    ----------
    plan : SearchPlan
        The plan of the search.
    options : OptimizationConfig
        How to search; `warm_start` holds configurations.
    budget : TimeBudget
        The time for search and refit.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset
        The data, which the precision is measured on.

    Returns
    -------
    SearchRequest

    Raises
    ------
    InvalidInputError
        The plan is a fixed configuration, which needs no search.
    """
    from automodel_sk.search.optuna.objects import check_sendable, pruner_maker, sampler_maker
    from automodel_sk.search.study.search_spec import describe_search

    if plan.strategy is None:
        raise InvalidInputError("a fixed configuration is trained once, without a search")
    per_gpu, gpus = options.trials_per_gpu, None
    if on_gpu(plan.task):
        per_gpu, gpus = trials_per_gpu([plan.task.model_name], options), gpus_allowed(options)
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
        workers=trials_at_a_time(workers_wanted(options), plan.num_samples, gpus, per_gpu),
        cpus=options.cpus,
        gpus=options.gpus,
        trials_per_gpu=per_gpu,
        ray_address=options.ray_address,
        trial_timeout_minutes=options.trial_timeout_minutes,
        warm_start=tuple(options.warm_start or ()),
        first=plan.first,
        patience=options.patience,
        job=describe_search(plan.task, plan.space, plan.num_samples, options),
        make_sampler=sampler_maker(options.sampler),
        make_pruner=pruner_maker(options.pruner),
        metric=plan.metric_name,
    )
    check_sendable(request)
    choice = _precision(request, options.precision, dataset)
    logger.info("precision of the trials: %s", choice)
    if options.refit_precision != choice.precision:
        budget.slower_refit = max(1.0, choice.speedup / math.sqrt(final_threads(options)))
    trainer = {**request.task.trainer_options, "precision": choice.precision}
    return replace(request, task=replace(request.task, trainer_options=trainer))


def _precision(request: SearchRequest, asked: str, dataset: Any) -> PrecisionChoice:
    from automodel_sk.search.study.search_spec import earlier_precision

    def config() -> dict[str, Any]:
        return example_config(request.task.model_name, request.space, request.random_seed)

    earlier = None
    if asked == "auto" and request.resume == "auto":
        earlier = earlier_precision(request.location)
    if earlier is not None:
        return unmeasured(earlier, "as the trials that the study holds", request.task)
    with quiet():
        return choose_precision(asked, request.task, config, dataset)


def training_data(plan: SearchPlan, codes: Vocabulary | None = None) -> Any:
    """Return the data that trials are trained on, in neuralforecast's format.

    Parameters
    ----------
    plan : SearchPlan
        The plan.
    codes : mapping, optional
        The codes of categories by column; those of the plan's network if None.
    """
    from neuralforecast.tsdataset import TimeSeriesDataset

    with training_turn(), quiet(), plain_torch():
        frame, static = plan.trial_data()
        if codes is None:
            codes = vocabulary(plan.task.cat_exog, plan.frame, plan.static_df)
        coded = None if static is None else encoded(static, codes)
        dataset, *_ = TimeSeriesDataset.from_df(encoded(frame, codes), static_df=coded)
    return dataset


def start_workers_early(options: OptimizationConfig) -> None:
    """Start the host of the worker processes while the data are validated."""
    hanging = options.trial_timeout_minutes is not None and workers_are_possible()
    wanted = options.backend == "optuna" and (workers_wanted(options) > 1 or hanging)
    if not wanted:
        return
    with search_turn_if_free() as free, suppress(NoProcessError):  # the search will report it
        if free:  # otherwise its pool exists already
            shared_pool(may_fork=True)


def on_gpu(task: TrainingTask) -> bool:
    """Return whether a task trains on a GPU."""
    return task.trainer_options.get("accelerator") == "gpu"


def gpus_allowed(options: OptimizationConfig) -> float:
    """Return the GPUs that a search may use: as requested, or all of the machine."""
    return n_gpus() if options.gpus is None else options.gpus


def trials_at_a_time(
    cpus: int, num_samples: int, gpus: float | None = None, per_gpu: int | None = None
) -> int:
    """Return how many trials run in parallel: one per CPU, limited by what the GPUs hold.

    Parameters
    ----------
    cpus : int
        CPUs that the search may use.
    num_samples : int
        Trials in all.
    gpus : float, optional
        GPUs that it may use; None if it trains on the CPUs.
    per_gpu : int, optional
        Trials that share a GPU.

    Examples
    --------
    >>> trials_at_a_time(16, 10), trials_at_a_time(16, 100, gpus=1, per_gpu=4)
    (10, 4)
    >>> trials_at_a_time(4, 100, gpus=2, per_gpu=8), trials_at_a_time(4, 100, gpus=0.5, per_gpu=1)
    (4, 1)
    """
    most = min(cpus, num_samples)
    if gpus is not None:
        most = min(most, math.floor(gpus * (per_gpu or 1)))
    return max(1, most)


def trials_per_gpu(model_names: Iterable[str], options: OptimizationConfig) -> int:
    """Return how many trials share a GPU: as requested, or as many as fit by estimate.

    Trials of several models fit if those of the largest do. If the estimate is too low, a trial
    runs out of memory and is retried with smaller batches.
    """
    if options.trials_per_gpu is not None:
        return options.trials_per_gpu
    footprints = [get_characteristics(name).memory_footprint_mb / 1024 for name in model_names]
    largest = max((f if math.isfinite(f) else 1.0 for f in footprints), default=0.0)
    free = _GPU_SHARE * free_gpu_memory_gb()
    return max(1, min(_MOST_PER_GPU, math.floor(free / (_GPU_CONTEXT_GB + largest))))
