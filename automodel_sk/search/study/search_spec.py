"""Store a search as JSON with its study, for workers on other machines to join it.

The JSON contains plain data only and is decoded through closed tables: joining a search never
executes code from the study's storage, contacts no address named in it, and deletes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.conversion import convert, convert_all
from automodel_sk.arguments.number_rule import NumberRule, shown
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.exceptions import SearchError
from automodel_sk.options import PRECISIONS, OptimizationConfig
from automodel_sk.search.study.database import database_file, usable_url
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import StudyLocation, open_storage, readable_errors
from automodel_sk.search.study.study import identity_of, muted
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.serialization import space_from_json, space_to_json
from automodel_sk.training.patches.upstream import decode_value, encode_value
from automodel_sk.training.task import TrainingTask

if TYPE_CHECKING:
    from optuna import Study

__all__ = [
    "SearchSpec",
    "attributes_of",
    "describe_portfolio",
    "describe_search",
    "earlier_precision",
    "read_search_spec",
    "write_search_spec",
]

_JOB = "automodel_sk:job"
_OPTIONS = tuple(name for name, o in OptimizationConfig.declared().items() if o.shared)
_READ = (*_OPTIONS, "num_samples", "precision")
"""The only options that a worker takes from a study."""
_UNRULED: Mapping[str, tuple[type, ...]] = {
    "metric": (str, type(None)),
    "freq": (str, int, type(None)),
}
"""Those that no rule holds, and what they may be in a study."""

_LOSSES = "neuralforecast.losses.pytorch"
_MOST_COLUMNS = 10_000
_MOST_MODELS = 100
_COLUMNS = ("futr_exog", "hist_exog", "stat_exog")


@dataclass(frozen=True)
class SearchSpec:
    """The arguments of a search except its data.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`; ``"auto"`` if several models are searched.
    h : int
        Forecast horizon.
    space : SearchSpace
        The search space.
    loss : neuralforecast loss, optional
        Training loss.
    futr_exog, hist_exog, stat_exog : tuple of str
        Exogenous columns by kind.
    options : OptimizationConfig
        The options of the search that all its trials share.
    identity : mapping of str to str
        What must be the same for trials to be comparable, including the digest of the data.
    trials : int
        Trials in all, as currently requested.
    ends : float, optional
        When the search's time is up, in seconds since 1970.
    models : tuple of str
        Names of all models, if several are searched. Those without a training are not checked here.
    spaces : mapping of str to SearchSpace
        Search space of each network, if several models are searched.
    is_auto : bool
        Whether the models were chosen by "auto".
    """

    model_name: str
    h: int
    space: SearchSpace
    loss: Any
    futr_exog: tuple[str, ...]
    hist_exog: tuple[str, ...]
    stat_exog: tuple[str, ...]
    options: OptimizationConfig
    identity: Mapping[str, str]
    trials: int
    ends: float | None = None
    models: tuple[str, ...] = ()
    spaces: Mapping[str, SearchSpace] = field(default_factory=dict)
    is_auto: bool = False

    @property
    def networks(self) -> Mapping[str, SearchSpace]:
        """The search space of each network."""
        return self.spaces if self.models else {self.model_name: self.space}


def describe_search(
    task: TrainingTask, space: SearchSpace, num_samples: int, options: OptimizationConfig
) -> dict[str, Any]:
    """Return a search in JSON format.

    Parameters
    ----------
    task : TrainingTask
        Model, horizon, loss, columns.
    space : SearchSpace
        The search space.
    num_samples : int
        Trials in all.
    options : OptimizationConfig
        How to search.

    Returns
    -------
    dict
        If part of the search is code, the only key is ``"refused"``, with the reason.

    Examples
    --------
    >>> from automodel_sk.search_space import Choice
    >>> task = TrainingTask("NHITS", h=12, val_size=12)
    >>> space = SearchSpace.parse({"batch_size": Choice([16, 32])})
    >>> describe_search(task, space, 5, OptimizationConfig())["options"]["num_samples"]
    5
    >>> describe_search(task, SearchSpace.parse(lambda trial: {}), 5, OptimizationConfig())
    {'refused': 'its search space is a Python function'}
    """
    refusal = _refusal_of(space)
    if refusal is not None:
        return {"refused": refusal}
    columns = {name: getattr(task, name) for name in _COLUMNS}
    what = {"model_name": task.model_name, "h": task.h, "space": space_to_json(space)}
    return _described(what, task.loss, columns, num_samples, options)


def describe_portfolio(
    models: Sequence[str],
    spaces: Mapping[str, SearchSpace],
    h: int,
    loss: Any,
    columns: Mapping[str, Sequence[str]],
    num_samples: int,
    options: OptimizationConfig,
    *,
    is_auto: bool,
) -> dict[str, Any]:
    """Return a search over several models in JSON format.

    Parameters
    ----------
    models : sequence of str
        Names of all models.
    spaces : mapping of str to SearchSpace
        Search space of each network.
    h : int
        Forecast horizon.
    loss : neuralforecast loss, optional
        Training loss.
    columns : mapping of str to sequence of str
        ``futr_exog``, ``hist_exog`` and ``stat_exog``.
    num_samples, options
        As in `describe_search`.
    is_auto : bool
        Whether the models were chosen by "auto".

    Returns
    -------
    dict
        As from `describe_search`.
    """
    for name, space in spaces.items():
        if (refusal := _refusal_of(space)) is not None:
            return {"refused": f"{name}: {refusal}"}
    forms = {name: space_to_json(space) for name, space in spaces.items()}
    what = {"models": list(models), "h": h, "spaces": forms, "is_auto": is_auto}
    return _described(what, loss, columns, num_samples, options)


def _refusal_of(space: SearchSpace) -> str | None:
    """Return why a search space cannot be read back from JSON, or None if it can."""
    if space.function is not None:
        return "its search space is a Python function"
    form = space_to_json(space)
    back = space_from_json(form)
    if form["left_out"] or back is None or back.fingerprint() != space.fingerprint():
        return "its search space can't be written as JSON"
    return None


def _described(
    what: Mapping[str, Any],
    loss: Any,
    columns: Mapping[str, Sequence[str]],
    num_samples: int,
    options: OptimizationConfig,
) -> dict[str, Any]:
    try:
        job = {
            **what,
            "loss": encode_value(loss, "loss"),
            **{name: list(columns[name]) for name in _COLUMNS},
            "options": {
                **{name: getattr(options, name) for name in _OPTIONS},
                "num_samples": num_samples,
            },
        }
        json.dumps(job)
    except TypeError as exc:
        return {"refused": f"a part of it can't be written as JSON ({exc})"}
    return job


def write_search_spec(study: Study, request: SearchRequest) -> None:
    """Store a search with its study for workers to join.

    Parameters
    ----------
    study : optuna.Study
        The study.
    request : SearchRequest
        The search as currently requested.
    """
    # Values measured on this machine, which differ on other machines and at other times.
    precision = request.task.trainer_options.get("precision", "32-true")
    job = {**(request.job or {}), "precision": precision}
    if "options" in job:
        job["options"] = {**job["options"], "precision": precision}
        job |= {"trials": request.num_samples, "ends": request.budget.ends()}
    study.set_user_attr(_JOB, job)


def earlier_precision(location: StudyLocation) -> str | None:
    """Return the precision in which a study's trials were trained so far.

    Parameters
    ----------
    location : StudyLocation
        The study and where it is stored.

    Returns
    -------
    str or None
        None if there is no such study yet, or if it does not record it.

    Raises
    ------
    StorageError
        The storage cannot be used.
    """
    if location.in_memory:
        return None
    try:
        stored = attributes_of(location).get(_JOB)
    except SearchError:
        return None
    precision = stored.get("precision") if isinstance(stored, dict) else None
    return precision if precision in PRECISIONS else None


def read_search_spec(location: StudyLocation) -> SearchSpec:
    """Return the search that a study was created for.

    Parameters
    ----------
    location : StudyLocation
        The study and where it is stored.

    Returns
    -------
    SearchSpec

    Raises
    ------
    SearchError
        There is no such study, or only its own program can run it.
    StorageError
        The storage cannot be used.
    """
    attributes = attributes_of(location)
    stored, name = attributes.get(_JOB), location.study_name
    if not isinstance(stored, dict):
        raise _refusal(name, "it was not made by automodel_sk")
    if stored.get("refused") is not None:
        raise _refusal(name, str(stored["refused"])[:200])
    try:
        return _job(stored, identity_of(attributes))
    except Exception as exc:
        raise SearchError(
            f"study {name!r} describes its search in a way that this release can't read"
            f" ({type(exc).__name__}: {str(exc)[:200]}); use the release of automodel_sk that"
            " started it"
        ) from exc


def _refusal(name: str, why: str) -> SearchError:
    return SearchError(
        f"study {name!r} can't be joined by a worker: {why}; run the search's own program on this"
        " machine too, with the same study_name and storage"
    )


def attributes_of(location: StudyLocation) -> dict[str, Any]:
    """Return a study's attributes without creating study or storage.

    Parameters
    ----------
    location : StudyLocation
        The study and where it is stored.

    Raises
    ------
    SearchError
        There is no such study.
    StorageError
        The storage cannot be used.
    """
    absent = SearchError(
        f"there is no study {location.study_name!r} in {location}; start its search first, with"
        f" study_name={location.study_name!r} and the same storage"
    )
    with readable_errors(location), muted():
        file = location.journal
        if location.is_url:
            usable_url(str(location.storage))
            file = database_file(str(location.storage))
        if file is not None and not file.exists():
            raise absent
        storage = open_storage(location)
        try:
            study_id = storage.get_study_id_from_name(location.study_name)
        except KeyError:
            raise absent from None
        return storage.get_study_user_attrs(study_id)


def _job(stored: Mapping[str, Any], identity: Mapping[str, str]) -> SearchSpec:
    models = _models_of(stored["models"]) if "models" in stored else ()
    spaces = {name: _space_of(form) for name, form in stored["spaces"].items()} if models else {}
    name = "auto" if models else stored["model_name"]
    for network in spaces if models else [name]:
        if network not in MODEL_CATALOG:
            raise ValueError(f"unknown model {shown(network)}")
    loss = decode_value(stored["loss"])
    if loss is not None and type(loss).__module__ != _LOSSES:
        raise TypeError(f"unknown loss {shown(stored['loss'])}")
    ends = convert(_MOMENT, stored["ends"])
    return SearchSpec(
        model_name=name,
        h=convert(_HORIZON, stored["h"]),
        space=SearchSpace() if models else _space_of(stored["space"]),
        loss=loss,
        **{name: _columns_of(stored[name]) for name in _COLUMNS},
        options=_options_of(stored["options"]),
        identity=identity,
        trials=convert(_TRIALS, stored["trials"]),
        ends=None if ends is None else float(ends),
        models=models,
        spaces=spaces,
        is_auto=stored.get("is_auto") is True,
    )


def _space_of(form: Any) -> SearchSpace:
    return space_from_json(form) or SearchSpace()


def _models_of(stored: Any) -> tuple[str, ...]:
    named = isinstance(stored, list) and all(isinstance(name, str) for name in stored)
    if not named or not 1 <= len(stored) <= _MOST_MODELS:
        raise TypeError(f"models can't be {shown(stored)}")
    return tuple(stored)


_HORIZON = NumberRule("h", 12, high=100_000)
_TRIALS = NumberRule("trials", 10, low=0, high=10_000_000)
_MOMENT = NumberRule("ends", 1.8e9, whole=False, low=0, also=(None,))


def _options_of(stored: Mapping[str, Any]) -> OptimizationConfig:
    """Return the options that all trials share; any other is refused."""
    strange = set(stored) - set(_READ)
    if strange:
        raise ValueError(f"it sets the option {shown(min(strange))}, which is each worker's own")
    options = OptimizationConfig(**stored)
    rules = {name: rule for name, rule in options.rules().items() if name in stored}
    for name in set(stored) - set(rules):
        if not isinstance(stored[name], _UNRULED[name]):
            raise TypeError(f"{name} can't be {shown(stored[name])}")
    return replace(options, **convert_all(rules, {name: stored[name] for name in rules}))


def _columns_of(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list) or len(stored) > _MOST_COLUMNS:
        raise TypeError(f"columns can't be {shown(stored)}")
    return tuple(str(name) for name in stored)
