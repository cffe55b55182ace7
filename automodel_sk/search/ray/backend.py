"""Search with Ray Tune: trials run in Ray's processes, on one machine or a cluster.

Ray proposes parameters, runs trials and stops poor ones. The results are kept in an Optuna study,
as with the Optuna backend, and the study is all that resuming a search needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from ray import tune
from ray.tune.schedulers import FIFOScheduler

from automodel_sk.search.ray.callbacks import Failures, TrialEvents, TrialSource, TrialStopper
from automodel_sk.search.ray.resources import ResourcesOfTrials
from automodel_sk.search.ray.scheduler import informed_scheduler
from automodel_sk.search.ray.session import quiet_tune, ray_session, signals_given_back
from automodel_sk.search.ray.trainable import LentDataset, train_on_ray
from automodel_sk.search.ray.trials import RayTrials
from automodel_sk.search.study.loop import TrialNotifier, run_remaining
from automodel_sk.search.study.request import SearchCallback, SearchRequest
from automodel_sk.search.study.search_spec import write_search_spec
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.storage import on_disk, readable_errors
from automodel_sk.search.study.study import (
    AskTellStudy,
    ended_records,
    muted,
    open_study,
)
from automodel_sk.training.patches.isolation import isolated_random_state
from automodel_sk.trials import TrialRecord

__all__ = ["RayBackend"]


class RayBackend:
    """Run trials in Ray's processes, as many in parallel as CPUs and GPUs allow.

    The study's storage holds the entire state, as with the Optuna backend.
    """

    def run(
        self, request: SearchRequest, dataset: Any, callback: SearchCallback
    ) -> Sequence[TrialRecord]:
        """Run the remaining trials.

        Parameters
        ----------
        request : SearchRequest
            The search.
        dataset : neuralforecast.tsdataset.TimeSeriesDataset
            The data, including the validation steps.
        callback : SearchCallback
            Called in this process with each report and each ended trial.

        Returns
        -------
        list of TrialRecord
            All ended trials of the study by number, including those of earlier calls.

        Raises
        ------
        StorageError
            The storage cannot be used.
        StudyMismatchError
            A study with that name holds another search.
        SearchError
            There is no cluster at `request.ray_address`.
        """
        with readable_errors(request.location), muted(), on_disk(request.location) as location:
            request = replace(request, location=location)
            make = request.make_sampler or RandomSampler
            sampler = PerTrialSampler(make, request.random_seed)
            pruner = NopPruner() if request.make_pruner is None else request.make_pruner()
            study = open_study(request, sampler, pruner)
            if request.job is not None:  # for later calls: workers of this package can't join Ray
                write_search_spec(study, replace(request, job={"refused": "Ray runs its trials"}))
            notifier = TrialNotifier(study, request, callback)
            notifier.catch_up()
            run_remaining(
                study, request, notifier, lambda: _search(study, request, dataset, notifier)
            )
            return ended_records(study, request)


def _search(
    study: AskTellStudy, request: SearchRequest, dataset: Any, notifier: TrialNotifier
) -> None:
    """Let Ray run the remaining trials, and queue again those that it has not ended."""
    with ray_session(request.ray_address):
        _tune(study, request, dataset, notifier)


def _tune(
    study: AskTellStudy, request: SearchRequest, dataset: Any, notifier: TrialNotifier
) -> None:
    resources = ResourcesOfTrials.of(request, ray.cluster_resources())
    trials, failures = RayTrials(study, request, notifier, resources.most), Failures()
    try:
        with (
            quiet_tune(resources.most) as folder,
            isolated_random_state(),
            signals_given_back("SIGINT", "SIGUSR1"),
        ):
            tune.run(
                _trainable(request, dataset, resources),
                name="trials",
                storage_path=folder,
                search_alg=TrialSource(trials, failures),
                scheduler=_scheduler(study, request),
                stop=TrialStopper(trials, failures),
                callbacks=[TrialEvents(trials, failures)],
                num_samples=-1,
                reuse_actors=True,
                raise_on_failed_trial=False,
                verbose=0,
                _remote=False,
            )
    finally:
        trials.give_back()
        if failures.first is not None:
            raise failures.first
    if not trials.is_over:
        raise KeyboardInterrupt


def _scheduler(study: AskTellStudy, request: SearchRequest) -> Any:
    """Return what prunes trials in Ray; the study's own pruner prunes those of several models."""
    if request.several is not None:
        return FIFOScheduler()
    return informed_scheduler(study, request.strategy)


def _trainable(request: SearchRequest, dataset: Any, resources: ResourcesOfTrials) -> Any:
    """Return the trainable for Ray, with task and data stored once in Ray's object store."""
    lent = tune.with_parameters(train_on_ray, trainer=request.trainer, lent=LentDataset.of(dataset))
    return tune.with_resources(lent, {"cpu": resources.cpu, "gpu": resources.gpu})
