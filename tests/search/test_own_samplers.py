"""A search with samplers and pruners that the user passed as objects."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.pruners import BasePruner, ThresholdPruner
from optuna.samplers import BaseSampler, GridSampler, QMCSampler, RandomSampler, TPESampler
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.sampler import SparingPruner, make_pruner
from automodel_sk.search.optuna.objects import pruner_maker, sampler_maker
from automodel_sk.search.study.search_spec import describe_search
from automodel_sk.search.study.seeding import PerTrialSampler, reseeded
from automodel_sk.search_space import Choice, Float, SearchSpace
from automodel_sk.training.task import TrainingTask

TINY: dict[str, Any] = {"input_size": 6, "hidden_size": 4, "num_layers": 1}
SPACE = {**TINY, "max_steps": 1, "learning_rate": Float(1e-4, 1e-1, log=True)}
PANEL = seasonal_panel(n_series=2, length=60)
FLOAT = optuna.distributions.FloatDistribution(0.0, 1.0)


def search(space: Any = SPACE, trials: int = 4, **options: Any) -> Any:
    quiet = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0, "storage": ":memory:"}
    return create_auto_model("MLP", 2, PANEL, space, num_samples=trials, **{**quiet, **options})


def rates(model: Any) -> list[float]:
    """Return the drawn learning rates, by number of the trial."""
    found: list[float] = model.trials["params_learning_rate"].tolist()
    return found


class Lowest(BaseSampler):
    """Draws the lowest value of each range; counts its draws."""

    def __init__(self) -> None:
        self.draws = 0

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        self.draws += 1
        return distribution.low * self.draws


class Noisy(Lowest):
    """Draws with a generator of its own, which Optuna knows nothing of."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng()

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        return float(self.generator.uniform(distribution.low, distribution.high))


def drawn(sampler: BaseSampler, seed: int, trials: int = 3) -> list[float]:
    """Return the values of trials of a study, each drawn with a seed of its own."""
    study = optuna.create_study(sampler=PerTrialSampler(lambda s: reseeded(sampler, s), seed))
    values = []
    for _ in range(trials):
        trial = study.ask()
        values.append(trial.suggest_float("x", 0.0, 1.0))
        study.tell(trial, values[-1])
    return values


@pytest.mark.parametrize("make", [TPESampler, RandomSampler, Noisy])
def test_what_a_sampler_draws_depends_on_the_seed_of_the_search_alone(make: Any):
    first, again, other = drawn(make(), 3), drawn(make(), 3), drawn(make(), 4)
    assert first == again
    assert first != other
    assert len(set(first)) == 3


def test_a_sequence_goes_on_from_trial_to_trial():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = QMCSampler(seed=1, scramble=False, warn_independent_sampling=False)
    values = drawn(sampler, 3, trials=6)[1:]  # the first one is drawn independently
    assert values == [0.0, 0.5, 0.75, 0.25, 0.375]


def test_the_users_object_draws_the_trials_and_is_not_changed():
    sampler = Lowest()
    model = search(sampler=sampler)
    assert sampler.draws == 0
    assert model.strategy.algorithm_name == "Lowest"
    # One copy serves all trials: it learned how many it drew before. Defaults are tried first.
    lows = sorted(rate for rate in rates(model) if rate <= 4e-4)
    assert lows == pytest.approx([1e-4 * k for k in range(1, len(lows) + 1)])
    assert len(lows) >= 2


def test_a_grid_of_the_users_own_begins_with_its_points():
    grid = {"learning_rate": [1e-3, 1e-2], "windows_batch_size": [4, 8]}
    space = {**TINY, "max_steps": 1} | {name: Choice(values) for name, values in grid.items()}
    model = search(space, trials=4, sampler=GridSampler(grid, seed=1))
    assert set(model.trials["state"]) == {"COMPLETE"}
    drawn = model.trials[["params_learning_rate", "params_windows_batch_size"]]
    assert len(drawn.drop_duplicates()) == 4


def test_a_resumed_search_draws_what_it_would_have_drawn(tmp_path: Path):
    at_once = search(trials=5, sampler=TPESampler(n_startup_trials=2), storage=tmp_path / "once")
    kept = {"storage": tmp_path / "twice", "study_name": "resumed"}
    search(trials=3, sampler=TPESampler(n_startup_trials=2), **kept)
    resumed = search(trials=5, sampler=TPESampler(n_startup_trials=2), **kept)
    assert rates(resumed) == rates(at_once)


def test_workers_draw_the_same_trials_as_one_process():
    alone = search(trials=4, sampler=RandomSampler(seed=7))
    together = search(trials=4, sampler=RandomSampler(seed=8), cpus=2)
    assert sorted(rates(together)) == sorted(rates(alone))


def test_the_users_pruner_stops_trials():
    space = {**SPACE, "max_steps": 8, "val_check_steps": 1}
    model = search(space, trials=2, pruner=ThresholdPruner(upper=-1.0, n_warmup_steps=2))
    assert model.trials["state"].tolist() == ["PRUNED", "PRUNED"]
    assert model.trials["n_reports"].tolist() == [2, 2]
    assert model.strategy.pruner_name == "ThresholdPruner"


def test_a_sampler_that_cannot_be_copied_is_refused():
    sampler = Lowest()
    sampler.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match=r"sampler can't be copied \(TypeError: .*lock"):
        search(sampler=sampler)


class Unsendable(Lowest):
    """Can be copied, but not pickled."""

    def __deepcopy__(self, memo: Any) -> Unsendable:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("no")


def test_a_sampler_that_cannot_be_sent_to_workers_is_refused():
    with pytest.raises(InvalidInputError, match=r"sent to worker processes \(TypeError: no\)"):
        search(sampler=Unsendable(), cpus=2)


def test_several_models_have_a_sampler_of_their_own():
    days = pd.DataFrame({"unique_id": "a", "ds": range(30), "y": np.arange(30.0) % 4})
    for models in ("auto", ["Naive", "SeasonalNaive"]):
        with pytest.raises(InvalidInputError, match="sampler is for the search of one model"):
            create_auto_model(models, 2, days, sampler="tpe", use_mlflow=False, verbose=False)


class Always(BasePruner):
    """Prunes at each report."""

    def prune(self, study: Any, trial: Any) -> bool:
        return True


def test_the_users_pruner_spares_the_first_configuration_of_a_model():
    pruner = make_pruner(Always())()
    assert isinstance(pruner, SparingPruner)
    study = optuna.create_study(pruner=pruner)
    study.enqueue_trial({"x": 0.5})
    pruned = []
    for _ in range(2):
        trial = study.ask({"x": FLOAT})
        trial.report(1.0, 1)
        pruned.append(trial.should_prune())
    assert pruned == [False, True]


def test_names_reach_workers_of_other_machines_and_objects_are_refused():
    task = TrainingTask("MLP", h=2, val_size=2)
    space = SearchSpace.parse({**TINY, "batch_size": Choice([8, 16])})
    named = describe_search(task, space, 5, OptimizationConfig(sampler="TPESampler"))
    assert named["options"]["sampler"] == "TPESampler"
    passed = describe_search(task, space, 5, OptimizationConfig(sampler=TPESampler()))
    assert "can't be written as JSON" in passed["refused"]


def test_names_need_no_copy():
    assert sampler_maker("TPESampler") is None
    assert pruner_maker(None) is None
