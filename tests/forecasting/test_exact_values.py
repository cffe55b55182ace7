"""What comes back of the user's data is as it was given, in double precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore")
H = 3
CONFIG = {"max_steps": 2, "input_size": 6, "hidden_size": 8, "num_layers": 1}


def panel(length: int = 40) -> pd.DataFrame:
    frame = seasonal_panel(n_series=2, length=length)
    noise = np.random.default_rng(0).normal(0, 1, len(frame))
    return frame.assign(y=1_234_567.8 + frame["y"] + noise)  # of more digits than a float32 has


@pytest.fixture(scope="module")
def model() -> AutoModel:
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "storage": ":memory:"}
    return create_auto_model("MLP", H, panel(), CONFIG, cpus=1, gpus=0, **options)


def check_values(model: AutoModel, given: pd.DataFrame) -> pd.DataFrame:
    table = model.cross_validation(n_windows=2)
    assert table["y"].dtype == np.float64
    both = table.merge(given, on=["unique_id", "ds"], suffixes=("", "_given"))
    assert len(both) == len(table) == 2 * 2 * H
    assert (both["y"] == both["y_given"]).all()
    return table


def test_cross_validation_returns_the_values_that_were_given(model: AutoModel, tmp_path: Path):
    table = check_values(model, panel())
    pd.testing.assert_frame_equal(table, model.cross_validation(panel(), n_windows=2))
    assert (model.state.history()["y"].to_numpy() != panel()["y"].to_numpy()).any()
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    check_values(loaded, panel())
    pd.testing.assert_frame_equal(loaded.predict(), model.predict())
    longer = panel(44)
    check_values(loaded.update(longer, max_steps=1), longer)
    check_values(AutoModel.load(model.refit(longer).save(tmp_path / "again")), longer)


def test_values_that_single_precision_holds_are_stored_once(model: AutoModel, tmp_path: Path):
    assert len([*model.save(tmp_path / "exact").rglob("target.st")]) == 1
    whole = panel().assign(y=lambda df: df["y"].round(0))
    rounded = model.refit(whole)
    assert not [*rounded.save(tmp_path / "whole").rglob("target.st")]
    check_values(AutoModel.load(tmp_path / "whole"), whole)


def test_other_values_in_the_file_are_refused(model: AutoModel, tmp_path: Path):
    from safetensors.numpy import save_file

    [file] = model.save(tmp_path / "model").rglob("target.st")
    for values in (np.zeros(80), np.zeros(3), np.zeros(80, dtype=np.float32)):
        save_file({"y": values}, file)
        with pytest.raises(ModelFileError, match="other values than the data"):
            AutoModel.load(tmp_path / "model")
    file.unlink()
    with pytest.raises(ModelFileError, match=r"lacks target\.st"):
        AutoModel.load(tmp_path / "model")
