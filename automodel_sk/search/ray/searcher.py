"""Use a Ray searcher as a source of parameters whose state can be rebuilt from a study.

A Ray searcher reaches the same state after the same sequence of proposals and results. Searchers
are therefore never saved: after a stop, the study's trials are replayed in the order in which they
were proposed and ended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any

from ray.tune.search import Searcher
from ray.tune.search.variant_generator import generate_variants

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.ray.upstream import random_state_of
from automodel_sk.search.study.distinct import DRAWS_PER_CONFIGURATION, MOST_DRAWS, key_of
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector, SearchStrategy
from automodel_sk.search_space import Computed, SearchSpace
from automodel_sk.search_space.nesting import SEPARATOR
from automodel_sk.selection.ray_algorithms import ray_param_space

__all__ = ["IdleProposer", "Proposer"]

logger = logging.getLogger(__name__)

Params = dict[str, Any]


class Proposer:
    """Propose parameters as the study stores them, and learn from the results.

    Parameters
    ----------
    strategy : SearchStrategy
        A strategy of the Ray backend.
    space : SearchSpace
        The search space.
    initial_trials : sequence of mappings
        Parameters of the initial trials, for searchers that can learn from them.
    """

    def __init__(
        self, strategy: SearchStrategy, space: SearchSpace, initial_trials: Sequence[Params] = ()
    ) -> None:
        self._source = _source(strategy, space, initial_trials)
        self._initial_trials = [*initial_trials] if self._source.takes_initial_trials else []
        self._keys: dict[int, str] = {}
        self._begun: set[int] = set()
        self._names = map(str, count())
        self._pending: tuple[str, Params] | None = None
        self.results_seen = 0
        """Number of ended trials that the searcher has received."""
        self.differs = False
        """Whether a proposal was not what its trial has."""

    @property
    def takes_initial_trials(self) -> bool:
        """Whether the searcher can learn from trials that it did not propose."""
        found: bool = self._source.takes_initial_trials
        return found

    def propose(self) -> Params | None:
        """Return the next trial's parameters, or None if the searcher waits for results."""
        key = next(self._names)
        params: Params | None = self._source.propose(key)
        self._pending = None if params is None else (key, params)
        return params

    def begin(self, number: int, params: Mapping[str, Any]) -> None:
        """Record, once, which trial a proposal became; trials of other origin are ignored."""
        if number in self._begun:
            return
        self._begun.add(number)
        self._source.learn(params)
        if self._pending is None and params in self._initial_trials:
            self.propose()
        if self._pending is None:
            return
        (key, proposed), self._pending = self._pending, None
        if proposed == params:
            self._keys[number] = key
        else:
            self.differs = True
            self._source.forget(key)

    def end(self, number: int, loss: float | None) -> None:
        """Report the end of a trial; a failed trial has no loss."""
        self.results_seen += 1
        key = self._keys.pop(number, None)
        if key is None:
            return
        if loss is None:
            self._source.forget(key)
        else:
            self._source.teach(key, loss)


class IdleProposer:
    """Proposes nothing, because the study's own sampler draws the trials."""

    results_seen = 0

    def propose(self) -> Params | None:
        """Propose nothing."""
        return None

    def begin(self, number: int, params: Mapping[str, Any]) -> None:
        """Do nothing: there are no proposals."""

    def end(self, number: int, loss: float | None) -> None:
        """Count an ended trial."""
        self.results_seen += 1


class _Variants:
    """Random draws, or the points of a grid, in the order of `BasicVariantGenerator`.

    A finite space is walked without repetitions, until no configuration is left.
    """

    takes_initial_trials = False

    def __init__(self, strategy: SearchStrategy, space: SearchSpace) -> None:
        self._space, self._names = space, sorted(space.domains)
        self._taken: set[tuple[str, ...]] = set()
        drawn = {"config": ray_param_space(strategy, space)}
        seed = _random_state(strategy)
        self._variants: Iterator[Any] = chain.from_iterable(
            generate_variants(drawn, random_state=seed) for _ in count()
        )

    def propose(self, key: str) -> Params | None:
        proposal = self._draw()
        n_configurations = self._space.n_combinations or 0
        if len(self._taken) < n_configurations:
            for _ in range(min(MOST_DRAWS, DRAWS_PER_CONFIGURATION * n_configurations)):
                if proposal is not None and key_of(proposal, self._names) not in self._taken:
                    break
                proposal = self._draw()
        return proposal

    def _draw(self) -> Params | None:
        _, spec = next(self._variants)
        return _encoded(self._space, spec["config"])

    def learn(self, params: Mapping[str, Any]) -> None:
        """Note the parameters of a trial, so that they are not proposed again."""
        if all(name in params for name in self._names):
            self._taken.add(key_of(params, self._names))

    def teach(self, key: str, loss: float) -> None:
        """Do nothing: random draws do not learn."""

    def forget(self, key: str) -> None:
        """Do nothing: random draws do not learn."""


