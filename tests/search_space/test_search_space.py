"""The search space by example: what is read, what is drawn, what is refused."""

from __future__ import annotations

import math
import pickle
import random
import subprocess
import sys
import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ray import tune
from ray.tune.search import sample as ray_sample
from ray.tune.search.variant_generator import generate_variants

from automodel_sk.catalog.scales import SearchComplexity
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Computed, Float, Integer, Normal, SearchSpace

optuna.logging.set_verbosity(optuna.logging.WARNING)

LISTS = [[2, 2, 1], [1, 1, 1], [8, 4, 1]]


class Opaque:
    """An object that compares by identity, as torch losses do."""

    def __init__(self, level):
        self.level = level


def drawn(config, n=300, seed=0):
    """Draw values of the parameter ``x`` through Optuna's random sampler."""
    space = SearchSpace.parse({"x": config})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [space.suggest(study.ask())["x"] for _ in range(n)]


def domain_of(config):
    return SearchSpace.parse({"x": config}).domains["x"]


@pytest.mark.parametrize(
    ("ray_domain", "domain"),
    [
        (tune.uniform(0, 2), Float(0.0, 2.0)),
        (tune.quniform(0.0, 1.0, 0.1), Float(0.0, 1.0, step=0.1)),
        (tune.loguniform(1e-5, 1e-2), Float(1e-5, 1e-2, log=True)),
        (tune.qloguniform(0.1, 10, 0.1), Float(0.1, 10.0, log=True, step=0.1)),
        (tune.randn(1.0, 3.0), Normal(1.0, 3.0)),
        (tune.qrandn(1.0, 3.0, 0.5), Normal(1.0, 3.0, step=0.5)),
        (tune.randint(1, 4), Integer(1, 3)),
        (tune.qrandint(5, 29, 10), Integer(10, 20, step=10)),
        (tune.qrandint(1, 4, 1), Integer(1, 3)),
        (tune.lograndint(1, 100), Integer(1, 99, log=True)),
        (tune.qlograndint(10, 100, 10), Integer(10, 100, log=True, step=10)),
        (tune.qlograndint(1, 10, 1), Integer(1, 9, log=True)),
        (tune.choice(LISTS), Choice(LISTS)),
        (tune.choice([None, True, {"a": 1}]), Choice([None, True, {"a": 1}])),
        (tune.grid_search([1, 2]), Choice([1, 2], grid=True)),
        (ray_sample.Categorical([1, 2]).grid(), Choice([1, 2], grid=True)),
        (ray_sample.Float(0.0, 1.0), Float(0.0, 1.0)),
        (ray_sample.Integer(1, 4), Integer(1, 3)),
    ],
)
def test_every_ray_domain_is_read_and_written(ray_domain, domain):
    space = SearchSpace.parse({"x": ray_domain})
    assert space.domains == {"x": domain}
    assert SearchSpace.parse(space.to_ray()) == space


@pytest.mark.parametrize(
    ("distribution", "domain"),
    [
        (FloatDistribution(0.0, 1.0), Float(0.0, 1.0)),
        (FloatDistribution(1e-4, 1.0, log=True), Float(1e-4, 1.0, log=True)),
        (FloatDistribution(0.05, 0.95, step=0.1), Float(0.05, 0.95, step=0.1)),
        (IntDistribution(1, 9, step=2), Integer(1, 9, step=2)),
        (IntDistribution(1, 64, log=True), Integer(1, 64, log=True)),
        (CategoricalDistribution(("a", None, 2, 2.5, True)), Choice(("a", None, 2, 2.5, True))),
    ],
)
def test_every_optuna_distribution_is_read_and_written(distribution, domain):
    space = SearchSpace.parse({"x": distribution})
    assert space.domains == {"x": domain}
    assert space.optuna_distributions() == {"x": distribution}


# What a careless translation gets wrong.


def test_upper_bound_of_randint_is_never_drawn():
    assert set(drawn(tune.randint(1, 4))) == {1, 2, 3}


