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


def test_validate_and_fit_refuse_future_values_of_unknown_categories(home: Path):
    months = pd.read_csv(home / "past.csv", parse_dates=["day"])
    months["month"] = months["day"].dt.month_name()
    ahead = pd.read_csv(home / "ahead.csv", sep=";").assign(month="November")
    files = [home / "months.csv", home / "november.csv"]
    for table, file in zip((months, ahead), files, strict=True):
        table.to_csv(file, index=False)
    asked = [files[0], *NAMES, "--futr-exog", "month", "--h", H, "--futr", files[1]]
    for command in (["validate"], ["fit", "--model", "Naive", "--no-mlflow"]):
        result = run(*command, *asked)
        assert result.exit_code == 1
        said = words(result.output)
        assert f"column 'month' of {files[1]} has no category known to the model" in said
    ahead.assign(month="February").to_csv(files[1], index=False)
    assert run("validate", *asked).exit_code == 0


def test_names_of_the_new_files_are_those_of_the_forecast(home: Path):
    own = {"shop": "store", "day": "date", "sold": "sales"}
    newer = pd.read_csv(home / "past.csv").rename(columns=own).assign(day=1, shop="x")
    ahead = pd.read_csv(home / "ahead.csv", sep=";").rename(columns=own).groupby("store").head(H)
    files = [home / "newer.csv", home / "newer_ahead.csv"]
    for table, file in zip((newer, ahead), files, strict=True):
        table.to_csv(file, index=False)
    names = ["--id-col", "store", "--time-col", "date", "--target-col", "sales"]
    beside = ["--futr", files[1], "--static", home / "static_store.csv"]
    STATIC.rename(columns=own).to_csv(beside[-1], index=False)
    result = run("predict", home / "model", files[0], *names, *beside)
    assert result.exit_code == 0, result.output
    lines = [line.split(",") for line in result.stdout.splitlines()]
    assert lines[0] == ["store", "date", "AutoEnsemble"]
    known = pd.read_csv(home / "past.csv", parse_dates=["day"])
    futr = pd.read_csv(home / "ahead.csv", parse_dates=["day"], sep=";").groupby("shop").head(H)
    expected = AutoModel.load(home / "model").predict(known, futr_df=futr, static_df=STATIC)
    values = [float(line[2]) for line in lines[1:]]
    assert values == pytest.approx(expected["AutoEnsemble"].tolist(), rel=1e-5)


def test_a_column_that_no_member_reads_is_no_series_of_a_wide_file(tmp_path: Path):
    days = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")
    wide = pd.DataFrame({"day": days, "north": range(40), "south": range(40, 80)})
    wide.assign(holiday="none").to_csv(tmp_path / "a.csv", index=False)
    asked = ["--wide", "--futr-exog", "holiday", "--h", 3]
    asked += ["--model", "Naive", "--model", "SeasonalNaive"]
    more = ["--output", tmp_path / "model", "--no-mlflow", "--quiet", "--cpus", 1]
    result = run("fit", tmp_path / "a.csv", *asked, *more)
    assert result.exit_code == 0, result.output
    for command in (["predict"], ["leaderboard", "--json", "--data"]):
        later = wide.iloc[10:] if command[0] == "predict" else wide.assign(day=_later(days))
        later.assign(holiday="none").to_csv(tmp_path / "b.csv", index=False)
        place = [tmp_path / "model", tmp_path / "b.csv"]
        asked = [command[0], place[0], *command[1:], place[1], "--wide"]
        result = run(*asked)
        assert result.exit_code == 0, result.output
        assert "holiday" not in result.stdout


def _later(days: pd.Index) -> pd.Index:
    return (pd.to_datetime(days) + pd.Timedelta(days=40)).strftime("%Y-%m-%d")


def test_validate_heeds_the_windows_and_the_excluded_models_of_a_run_file(tmp_path: Path):
    panel()[["shop", "day", "sold"]].to_csv(tmp_path / "a.csv", index=False)
    models = ["--model", "Naive", "--model", "SeasonalNaive", "--model", "AutoETS"]
    asked = ["validate", tmp_path / "a.csv", *NAMES, "--h", 12, "--json"]
    result = run(*asked, *models, "--exclude", "AutoETS", "--metric", "mae")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {*document["models"]} == {"Naive", "SeasonalNaive"}
    for chosen in (models, ["--model", "MLP"]):
        result = run(*asked, *chosen, "--n-windows", 10)
        assert result.exit_code == 1
        (error, *_) = json.loads(result.stdout)["errors"]
        assert "--n-windows" in error
