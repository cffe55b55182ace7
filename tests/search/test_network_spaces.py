"""The default spaces of networks, and neuralforecast's by name."""

from __future__ import annotations

import pytest
from series import seasonal_panel

from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.initial_trials import initial_trials
from automodel_sk.search.network_spaces import (
    PanelFacts,
    first_config,
    network_space,
    panel_facts,
)
from automodel_sk.search.planning import SearchPlan, UserInput, make_plan
from automodel_sk.search_space import Choice
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space

H = 6
SET_BY_THE_SEARCH = ("h", "loss", "valid_loss", "n_series", "random_seed")
TUNED = sorted(name for name, row in MODEL_CATALOG.items() if row.has_default_space)


def plan(model: str = "NHITS", config: object = None, **options: object) -> SearchPlan:
    frame = seasonal_panel(n_series=3, length=80)
    quiet = OptimizationConfig(use_mlflow=False, verbose=False, **options)  # type: ignore[arg-type]
    return make_plan(UserInput(model, H, frame, config), quiet)


def test_the_default_space_fits_the_data() -> None:
    found = plan()
    facts = PanelFacts(h=H, season=12, trained_length=74)
    assert panel_facts(found.data) == facts
    assert found.space == network_space("NHITS", facts).without(*SET_BY_THE_SEARCH)
    assert found.space.constants["max_steps"] == 1000
    assert max(found.space.domains["input_size"].values) <= 37  # type: ignore[union-attr]


def test_the_first_trial_is_the_first_configuration() -> None:
    found = plan()
    [first] = initial_trials("NHITS", found.space, (), found.first)
    assert first["learning_rate"] == 1e-3
    assert first["input_size"] == 2 * H


def test_neuralforecast_s_space_is_searched_by_name() -> None:
    found = plan(space="neuralforecast")
    assert found.space == neuralforecast_space("NHITS", H).without(*SET_BY_THE_SEARCH)
    assert found.space.values_of("max_steps") != (1000,)
    assert not found.first  # its first trial has the model's defaults


def test_a_config_is_searched_whatever_the_default_space() -> None:
    config = {"max_steps": 10, "input_size": Choice([6, 12])}
    for which in ("default", "neuralforecast"):
        found = plan(config=config, space=which)
        assert sorted(found.space.domains) == ["input_size"]
        assert not found.first


def test_a_misspelt_space_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"space must be .*'neuralforecst'.*neuralforecast"):
        plan(space="neuralforecst")


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize("h", [1, 24])
def test_each_model_s_first_configuration_lies_in_its_space(name: str, h: int) -> None:
    facts = PanelFacts(h=h, season=12, trained_length=100)
    space, first = network_space(name, facts), first_config(name, facts)
    [params] = initial_trials(name, space, (), first)
    # Values outside their domain would be left to the sampler.
    assert {n for n, value in first.items() if value is not None} <= set(params)