def test_lograndint_gives_ints_below_its_bound():
    values = drawn(tune.lograndint(1, 5))
    assert {type(value) for value in values} == {int}
    assert set(values) == {1, 2, 3, 4}


def test_qrandint_is_drawn_on_multiples():
    assert set(drawn(tune.qrandint(5, 45, 10))) == {10, 20, 30, 40}


def test_qlograndint_is_drawn_as_ray_draws_it():
    values = drawn(tune.qlograndint(10, 50, 10), n=4000)
    assert {type(value) for value in values} == {int}
    shares = {value: values.count(value) / len(values) for value in set(values)}
    expected = {10 * k: math.log((k + 1) / k) / math.log(6) for k in range(1, 6)}
    assert shares == pytest.approx(expected, abs=0.03)


def test_qloguniform_keeps_its_step_and_its_scale():
    values = drawn(tune.qloguniform(0.5, 8, 0.5), n=2000)
    assert set(values) <= {0.5 * k for k in range(1, 17)}
    assert np.median(values) == pytest.approx(2.0, abs=0.25)


def test_quniform_gives_the_floats_that_ray_gives():
    values = drawn(tune.quniform(500, 1500, 100))
    assert {type(value) for value in values} == {float}
    assert set(drawn(tune.quniform(0.1, 0.5, 0.1))) == {0.1, 0.2, 3 * 0.1, 0.4, 0.5}


def test_steps_that_are_no_decimals_keep_their_last_value():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = drawn(tune.quniform(1 / 3, 1.0, 1 / 3))
    assert set(values) == {1 / 3, 2 / 3, 1.0}


def test_randn_has_its_mean_and_spread():
    values = np.array(drawn(tune.randn(5.0, 2.0), n=4000))
    assert values.mean() == pytest.approx(5.0, abs=0.15)
    assert values.std() == pytest.approx(2.0, abs=0.1)


def test_qrandn_is_drawn_on_multiples():
    values = drawn(tune.qrandn(0.0, 2.0, 0.5))
    assert all(value == round(value / 0.5) * 0.5 for value in values)


# Categories.


def test_categories_keep_their_type():
    categories = [True, 1, 1.0, "1", None, [1], (1,), {"a": 1}]
    values = drawn(tune.choice(categories))
    assert {(type(v), repr(v)) for v in values} == {(type(v), repr(v)) for v in categories}


def test_scalars_go_to_optuna_as_they_are_and_lists_as_labels():
    space = SearchSpace.parse({"a": tune.choice([None, "x", 2]), "b": tune.choice(LISTS)})
    distributions = space.optuna_distributions()
    assert distributions["a"].choices == (None, "x", 2)
    assert distributions["b"].choices == ("[2, 2, 1]", "[1, 1, 1]", "[8, 4, 1]")


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_equal_numbers_of_different_type_are_distinguished(value):
    space = SearchSpace.parse({"x": tune.choice([True, 1, 1.0])})
    decoded = space.decode(space.encode({"x": value}))["x"]
    assert (type(decoded), decoded) == (type(value), value)


def test_labels_of_objects_hold_no_address():
    losses = [Opaque(80), Opaque(90)]
    space = SearchSpace.parse({"x": tune.choice(losses)})
    labels = space.optuna_distributions()["x"].choices
    assert all("0x" not in label for label in labels)
    assert [space.decode({"x": label})["x"] for label in labels] == losses
    assert space.encode({"x": losses[1]}) == {"x": labels[1]}
    assert space.encode({"x": Opaque(90)}) == {"x": labels[1]}


def test_long_categories_have_short_labels():
    categories = [list(range(500)), [*range(499), 7]]
    space = SearchSpace.parse({"x": tune.choice(categories)})
    labels = space.optuna_distributions()["x"].choices
    assert all(len(label) < 250 for label in labels)
    assert [space.decode({"x": label})["x"] for label in labels] == categories


def test_nan_is_a_category():
    values = drawn(tune.choice([math.nan, 0.5]))
    assert {repr(value) for value in values} == {"nan", "0.5"}


