"""Each model of the catalog: a tiny search, from the frame to the forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ray import tune
from series import seasonal_panel
from small_models import LACKING, QUICK, SIZES, TINY, marked

from automodel_sk import MODEL_CATALOG, AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space

H = 6
N_SERIES = 3
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}


"""What makes a model small; all other parameters are the model's own defaults."""

"""One of each family, in the default suite."""

SEARCHABLE = [name for name, row in MODEL_CATALOG.items() if row.has_default_space]


"""Models whose own library is not installed."""


TINY_SEARCHES = [
    marked(name, *([] if name in QUICK else [pytest.mark.slow])) for name in SEARCHABLE
]
ALL = [marked(name) for name in SEARCHABLE]


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return seasonal_panel(n_series=N_SERIES, length=60)


def check(result: AutoModel, data: pd.DataFrame, model: str, trials: int) -> None:
    """Hold what every search promises."""
    assert result.trials["state"].tolist() == trials * ["COMPLETE"], result.trials["reason"]
    assert np.isfinite(result.best_score)
    assert result.model_name == model
    for forecast in (result.predict(), result.predict(data)):
        assert list(forecast.columns)[:3] == ["unique_id", "ds", model]
        assert np.isfinite(forecast[model]).all()
        expected = pd.date_range("2015-01-31", periods=H, freq="ME")
        for _, series in forecast.groupby("unique_id"):
            assert series["ds"].tolist() == expected.tolist()
        assert forecast["unique_id"].nunique() == N_SERIES
    pd.testing.assert_frame_equal(result.predict(), result.predict(data))


def test_every_model_has_its_sizes():
    assert set(SIZES) == set(SEARCHABLE)
    assert set(MODEL_CATALOG) - set(SEARCHABLE) == {"HINT"}


@pytest.mark.parametrize("model", TINY_SEARCHES)
def test_a_tiny_search(model: str, data: pd.DataFrame):
    result = create_auto_model(model, H, data, {**TINY, **SIZES[model]}, num_samples=2, **QUIET)
    assert result.validation is not None
    assert not [w for w in result.validation.warnings if "is not a parameter" in w]
    check(result, data, model, trials=2)
    assert result.trials["params_learning_rate"].nunique() == 2
    for name, value in SIZES[model].items():
        assert result.best_config[name] == value


@pytest.mark.slow
@pytest.mark.parametrize("model", ALL)
def test_a_tiny_search_of_the_default_space(model: str, data: pd.DataFrame):
    """The space as it comes, but for the length of a training and the size of a step."""
    space = neuralforecast_space(model, H, N_SERIES)
    short = space.without("max_steps", "windows_batch_size", "val_check_steps")
    short = short.with_defaults(max_steps=1, windows_batch_size=4)
    result = create_auto_model(model, H, data, short, num_samples=1, **QUIET)
    check(result, data, model, trials=1)


