"""Open the study of a search as `resume` says, count its trials and read its results."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, GridSampler
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.exceptions import StudyMismatchError
from automodel_sk.search.initial_trials import initial_trials
from automodel_sk.search.study.attributes import json_of
from automodel_sk.search.study.identity import differences
from automodel_sk.search.study.ownership import owner_of, trials_at_work
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import claiming, open_storage
from automodel_sk.search.study.trial_folder import forget_trials
from automodel_sk.search.study.trial_lifecycle import record_of
from automodel_sk.trials import TrialRecord

__all__ = [
    "IDENTITY",
    "KEY",
    "AskTellStudy",
    "count_begun",
    "ended_records",
    "identity_of",
    "muted",
    "open_study",
    "trials_left",
    "trials_since_best",
]

IDENTITY = "automodel_sk:identity"
KEY = "automodel_sk:key"


class AskTellStudy(optuna.Study):
    """A study whose sampler can signal that there is nothing left to try."""

    exhausted = False

    def stop(self) -> None:
        """Record the signal, since `Study.stop` is not allowed outside `optimize`."""
        self.exhausted = True

    def ask(self, *args: Any, **kwargs: Any) -> optuna.Trial:
        """Begin a trial; Optuna warns where storages with signs of life are not its own loop's."""
        with muted_warnings():
            return super().ask(*args, **kwargs)


def open_study(request: SearchRequest, sampler: BaseSampler, pruner: BasePruner) -> AskTellStudy:
    """Open or create the study of a request, depending on `resume`.

    Parameters
    ----------
    request : SearchRequest
        Names the study, its location and its identity.
    sampler : optuna.samplers.BaseSampler
        Draws the parameters that were not enqueued.
    pruner : optuna.pruners.BasePruner
        Used by `Trial.should_prune`.

    Returns
    -------
    AskTellStudy

    Raises
    ------
    StorageError
        The storage cannot be used.
    StudyMismatchError
        A study with that name holds another search.
    """
    storage = open_storage(request.location)
    with claiming(request.location):
        return _open(storage, request, sampler, pruner)


def _open(
    storage: BaseStorage, request: SearchRequest, sampler: BaseSampler, pruner: BasePruner
) -> AskTellStudy:
    name = request.location.study_name
    if _exists(storage, name):
        _settle(storage, name, request)
    optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    study = AskTellStudy(name, storage, sampler, pruner)
    if study.metric_names != [request.metric]:
        study.set_metric_names([request.metric])
    if IDENTITY not in study.user_attrs or request.initial is not None:
        _enqueue_initial_trials(study, request)  # a resumed search may have time for more models
    if IDENTITY not in study.user_attrs:
        forget_trials(request.location, request.identity)
        study.set_user_attr(KEY, request.key or uuid.uuid4().hex)
        study.set_user_attr(IDENTITY, json.dumps(dict(request.identity)))
    return study


def _exists(storage: BaseStorage, name: str) -> bool:
    try:
        storage.get_study_id_from_name(name)
    except KeyError:
        return False
    return True


def _enqueue_initial_trials(study: AskTellStudy, request: SearchRequest) -> None:
    """Enqueue the initial trials."""
    trials: Sequence[Mapping[str, Any]] = (
        initial_trials(request.task.model_name, request.space, request.warm_start, request.first)
        if request.initial is None
        else request.initial
    )
    known = {_as_text(t.system_attrs.get("fixed_params", t.params)) for t in study.get_trials()}
    for params in trials if not request.strategy.exhaustive else ():
        if _as_text(params) not in known and _is_drawn_further(params, request):
            study.enqueue_trial(dict(params), skip_if_exists=True)


def _is_drawn_further(params: Mapping[str, Any], request: SearchRequest) -> bool:
    """Return whether a trial with some values gets the others: not from the user's own grid."""
    is_grid = request.make_sampler is not None and isinstance(request.make_sampler(0), GridSampler)
    return not is_grid or {*params} >= {*request.space.domains}


def _as_text(params: Mapping[str, Any]) -> str:
    """Return parameters as text, in which a list equals the tuple that a storage made of it."""
    return json.dumps(dict(params), sort_keys=True, default=repr)


def _settle(storage: BaseStorage, name: str, request: SearchRequest) -> None:
    """Decide what happens to an existing study."""
    if request.resume == "overwrite":
        _refuse_to_delete_a_running_search(storage, name, request)
        optuna.delete_study(study_name=name, storage=storage)
        return
    if request.resume == "never":
        raise StudyMismatchError(
            f"study_name {name!r} exists in {request.location} and resume='never'; pass another"
            " study_name, resume='auto' to resume it, or resume='overwrite' to delete it"
        )
    known = identity_of(optuna.load_study(study_name=name, storage=storage).user_attrs)
    differing = differences(known, request.identity)
    if differing:
        raise StudyMismatchError(
            f"study_name {name!r} in {request.location} holds another search: {differing}; pass"
            " another study_name, or resume='overwrite' to delete it"
        )


def _refuse_to_delete_a_running_search(
    storage: BaseStorage, name: str, request: SearchRequest
) -> None:
    at_work = trials_at_work(optuna.load_study(study_name=name, storage=storage))
    if at_work:
        owner = owner_of(at_work[0])
        raise StudyMismatchError(
            f"study_name {name!r} in {request.location} is being searched by {owner}, so that"
            " resume='overwrite' can't delete it; stop that search, or pass another study_name"
        )


def identity_of(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the stored identity of a study, or an empty one if it has none."""
    noted = json_of(attributes.get(IDENTITY))
    return {k: str(v) for k, v in noted.items()} if isinstance(noted, dict) else {}


def trials_left(study: AskTellStudy, request: SearchRequest) -> bool:
    """Return whether to start another trial; running trials of other processes count as done."""
    if request.patience is not None and trials_since_best(study) >= request.patience:
        return False
    waiting = len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    if not waiting and request.is_over is not None and request.is_over(study):
        return False
    return count_begun(study) < request.num_samples and bool(waiting or not study.exhausted)


def count_begun(study: optuna.Study) -> int:
    """Return how many trials were started, including ended ones."""
    trials = study.get_trials(deepcopy=False)
    return sum(trial.state is not TrialState.WAITING for trial in trials)


def trials_since_best(study: optuna.Study) -> int:
    """Return how many trials have ended since the best one, or 0 if no trial has a value."""
    ended = [t for t in study.get_trials(deepcopy=False) if t.datetime_complete is not None]
    values = [
        float("inf") if t.state is not TrialState.COMPLETE or t.value is None else t.value
        for t in sorted(ended, key=lambda t: (t.datetime_complete, t.number))
    ]
    best = min(values, default=float("inf"))
    return 0 if best == float("inf") else len(values) - 1 - values.index(best)


def ended_records(study: optuna.Study, request: SearchRequest) -> list[TrialRecord]:
    """Return the ended trials of a study by number."""
    ended = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    return [record_of(trial, request) for trial in ended]


@contextmanager
def muted() -> Iterator[None]:
    """Mute Optuna's log lines and its warnings about experimental options."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with muted_warnings(optuna.exceptions.ExperimentalWarning):
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