def test_changing_a_drawn_list_leaves_the_space_as_it_was():
    given = [[1], [2]]
    space = SearchSpace.parse({"x": tune.choice(given), "y": [3]})
    config = space.decode({"x": "[1]"})
    config["x"].append(9)
    config["y"].append(9)
    given[0].append(8)
    assert space.decode({"x": "[1]"}) == {"x": [1], "y": [3]}


def storages(folder):
    yield "memory", lambda: None
    yield "sqlite", lambda: f"sqlite:///{folder / 'study.db'}"
    backend = JournalFileBackend(str(folder / "study.log"))
    yield "journal", lambda: JournalStorage(backend)


def grid(space):
    return optuna.samplers.GridSampler(space.optuna_grid(), seed=1)


def tpe(space):
    return optuna.samplers.TPESampler(seed=1, multivariate=False, n_startup_trials=3)


@pytest.mark.parametrize("sampler", [grid, tpe])
@pytest.mark.parametrize("storage", ["memory", "sqlite", "journal"])
def test_lists_are_searched_on_every_storage(tmp_path, storage, sampler):
    space = SearchSpace.parse(
        {"blocks": tune.choice([*LISTS[:2], None]), "kw": {"k": tune.choice([{"a": 1}, (1, 2)])}}
    )
    configs = []

    def objective(trial):
        configs.append(space.suggest(trial))
        return float(len(str(configs[-1])))

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        opened = dict(storages(tmp_path))[storage]()
        study = optuna.create_study(storage=opened, study_name="s", sampler=sampler(space))
        study.optimize(objective, n_trials=6)
        reopened = dict(storages(tmp_path))[storage]()
        if reopened is not None:
            study = optuna.load_study(storage=reopened, study_name="s", sampler=sampler(space))
    assert [space.decode(trial.params) for trial in study.trials] == configs
    assert [space.encode(config) for config in configs] == [t.params for t in study.trials]
    if sampler is grid:
        assert len({repr(config) for config in configs}) == 6


def test_enqueued_configurations_are_tried_first():
    space = SearchSpace.parse(
        {"blocks": tune.choice(LISTS), "lr": tune.loguniform(1e-4, 1e-1), "z": tune.randn(0, 1)}
    )
    config = {"blocks": [8, 4, 1], "lr": 0.003, "z": 0.75}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.enqueue_trial(space.encode(config))
    assert space.suggest(study.ask()) == config


def test_a_trial_asked_with_the_distributions_gives_the_same_configuration():
    space = SearchSpace.parse({"a": tune.choice(LISTS), "b": tune.qlograndint(10, 900, 10)})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    trial = study.ask(space.optuna_distributions())
    assert space.suggest(trial) == space.decode(trial.params)


# Nested dicts, constants, functions.


def test_nested_entries_go_by_flat_names():
    config = {"opt": {"lr": tune.uniform(0, 1), "kw": {"eps": 1e-8}}, "h": 12, "empty": {}}
    space = SearchSpace.parse(config)
    assert list(space.domains) == ["opt/lr"]
    assert space.constants == {"opt/kw": {"eps": 1e-8}, "h": 12, "empty": {}}
    decoded = space.decode({"opt/lr": 0.5})
    assert decoded == {"opt": {"lr": 0.5, "kw": {"eps": 1e-8}}, "h": 12, "empty": {}}
    assert space.encode(decoded) == {"opt/lr": 0.5}
    assert SearchSpace.parse(space.to_ray()) == space


def test_plain_values_alone_are_a_fixed_configuration():
    config = {"max_steps": 10, "n_blocks": [1, 1], "kw": {0: "a"}}
    space = SearchSpace.parse(config)
    assert space.is_fixed
    assert space.n_combinations == 1
    assert space.suggest(optuna.create_study().ask()) == config
    assert space.to_ray() == config


def function_space(trial):
    depth = trial.suggest_int("depth", 1, 2)
    return {"sizes": [trial.suggest_int(f"size{i}", 1, 8) for i in range(depth)], "h": 7}


