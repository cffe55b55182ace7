"""The command that makes the forecasts of a hierarchy add up: as in Python, for predict and on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run, words

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.forecasting.reconciliation import METHODS

pytest.importorskip("hierarchicalforecast")

H = 4
SUMS = {"all": ("x", "y", "z"), "pair": ("y", "z"), "x": ("x",), "y": ("y",), "z": ("z",)}


def matrix(ids: dict[str, Any], name: str = "shop") -> pd.DataFrame:
    bottom = ("x", "y", "z")
    rows = {ids[row]: [1.0 * (b in parts) for b in bottom] for row, parts in SUMS.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[ids[b] for b in bottom])
    return table.rename_axis(name).reset_index()


def sales(ids: dict[str, Any]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=60)
    bottom = {b: 50 * k + rng.normal(0, 5, 60).cumsum() for k, b in enumerate(("x", "y", "z"), 1)}
    parts = [
        pd.DataFrame({"shop": ids[row], "day": days, "sold": sum(bottom[b] for b in parts)})
        for row, parts in SUMS.items()
    ]
    whole = pd.concat(parts, ignore_index=True)
    # Linear forecasts of true sums add up by themselves.
    return whole.assign(sold=whole["sold"] * np.where(whole["shop"] == ids["all"], 1.02, 1.0))


@pytest.fixture(scope="module", params=["text", "numbers"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of all series, and the file of their sums."""
    numbers = {"all": 1, "pair": 2, "x": 11, "y": 21, "z": 22}
    ids = numbers if request.param == "numbers" else {name: name for name in SUMS}
    top: Path = tmp_path_factory.mktemp("home")
    model = create_auto_model(
        ["SeasonalNaive", "WindowAverage", "Naive"],
        H,
        sales(ids),
        id_col="shop",
        time_col="day",
        target_col="sold",
        n_windows=3,
        cpus=1,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
    model.save(top / "sales_auto")
    matrix(ids).to_csv(top / "hierarchy.csv", index=False, sep=";")
    return top


def gap(forecast: pd.DataFrame) -> float:
    wide = forecast.pivot(index="day", columns="shop", values="AutoEnsemble")
    first, *_ = wide.columns if 1 in wide.columns else ["all"]
    bottom = [c for c in wide.columns if c in ("x", "y", "z", 11, 21, 22)]
    return float((wide[first] - wide[bottom].sum(axis=1)).abs().max())


def test_a_reconciled_model_is_saved_and_forecasts_as_in_python(home: Path):
    loaded = AutoModel.load(home / "sales_auto")
    known = pd.read_csv(home / "hierarchy.csv", sep=";")
    if loaded.state.ids.dtype.kind == "i":
        known.columns = ["shop", *map(int, known.columns[1:])]
    assert gap(loaded.predict()) > 1e-3
    for method in ("mint_shrink", "bottom_up"):
        more = [] if method == "mint_shrink" else ["--method", "bottom-up", "--json"]
        result = run("reconcile", home / "sales_auto", home / "hierarchy.csv", *more)
        assert result.exit_code == 0, result.output
        target = home / "sales_auto_coherent"
        if more:
            assert json.loads(result.stdout) == {"model": str(target), "method": "bottom_up"}
        else:
            assert result.stdout == f"Model: {target}\n"
        expected = loaded.reconcile(known, method=method).predict(level=[80])
        written = home / "forecast.csv"
        result = run("predict", target, "--level", 80, "--output", written)
        assert result.exit_code == 0, result.output
        found = pd.read_csv(written, parse_dates=["day"])
        assert gap(expected) < 1e-9
        assert gap(found) < 1e-4  # the file has the digits of single precision
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-6)


def test_what_is_no_hierarchy_of_the_model_is_refused_in_the_words_of_files(home: Path):
    file = home / "wrong.csv"
    table = pd.read_csv(home / "hierarchy.csv", sep=";")
    asked = ["reconcile", home / "sales_auto", file, "--output", home / "out"]
    for frame, message in (
        (table.iloc[1:], "wrong.csv has no row of 1 of the model's series"),
        (table.rename(columns={"shop": "store"}), "wrong.csv has no column 'shop'"),
        (pd.concat([table, table.head(1)]), "wrong.csv has two rows of"),
    ):
        frame.to_csv(file, index=False)
        result = run(*asked)
        assert result.exit_code == 1
        assert message in result.stderr
        assert "S_df" not in result.stderr
    assert not (home / "out").exists()
    table.to_csv(file, index=False)
    result = run(*asked, "--method", "mint")
    assert result.exit_code == 2
    assert all(method in words(result.output) for method in METHODS)
    assert all(method in words(run("reconcile", "--help").output) for method in METHODS)
    (home / "taken").mkdir(exist_ok=True)
    (home / "taken" / "file").touch()
    result = run("reconcile", home / "sales_auto", file, "--output", home / "taken")
    assert result.exit_code == 1
    assert "exists and is not a saved model" in result.stderr


def test_a_series_too_short_for_the_windows_leaves_no_intervals_to_give(tmp_path: Path):
    ids = {name: name for name in SUMS}
    whole = sales(ids)
    short = whole[(whole["shop"] != "z") | (whole["day"] >= "2024-02-25")]
    short.to_csv(tmp_path / "sales.csv", index=False)
    matrix(ids).to_csv(tmp_path / "hierarchy.csv", index=False)
    names = ["--id-col", "shop", "--time-col", "day", "--target-col", "sold"]
    models = ["--model", "SeasonalNaive", "--model", "Naive", "--n-windows", 3, "--level", 80]
    more = ["--output", tmp_path / "model", "--no-mlflow", "--quiet", "--cpus", 1]
    result = run("fit", tmp_path / "sales.csv", "--h", H, *names, *models, *more)
    assert result.exit_code == 0, result.output
    asked = ["reconcile", tmp_path / "model", tmp_path / "hierarchy.csv"]
    result = run(*asked, "--method", "wls_struct")
    assert result.exit_code == 0, result.output
    assert "The forecasts get no intervals: these need errors of all series" in result.stderr
    result = run("predict", tmp_path / "model_coherent")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "shop,day,AutoEnsemble"
