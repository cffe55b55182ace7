"""Build Ray Tune's searchers and schedulers from a strategy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Domain, SearchSpace
from automodel_sk.selection.search_strategy import SearchStrategy, quiet_experimental

__all__ = ["build_scheduler", "build_search_alg", "ray_param_space"]


class _SuggestedByTrial:
    """A search space as a define-by-run function of an Optuna trial.

    The searcher saves itself with plain pickle, which does not support lambdas.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def __call__(self, trial: Any) -> dict[str, Any]:
        # Bypass the wrapper, which would add every suggested name to the configuration.
        return self._space.suggest(getattr(trial, "ot_trial", trial))

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        from ray import cloudpickle

        return _restored, (cloudpickle.dumps(self._space),)


def _restored(content: bytes) -> _SuggestedByTrial:
    """Restore the object that `_SuggestedByTrial.__reduce__` saved."""
    from ray import cloudpickle

    return _SuggestedByTrial(cloudpickle.loads(content))


def _basic(strategy: SearchStrategy, *_: Any, **points: Any) -> Any:
    from ray.tune.search import BasicVariantGenerator

    return BasicVariantGenerator(
        random_state=strategy.random_seed, **points, **strategy.algorithm_kwargs
    )


def _optuna(
    strategy: SearchStrategy, space: SearchSpace | None, metric: str, mode: str, **points: Any
) -> Any:
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    with quiet_experimental():
        sampler = optuna.samplers.TPESampler(seed=strategy.random_seed, **strategy.algorithm_kwargs)
    function = None if space is None else _SuggestedByTrial(space)
    return OptunaSearch(function, metric=metric, mode=mode, sampler=sampler, **points)


def _bayesopt(strategy: SearchStrategy, _space: Any, metric: str, mode: str, **points: Any) -> Any:
    from ray.tune.search.bayesopt import BayesOptSearch

    return BayesOptSearch(
        metric=metric,
        mode=mode,
        random_state=strategy.random_seed,
        **points,
        **strategy.algorithm_kwargs,
    )


def _hyperopt(strategy: SearchStrategy, _space: Any, metric: str, mode: str, **points: Any) -> Any:
    from ray.tune.search.hyperopt import HyperOptSearch

    return HyperOptSearch(
        metric=metric,
        mode=mode,
        random_state_seed=strategy.random_seed,
        **points,
        **strategy.algorithm_kwargs,
    )


_SEARCHERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "BasicVariantGenerator": _basic,
        "OptunaSearch": _optuna,
        "BayesOptSearch": _bayesopt,
        "HyperOptSearch": _hyperopt,
    }
)


def build_search_alg(
    strategy: SearchStrategy,
    space: SearchSpace | None,
    metric: str,
    mode: str,
    points_to_evaluate: Sequence[Mapping[str, Any]] | None,
) -> Any:
    """Build the searcher of a strategy."""
    if space is None and strategy.needs_space:
        raise InvalidInputError(
            f"space must be given to {strategy.algorithm_name}, because this search space is a "
            "function of the trial; try get_ray_search_alg(strategy, space)"
        )
    points = {"points_to_evaluate": [*map(dict, points_to_evaluate)]} if points_to_evaluate else {}
    return _SEARCHERS[strategy.algorithm_name](strategy, space, metric, mode, **points)


def build_scheduler(strategy: SearchStrategy) -> Any:
    """Build the scheduler of a strategy; none of them pauses or restarts trials."""
    from ray.tune import schedulers

    if strategy.pruner_name is None:
        return schedulers.FIFOScheduler()
    kwargs = dict(strategy.pruner_kwargs)
    if strategy.pruner_name == "MedianStoppingRule":
        # Ray counts a trial that never paused as paused long ago: any finite slice would pause it.
        kwargs["min_time_slice"] = math.inf
    return getattr(schedulers, strategy.pruner_name)(time_attr="training_iteration", **kwargs)


def ray_param_space(strategy: SearchStrategy, space: SearchSpace) -> dict[str, Any]:
    """Return the `param_space` of `tune.Tuner` that fits the strategy's searcher.

    Parameters
    ----------
    strategy : SearchStrategy
        A strategy for the Ray backend.
    space : SearchSpace
        The space that was also passed to `get_ray_search_alg`.

    Returns
    -------
    dict
        Empty for OptunaSearch, which holds the space itself; otherwise the space in Ray's terms. In
        an exhaustive search every choice becomes a grid; otherwise none does, because Ray runs a
        full grid for each sample.

    Examples
    --------
    >>> from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
    >>> space = SearchSpace.parse(lambda trial: {"lr": trial.suggest_float("lr", 0.1, 1.0)})
    >>> strategy = SearchAlgorithmSelector("ray").select_algorithm("simple", "large", 20, space)
    >>> ray_param_space(strategy, space)
    {}
    """
    if strategy.algorithm_name == "OptunaSearch":
        return {}
    domains = {name: _as_grid(d, strategy.exhaustive) for name, d in space.domains.items()}
    return replace(space, domains=domains).to_ray()


def _as_grid(domain: Domain, grid: bool) -> Domain:
    """Return a domain as a grid of its values, or a grid as a choice."""
    values = domain.listed() if grid else None
    if values is not None:
        return Choice(values, grid=True)
    return replace(domain, grid=False) if isinstance(domain, Choice) else domain
