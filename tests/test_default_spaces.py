"""Default search spaces against neuralforecast's own."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from automodel_sk.catalog import MODEL_CATALOG, model_class, model_parameters
from automodel_sk.default_spaces import default_search_space
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Float, Integer, SearchSpace

MODELS = [name for name, row in MODEL_CATALOG.items() if row.has_default_space]
OWNED_BY_THE_SEARCH = ("h", "loss", "n_series", "random_seed")


def upstream_domains(name: str, h: int, n_series: int) -> dict[str, object]:
    """Return neuralforecast's default domains in the spelling of ours."""
    from neuralforecast import auto

    auto_class = getattr(auto, f"Auto{name}")
    config = dict(auto_class.get_default_config(h=h, backend="ray", n_series=n_series))
    if h == 1 and "step_size" in config:
        config["step_size"] = Choice((1,))  # upstream's is a choice of 1 and 1
    return respelled(dict(SearchSpace.parse(config).without(*OWNED_BY_THE_SEARCH).domains), h)


def respelled(domains: dict[str, object], h: int) -> dict[str, object]:
    if domains.get("inference_input_size") == Choice((-h,)):
        del domains["inference_input_size"]
    sizes = domains["input_size"].values
    domains["input_size"] = Choice(tuple(3 * h if size < 1 else size for size in sizes))
    steps = domains["max_steps"]
    if isinstance(steps, Float):
        domains["max_steps"] = Integer(int(steps.low), int(steps.high), step=int(steps.step))
    return domains


@pytest.mark.parametrize("h", [1, 2, 12, 96])
@pytest.mark.parametrize("name", MODELS)
def test_is_neuralforecasts_own_space(name, h):
    space = default_search_space(name, h, n_series=5)
    assert dict(space.domains) == upstream_domains(name, h, n_series=5)
    assert dict(space.constants) == {}
    assert space.function is None


@pytest.mark.parametrize("name", MODELS)
def test_values_have_the_types_that_constructors_want(name):
    space = default_search_space(name, np.int64(12))
    assert set(space.domains) <= model_parameters(name) - set(OWNED_BY_THE_SEARCH)
    for parameter in ("input_size", "max_steps", "batch_size"):
        assert {type(value) for value in space.values_of(parameter)} == {int}, parameter


def test_steps_by_hundreds_are_whole_numbers():
    values = default_search_space("NHITS", 12).values_of("max_steps")
    assert values == (500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500)


def test_input_sizes_below_one_are_written_out_as_neuralforecast_reads_them():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = model_class("TCN")(h=12, input_size=-12, inference_input_size=-12)
    written_out = model_class("TCN")(h=12, input_size=36)
    assert short.input_size == written_out.input_size == 36
    assert default_search_space("TCN", 12).values_of("input_size") == (36, 48, 192, 768)


def test_spaces_do_not_share_lists():
    first = default_search_space("NHITS", 12).values_of("n_pool_kernel_size")
    first[0].append(99)
    assert default_search_space("NHITS", 12).values_of("n_pool_kernel_size")[0] == [2, 2, 1]


def test_a_model_without_a_space_says_what_to_pass():
    with pytest.raises(InvalidInputError) as caught:
        default_search_space("HINT", 12)
    assert str(caught.value) == (
        "model_name 'HINT' has no default search space, because it reconciles the forecasts of"
        " another model; pass config with that model's name, the summing matrix, the method and"
        " the other model's parameters, for example config={'model': 'NHITS', 'S': S,"
        " 'reconciliation': 'BottomUp', 'max_steps': 500}"
    )


@pytest.mark.parametrize("typed", ["nhits", "AutoNHITS"])
def test_an_unknown_model_gets_the_nearest_one(typed):
    with pytest.raises(InvalidInputError) as caught:
        default_search_space(typed, 12)
    assert str(caught.value) == f"model_name {typed!r} is unknown; try 'NHITS'"


@pytest.mark.parametrize("value", [0, -3, 2.5, 12.0, True, "12", None])
@pytest.mark.parametrize(("name", "example"), [("h", 12), ("n_series", 1)])
def test_counts_are_checked(name, example, value):
    arguments = {"h": 12, "n_series": 1} | {name: value}
    with pytest.raises(InvalidInputError) as caught:
        default_search_space("NHITS", **arguments)
    assert str(caught.value) == (
        f"{name} must be a whole number of at least 1, got {value!r}; try {example}"
    )
