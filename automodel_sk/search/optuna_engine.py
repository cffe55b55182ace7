"""The search on Optuna: a study that outlives its process, one trial after another."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from automodel_sk.exceptions import StudyMismatchError
from automodel_sk.search.optuna_trial import owner_is_alive, record_of, run_trial
from automodel_sk.search.request import SearchListener, SearchRequest
from automodel_sk.search.seeding import PerTrialSampler
from automodel_sk.search.storage import open_storage
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.tracking import TrialRecord

__all__ = ["OptunaEngine"]

logger = logging.getLogger(__name__)

_IDENTITY = "automodel_sk:identity"


class _AskTellStudy(optuna.Study):
    """A study whose sampler may say that there is nothing left to try."""

    exhausted = False

    def stop(self) -> None:
        """Note it: `Study.stop` is refused outside `optimize`."""
        self.exhausted = True


class OptunaEngine:
    """Runs trials in this process, one after another.

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
        with _muted():
            study = open_study(request)
            requeue_orphans(study)
            for record in ended_records(study, request):
                request.budget.note(record)
                listener.on_trial_end(record)
            while _trials_left(study, request) and not request.budget.search_is_over():
                record = run_trial(study, study.ask(), request, dataset, listener)
                request.budget.note(record)
                listener.on_trial_end(record)
            return ended_records(study, request)


def open_study(request: SearchRequest) -> _AskTellStudy:
    """Open the request's study, or make it, as `resume` says."""
    storage = open_storage(request.location)
    name = request.location.study_name
    exists = any(s.study_name == name for s in optuna.get_all_study_summaries(storage))
    if exists:
        _settle(storage, name, request)
    optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    study = _AskTellStudy(name, storage, _sampler(request), _pruner(request))
    if _IDENTITY not in study.user_attrs:
        study.set_user_attr(_IDENTITY, json.dumps(dict(request.identity)))
    return study


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


def requeue_orphans(study: optuna.Study) -> None:
    """Queue again what a dead process left half done, under its own number."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not owner_is_alive(trial):
            logger.info("trial %d was cut off; it runs again", trial.number)
            study._storage.set_trial_state_values(trial._trial_id, state=TrialState.WAITING)


def _trials_left(study: _AskTellStudy, request: SearchRequest) -> bool:
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
