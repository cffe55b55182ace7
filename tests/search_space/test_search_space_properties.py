"""The search space against Ray's and Optuna's own sampling, on spaces drawn at random."""

from __future__ import annotations

import math
import warnings

import numpy as np
import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from ray import tune
from ray.tune.search.sample import Float

from automodel_sk.search_space import SearchSpace

optuna.logging.set_verbosity(optuna.logging.WARNING)

few = settings(derandomize=True, deadline=None, max_examples=20)
many = settings(derandomize=True, deadline=None, max_examples=100)

DRAWS = 200

decimals = st.sampled_from([0.001, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 1 / 3, 0.7])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-100, 100),
    st.floats(-100, 100, allow_nan=False),
    st.text('ab/[]"1', max_size=4),
)
categories = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=2),
    ),
    max_leaves=5,
)
choices = st.lists(categories, min_size=1, max_size=6, unique_by=lambda v: (type(v), repr(v)))


@st.composite
def finite_ray_domains(draw):
    """Draw a domain of few values, so that sampling reaches all of them."""
    kind = draw(
        st.sampled_from(
            [
                "randint",
                "qrandint",
                "lograndint",
                "qlograndint",
                "quniform",
                "qloguniform",
                "choice",
            ]
        )
    )
    if kind == "choice":
        return tune.choice(draw(choices))
    size, start = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    if kind in ("randint", "lograndint"):
        return getattr(tune, kind)(start, start + size)
    if kind in ("qrandint", "qlograndint"):
        step = draw(st.integers(2, 50))
        cut = draw(st.integers(0, step - 1))
        return getattr(tune, kind)(max(start * step - cut, 1), (start + size) * step + cut, step)
    step = draw(decimals)
    return getattr(tune, kind)(start * step, (start + size) * step, step)


@st.composite
def continuous_ray_domains(draw):
    kind = draw(st.sampled_from(["uniform", "loguniform", "randn"]))
    if kind == "randn":
        return tune.randn(draw(st.floats(-1e3, 1e3)), draw(st.floats(1e-3, 1e3)))
    low = draw(st.floats(1e-6, 1e3))
    high = draw(st.floats(1e-6, 1e4))
    assume(high > low * 1.01)
    return getattr(tune, kind)(low, high)


quantized_normals = st.builds(tune.qrandn, st.floats(-10, 10), st.floats(0.1, 10), decimals)
ray_domains = st.one_of(finite_ray_domains(), continuous_ray_domains(), quantized_normals)


@st.composite
def optuna_distributions(draw):
    kind = draw(st.sampled_from(["float", "log", "step", "int", "intlog", "intstep", "cat"]))
    low, size = draw(st.integers(1, 50)), draw(st.integers(0, 50))
    step = draw(st.sampled_from([0.05, 0.1, 0.25, 0.3, 2.0]))
    start = round(low * 0.1, 1)
    return {
        "float": lambda: FloatDistribution(-low, size),
        "log": lambda: FloatDistribution(low / 100, low + size, log=True),
        "step": lambda: FloatDistribution(start, round(start + size * step, 2), step=step),
        "int": lambda: IntDistribution(-low, size),
        "intlog": lambda: IntDistribution(low, low + size, log=True),
        "intstep": lambda: IntDistribution(low, low + size * 7, step=7),
        "cat": lambda: CategoricalDistribution(draw(st.permutations(["a", None, 2, 0.5, "[1]"]))),
    }[kind]()


def typed(values):
    return {(type(value), repr(value)) for value in values}


