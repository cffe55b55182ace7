"""Networks as ONNX files: each forecasts what the network does, or is refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from series import seasonal_panel
from small_models import SIZES, TINY, marked

from automodel_sk import MODEL_CATALOG, AutoModel, OnnxForecaster, create_auto_model
from automodel_sk.exceptions import (
    InvalidInputError,
    MissingDependencyError,
    ModelFileError,
    StorageError,
)

H = 6
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}
SMALL: dict[str, Any] = {"input_size": 12, "hidden_size": 8, "num_layers": 1, "max_steps": 2}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Return three series of different lengths, the last shorter than the input of a network."""
    frame = seasonal_panel(n_series=3, length=60)
    left = frame.groupby("unique_id").cumcount(ascending=False)
    longest = frame["unique_id"].map({"s0": 60, "s1": 41, "s2": 10})
    return frame[left < longest].reset_index(drop=True)


def fitted(model: str, frame: pd.DataFrame, config: Any = None, **options: Any) -> AutoModel:
    return create_auto_model(model, H, frame, config or SMALL, **QUIET, **options)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare forecasts of single precision."""
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-4)


# Every model


@pytest.fixture(scope="module")
def equal_lengths() -> pd.DataFrame:
    return seasonal_panel(n_series=3, length=60)


REFUSED = {
    "DeepAR": "it forecasts step by step",
    "FEDformer": "the exporter of torch does not translate it",
    "Informer": "it draws random numbers for every forecast",
    "TimesNet": "the periods that it folds a series by depend on its values",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [marked(name) for name in MODEL_CATALOG if MODEL_CATALOG[name].has_default_space]
)
def test_each_model_forecasts_the_same_or_is_refused(
    model: str, equal_lengths: pd.DataFrame, tmp_path: Path
):
    config = {**TINY, **SIZES[model], "learning_rate": 1e-3, "scaler_type": "robust"}
    network = fitted(model, equal_lengths, config)
    if model in REFUSED:
        with pytest.raises(InvalidInputError, match=REFUSED[model]):
            network.to_onnx(tmp_path / "model.onnx")
        return
    forecaster = OnnxForecaster(network.to_onnx(tmp_path / "model.onnx"))
    same(forecaster.predict(equal_lengths), network.predict())
    earlier = equal_lengths[equal_lengths["ds"] < equal_lengths["ds"].max()]
    same(forecaster.predict(earlier), network.predict(earlier))
    if not MODEL_CATALOG[model].multivariate:
        one = earlier[earlier["unique_id"] == "s1"].assign(unique_id="new")
        same(forecaster.predict(one), network.predict(one))


# What a file reads


def with_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return a frame with exogenous columns, their future and static values."""
    rng = np.random.default_rng(0)
    full = frame.assign(price=rng.normal(size=len(frame)), visits=rng.normal(size=len(frame)))
    later = full.groupby("unique_id").tail(H)[["unique_id", "ds", "price"]]
    past = full.drop(later.index)
    static = pd.DataFrame({"unique_id": ["s2", "s0", "s1"], "region": [1.0, 2.0, 3.0]})
    return past, later, static