def _random_state(strategy: SearchStrategy) -> Any:
    """Return the generator that `BasicVariantGenerator` draws from."""
    return random_state_of(SearchAlgorithmSelector("ray").get_ray_search_alg(strategy))


class _BySearcher:
    """Proposals of a Ray searcher over a space in Ray's format."""

    takes_initial_trials = True

    def __init__(
        self, strategy: SearchStrategy, space: SearchSpace, initial_trials: Sequence[Params]
    ) -> None:
        if any(SEPARATOR in name for name in space.domains):
            initial_trials = ()  # HyperOpt accepts none in nested spaces
            self.takes_initial_trials = False
        self._space = space
        self._name = strategy.algorithm_name
        self._searcher = SearchAlgorithmSelector("ray").get_ray_search_alg(
            strategy, points_to_evaluate=[_point(space, params) for params in initial_trials]
        )
        self._searcher.set_search_properties(None, None, ray_param_space(strategy, space))

    def propose(self, key: str) -> Params | None:
        proposal = self._searcher.suggest(key)
        if proposal is None or proposal == Searcher.FINISHED:
            return None
        return self._read(proposal)

    def _read(self, proposal: Mapping[str, Any]) -> Params | None:
        return _encoded(self._space, proposal)

    def learn(self, params: Mapping[str, Any]) -> None:
        """Do nothing: the searcher learns from results."""

    def teach(self, key: str, loss: float) -> None:
        self._searcher.on_trial_complete(key, result={"loss": loss})

    def forget(self, key: str) -> None:
        if self._name == "BayesOptSearch":
            # The searcher counts its random trials by their results; an error would not count as
            # one.
            self._searcher.on_trial_complete(key, result={"loss": float("nan")})
        else:
            self._searcher.on_trial_complete(key, error=True)


class _ByOptuna(_BySearcher):
    """Proposals of OptunaSearch, whose parameters are those that the study stores."""

    def __init__(
        self, strategy: SearchStrategy, space: SearchSpace, initial_trials: Sequence[Params]
    ) -> None:
        def parameters(trial: Any) -> Params:
            try:
                space.suggest(trial)
            except Exception:  # a user's define-by-run function fails again when the trial runs
                logger.debug("the search space failed", exc_info=True)
            return dict(trial.params)

        self._space, self._name = space, strategy.algorithm_name
        self._searcher = SearchAlgorithmSelector("ray").get_ray_search_alg(
            strategy, SearchSpace(function=parameters), points_to_evaluate=initial_trials
        )

    def _read(self, proposal: Mapping[str, Any]) -> Params | None:
        return _flat(proposal)


def _source(strategy: SearchStrategy, space: SearchSpace, initial_trials: Sequence[Params]) -> Any:
    if strategy.algorithm_name == "OptunaSearch":
        return _ByOptuna(strategy, space, initial_trials)
    computed = [name for name, domain in space.domains.items() if isinstance(domain, Computed)]
    space = space.without(*computed)
    if strategy.algorithm_name == "BasicVariantGenerator":
        return _Variants(strategy, space)
    return _BySearcher(strategy, space, initial_trials)


def _encoded(space: SearchSpace, config: Mapping[str, Any]) -> Params | None:
    """Return a configuration as the study stores it, or None if a draw is outside its domain."""
    try:
        return space.encode(config)
    except InvalidInputError:
        logger.debug("a proposal is not in the search space", exc_info=True)
        return None


def _point(space: SearchSpace, params: Params) -> dict[str, Any]:
    """Return parameters in Ray's format: tuned values only."""
    config = SearchSpace(domains=space.domains).decode(params)
    return dict(config)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Params:
    """Undo OptunaSearch's nesting of names that contain a slash."""
    flat: Params = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}/") if isinstance(value, Mapping) else {name: value}
    return flat