def optuna_draws(space, n=DRAWS, seed=0):
    """Draw configurations by a study's random sampler, without any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        distributions = space.optuna_distributions()
        return [study.ask(distributions).params for _ in range(n)]


def values_drawn(space, n=DRAWS, seed=0):
    return [space.decode(params)["x"] for params in optuna_draws(space, n, seed)]


def ray_draws_as_it_says(domain):
    """Return whether Ray keeps to the step of a domain; older ones ignore a step of 1."""
    rounds = tune.quniform(0.0, 2.0, 1.0).sample(random_state=0).is_integer()
    return rounds or not isinstance(domain, Float) or domain.get_sampler().q != 1


@few
@given(finite_ray_domains().filter(ray_draws_as_it_says))
def test_finite_domains_have_the_very_values_that_ray_draws(domain):
    space = SearchSpace.parse({"x": domain})
    listed = typed(space.values_of("x"))
    from_ray = {
        (type(v), repr(v)) for v in (domain.sample(random_state=seed) for seed in range(DRAWS))
    }
    assert typed(values_drawn(space)) == listed
    assert from_ray == listed
    assert space.n_combinations == len(listed)


@few
@given(continuous_ray_domains())
def test_continuous_domains_have_the_quantiles_of_ray(domain):
    space = SearchSpace.parse({"x": domain})
    ours = np.sort(values_drawn(space, 400))
    theirs = np.sort(domain.sample(size=400, random_state=1))
    grid = np.concatenate([ours, theirs])
    distance = (
        np.abs(
            np.searchsorted(ours, grid, side="right") - np.searchsorted(theirs, grid, side="right")
        ).max()
        / 400
    )
    assert distance < 0.12  # two samples of one distribution exceed it once in 100 draws
    assert all(domain.is_valid(value) for value in ours)


@few
@given(quantized_normals)
def test_quantized_normals_lie_on_the_grid_that_ray_draws_from(domain):
    quantum = domain.get_sampler().q
    space = SearchSpace.parse({"x": domain})
    ours = values_drawn(space, 50)
    theirs = [domain.sample(random_state=seed) for seed in range(50)]
    for value in [*ours, *theirs]:
        assert value == round(value / quantum) * quantum
        if abs(value - space.domains["x"].mean) < 3 * space.domains["x"].sd:
            assert space.decode(space.encode({"x": value})) == {"x": value}


@many
@given(st.dictionaries(st.sampled_from("abcd"), ray_domains, min_size=1))
def test_reading_writing_and_reading_again_changes_nothing(config):
    space = SearchSpace.parse({"nested": config, "h": 12})
    written = space.to_ray()
    again = SearchSpace.parse(written)
    assert again == space
    assert again.fingerprint() == space.fingerprint()
    for name, domain in config.items():
        seeds = range(5)
        assert [repr(domain.sample(random_state=seed)) for seed in seeds] == [
            repr(written["nested"][name].sample(random_state=seed)) for seed in seeds
        ]


@many
@given(optuna_distributions())
def test_optuna_distributions_come_back_as_they_were(distribution):
    space = SearchSpace.parse({"x": distribution})
    returned = space.optuna_distributions()["x"]
    assert type(returned) is type(distribution)
    assert returned == distribution


@few
@given(optuna_distributions())
def test_what_optuna_draws_is_what_the_trial_gets(distribution):
    space = SearchSpace.parse({"x": distribution})
    for params in optuna_draws(space, 20):
        value = space.decode(params)["x"]
        assert type(value) is type(params["x"])
        assert value == (pytest.approx(params["x"]) if isinstance(value, float) else params["x"])


@few
@given(st.dictionaries(st.sampled_from("abcd"), ray_domains, min_size=1))
def test_encoding_inverts_decoding(config):
    space = SearchSpace.parse({"nested": config, "h": [12]})
    for params in optuna_draws(space, 20):
        decoded = space.decode(params)
        encoded = space.encode(decoded)
        assert repr(space.decode(encoded)) == repr(decoded)
        assert repr(space.encode(space.decode(encoded))) == repr(encoded)


@few
@given(st.one_of(finite_ray_domains(), continuous_ray_domains()))
def test_every_value_of_ray_can_be_encoded(domain):
    space = SearchSpace.parse({"x": domain})
    for seed in range(20):
        value = domain.sample(random_state=seed)
        encoded = space.encode({"x": value})
        assert space.optuna_distributions()["x"]._contains(
            space.optuna_distributions()["x"].to_internal_repr(encoded["x"])
        )
        back = space.decode(encoded)["x"]
        if isinstance(value, float):
            assert back == pytest.approx(value, rel=1e-9, abs=1e-9)
        else:
            assert repr(back) == repr(value)


@many
@given(choices)
def test_parameters_of_choices_are_scalars_and_stand_for_one_category_each(values):
    space = SearchSpace.parse({"x": tune.choice(values)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = space.optuna_distributions()["x"].choices
        optuna.samplers.GridSampler(space.optuna_grid())
    assert [repr(space.decode({"x": label})["x"]) for label in labels] == [repr(v) for v in values]
    assert [repr(space.encode({"x": v})["x"]) for v in values] == [repr(x) for x in labels]
    assert all(
        CategoricalDistribution(labels).to_internal_repr(x) == i for i, x in enumerate(labels)
    )


@many
@given(finite_ray_domains())
def test_a_grid_holds_each_value_once(domain):
    space = SearchSpace.parse({"x": domain})
    decoded = [space.decode({"x": parameter})["x"] for parameter in space.optuna_grid()["x"]]
    assert [repr(value) for value in decoded] == [repr(value) for value in space.values_of("x")]


@many
@given(finite_ray_domains())
def test_bounds_are_those_of_the_values(domain):
    space = SearchSpace.parse({"x": domain})
    numbers = [
        value
        for value in space.values_of("x")
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    expected = (min(numbers), max(numbers)) if numbers else None
    assert space.bounds_of("x") == expected


@few
@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 10**6))
def test_normal_values_lead_back_to_themselves(sd, mean, seed):
    space = SearchSpace.parse({"x": tune.randn(mean, sd)})
    for value in values_drawn(space, 50, seed):
        assert math.isfinite(value)
        assert space.decode(space.encode({"x": value})) == {"x": value}