def test_a_function_of_a_trial_is_called():
    space = SearchSpace.parse(function_space).with_defaults(h=1, lr=0.1)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    config = space.suggest(trial)
    assert config["h"] == 7
    assert config["lr"] == 0.1
    assert space.decode(trial.params, number=trial.number) == config
    assert space.n_combinations is None
    assert not space.is_fixed
    assert space.optuna_distributions() == {}
    assert space.without("h").suggest(trial) == {"sizes": config["sizes"], "lr": 0.1}
    assert space.without("h", "lr").suggest(trial) == {"sizes": config["sizes"]}


@pytest.mark.parametrize("call", ["to_ray", "optuna_grid"])
def test_a_function_has_no_such_form(call):
    with pytest.raises(InvalidInputError, match=r"config: a .* try"):
        getattr(SearchSpace.parse(function_space), call)()


def test_a_function_must_return_a_dict():
    with pytest.raises(InvalidInputError, match="must return a dict, got 3"):
        SearchSpace.parse(lambda trial: 3).suggest(optuna.create_study().ask())


def test_a_function_can_not_be_encoded():
    with pytest.raises(InvalidInputError, match="can't be run backwards"):
        SearchSpace.parse(function_space).encode({"h": 7})


# Computed values.


@pytest.mark.parametrize(
    "function",
    [
        lambda config: config["size"] * 2,
        lambda spec: spec.config.size * 2,
        lambda spec: spec.config["size"] * 2,
        lambda spec: spec["config"]["size"] * 2,
        lambda config: config.get("size") * 2 + config.get("missing", 0),
    ],
)
def test_sample_from_reads_the_other_values(function):
    space = SearchSpace.parse({"twice": tune.sample_from(function), "size": tune.choice([3, 5])})
    assert space.decode({"size": 5}) == {"size": 5, "twice": 10}


def test_computed_values_may_depend_on_each_other_and_on_nested_ones():
    space = SearchSpace.parse(
        {
            "c": tune.sample_from(lambda spec: spec.config.b + 1),
            "b": tune.sample_from(lambda config: config["m"]["a"] * 10),
            "m": {"a": tune.randint(1, 4)},
            "d": Computed(lambda: 4),
        }
    )
    assert space.decode({"m/a": 3}) == {"c": 31, "b": 30, "m": {"a": 3}, "d": 4}


def test_computed_draws_follow_the_trial_and_leave_the_generators_alone():
    space = SearchSpace.parse(
        {
            "a": tune.sample_from(lambda config: np.random.randint(0, 10**9)),  # noqa: NPY002
            "b": tune.sample_from(lambda config: np.random.randint(0, 10**9)),  # noqa: NPY002
            "c": tune.sample_from(lambda config: random.random()),
        }
    )
    np.random.seed(5)  # noqa: NPY002
    before = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    state = random.getstate()
    first, again, other = (space.decode({}, number=n) for n in (4, 4, 5))
    assert first == again
    assert all(first[name] != other[name] for name in "abc")
    assert first["a"] != first["b"]
    assert np.random.random() == before  # noqa: NPY002
    assert random.getstate() == state


def test_a_suggested_configuration_is_decoded_again_with_its_number():
    space = SearchSpace.parse(
        {"a": tune.sample_from(lambda _: np.random.rand()), "b": tune.uniform(0, 1)}  # noqa: NPY002
    )
    study = optuna.create_study()
    for _ in range(3):
        trial = study.ask()
        config = space.suggest(trial)
        assert space.decode(trial.params, number=trial.number) == config


def test_functions_that_wait_for_each_other_are_refused():
    space = SearchSpace.parse(
        {"a": Computed(lambda config: config["b"]), "b": Computed(lambda config: config["a"])}
    )
    with pytest.raises(InvalidInputError, match="a, b: these functions wait for each other"):
        space.decode({})


def test_a_failing_function_is_named():
    space = SearchSpace.parse({"a": Computed(lambda config: config["nothing"])})
    with pytest.raises(InvalidInputError, match="a: its function raised KeyError: 'nothing'"):
        space.decode({})