@pytest.mark.slow
@pytest.mark.parametrize("model", ALL)
def test_saved_and_loaded(model: str, data: pd.DataFrame, tmp_path: Path):
    config = {**TINY, **SIZES[model], "learning_rate": 1e-3}
    result = create_auto_model(model, H, data, config, **QUIET)
    again = AutoModel.load(result.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(again.predict(data), result.predict(data))
    twice = AutoModel.load(again.save(tmp_path / "again"))
    pd.testing.assert_frame_equal(twice.predict(data), result.predict(data))


@pytest.mark.slow
@pytest.mark.parametrize("model", [name for name in SEARCHABLE if MODEL_CATALOG[name].multivariate])
def test_multivariate_models_say_how_many_series_they_need(model: str, data: pd.DataFrame):
    config = {**TINY, **SIZES[model], "learning_rate": 1e-3}
    result = create_auto_model(model, H, data, config, **QUIET)
    with pytest.raises(InvalidInputError, match=f"dataset has 2 series, {model} was built for 3"):
        result.predict(data[data["unique_id"] != "s1"])


@pytest.mark.skipif("xLSTM" not in LACKING, reason="the library is installed")
def test_a_model_whose_library_is_missing_says_what_to_install(data: pd.DataFrame):
    config = {**TINY, **SIZES["xLSTM"]}
    with pytest.raises(InvalidInputError, match="xlstm is not installed; try pip install xlstm"):
        create_auto_model("xLSTM", H, data, config, num_samples=2, **QUIET)


# The hierarchical model


def hierarchy(length: int = 60) -> pd.DataFrame:
    """Return two series and their sum, named so that the sum comes first."""
    bottom = seasonal_panel(n_series=2, length=length)
    total = bottom.groupby("ds", as_index=False)["y"].sum().assign(unique_id="a_total")
    return pd.concat([total, bottom], ignore_index=True)[["unique_id", "ds", "y"]]


SUMMING = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


def test_the_hierarchical_model_without_a_space_says_what_to_pass():
    with pytest.raises(InvalidInputError, match=r"'HINT' has no default .*config=") as caught:
        create_auto_model("HINT", H, hierarchy(), num_samples=2, **QUIET)
    for needed in ("S", "reconciliation", "model"):
        assert needed in str(caught.value)


def test_the_hierarchical_model_with_an_incomplete_space_says_what_lacks():
    with pytest.raises(InvalidInputError, match="lacks S, reconciliation"):
        create_auto_model("HINT", H, hierarchy(), {"model": "NHITS", "max_steps": 2}, **QUIET)


@pytest.mark.parametrize("reconciliation", ["BottomUp", "MinTraceOLS"])
def test_the_hierarchical_model_forecasts_coherently(reconciliation: str, tmp_path: Path):
    from neuralforecast.losses.pytorch import GMM

    config = {
        **TINY,
        "model": "NHITS",
        "S": SUMMING,
        "reconciliation": reconciliation,
        "mlp_units": 3 * [[8, 8]],
        "learning_rate": 1e-3,
        "max_steps": 20,
    }
    data = hierarchy()
    result = create_auto_model("HINT", H, data, config, GMM(n_components=2), **QUIET)
    forecast = result.predict(data)
    wide = forecast.pivot(index="ds", columns="unique_id", values="HINT")
    assert len(wide) == H
    assert np.allclose(wide["a_total"], wide["s0"] + wide["s1"], rtol=1e-4)
    np.random.random(3)  # noqa: NPY002
    pd.testing.assert_frame_equal(result.predict(data), forecast)
    interval = result.predict(data, level=[80, 50])
    ends = ["HINT-lo-80", "HINT-lo-50", "HINT-hi-50", "HINT-hi-80"]
    assert list(interval.columns)[2:] == ["HINT", *ends]
    assert (np.diff(interval[ends].to_numpy(), axis=1) > 0).all()
    assert interval["HINT"].between(interval["HINT-lo-80"], interval["HINT-hi-80"]).all()
    pd.testing.assert_frame_equal(result.predict(data), forecast)
    with pytest.raises(ModelFileError, match="HINT can't be saved"):
        result.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_hierarchical_model_is_tuned():
    from neuralforecast.losses.pytorch import GMM

    space = {
        **TINY,
        "model": "MLP",
        "S": SUMMING,
        "reconciliation": tune.choice(["BottomUp", "MinTraceOLS"]),
        "hidden_size": 8,
        "num_layers": 1,
    }
    loss = GMM(n_components=2)
    result = create_auto_model("HINT", H, hierarchy(), space, loss, num_samples=2, **QUIET)
    assert result.trials["state"].tolist() == ["COMPLETE", "COMPLETE"], result.trials["reason"]
    assert result.best_config["reconciliation"] in ("BottomUp", "MinTraceOLS")


def test_the_hierarchical_model_with_a_point_loss_says_what_to_pass():
    config = {**TINY, "model": "NHITS", "S": SUMMING, "reconciliation": "BottomUp"}
    config["learning_rate"] = 1e-3
    with pytest.raises(InvalidInputError, match="loss of HINT must be a distribution, got MAE"):
        create_auto_model("HINT", H, hierarchy(), config, **QUIET)
