"""Commands that read the series of a model also read what the model knows beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from command_line import run, words

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.cli import app

FORMAT = {"sep", "decimal"}
TABLE = FORMAT | {"id_col", "time_col", "target_col", "date_format", "wide"}
BESIDE = {"futr", "static"}
H, LENGTH = 4, 60


def options() -> dict[str, set[str]]:
    """Return the parameters of each command."""
    group: Any = typer.main.get_command(app)
    return {
        name: {parameter.name for parameter in command.params}
        for name, command in group.commands.items()
    }


def test_commands_that_read_series_take_the_same_files_and_options():
    found = options()
    of_series = {name for name, taken in found.items() if "data" in taken}
    assert of_series == {"fit", "predict", "leaderboard", "validate", "worker"}
    for name in of_series - {"worker"}:
        assert found[name] >= BESIDE | TABLE, name
    assert found["worker"] >= {"static"} | TABLE  # it trains, and forecasts nothing
    of_series -= {"worker"}
    for name, taken in found.items():
        if taken & BESIDE:
            assert taken >= TABLE, name
    assert {name for name, taken in found.items() if "futr" in taken} == of_series | {"report"}
    assert found["reconcile"] >= FORMAT | {"id_col", "hierarchy"}


def panel() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    parts = []
    for number, size in enumerate((1.0, 5.0)):
        price = rng.integers(0, 10, LENGTH).astype(float)
        days = pd.date_range("2024-01-01", periods=LENGTH)
        y = 20 + 10 * size + 3 * price + rng.normal(0, 0.1, LENGTH)
        parts.append(pd.DataFrame({"shop": f"s{number}", "day": days, "sold": y, "price": price}))
    return pd.concat(parts, ignore_index=True)


STATIC = pd.DataFrame({"shop": ["s0", "s1"], "size": [1.0, 5.0]})
NAMES = ["--id-col", "shop", "--time-col", "day", "--target-col", "sold"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ensemble, and rows that came after its training data."""
    pytest.importorskip("lightgbm")
    top = tmp_path_factory.mktemp("home")
    whole = panel()
    past = whole.groupby("shop").head(LENGTH - 2 * H)
    model = create_auto_model(
        ["LightGBM", "SeasonalNaive"],
        H,
        past,
        static_df=STATIC,
        futr_exog_list=["price"],
        stat_exog_list=["size"],
        id_col="shop",
        time_col="day",
        target_col="sold",
        n_windows=2,
        cpus=1,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
    model.save(top / "model")
    past.to_csv(top / "past.csv", index=False)
    later = whole.groupby("shop").tail(2 * H)
    later.groupby("shop").head(H + 2).to_csv(top / "later.csv", index=False)
    later.drop(columns="sold").to_csv(top / "ahead.csv", index=False, sep=";")
    STATIC.to_csv(top / "static.csv", index=False)
    return top


def test_a_leaderboard_takes_future_and_static_values(home: Path):
    model = AutoModel.load(home / "model")
    assert model.state.task.futr_exog == ("price",)
    asked = ["leaderboard", home / "model", "--data", home / "later.csv", "--json"]
    result = run(*asked, "--futr", home / "ahead.csv", "--static", home / "static.csv")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["leaderboard"]
    shown = {row["model"]: row["mae"] for row in rows}
    later = pd.read_csv(home / "later.csv", parse_dates=["day"])
    ahead = pd.read_csv(home / "ahead.csv", parse_dates=["day"], sep=";")
    # Six rows of each series: the second horizon is forecast thanks to the future values.
    first = model.predict(futr_df=ahead.groupby("shop").head(H))
    known = pd.concat([pd.read_csv(home / "past.csv", parse_dates=["day"]), later])
    known = known[known["day"] < ahead["day"].unique()[H]]
    second = model.predict(known, futr_df=ahead.groupby("shop").tail(H), static_df=STATIC)
    both = later.merge(pd.concat([first, second]), on=["shop", "day"])
    assert len(both) == 2 * (H + 2)
    expected = (both["sold"] - both["AutoEnsemble"]).abs().mean()
    assert shown["AutoEnsemble"] == pytest.approx(expected, rel=1e-5)
    without = json.loads(run(*asked).stdout)["leaderboard"]  # of the first horizon alone
    in_first = later.merge(first, on=["shop", "day"])
    expected = (in_first["sold"] - in_first["AutoEnsemble"]).abs().mean()
    assert {r["model"]: r["mae"] for r in without}["AutoEnsemble"] == pytest.approx(expected)
    other = home / "other.csv"
    STATIC.assign(size=[5.0, 1.0]).to_csv(other, index=False)
    changed = json.loads(run(*asked, "--static", other).stdout)["leaderboard"]
    of_tree = [next(r["mae"] for r in t if r["model"] == "LightGBM") for t in (without, changed)]
    assert abs(of_tree[0] - of_tree[1]) > 1e-3


def test_values_beside_no_later_rows_are_refused(home: Path):
    result = run("leaderboard", home / "model", "--static", home / "static.csv")
    assert result.exit_code == 2
    assert "--futr and --static go with --data" in words(result.output)


def test_validate_and_fit_check_future_values_before_a_search(home: Path):
    futr = pd.read_csv(home / "ahead.csv", sep=";")
    short = home / "short.csv"
    futr.groupby("shop").head(2).to_csv(short, index=False)
    lacking = home / "lacking.csv"
    futr.drop(columns="price").to_csv(lacking, index=False)
    asked = [home / "past.csv", *NAMES, "--futr-exog", "price", "--static", home / "static.csv"]
    asked += ["--h", H]
    for command in (["validate", *asked], ["fit", *asked, "--model", "Naive", "--no-mlflow"]):
        result = run(*command, "--futr", short)
        assert result.exit_code == 1
        assert f"{short} lacks 4 rows in 2 series, first series 's0' at 2024-02-24" in result.output
        result = run(*command, "--futr", lacking)
        assert result.exit_code == 1
        assert f"{lacking} has no column 'price' (--futr-exog); its columns" in result.output
    result = run("validate", *asked, "--futr", home / "ahead.csv", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["is_valid"]
    result = run("validate", *asked[:-2], "--futr", short)
    assert result.exit_code == 2
    assert "--futr and --h go together" in words(result.output)