def test_ray_resolves_a_written_space():
    space = SearchSpace.parse(
        {
            "a": tune.grid_search([1, 2]),
            "n": {"b": tune.qlograndint(10, 50, 10), "c": [1, 2]},
            "odd": Integer(1, 9, step=4),
        }
    )
    specs = [spec for _, spec in generate_variants({"config": space.to_ray()}, random_state=0)]
    assert [spec["config"]["a"] for spec in specs] == [1, 2]
    for spec in specs:
        assert spec["config"]["n"]["b"] in {10, 20, 30, 40, 50}
        assert spec["config"]["n"]["c"] == [1, 2]
        assert spec["config"]["odd"] in {1, 5, 9}
        assert space.decode(space.encode(spec["config"])) == spec["config"]


# What is known of a space.


def test_questions_about_a_space():
    space = SearchSpace.parse(
        {
            "h": 12,
            "name": "x",
            "layers": tune.choice([1, 2, None]),
            "size": tune.qrandint(8, 32, 8),
            "lr": tune.loguniform(1e-4, 1e-2),
            "z": tune.randn(),
        }
    )
    assert space.values_of("h") == (12,)
    assert space.values_of("size") == (8, 16, 24, 32)
    assert space.values_of("layers") == (1, 2, None)
    assert space.values_of("lr") is None
    assert space.values_of("absent") is None
    assert space.bounds_of("h") == (12, 12)
    assert space.bounds_of("layers") == (1, 2)
    assert space.bounds_of("size") == (8, 32)
    assert space.bounds_of("lr") == (1e-4, 1e-2)
    assert space.bounds_of("z") == (-math.inf, math.inf)
    assert space.bounds_of("name") is None
    assert space.bounds_of("absent") is None
    assert not space.is_finite
    finite = space.without("lr", "z")
    assert finite.n_combinations == 12
    assert finite.is_finite


def test_values_are_listed_only_where_there_are_not_too_many():
    space = SearchSpace.parse({"x": tune.randint(0, 10**9)})
    assert space.n_combinations == 10**9
    assert space.values_of("x") is None
    with pytest.raises(InvalidInputError, match="x: a grid needs at most 100000 values"):
        space.optuna_grid()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"h": 12}, SearchComplexity.LOW),
        ({"a": tune.uniform(0, 1), "b": tune.uniform(0, 1)}, SearchComplexity.LOW),
        ({c: tune.choice([1, 2]) for c in "abcdef"}, SearchComplexity.LOW),
        ({c: tune.choice([1, 2]) for c in "abcdefg"}, SearchComplexity.MEDIUM),
        ({c: tune.uniform(0, 1) for c in "abc"}, SearchComplexity.MEDIUM),
        ({c: tune.uniform(0, 1) for c in "abcdefgh"}, SearchComplexity.HIGH),
        (function_space, SearchComplexity.MEDIUM),
    ],
)
def test_complexity_counts_parameters_and_combinations(config, expected):
    assert SearchSpace.parse(config).complexity is expected


def test_defaults_fill_gaps_only():
    space = SearchSpace.parse({"a": tune.choice([1, 2]), "kw": {"b": tune.uniform(0, 1)}})
    filled = space.with_defaults(a=5, kw={"c": 1}, h=12, d=Integer(1, 2))
    assert filled.constants == {"h": 12}
    assert list(filled.domains) == ["a", "kw/b", "d"]
    assert filled.without("kw", "d", "h", "absent") == space.without("kw/b")


def test_description_has_a_row_per_parameter():
    table = SearchSpace.parse(
        {
            "lr": tune.loguniform(1e-4, 1e-2),
            "n": tune.qrandint(10, 30, 10),
            "c": tune.choice([[1], None]),
            "g": tune.grid_search([1, 2]),
            "z": tune.randn(0, 2),
            "f": Computed(function_space),
            "h": 12,
        }
    ).describe()
    assert list(table.columns) == ["parameter", "kind", "values", "low", "high", "log", "step"]
    rows = table.set_index("parameter")
    assert rows["kind"].to_dict() == {
        "lr": "float",
        "n": "integer",
        "c": "choice",
        "g": "grid",
        "z": "normal",
        "f": "computed",
        "h": "constant",
    }
    assert rows.loc["lr", ["low", "high", "log"]].tolist() == [1e-4, 1e-2, True]
    assert rows.loc["n", ["low", "high", "step"]].tolist() == [10, 30, 10]
    assert rows.loc["c", "values"] == [[1], None]
    assert rows.loc["h", "values"] == [12]
    assert SearchSpace.parse(function_space).describe()["kind"].tolist() == ["function"]


