"""The search on Optuna: a study that outlives its process, one trial after another."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import optuna
from filelock import FileLock
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from automodel_sk.exceptions import StudyMismatchError
from automodel_sk.search.first_guesses import default_parameters
from automodel_sk.search.optuna_trial import record_of, requeue_orphans, run_trial
from automodel_sk.search.optuna_workers import run_in_workers, shareable
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.seeding import PerTrialSampler
from automodel_sk.search.storage import open_storage
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.tracking import TrialRecord

__all__ = ["OptunaEngine"]

_IDENTITY = "automodel_sk:identity"


class AskTellStudy(optuna.Study):
    """A study whose sampler may say that there is nothing left to try."""

    exhausted = False

    def stop(self) -> None:
        """Note it: `Study.stop` is refused outside `optimize`."""
        self.exhausted = True


class OptunaEngine:
    """Runs trials in this process, or in worker processes side by side.

    The study's storage is the only state: whatever ends the process, the same
    request goes on from there.
    """

    def run(
        self, request: SearchRequest, dataset: Any, listener: SearchListener
    ) -> Sequence[TrialRecord]:
        """Run the trials that are left.

        Parameters
        ----------
        request : SearchRequest
            The search.
        dataset : neuralforecast.tsdataset.TimeSeriesDataset
            The data, the validation steps included.
        listener : SearchListener
            Told of each report and each ended trial.

        Returns
        -------
        list of TrialRecord
            All ended trials of the study by number, earlier calls' included.

        Raises
        ------
        StorageError
            The storage can't be used.
        StudyMismatchError
            A study of that name holds another search.
        """
        with _muted(), shareable(request) as request:
            study = open_study(request)
            requeue_orphans(study)
            for record in ended_records(study, request):
                request.budget.note(record)
                listener.on_trial_end(record)
            if request.workers > 1 and trials_left(study, request):
                run_in_workers(study, request, dataset, listener)
            else:
                work_on(study, request, dataset, listener)
            return ended_records(study, request)


def work(request: SearchRequest, dataset: Any, listener: SearchListener) -> None:
    """Run trials of a study that the parent has opened, until none is left."""
    with _muted():
        storage = open_storage(request.location)
        name = request.location.study_name
        study = AskTellStudy(name, storage, _sampler(request), _pruner(request))
        for record in ended_records(study, request):
            request.budget.note(record)
        work_on(study, request, dataset, listener)


def work_on(
    study: AskTellStudy, request: SearchRequest, dataset: Any, listener: SearchListener
) -> None:
    """Run one trial after another until none is left or time is up."""
    while (trial := _next_trial(study, request)) is not None:
        record = run_trial(study, trial, request, dataset, listener)
        request.budget.note(record)
        listener.on_trial_end(record)


def _next_trial(study: AskTellStudy, request: SearchRequest) -> Trial | None:
    """Claim a trial; one worker at a time, so that none is begun too many."""
    lock = nullcontext() if request.claims is None else FileLock(request.claims)
    with lock:
        if trials_left(study, request) and not request.budget.search_is_over():
            return study.ask()
    return None


def open_study(request: SearchRequest) -> AskTellStudy:
    """Open the request's study, or make it, as `resume` says."""
    storage = open_storage(request.location)
    name = request.location.study_name
    exists = any(s.study_name == name for s in optuna.get_all_study_summaries(storage))
    if exists:
        _settle(storage, name, request)
    optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    study = AskTellStudy(name, storage, _sampler(request), _pruner(request))
    if _IDENTITY not in study.user_attrs:
        study.set_user_attr(_IDENTITY, json.dumps(dict(request.identity)))
        _enqueue_defaults(study, request)
    return study


def _enqueue_defaults(study: AskTellStudy, request: SearchRequest) -> None:
    """Let the model's own defaults be the first trial: a search never does worse than they."""
    defaults = default_parameters(request.task.model_name, request.space)
    if defaults and not request.strategy.exhaustive:
        study.enqueue_trial(defaults)


def _settle(storage: BaseStorage, name: str, request: SearchRequest) -> None:
    """Decide what becomes of an existing study."""
    if request.resume == "overwrite":
        optuna.delete_study(study_name=name, storage=storage)
        return
    if request.resume == "never":
        raise StudyMismatchError(
            f"study_name {name!r} exists in {request.location} and resume='never'; pass another"
            " study_name, resume='auto' to go on with it, or resume='overwrite' to start anew"
        )
    known = optuna.load_study(study_name=name, storage=storage).user_attrs.get(_IDENTITY)
    differing = _differences(json.loads(known) if known else {}, request.identity)
    if differing:
        raise StudyMismatchError(
            f"study_name {name!r} in {request.location} holds another search: {differing};"
            " pass another study_name, or resume='overwrite' to start anew"
        )


def _differences(known: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """Return what differs in words, nothing where a study has no identity yet."""
    return ", ".join(
        f"{key} was {known[key]}, is {asked[key]}"
        for key in asked
        if key in known and known[key] != asked[key]
    )


def _sampler(request: SearchRequest) -> BaseSampler:
    selector = SearchAlgorithmSelector(backend="optuna")

    def make(seed: int) -> BaseSampler:
        return selector.get_optuna_sampler(request.strategy, seed=seed)

    if request.strategy.algorithm_name == "GridSampler":
        return make(request.random_seed)  # its seed orders the grid: it must stay
    return PerTrialSampler(make, request.random_seed)


def _pruner(request: SearchRequest) -> optuna.pruners.BasePruner:
    return SearchAlgorithmSelector(backend="optuna").get_optuna_pruner(request.strategy)


def trials_left(study: AskTellStudy, request: SearchRequest) -> bool:
    """Return whether a trial is to be started: those at work elsewhere count as done."""
    if study.exhausted:
        return False
    trials = study.get_trials(deepcopy=False)
    begun = sum(trial.state is not TrialState.WAITING for trial in trials)
    return begun < request.num_samples


def ended_records(study: optuna.Study, request: SearchRequest) -> list[TrialRecord]:
    """Return the ended trials of a study by number."""
    ended: list[FrozenTrial] = [
        t for t in study.get_trials(deepcopy=False) if t.state.is_finished()
    ]
    return [record_of(trial, request) for trial in ended]


@contextmanager
def _muted() -> Iterator[None]:
    """Mute Optuna's log lines and its notes on experimental options."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
