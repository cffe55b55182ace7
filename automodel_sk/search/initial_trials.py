"""Choose the configurations to try first: those of earlier searches, then the model's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import SearchSpace
from automodel_sk.training.build import constructor_default

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = [
    "MOST_CONFIGURATIONS",
    "default_parameters",
    "earlier_configurations",
    "example_config",
    "initial_trials",
]

MOST_CONFIGURATIONS = 3
"""Number of an earlier search's best trials to try again."""

_PREFIX = "params_"


def initial_trials(
    model_name: str,
    space: SearchSpace,
    earlier: Sequence[Mapping[str, Any]] = (),
    first: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the initial trials' parameters as Optuna stores them.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    space : SearchSpace
        The search space.
    earlier : sequence of mappings
        Configurations of earlier searches. Missing parameters, and values outside their domain, are
        left to the sampler.
    first : mapping, optional
        Values that the space's author starts from; the model's defaults if None or empty.

    Returns
    -------
    list of dict
        The earlier configurations, then the first one, so that a search is never worse than it.
        Empty for a define-by-run function.
    """
    trials = [encoded_parameters(space, config) for config in earlier]
    trials.append(
        encoded_parameters(space, first) if first else default_parameters(model_name, space)
    )
    return [params for params in trials if params]


def default_parameters(model_name: str, space: SearchSpace) -> dict[str, Any]:
    """Return the upstream defaults of the tuned parameters as Optuna stores them.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    space : SearchSpace
        The search space; defaults outside their domain are left to the sampler.

    Returns
    -------
    dict
        By flat name; empty for a define-by-run function.
    """
    return encoded_parameters(space, {n: constructor_default(model_name, n) for n in space.domains})


def example_config(model_name: str, space: SearchSpace, random_seed: int) -> dict[str, Any]:
    """Return a configuration of a space: the model's defaults, and a random draw for the rest.

    Examples
    --------
    >>> example_config("NHITS", SearchSpace.parse({"max_steps": 100}), random_seed=1)
    {'max_steps': 100}
    """
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(random_seed))
    study.enqueue_trial(default_parameters(model_name, space))
    config: dict[str, Any] = space.suggest(study.ask())
    return config


def encoded_parameters(space: SearchSpace, config: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in config.items() if name in space.domains}
    encoded = (_encode(space, name, value) for name, value in known.items())
    return {name: value for parameter in encoded for name, value in parameter.items()}


def _encode(space: SearchSpace, name: str, value: Any) -> Mapping[str, Any]:
    """Return a parameter as Optuna stores it, or nothing if its domain lacks the value."""
    alone = SearchSpace(domains={name: space.domains[name]})
    try:
        return alone.encode({name: value})
    except (InvalidInputError, TypeError, ValueError):
        return {}


def earlier_configurations(warm_start: Any) -> list[dict[str, Any]]:
    """Return the initial configurations of a search.

    Parameters
    ----------
    warm_start : AutoModel, str, Path, DataFrame, mapping, sequence of mappings or None
        A fitted model, the folder of a saved one, a table of trials as in `AutoModel.trials`, or
        configurations.

    Returns
    -------
    list of dict
        The best first; for a model or a table, its three best distinct ones.

    Raises
    ------
    InvalidInputError
        Anything else was passed.
    ModelFileError
        The folder holds no saved model.

    Examples
    --------
    >>> earlier_configurations({"max_steps": 500})
    [{'max_steps': 500}]
    >>> trials = pd.DataFrame({"value": [2.0, 1.0], "params_input_size": [24, 48]})
    >>> earlier_configurations(trials)
    [{'input_size': 48}, {'input_size': 24}]
    """
    if warm_start is None:
        return []
    if isinstance(warm_start, (str, Path)):
        from automodel_sk.auto_model import AutoModel

        return _of_model(AutoModel.load(warm_start))
    if isinstance(warm_start, pd.DataFrame):
        return _of_trials(warm_start)
    if isinstance(warm_start, Mapping):
        return [dict(warm_start)]
    if isinstance(warm_start, Sequence) and all(isinstance(c, Mapping) for c in warm_start):
        return [dict(config) for config in warm_start]
    if hasattr(warm_start, "best_config") and hasattr(warm_start, "trials"):
        return _of_model(warm_start)
    raise InvalidInputError(
        f"warm_start is of type {type(warm_start).__name__}; pass an AutoModel, the folder of a"
        " saved one, its trials, or configurations such as [{'learning_rate': 0.001}]"
    )


def _of_model(model: AutoModel) -> list[dict[str, Any]]:
    # The configuration of an ensemble is one by member, which its trials have too.
    own = [] if hasattr(model, "weights") else [model.best_config]
    return _different([*own, *_of_trials(model.trials)])


def _of_trials(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the parameters of the best trials with a value to rank them by."""
    names = [name for name in trials.columns if str(name).startswith(_PREFIX)]
    if "value" not in trials.columns or not names:
        raise InvalidInputError(
            f"warm_start is a table with the columns {', '.join(map(str, trials.columns))};"
            " it needs 'value' and 'params_...' columns, as AutoModel.trials has them"
        )
    complete = trials["state"].eq("COMPLETE") if "state" in trials.columns else True
    best = trials[complete & trials["value"].notna()].sort_values("value", kind="stable")
    rows = best[names].astype(object).to_dict("records")
    return _different([_given(row) for row in rows])


def _given(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row's parameters, without those that a trial of another branch lacks."""
    values = {str(name)[len(_PREFIX) :]: value for name, value in row.items()}
    return {k: v for k, v in values.items() if isinstance(v, (list, tuple, dict)) or not pd.isna(v)}


def _different(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for config in configs:
        if dict(config) not in kept:
            kept.append(dict(config))
    return kept[:MOST_CONFIGURATIONS]