# Fingerprints and processes.

FINGERPRINT = """
from automodel_sk.search_space import *
space = SearchSpace.parse({
    "a": Choice([{"x", "y", "z"}, None, [1, 2]]), "b": Float(0, 1), "c": {"d": Integer(1, 2)},
    "e": {"k": 1, "j": 2},
})
print(space.fingerprint())
"""


def test_fingerprint_is_the_same_in_every_process():
    runs = [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 16


def scaled(factor):
    return lambda trial: {"lr": trial.suggest_float("lr", 0, factor)}


def test_fingerprint_tells_spaces_apart():
    configs = [
        {},
        {"x": 1},
        {"x": True},
        {"x": [1]},
        {"x": Choice([1])},
        {"x": Choice([1], grid=True)},
        {"x": Integer(1, 2)},
        {"x": Float(1, 2)},
        {"x": Float(1, 2, log=True)},
        {"x": [[[[[[[[1]]]]]]]]},
        {"x": [[[[[[[[2]]]]]]]]},
        {"x": np.arange(2000)},
        {"x": np.arange(2000)[::-1]},
        {"x": Opaque(80)},
        {"x": Opaque(90)},
        {"x": Computed(lambda: 1)},
        {"x": Computed(lambda: 2)},
        function_space,
        scaled(1),
        scaled(2),
    ]
    spaces = [SearchSpace.parse(config) for config in configs]
    prints = [space.fingerprint() for space in [*spaces, spaces[-1].without("h")]]
    assert len(set(prints)) == len(prints)
    assert SearchSpace.parse(scaled(2)).fingerprint() == spaces[-1].fingerprint()


def test_a_space_survives_pickling():
    space = SearchSpace.parse({"a": tune.choice(LISTS), "b": tune.randn(), "h": 12})
    assert pickle.loads(pickle.dumps(space)) == space


def test_reading_a_space_imports_no_search_library():
    code = (
        "import sys; from automodel_sk.search_space import *; "
        "SearchSpace.parse({'a': Float(0, 1), 'b': 2}).fingerprint(); "
        "assert not {'ray', 'optuna', 'torch', 'mlflow', 'sktime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# What is refused.


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"x": tune.choice([])}, r"x: choice needs at least one value, got none; try"),
        ({"x": tune.grid_search([])}, r"x: choice needs at least one value"),
        ({"x": tune.grid_search(3)}, r"x: grid_search needs a list of values, got 3; try"),
        ({"x": tune.choice([1, 2, 1])}, r"x: choice has 1 twice; keep it once"),
        ({"x": tune.choice([[1], [2], [1]])}, r"x: choice has \[1\] twice"),
        ({"x": tune.choice([math.nan, math.nan])}, r"x: choice has nan twice"),
        ({"x": tune.uniform(3, 1)}, r"x: low must be at most high, got low=3.0 and high=1.0"),
        ({"m": {"x": tune.uniform(3, 1)}}, r"m/x: low must be at most high"),
        ({"x": tune.randint(3, 3)}, r"x: there is no value between 3 and 3, as the upper bound"),
        ({"x": tune.qrandint(11, 19, 10)}, r"x: there is no value between 11 and 19, as values"),
        ({"x": tune.qrandint(1, 9, -2)}, r"x: step must be above 0, got -2"),
        ({"x": tune.qrandint(1, 9, 0.5)}, r"x: step must be a whole number, got 0.5"),
        ({"x": tune.quniform(0, 4, -2)}, r"x: step must be above 0, got -2"),
        ({"x": tune.randint(1.5, 4)}, r"x: low must be a whole number, got 1.5"),
        ({"x": ray_sample.Float(None, 1)}, r"x: low must be a finite number, got -inf"),
        ({"x": ray_sample.Integer(None, 1)}, r"x: low must be a whole number, got None"),
        ({"x": ray_sample.Domain()}, r"x: Domain is not a domain that Ray ships; try"),
        ({"x": [tune.uniform(0, 1)]}, r"x: a list can't hold search domains; try a choice of"),
        ({"x": tune.choice([{"a": tune.uniform(0, 1)}])}, r"x: a category can't hold search"),
        ({"x": {"eval": "1 + 1"}}, r"x: text is not evaluated as code, got {'eval': '1 \+ 1'}"),
        ({"a/b": 1}, r"names of parameters must be non-empty strings without '/', got 'a/b'"),
        ({3: 1}, r"names of parameters must be non-empty strings without '/', got 3"),
        ([1], r"config must be a dict or a function of an Optuna trial, got list; try"),
    ],
)
def test_bad_spaces_are_refused_by_name(config, message):
    with pytest.raises(InvalidInputError, match=message):
        SearchSpace.parse(config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Float(0, 1, log=True), r"low must be above 0 when log is set, got 0.0; try"),
        (lambda: Integer(0, 9, log=True), r"low must be above 0 when log is set, got 0"),
        (lambda: Float(0, 1, step=0), r"step must be above 0, got 0"),
        (lambda: Float(0.15, 1, log=True, step=0.1), r"low must be a multiple of step"),
        (lambda: Integer(3, 9, log=True, step=2), r"low must be a multiple of step"),
        (lambda: Float(0, math.inf), r"high must be a finite number, got inf"),
        (lambda: Float(True, 2), r"low must be a finite number, got True"),
        (lambda: Integer("1", 2), r"low must be a whole number, got '1'"),
        (lambda: Normal(0, 0), r"sd must be above 0, got 0.0"),
        (lambda: Choice("adam"), r"choice needs a list of values, got 'adam'; try \['adam'\]"),
        (lambda: Computed(3), r"function must be callable, got 3"),
    ],
)
def test_bad_domains_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"n": 4}, r"lr is missing in the configuration; take one of Float"),
        ({"lr": 5.0, "n": 4}, r"lr: 5.0 is not in Float\("),
        ({"lr": "a", "n": 4}, r"lr: 'a' is not in Float\("),
        ({"lr": 0.5, "n": 5}, r"n: 5 is not in Integer\("),
        ({"lr": 0.5, "n": 4.5}, r"n: 4.5 is not in Integer\("),
        ({"lr": 0.5, "n": 4, "h": 13}, r"h is fixed at 12 in this space, got 13; leave it out"),
        ({"lr": 0.5, "n": 4, "zz": 1}, r"zz is not in the search space; its names are: h, lr, n"),
    ],
)
def test_configurations_outside_the_space_are_refused(config, message):
    space = SearchSpace.parse({"lr": Float(0, 1), "n": Integer(2, 8, step=2), "h": 12})
    with pytest.raises(InvalidInputError, match=message):
        space.encode(config)


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (Choice([1, 2]), 3),
        (Float(0, 1, step=0.25), 0.3),
        (Normal(0, 1), 50.0),
        (Normal(0, 1, step=0.5), 0.3),
    ],
)
def test_values_outside_a_domain_are_refused(domain, value):
    with pytest.raises(InvalidInputError, match=f"x: {value} is not in"):
        SearchSpace.parse({"x": domain}).encode({"x": value})


def test_missing_and_unknown_parameters_are_refused():
    space = SearchSpace.parse({"x": Choice([[1], [2]])})
    with pytest.raises(InvalidInputError, match="x is missing in the parameters"):
        space.decode({})
    with pytest.raises(InvalidInputError, match=r"'\[3\]' is not in Choice"):
        space.decode({"x": "[3]"})


@pytest.mark.parametrize(
    "domain",
    [
        Choice([1, [2]], grid=True),
        Float(0, 1, step=0.3),
        Integer(1, 64, log=True),
        Normal(0, 1, step=0.1),
    ],
)
def test_repr_makes_the_domain_again(domain):
    assert eval(repr(domain)) == domain
