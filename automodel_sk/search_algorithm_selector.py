"""Choose the search algorithm, the pruner and the number of trials of a search.

Two tables determine the choice; the first matching row applies.

========================================  =====================  =====================
Search                                    Optuna                 Ray Tune
========================================  =====================  =====================
fewer than 10 trials                      RandomSampler          BasicVariantGenerator
space with no more points than trials,    GridSampler            BasicVariantGenerator
or a grid
large dataset, complex model              TPESampler             OptunaSearch with TPE
                                          (multivariate)
medium-sized dataset                      CmaEsSampler, or       BayesOptSearch
                                          TPESampler
small dataset                             RandomSampler          HyperOptSearch
anything else                             TPESampler             OptunaSearch with TPE
                                          (multivariate)
========================================  =====================  =====================

========================================  =====================  =====================
Search                                    Optuna                 Ray Tune
========================================  =====================  =====================
large dataset, complex model              HyperbandPruner from   ASHAScheduler from
                                          report 5               report 5
medium-sized dataset, complex model       MedianPruner from      MedianStoppingRule
                                          report 10              from report 10
small dataset                             MedianPruner from      MedianStoppingRule
                                          report 20              from report 20
anything else                             MedianPruner from      MedianStoppingRule
                                          report 10              from report 10
========================================  =====================  =====================

Reports are the validation losses of one trial, counted from 1. If an algorithm does not support the
search space, or its package is missing, its fallback is used, and the strategy's description says
so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.conversion import convert
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.catalog.scales import (
    DatasetSize,
    ModelComplexity,
    SearchComplexity,
    member_of_scale,
)
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import BACKENDS
from automodel_sk.search_space import SearchSpace
from automodel_sk.selection.algorithm_tables import SearchFacts
from automodel_sk.selection.requested import (
    Chosen,
    algorithm_for,
    check_backend_of,
    pruner_for,
)
from automodel_sk.selection.search_strategy import SearchStrategy, quiet_experimental
from automodel_sk.selection.trial_counts import recommend_num_samples

if TYPE_CHECKING:
    import optuna

__all__ = [
    "DatasetSize",
    "ModelComplexity",
    "SearchAlgorithmSelector",
    "SearchComplexity",
    "SearchStrategy",
    "recommend_num_samples",
]

_SEED = NumberRule("random_seed", 42, low=0, high=2**32 - 1, also=(None,))

SpaceLike = SearchSpace | Mapping[str, Any] | Callable[..., Any]


class SearchAlgorithmSelector:
    """Choose the search algorithm and the pruner for a search, and build them.

    Parameters
    ----------
    backend : {"optuna", "ray"}, default "optuna"
        The search backend.

    Raises
    ------
    InvalidInputError
        If the backend is unknown.

    Examples
    --------
    >>> selector = SearchAlgorithmSelector(backend="optuna")
    >>> strategy = selector.select_algorithm(
    ...     ModelComplexity.COMPLEX, DatasetSize.LARGE, num_samples=100, config=None
    ... )
    >>> strategy.algorithm_name, strategy.pruner_name
    ('TPESampler', 'HyperbandPruner')
    """

    def __init__(self, backend: str = "optuna") -> None:
        if backend not in BACKENDS:
            raise InvalidInputError(
                f"backend must be 'optuna' or 'ray', got {backend!r}; try backend='optuna'"
            )
        self.backend = backend

    def select_algorithm(
        self,
        model_complexity: ModelComplexity | str,
        dataset_size: DatasetSize | str,
        num_samples: int,
        config: SpaceLike | None,
        use_pruning: bool = True,
        random_seed: int | None = None,
        *,
        n_reports: int = 40,
        sampler: Any = None,
        pruner: Any = None,
    ) -> SearchStrategy:
        """Choose the search algorithm and the pruner from the tables.

        Parameters
        ----------
        model_complexity : ModelComplexity or str
            "simple", "moderate" or "complex".
        dataset_size : DatasetSize or str
            "small", "medium" or "large".
        num_samples : int
            Number of trials, at least 1.
        config : dict, SearchSpace, callable or None
            The search space; None if it is not known yet, which excludes the algorithms that depend
            on it.
        use_pruning : bool, default True
            Whether to stop trials that fall behind.
        random_seed : int, optional
            Seed of the algorithm, from 0 to 2**32 - 1.
        n_reports : int, default 40
            Number of validation reports of a full trial.
        sampler, pruner : str or object of Optuna, optional
            What to use instead of the tables' choice, as in `OptimizationConfig`. Of an object, the
            strategy knows the class only.

        Returns
        -------
        SearchStrategy
            The choice, with the reason in one sentence.

        Raises
        ------
        InvalidInputError
            If an argument is invalid; the message names it.

        Examples
        --------
        >>> selector = SearchAlgorithmSelector("optuna")
        >>> config = {"batch_size": [32], "learning_rate": 0.001}
        >>> strategy = selector.select_algorithm("simple", "small", 5, config, use_pruning=False)
        >>> print(strategy.description)
        RandomSampler for fewer than 10 trials; no pruning.
        """
        seed = convert(_SEED, random_seed)
        facts = SearchFacts(
            member_of_scale(ModelComplexity, "model_complexity", model_complexity),
            member_of_scale(DatasetSize, "dataset_size", dataset_size),
            convert(NumberRule("num_samples", 20), num_samples),
            None if config is None else SearchSpace.parse(config),
        )
        n_reports = convert(NumberRule("n_reports", 40), n_reports)
        check_backend_of(self.backend, sampler, pruner)
        algorithm = algorithm_for(self.backend, facts, sampler)
        n_trials = facts.num_samples if algorithm.points is None else algorithm.points
        stops = Chosen(None, "no pruning")
        if use_pruning:
            stops = pruner_for(self.backend, facts, pruner, n_trials=n_trials, n_reports=n_reports)
        return SearchStrategy(
            algorithm_name=str(algorithm.name),
            algorithm_kwargs=algorithm.kwargs,
            pruner_name=stops.name,
            pruner_kwargs=stops.kwargs,
            description=f"{algorithm.clause}; {stops.clause}.",
            backend=self.backend,
            random_seed=seed,
            num_samples=n_trials,
            exhaustive=algorithm.points is not None,
            n_reports=n_reports,
            needs_space=self.backend == "ray" and "function" in facts.traits,
        )

    def get_optuna_sampler(
        self, strategy: SearchStrategy, seed: int | None = None
    ) -> optuna.samplers.BaseSampler:
        """Build the sampler of a strategy, with its own random generator.

        Parameters
        ----------
        strategy : SearchStrategy
            A strategy for the Optuna backend.
        seed : int, optional
            Seed that overrides the strategy's: each worker needs its own.

        Returns
        -------
        optuna.samplers.BaseSampler

        Raises
        ------
        InvalidInputError
            If the strategy is for the other backend.

        Examples
        --------
        >>> selector = SearchAlgorithmSelector("optuna")
        >>> strategy = selector.select_algorithm("complex", "large", 50, None, random_seed=1)
        >>> type(selector.get_optuna_sampler(strategy)).__name__
        'TPESampler'
        """
        import optuna

        _check_backend(strategy, "optuna")
        build = getattr(optuna.samplers, strategy.algorithm_name)
        with quiet_experimental():
            sampler: optuna.samplers.BaseSampler = build(
                seed=strategy.random_seed if seed is None else seed, **strategy.algorithm_kwargs
            )
        return sampler

    def get_optuna_pruner(self, strategy: SearchStrategy) -> optuna.pruners.BasePruner:
        """Build the pruner of a strategy; reports count from 1.

        Parameters
        ----------
        strategy : SearchStrategy
            A strategy for the Optuna backend.

        Returns
        -------
        optuna.pruners.BasePruner
            A NopPruner if the strategy does not prune.

        Raises
        ------
        InvalidInputError
            If the strategy is for the other backend.

        Examples
        --------
        >>> selector = SearchAlgorithmSelector("optuna")
        >>> strategy = selector.select_algorithm("complex", "medium", 50, None)
        >>> type(selector.get_optuna_pruner(strategy)).__name__
        'MedianPruner'
        """
        import optuna

        _check_backend(strategy, "optuna")
        build = getattr(optuna.pruners, strategy.pruner_name or "NopPruner")
        pruner: optuna.pruners.BasePruner = build(**strategy.pruner_kwargs)
        return pruner

    def get_ray_search_alg(
        self,
        strategy: SearchStrategy,
        space: SearchSpace | None = None,
        metric: str = "loss",
        mode: str = "min",
        points_to_evaluate: Sequence[Mapping[str, Any]] | None = None,
    ) -> Any:
        """Build the Ray Tune searcher of a strategy.

        Parameters
        ----------
        strategy : SearchStrategy
            A strategy for the Ray backend.
        space : SearchSpace, optional
            If given, OptunaSearch holds the space itself, and the Tuner's `param_space` must be
            `ray_param_space(strategy, space)`. Otherwise every searcher reads the space from the
            Tuner's `param_space`.
        metric : str, default "loss"
            Metric key that trials report.
        mode : {"min", "max"}, default "min"
            Whether the metric is minimised or maximised.
        points_to_evaluate : sequence of mappings, optional
            Configurations to try first, in the searcher's own format.

        Returns
        -------
        ray.tune.search.Searcher or ray.tune.search.SearchAlgorithm

        Raises
        ------
        InvalidInputError
            If the strategy is for the other backend, `mode` is unknown, or `space` is missing
            although the space is a function.

        Examples
        --------
        >>> selector = SearchAlgorithmSelector("ray")
        >>> strategy = selector.select_algorithm("complex", "large", 50, None)
        >>> strategy.algorithm_name
        'OptunaSearch'
        """
        from automodel_sk.selection.ray_algorithms import build_search_alg

        _check_backend(strategy, "ray")
        if mode not in ("min", "max"):
            raise InvalidInputError(f"mode must be 'min' or 'max', got {mode!r}; try mode='min'")
        return build_search_alg(strategy, space, metric, mode, points_to_evaluate)

    def get_ray_scheduler(self, strategy: SearchStrategy) -> Any:
        """Build the Ray Tune scheduler of a strategy.

        The metric and its mode come from `tune.TuneConfig`. No scheduler pauses trials, so no trial
        restarts from the beginning.

        Parameters
        ----------
        strategy : SearchStrategy
            A strategy for the Ray backend.

        Returns
        -------
        ray.tune.schedulers.TrialScheduler
            A FIFOScheduler if the strategy does not prune.

        Raises
        ------
        InvalidInputError
            If the strategy is for the other backend.

        Examples
        --------
        >>> selector = SearchAlgorithmSelector("ray")
        >>> selector.select_algorithm("complex", "large", 50, None).pruner_name
        'ASHAScheduler'
        """
        from automodel_sk.selection.ray_algorithms import build_scheduler

        _check_backend(strategy, "ray")
        return build_scheduler(strategy)


def _check_backend(strategy: SearchStrategy, backend: str) -> None:
    if strategy.backend != backend:
        raise InvalidInputError(
            f"strategy must be one of the backend {backend!r}, got one of {strategy.backend!r}; "
            f"make it with SearchAlgorithmSelector(backend={backend!r})"
        )
