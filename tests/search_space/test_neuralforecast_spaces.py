"""Default search spaces against neuralforecast's own."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from automodel_sk.catalog.models import MODEL_CATALOG, model_class, model_parameters
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Float, Integer, SearchSpace
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space

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
    space = neuralforecast_space(name, h, n_series=5)
    own, upstream = dict(space.domains), upstream_domains(name, h, n_series=5)
    if name in SUITED_WINDOWS and h < 12:
        del own["input_size"], upstream["input_size"]
    assert own == upstream
    assert set(space.constants) == ({SUITED[name]} if h < SHORT.get(name, 0) else set())
    assert space.function is None


SUITED_WINDOWS = {"BiTCN", "VanillaTransformer", "Informer", "FEDformer", "Autoformer", "TimeMixer"}
SUITED = {
    "NBEATS": "stack_types",
    "NBEATSx": "stack_types",
    "TimeXer": "patch_len",
    "TimesNet": "top_k",
}
SHORT = {"NBEATS": 2, "NBEATSx": 2, "TimeXer": 16, "TimesNet": 5}


def short_panel():
    step = np.arange(80.0)
    rows = {"ds": np.arange(80), "y": np.sin(step) + step / 50}
    return pd.concat([pd.DataFrame({"unique_id": name, **rows}) for name in "ab"])


def survives(name, h, config):
    """Train a configuration for one step, with small batches."""
    from neuralforecast.tsdataset import TimeSeriesDataset

    from automodel_sk.training.task import TrainingTask
    from automodel_sk.training.train import Decision, train_config

    dataset, *_ = TimeSeriesDataset.from_df(short_panel())
    device = {"accelerator": "cpu", "devices": 1}
    lengths = np.array([80, 80])
    task = TrainingTask(name, h=h, val_size=h, n_series=2, lengths=lengths, trainer_options=device)
    small = {"max_steps": 1, "val_check_steps": 1, "batch_size": 2, "start_padding_enabled": True}
    small |= {"windows_batch_size": 8} if "windows_batch_size" in config else {}
    outcome = train_config(task, {**config, **small}, dataset, lambda *_: Decision.CONTINUE)
    return np.isfinite(outcome.score)


def drawn(space, seed, **chosen):
    rng = np.random.default_rng(seed)
    listed = {name: domain.listed() for name, domain in space.domains.items()}
    values = {
        name: space.domains[name].bounds[0] if values is None else values[rng.integers(len(values))]
        for name, values in listed.items()
    }
    return {**space.constants, **values, **chosen}


FAILED_ONCE = [*SUITED, *sorted(SUITED_WINDOWS)]


@pytest.mark.parametrize("h", [1, 3])
@pytest.mark.parametrize("name", FAILED_ONCE)
def test_short_horizons_leave_trials_that_survive(name, h):
    space = neuralforecast_space(name, h)
    for seed, size in enumerate(space.values_of("input_size")[:2]):
        assert survives(name, h, drawn(space, seed, input_size=size))


@pytest.mark.slow
@pytest.mark.parametrize("h", [1, 2, 3, 4, 5, 6, 7, 12])
@pytest.mark.parametrize("name", [name for name in MODELS if name != "xLSTM"])  # not installed
def test_every_model_survives_every_window_of_short_horizons(name, h):
    space = neuralforecast_space(name, h)
    for seed, size in enumerate(space.values_of("input_size")):
        assert survives(name, h, drawn(space, seed, input_size=size))


@pytest.mark.parametrize("name", MODELS)
def test_values_have_the_types_that_constructors_want(name):
    space = neuralforecast_space(name, np.int64(12))
    assert set(space.domains) <= model_parameters(name) - set(OWNED_BY_THE_SEARCH)
    for parameter in ("input_size", "max_steps", "batch_size"):
        assert {type(value) for value in space.values_of(parameter)} == {int}, parameter


def test_steps_by_hundreds_are_whole_numbers():
    values = neuralforecast_space("NHITS", 12).values_of("max_steps")
    assert values == (500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500)


def test_input_sizes_below_one_are_written_out_as_neuralforecast_reads_them():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = model_class("TCN")(h=12, input_size=-12, inference_input_size=-12)
    written_out = model_class("TCN")(h=12, input_size=36)
    assert short.input_size == written_out.input_size == 36
    assert neuralforecast_space("TCN", 12).values_of("input_size") == (36, 48, 192, 768)


def test_spaces_do_not_share_lists():
    first = neuralforecast_space("NHITS", 12).values_of("n_pool_kernel_size")
    first[0].append(99)
    assert neuralforecast_space("NHITS", 12).values_of("n_pool_kernel_size")[0] == [2, 2, 1]


def test_a_model_without_a_space_says_what_to_pass():
    with pytest.raises(InvalidInputError) as caught:
        neuralforecast_space("HINT", 12)
    assert str(caught.value) == (
        "model_name 'HINT' has no default search space, because it reconciles the forecasts of"
        " another model; pass config with that model's name, the summing matrix, the method and"
        " the other model's parameters, for example config={'model': 'NHITS', 'S': S,"
        " 'reconciliation': 'BottomUp', 'max_steps': 500}"
    )


@pytest.mark.parametrize("typed", ["nhits", "AutoNHITS"])
def test_an_unknown_model_gets_the_nearest_one(typed):
    with pytest.raises(InvalidInputError) as caught:
        neuralforecast_space(typed, 12)
    assert str(caught.value) == f"model_name {typed!r} is unknown; try 'NHITS'"


@pytest.mark.parametrize("value", [0, -3, 2.5, 12.0, True, "12", None])
@pytest.mark.parametrize(("name", "example"), [("h", 12), ("n_series", 1)])
def test_counts_are_checked(name, example, value):
    arguments = {"h": 12, "n_series": 1} | {name: value}
    with pytest.raises(InvalidInputError) as caught:
        neuralforecast_space("NHITS", **arguments)
    assert str(caught.value) == (
        f"{name} must be a whole number of at least 1, got {value!r}; try {example}"
    )
