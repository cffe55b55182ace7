"""Tests of the choice of the next trial's model, and of pruning across models."""

from __future__ import annotations

from collections import Counter

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from several_models import search, trials

from automodel_sk.portfolio.sampler import (
    PortfolioPruner,
    PortfolioSampler,
    is_over,
    is_stalled,
)
from automodel_sk.portfolio.space import PortfolioSpace
from automodel_sk.search.study.attributes import PLANNED_REPORTS
from automodel_sk.search.study.seeding import PerTrialSampler
from automodel_sk.search.study.study import AskTellStudy
from automodel_sk.search_space import Choice, Float, Integer, SearchSpace

TUNED = ("MLP", "NHITS", "GRU")
SPACE = PortfolioSpace(
    {
        "Naive": SearchSpace(),
        **{name: SearchSpace.parse({"learning_rate": Float(1e-4, 1e-2)}) for name in TUNED},
    }
)


def _study(seed=0, spaces=SPACE):
    def make(number):
        return PortfolioSampler(spaces, number)

    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="s")
    return AskTellStudy("s", storage, PerTrialSampler(make, seed))


def _add(study, model, *losses, state=TrialState.COMPLETE, initial=False, planned=None):
    names = {"model": model} | ({f"{model}/learning_rate": 1e-3} if model in TUNED else {})
    distributions = {name: SPACE.optuna_distributions()[name] for name in names}
    complete = state is TrialState.COMPLETE
    study.add_trial(
        create_trial(
            params=names,
            distributions=distributions,
            intermediate_values=dict(enumerate(losses, 1)),
            value=min(losses) if complete else None,
            state=state,
            system_attrs={"fixed_params": names} if initial else {},
            user_attrs={} if planned is None else {PLANNED_REPORTS: planned},
        )
    )


def _models(study, count):
    found = []
    for _ in range(count):
        trial = study.ask()
        found.append(SPACE.suggest(trial)["model"])
        study.tell(trial, state=TrialState.FAIL)
    return Counter(found)


def test_only_models_near_the_best_are_searched_and_no_baseline():
    study = _study()
    _add(study, "Naive", 0.5)
    _add(study, "MLP", 1.0)
    _add(study, "NHITS", 1.1)
    _add(study, "GRU", 1.2)
    drawn = _models(study, 30)
    assert set(drawn) == {"MLP", "NHITS"}
    assert min(drawn.values()) >= 5


def test_only_models_near_the_best_are_searched_by_a_negative_metric():
    study = _study()
    _add(study, "MLP", -1.0)
    _add(study, "NHITS", -0.9)
    _add(study, "GRU", 5.0)
    drawn = _models(study, 30)
    assert set(drawn) == {"MLP", "NHITS"}
    assert min(drawn.values()) >= 5


def test_a_model_that_was_tried_often_makes_room_for_the_others():
    study = _study()
    for _ in range(9):
        _add(study, "MLP", 1.0)
    _add(study, "NHITS", 1.0)
    drawn = _models(study, 40)
    assert drawn["NHITS"] > 2 * drawn["MLP"]


