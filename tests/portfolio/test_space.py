"""Tests of the search space of several models."""

from __future__ import annotations

import optuna
import pytest

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.space import PortfolioSpace
from automodel_sk.search_space import Choice, Float, SearchSpace

MLP = SearchSpace.parse(
    {"hidden_size": Choice([8, 16]), "learning_rate": Float(1e-4, 1e-2, log=True), "max_steps": 5}
)
NHITS = SearchSpace.parse({"hidden_size": Choice([8, 16]), "max_steps": 7})
SPACE = PortfolioSpace({"Naive": SearchSpace(), "MLP": MLP, "NHITS": NHITS})


def test_a_trial_has_the_parameters_of_its_own_model_alone():
    study = optuna.create_study()
    study.enqueue_trial({"model": "MLP", "MLP/hidden_size": 8})
    trial = study.ask()
    config = SPACE.suggest(trial)
    assert set(trial.params) == {"model", "MLP/hidden_size", "MLP/learning_rate"}
    assert config["model"] == "MLP"
    assert config["hidden_size"] == 8
    assert config["max_steps"] == 5


def test_what_a_study_stores_becomes_the_same_configuration_again():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(3))
    for _ in range(12):
        trial = study.ask()
        config = SPACE.suggest(trial)
        assert SPACE.decode(trial.params, number=trial.number) == config
        assert SPACE.encode(config) == trial.params


def test_models_with_parameters_of_one_name_do_not_share_them():
    assert {"MLP/hidden_size", "NHITS/hidden_size"} <= set(SPACE.domains)
    assert SPACE.decode({"model": "NHITS", "NHITS/hidden_size": 16, "MLP/hidden_size": 8}) == {
        "model": "NHITS",
        "hidden_size": 16,
        "max_steps": 7,
    }


def test_a_strangers_model_is_refused():
    with pytest.raises(InvalidInputError, match="no model 'TFT'"):
        SPACE.decode({"model": "TFT"})


def test_the_fingerprint_is_that_of_all_models():
    other = PortfolioSpace({**SPACE.spaces, "NHITS": MLP})
    assert other.fingerprint() != SPACE.fingerprint()
    assert PortfolioSpace(dict(reversed(SPACE.spaces.items()))).fingerprint() == SPACE.fingerprint()


def test_a_function_is_refused_with_an_example():
    with pytest.raises(InvalidInputError, match="must be a dict of domains"):
        PortfolioSpace({"MLP": SearchSpace.parse(lambda trial: {})})
