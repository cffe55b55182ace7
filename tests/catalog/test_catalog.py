"""The catalog against neuralforecast itself."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys

import pytest

from automodel_sk.catalog.models import (
    MODEL_CATALOG,
    ModelCharacteristics,
    get_characteristics,
    model_class,
    model_parameters,
)
from automodel_sk.catalog.scales import ModelComplexity
from automodel_sk.exceptions import InvalidInputError

MODELS = list(MODEL_CATALOG)
FLAGS = {
    "supports_future_exogenous": "EXOGENOUS_FUTR",
    "supports_historic_exogenous": "EXOGENOUS_HIST",
    "supports_static": "EXOGENOUS_STAT",
    "supports_categorical": "EXOGENOUS_CAT",
    "multivariate": "MULTIVARIATE",
    "recurrent": "RECURRENT",
}


def auto_names() -> list[str]:
    from neuralforecast import auto

    return [name.removeprefix("Auto") for name in auto.__all__ if name.startswith("Auto")]


def test_holds_the_models_behind_all_auto_classes_and_no_other():
    assert auto_names() == MODELS
    assert len(MODELS) == 36


@pytest.mark.parametrize("name", MODELS)
def test_flags_are_those_of_the_class(name):
    upstream = model_class(name)
    characteristics = MODEL_CATALOG[name]
    assert upstream.__name__ == characteristics.name == name
    for field, attribute in FLAGS.items():
        assert getattr(characteristics, field) is bool(getattr(upstream, attribute, False)), field


@pytest.mark.parametrize("name", MODELS)
def test_what_is_derived_follows_from_the_row(name):
    row = MODEL_CATALOG[name]
    ranges = {
        ModelComplexity.SIMPLE: (7, 14),
        ModelComplexity.MODERATE: (14, 28),
        ModelComplexity.COMPLEX: (24, 168),
    }
    assert row.recommended_input_size_range == ranges[row.complexity]
    assert row.supports_exogenous is (
        row.supports_future_exogenous or row.supports_historic_exogenous
    )
    assert row.has_default_space is (name != "HINT")
    assert 0 < row.typical_training_time_minutes < 1_000
    assert 0 < row.memory_footprint_mb < 10_000


@pytest.mark.parametrize(
    ("name", "complexity", "input_sizes"),
    [
        ("MLP", ModelComplexity.SIMPLE, (7, 14)),
        ("NHITS", ModelComplexity.MODERATE, (14, 28)),
        ("TFT", ModelComplexity.COMPLEX, (24, 168)),
    ],
)
def test_the_three_models_of_the_design(name, complexity, input_sizes):
    assert MODEL_CATALOG[name].complexity is complexity
    assert MODEL_CATALOG[name].recommended_input_size_range == input_sizes


def test_measured_costs_keep_their_order():
    def minutes(name):
        return MODEL_CATALOG[name].typical_training_time_minutes

    assert minutes("NLinear") < minutes("MLP") < minutes("Autoformer")


def test_neither_the_catalog_nor_its_rows_can_be_changed():
    with pytest.raises(TypeError):
        MODEL_CATALOG["Mine"] = MODEL_CATALOG["MLP"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODEL_CATALOG["MLP"].name = "other"  # type: ignore[misc]


def test_a_row_may_be_written_with_the_fields_of_the_design_alone():
    row = ModelCharacteristics(
        complexity=ModelComplexity.SIMPLE,
        recommended_input_size_range=(7, 14),
        typical_training_time_minutes=5.0,
    )
    assert row.memory_footprint_mb != row.memory_footprint_mb  # not measured: nan
    assert not row.supports_static


def test_every_known_name_is_found():
    for name in MODELS:
        assert get_characteristics(name) is MODEL_CATALOG[name]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nhits", "NHITS"),
        ("AutoNHITS", "NHITS"),
        ("autonhits", "NHITS"),
        ("AutoNHITTS", "NHITS"),
        ("N-HiTS", "NHITS"),
        ("NHIST", "NHITS"),
        ("Autoformer ", "Autoformer"),
        ("AutoAutoformer", "Autoformer"),
        ("AutoFormr", "Autoformer"),
        ("patch_tst", "PatchTST"),
        ("XLSTM", "xLSTM"),
        ("itransfomer", "iTransformer"),
        ("tft", "TFT"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(typed, meant):
    with pytest.raises(InvalidInputError) as caught:
        get_characteristics(typed)
    assert str(caught.value) == f"model_name {typed!r} is unknown; try {meant!r}"


@pytest.mark.parametrize("typed", ["Prophet", "", "TimeLLM"])
def test_a_name_near_to_none_gets_the_list(typed):
    with pytest.raises(InvalidInputError) as caught:
        get_characteristics(typed)
    assert str(caught.value) == (
        f"model_name {typed!r} is unknown; try one of {', '.join(MODEL_CATALOG)}"
    )


@pytest.mark.parametrize("value", [None, 5, ["NHITS"]])
def test_a_name_that_is_no_string_is_refused(value):
    with pytest.raises(InvalidInputError) as caught:
        get_characteristics(value)
    assert str(caught.value) == f"model_name must be a string, got {value!r}; try 'NHITS'"


@pytest.mark.parametrize("look_up", [model_class, model_parameters])
def test_all_look_ups_give_the_same_message(look_up):
    with pytest.raises(InvalidInputError, match=r"^model_name 'nhits' is unknown; try 'NHITS'$"):
        look_up("nhits")


@pytest.mark.parametrize("name", [name for name in MODELS if name != "HINT"])
def test_parameters_are_those_of_the_class_and_its_base(name):
    from neuralforecast.common._base_model import BaseModel

    classes = (model_class(name), BaseModel)
    expected = {p for owner in classes for p in inspect.signature(owner.__init__).parameters}
    assert model_parameters(name) == expected - {"self", "trainer_kwargs"}
    assert "accelerator" not in model_parameters(name)


def test_a_parameter_of_the_base_class_alone_reaches_the_model():
    assert "n_samples" not in inspect.signature(model_class("DLinear").__init__).parameters
    assert "n_samples" in model_parameters("DLinear")
    assert model_class("DLinear")(h=2, input_size=4, n_samples=7).n_samples == 7


def test_importing_the_catalog_stays_light():
    code = (
        "import sys, automodel_sk.search_space.neuralforecast_spaces as spaces\n"
        "import automodel_sk.catalog.models as catalog\n"
        "catalog.get_characteristics('NHITS')\n"
        "spaces.neuralforecast_space('NHITS', 12)\n"
        "heavy = {'torch', 'ray', 'optuna', 'mlflow', 'sktime', 'neuralforecast'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