def test_a_file_with_all_kinds_of_inputs_forecasts_the_same_without_torch(
    panel: pd.DataFrame, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    from neuralforecast.losses.pytorch import MQLoss

    past, later, static = with_columns(panel)
    past["available_mask"] = 1.0
    unseen = past.index[past["unique_id"] == "s0"][-3]
    past.loc[unseen, ["y", "available_mask"]] = [np.nan, 0.0]
    names = {"unique_id": "shop", "ds": "month", "y": "sales"}
    given = [frame.rename(columns=names) for frame in (past, later, static)]
    network = fitted(
        "MLP",
        given[0],
        {**SMALL, "scaler_type": "robust"},
        loss=MQLoss(level=[80]),
        id_col="shop",
        time_col="month",
        target_col="sales",
        futr_exog_list=["price"],
        hist_exog_list=["visits"],
        stat_exog_list=["region"],
        static_df=given[2],
    )
    expected = network.predict(given[0], futr_df=given[1], static_df=given[2])
    capfd.readouterr()
    file = network.to_onnx(tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    for name, frame in zip(("past", "later", "static"), given, strict=True):
        frame.to_parquet(tmp_path / f"{name}.parquet")
    program = f"""
import sys
import pandas as pd
from automodel_sk import OnnxForecaster
names = ("past", "later", "static")
past, later, static = (pd.read_parquet(f"{tmp_path}/{{name}}.parquet") for name in names)
later = later.sample(frac=1, random_state=1)
forecast = OnnxForecaster("{file}").predict(past, futr_df=later, static_df=static)
forecast.to_parquet("{tmp_path}/forecast.parquet")
print(sorted({{"torch", "neuralforecast", "pytorch_lightning"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    found = pd.read_parquet(tmp_path / "forecast.parquet")
    outputs = ["MLP", "MLP-lo-80", "MLP-median", "MLP-hi-80"]
    assert sorted(found.columns) == sorted(["shop", "month", *outputs])
    same(found, expected)
    forecaster = OnnxForecaster(file)
    with pytest.raises(InvalidInputError, match=r"futr_df lacks \['price'\]"):
        forecaster.predict(given[0], static_df=given[2])


SCALERS = ("identity", "standard", "robust", "minmax", "minmax1", "invariant", "revin")


@pytest.mark.parametrize("scaler", SCALERS)
def test_the_scaling_is_that_of_the_library(scaler: str):
    import torch
    from neuralforecast.common._scalers import TemporalNorm

    from automodel_sk.onnx.graph import shift_and_scale

    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 8)).astype(np.float32) * 9 + 50
    mask = (rng.random((6, 8)) < 0.7).astype(np.float32)
    values[1], mask[1, 0] = 7.0, 1.0  # a constant series
    values[2, :6] = 3.0  # one of no median deviation
    y, seen = torch.from_numpy(values), torch.from_numpy(mask)
    norm = TemporalNorm(scaler, dim=1, num_features=1)
    norm.transform(y[:, :, None, None], seen[:, :, None, None])
    shift, scale = shift_and_scale(y, seen, scaler, norm.eps)
    revin = (1.0 + norm.eps) if scaler == "revin" else 1.0
    assert np.allclose(shift[:, 0], norm.x_shift.detach()[:, 0, 0, 0], rtol=1e-6)
    assert np.allclose(revin * scale[:, 0], norm.x_scale.detach()[:, 0, 0, 0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("scaler", SCALERS)
def test_each_scaler_is_exported(scaler: str, panel: pd.DataFrame, tmp_path: Path):
    network = fitted("MLP", panel, {**SMALL, "scaler_type": scaler, "learning_rate": 0.01})
    forecaster = OnnxForecaster(network.to_onnx(tmp_path / "model.onnx"))
    same(forecaster.predict(panel), network.predict(panel))


@pytest.mark.slow
def test_networks_of_all_series_read_exogenous_columns(equal_lengths: pd.DataFrame, tmp_path: Path):
    past, later, static = with_columns(equal_lengths)
    network = fitted(
        "TSMixerx",
        past,
        {**TINY, **SIZES["TSMixerx"], "learning_rate": 1e-3},
        futr_exog_list=["price"],
        hist_exog_list=["visits"],
        stat_exog_list=["region"],
        static_df=static,
    )
    forecaster = OnnxForecaster(network.to_onnx(tmp_path / "model.onnx"))
    given = {"futr_df": later, "static_df": static}
    same(forecaster.predict(past, **given), network.predict(past, **given))
    few = past[past["unique_id"] != "s1"]
    with pytest.raises(InvalidInputError, match="dataset has 2 series, TSMixerx was built for 3"):
        forecaster.predict(few, **given)


# What is refused


@pytest.fixture(scope="module")
def network(panel: pd.DataFrame) -> AutoModel:
    return fitted("MLP", panel)


def test_a_loss_that_samples_is_refused(panel: pd.DataFrame, tmp_path: Path):
    sampling = fitted("MLP", panel, loss="normal")
    message = "MLP can't be exported to ONNX: its loss DistributionLoss samples; try loss='mae'"
    with pytest.raises(InvalidInputError, match=message):
        sampling.to_onnx(tmp_path / "model.onnx")


def test_a_file_that_forecasts_otherwise_is_refused(
    network: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torch

    from automodel_sk.onnx import export, graph

    class Wrong(torch.nn.Module):
        def forward(self, y: Any, mask: Any) -> Any:
            return (1.01 * y[:, -H:] * mask[:, -H:]).unsqueeze(-1)

    assert export.window_graph is graph.window_graph
    monkeypatch.setattr(export, "window_graph", lambda _: Wrong())
    with pytest.raises(InvalidInputError, match=r"the file forecasts otherwise, by [\d.,]+% of"):
        network.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(
    network: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from automodel_sk.onnx import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    message = r"to_onnx needs onnx; install it with: pip install 'automodel_sk\[onnx\]'"
    with pytest.raises(MissingDependencyError, match=message):
        network.to_onnx(tmp_path / "model.onnx")
    with pytest.raises(MissingDependencyError, match="an ONNX file needs onnxruntime"):
        OnnxForecaster(tmp_path / "model.onnx")


def test_a_place_that_cannot_be_written_is_named(network: AutoModel, tmp_path: Path):
    with pytest.raises(StorageError, match=r"nowhere/model.onnx can't be written"):
        network.to_onnx(tmp_path / "nowhere" / "model.onnx")


def test_foreign_and_damaged_files_are_refused(tmp_path: Path):
    import onnx

    with pytest.raises(ModelFileError, match=r"is no file; write it with AutoModel.to_onnx"):
        OnnxForecaster(tmp_path / "none.onnx")
    file = tmp_path / "model.onnx"
    file.write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match="is no ONNX file that can be run"):
        OnnxForecaster(file)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["y"], ["out"])],
        "g",
        [value("y", onnx.TensorProto.FLOAT, [1])],
        [value("out", onnx.TensorProto.FLOAT, [1])],
    )
    foreign = onnx.helper.make_model(
        graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 18)]
    )
    onnx.save(foreign, file)
    with pytest.raises(ModelFileError, match=r"was not written by AutoModel.to_onnx"):
        OnnxForecaster(file)
    onnx.helper.set_model_props(foreign, {"automodel_sk": '{"format": 2}'})
    onnx.save(foreign, file)
    with pytest.raises(ModelFileError, match=r"is damaged \(format: input should be 1\)"):
        OnnxForecaster(file)


def test_ensembles_name_the_network_to_export(tmp_path: Path):
    frame = seasonal_panel(n_series=3, length=60)
    ensemble = create_auto_model(["SeasonalNaive", "Naive"], H, frame, n_windows=2, **QUIET)
    with pytest.raises(InvalidInputError, match="an ensemble can't be exported to ONNX; it has no"):
        ensemble.to_onnx(tmp_path / "model.onnx")


def test_data_and_forecasts_are_treated_as_by_the_model(tmp_path: Path) -> None:
    sales = seasonal_panel(n_series=2, length=60)
    sales["y"] = (sales["y"] - sales.groupby("unique_id")["y"].transform("mean")).clip(lower=0)
    network = fitted("MLP", sales, fill_gaps="zero", non_negative=True)
    forecaster = OnnxForecaster(network.to_onnx(tmp_path / "sales.onnx"))
    gone = sales.drop(index=[55, 57])
    hole = sales.assign(y=sales["y"].where(sales.index != 58))
    for rows in (sales, gone, hole):
        expected = network.predict(rows)
        same(forecaster.predict(rows), expected)
        assert (forecaster.predict(rows)["MLP"] >= 0).all()
    assert (network.predict(sales)["MLP"] == 0).any(), "else nothing was clipped"