def test_the_same_trials_and_seed_give_the_same_draw():
    def draw(seed):
        study = _study(seed=seed)
        _add(study, "MLP", 1.0)
        _add(study, "NHITS", 1.0)
        return [SPACE.suggest(study.ask()) for _ in range(8)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_the_search_ends_after_trials_that_are_none_of_the_best():
    study = _study()
    for value in (1.0, 1.1, 1.2, 1.3, 1.4):
        _add(study, "MLP", value)
    _add(study, "NHITS", 2.0)
    assert not is_stalled(study, TUNED, patience=3)
    _add(study, "NHITS", 2.1)
    _add(study, "MLP", 2.2)
    assert is_stalled(study, TUNED, patience=3)
    assert not is_stalled(study, TUNED, patience=4)
    assert not is_stalled(study, TUNED, patience=None)


def test_a_new_leader_keeps_the_search_going():
    study = _study()
    for value in (1.0, 1.1, 1.2, 1.3, 1.4, 2.0, 0.9, 2.2):
        _add(study, "MLP", value)
    assert not is_stalled(study, TUNED, patience=3)


def test_models_without_parameters_are_not_searched():
    assert is_stalled(_study(), tuned=(), patience=None)


SMALL = PortfolioSpace(
    {
        "Naive": SearchSpace(),
        "MLP": SearchSpace.parse({"hidden_size": Choice([8, 16]), "max_steps": 5}),
        "NHITS": SearchSpace.parse({"input_size": Integer(6, 8), "kernel": Choice([2, 3])}),
    }
)


def _drawn(study, spaces, count, values):
    found = []
    for _ in range(count):
        trial = study.ask()
        spaces.suggest(trial)
        study.tell(trial, values[trial.params["model"]])
        found.append(tuple(sorted(trial.params.items())))
    return found


@pytest.mark.parametrize("worse", [1.0, 9.0], ids=["as good", "far worse"])
@pytest.mark.parametrize("seed", range(4))
def test_each_configuration_of_small_spaces_is_drawn_once(seed, worse):
    study = _study(seed, SMALL)
    study.enqueue_trial({"model": "Naive"})
    study.enqueue_trial({"model": "MLP", "MLP/hidden_size": 8})
    values = {"Naive": 2.0, "MLP": 1.0, "NHITS": worse}
    drawn = _drawn(study, SMALL, 8, values)
    assert not is_over(study, SMALL, patience=None)
    drawn += _drawn(study, SMALL, 1, values)
    assert Counter(dict(d)["model"] for d in drawn) == {"Naive": 1, "MLP": 2, "NHITS": 6}
    assert len(set(drawn)) == 9
    assert is_over(study, SMALL, patience=None)


def test_an_infinite_space_is_never_used_up():
    study = _study()
    _drawn(study, SPACE, 5, dict.fromkeys(SPACE.spaces, 1.0))
    assert not is_over(study, SPACE, patience=None)


@pytest.mark.parametrize("initial", [True, False])
def test_a_lagging_network_is_pruned_unless_it_is_the_first_of_its_model(initial):
    study = _study()
    for _ in range(2):
        _add(study, "MLP", *[3.0, 2.0, 1.5, 1.2, 1.0, 1.0, 1.0, 1.0])
    _add(study, "Naive", 0.5)
    losses = [9.0, 8.0, 7.0, 6.0]
    _add(study, "GRU", *losses, state=TrialState.RUNNING, initial=initial)
    running = study.get_trials()[-1]
    assert PortfolioPruner().prune(study, running) is not initial


def test_a_network_that_keeps_up_is_not_pruned_and_baselines_do_not_count():
    study = _study()
    for _ in range(2):
        _add(study, "MLP", *[3.0, 2.0, 1.5, 1.2])
    for _ in range(5):
        _add(study, "Naive", 0.1)
    _add(study, "GRU", *[3.0, 1.9, 1.4], state=TrialState.RUNNING)
    assert not PortfolioPruner().prune(study, study.get_trials()[-1])


def _pruned_at(study, curve, planned):
    """Return the report at which a training with a curve over its share is pruned, or None."""
    losses = [curve((n + 1) / planned) for n in range(planned)]
    for made in range(1, planned + 1):
        _add(study, "GRU", *losses[:made], state=TrialState.RUNNING, planned=planned)
        if PortfolioPruner().prune(study, study.get_trials()[-1]):
            return made
    return None


@pytest.mark.parametrize("planned", [4, 10, 40, 100])
@pytest.mark.parametrize(("reports", "made"), [(10, 10), (10, 2), (100, 100), (100, 15), (7, 7)])
def test_networks_are_compared_at_the_same_share_of_their_trainings(reports, made, planned):
    study = _study()
    for _ in range(2):
        losses = [11.0 - 10 * ((n + 1) / reports) for n in range(made)]
        _add(study, "MLP", *losses, planned=reports)
    assert _pruned_at(study, lambda share: 11.0 - 10 * share, planned) is None
    worse = _pruned_at(study, lambda share: 13.0 - 4 * share, planned)
    first = max(3, -(-planned // 4))  # a quarter of the training; all of one that ended early
    assert worse is not None
    assert worse == first if made == reports else 3 <= worse <= first


def test_trials_note_how_many_reports_they_plan(tmp_path):
    search(tmp_path, num_samples=2, patience=None)
    planned = [(t.params["model"], t.user_attrs[PLANNED_REPORTS]) for t in trials(tmp_path)]
    assert planned == [("SeasonalNaive", 1), ("Naive", 1), ("MLP", 10), ("MLP", 10)]
