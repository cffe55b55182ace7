"""The command line, by real runs in a folder of its own."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from series import seasonal_panel
from typer.testing import CliRunner

from automodel_sk import __version__
from automodel_sk.arguments.switches import Switch
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.cli import app
from automodel_sk.options import OptimizationConfig

TINY = {"max_steps": 5, "input_size": 12, "mlp_units": [[8, 8], [8, 8], [8, 8]]}
TINY_SEARCH = {**TINY, "learning_rate": {"loguniform": [1e-4, 1e-2]}}
COMMANDS = (
    "fit",
    "predict",
    "leaderboard",
    "trials",
    "report",
    "models",
    "validate",
    "worker",
    "demo",
)


def run(*arguments: Any) -> Any:
    """Run a command in this process; its exit code, output and errors."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(text: str) -> str:
    """Return a text without the boxes and line breaks that a terminal's width asks for."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return " ".join(re.sub("[│╭╮╰╯─]", " ", plain).split())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sales(folder: Path) -> Path:
    """A panel under a person's own names, ids with leading zeros."""
    frame = seasonal_panel(n_series=2, length=60)
    frame["unique_id"] = frame["unique_id"].map({"s0": "001", "s1": "002"})
    path = folder / "sales.csv"
    frame.set_axis(["shop", "month", "sold"], axis=1).to_csv(path, index=False)
    return path


@pytest.fixture
def panel_csv(folder: Path) -> Path:
    path = folder / "panel.csv"
    seasonal_panel(n_series=2, length=60).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that the command line fitted and saved, without a search."""
    home = tmp_path_factory.mktemp("saved")
    seasonal_panel(n_series=2, length=60).to_csv(home / "panel.csv", index=False)
    (home / "tiny.json").write_text(json.dumps(TINY))
    arguments = ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--space", "tiny.json"]
    arguments += ["--output", "model", "--forecast", "out/forecast.csv", "--level", 80]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        result = run(*arguments, "--no-mlflow", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Model: model",
        "Forecast: out/forecast.csv (12 rows)",
        "Run: automodel-sk fit --config model_run.yaml",
    ]
    assert result.stderr == ""
    return home


def test_predict_gives_the_levels_that_were_passed_to_fit(saved: Path):
    forecast = pd.read_csv(io.StringIO(run("predict", saved / "model").stdout))
    written = pd.read_csv(saved / "out" / "forecast.csv")
    pd.testing.assert_frame_equal(forecast, written, rtol=1e-5)
    assert [name for name in forecast if "-80" in name] == ["NHITS-lo-80", "NHITS-hi-80"]


def space(folder: Path, content: Any) -> Path:
    path = folder / "space.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# -- help and catalogue ----------------------------------------------------------------


def test_help_imports_nothing_heavy():
    code = (
        "import sys, automodel_sk.cli\n"
        "heavy = {'torch', 'neuralforecast', 'ray', 'mlflow', 'sktime', 'optuna', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage: automodel-sk" in words(result.output).replace("root", "automodel-sk")


def test_every_option_of_a_search_is_an_option_of_fit():
    import inspect

    from automodel_sk.cli.fit import fit

    given = inspect.signature(fit).parameters
    for field in fields(OptimizationConfig):
        switch = isinstance(field.metadata["option"].rule, Switch)
        assert given[field.name].default == ("no" if switch else field.default)


def test_version():
    assert run("--version").output.strip() == f"automodel-sk {__version__}"


def test_models_as_a_table():
    result = run("models")
    assert result.exit_code == 0
    shown = [line.split() for line in result.output.splitlines()]
    assert ["TFT", "complex", "24-168", "F", "H", "S"] in [row[:6] for row in shown]
    assert {row[0] for row in shown if row} >= set(MODEL_CATALOG)


def test_models_as_json():
    rows = json.loads(run("models", "--json").output)
    assert [row["name"] for row in rows][: len(MODEL_CATALOG)] == list(MODEL_CATALOG)
    tft = next(row for row in rows if row["name"] == "TFT")
    assert tft["complexity"] == "complex"
    assert tft["recommended_input_size_range"] == [24, 168]


# -- fit and predict -------------------------------------------------------------------


def test_fit_writes_the_forecast_of_the_model_it_saves(saved: Path):
    from automodel_sk import AutoModel

    written = pd.read_csv(saved / "out" / "forecast.csv", parse_dates=["ds"])
    again = AutoModel.load(saved / "model").predict(level=[80])
    assert list(written.columns) == ["unique_id", "ds", "NHITS", "NHITS-lo-80", "NHITS-hi-80"]
    assert written["ds"].min() == pd.Timestamp("2015-01-31")
    pd.testing.assert_frame_equal(written, again, check_dtype=False, rtol=1e-4)
    assert sorted(p.name for p in saved.iterdir()) == [
        "model",
        "model_run.yaml",
        "out",
        "panel.csv",
        "tiny.json",
    ]


def test_predict_prints_a_table(saved: Path, folder: Path):
    result = run("predict", saved / "model", "--quantile", 0.1, "--quantile", 0.9)
    assert result.exit_code == 0, result.output
    (folder / "shown.csv").write_text(result.stdout)
    shown = pd.read_csv(folder / "shown.csv")
    assert list(shown.columns) == ["unique_id", "ds", "NHITS", "NHITS_ql0.1", "NHITS_ql0.9"]
    assert len(shown) == 12
    assert (shown["NHITS_ql0.1"] <= shown["NHITS_ql0.9"]).all()


def test_predict_new_series_under_other_names_to_parquet(saved: Path, sales: Path, folder: Path):
    names = ["--id-col", "shop", "--time-col", "month", "--target-col", "sold"]
    result = run("predict", saved / "model", sales, *names, "--output", "new.parquet")
    assert result.exit_code == 0, result.output
    assert result.stderr == "Forecast: new.parquet (12 rows)\n"
    forecast = pd.read_parquet(folder / "new.parquet")
    assert list(forecast.columns) == ["shop", "month", "NHITS", "NHITS-lo-80", "NHITS-hi-80"]
    assert forecast["shop"].unique().tolist() == ["001", "002"]


def test_the_same_data_from_parquet_and_csv_gives_the_same_forecast(saved: Path, folder: Path):
    seasonal_panel(n_series=2, length=60).to_parquet(folder / "same.parquet")
    from_parquet = run("predict", saved / "model", "same.parquet").stdout
    assert from_parquet == run("predict", saved / "model").stdout


def test_fit_takes_a_table_of_two_columns_as_one_series(folder: Path):
    one = seasonal_panel(n_series=1, length=60)[["ds", "y"]]
    one.set_axis(["Month", "Passengers"], axis=1).to_csv(folder / "air.csv", index=False)
    tiny = space(folder, TINY)
    result = run("fit", "air.csv", "--model", "NHITS", "--h", 3, "--space", tiny, "--no-mlflow")
    assert result.exit_code == 0, result.output
    assert (
        "air.csv has no column 'unique_id': read as a single series, named 'air',"
        " with times 'Month' and values 'Passengers'." in result.stderr
    )
    forecast = pd.read_csv(folder / "air_NHITS_forecast.csv")
    assert list(forecast.columns) == ["unique_id", "Month", "NHITS"]
    assert forecast["unique_id"].tolist() == ["air"] * 3
    assert forecast["Month"].tolist() == ["2015-01-31", "2015-02-28", "2015-03-31"]
    assert (folder / "air_NHITS" / "automodel.json").exists()


def test_known_future_and_static_variables(folder: Path):
    panel = seasonal_panel(n_series=2, length=72).assign(price=1.0)
    past, future = panel[panel["ds"] < "2015-01-01"], panel[panel["ds"] >= "2015-01-01"]
    past.to_csv(folder / "past.csv", index=False)
    future.drop(columns="y").to_csv(folder / "future.csv", index=False)
    pd.DataFrame({"unique_id": ["s1", "s0"], "size": [2, 1]}).to_csv("static.csv", index=False)
    asked = ["fit", "past.csv", "--model", "NHITS", "--h", 12, "--space", space(folder, TINY)]
    asked += ["--futr-exog", "price", "--static", "static.csv", "--no-mlflow", "--quiet"]
    asked += ["--loss", "Student-T"]

    without = run(*asked, "--output", "model")
    assert without.exit_code == 0, without.output
    assert without.stdout.splitlines()[0] == "Model: model"
    assert "Forecast" not in without.stdout
    assert "pass them to: automodel-sk predict model --futr future.csv" in without.stderr

    after = run("predict", "model", "--futr", "future.csv")
    assert after.exit_code == 0, after.output
    assert len(after.stdout.splitlines()) == 25

    missing = run("predict", "model")
    assert missing.exit_code == 1
    assert missing.stderr.startswith("Error: the file of --futr lacks ['price']")


@pytest.mark.slow
def test_a_search_leaves_its_study_and_store_where_told(panel_csv: Path, folder: Path):
    asked = ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--space"]
    asked += [space(folder, TINY_SEARCH), "--num-samples", 2, "--storage", "runs"]
    asked += ["--study-name", "sales", "--output", "model", "--forecast", "forecast.parquet"]
    asked += ["--mlflow-tracking-uri", f"sqlite:///{folder / 'store.db'}", "--loss", "Student-T"]
    result = run(*asked, "--level", 80, "--level", 90)
    assert result.exit_code == 0, result.output
    assert "Study: 'sales' in runs/sales.journal" in result.stderr
    assert "NHITS: 2 trials (2 complete) in " in result.stderr
    forecast = pd.read_parquet(folder / "forecast.parquet")
    assert {"NHITS-lo-90", "NHITS-lo-80", "NHITS-hi-80", "NHITS-hi-90"} <= set(forecast.columns)
    assert (folder / "runs" / "sales.journal").exists()
    assert (folder / "store.db").exists()

    refused = run(*asked, "--resume", "never")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-1].startswith(
        "Error: --study-name 'sales' exists in runs/sales.journal and --resume never"
    )


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(panel_csv: Path, folder: Path):
    endless = space(folder, {**TINY_SEARCH, "max_steps": 100_000, "val_check_steps": 20})
    command = [sys.executable, "-c", "from automodel_sk.cli import main; main()", "fit"]
    command += ["panel.csv", "--model", "NHITS", "--h", "6", "--space", str(endless)]
    command += ["--num-samples", "20", "--storage", "runs", "--no-mlflow"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "/20 trials; " in line:  # the progress, once trials report
                break
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(timeout=120) == 130
    name = re.search(r"--study-name (\S+)", told)
    assert name is not None, told
    assert f"Finished trials are kept in runs/{name[1]}.journal" in told
    assert told.count(name[1]) == 2  # the journal, and the command
    assert told.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in told


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit"], "Missing argument"),
        (["fit", "panel.csv", "--model", "NHITS"], "Missing option '--h'"),
        (["fit", "none.csv", "--model", "NHITS", "--h", 6], "'none.csv' does not exist"),
        (
            ["fit", "panel.csv", "--model", "nhit", "--h", 6],
            "unknown model 'nhit'; did you mean 'NHITS'?",
        ),
        (["fit", "panel.csv", "--model", "NHITS", "--h", 0], "Invalid value for '--h'"),
        (
            ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--loss", "mea"],
            "'mea' is not one of mae, mse",
        ),
        (
            ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--metric", "mqlos"],
            "'mqlos' is not one of mae, mse",
        ),
        (
            ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--time-budget", "soon"],
            "must be a duration above 0, got 'soon'; try '10m'",
        ),
        (
            ["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--level", 100],
            "level must lie between 0 and 100 percent, got 100; try --level 80",
        ),
        (["fit", "panel.csv", "--model", "NHITS", "--h", 6, "--frobnicate"], "No such option"),
        (["predict", "none"], "'none' does not exist"),
        (
            ["predict", ".", "--quantile", 5],
            "quantiles must lie between 0 and 1, got 5; did you mean 0.05?",
        ),
        (["predict", ".", "--quantile", 0.5, "--level", 90], "exclude each other"),
        (["validate", "panel.csv", "--model", "NHITS"], "go together; try --model NHITS --h 12"),
        (["tune"], "No such command: tune; did you mean fit?"),
    ],
)
def test_wrong_usage(panel_csv: Path, arguments: list[Any], message: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in words(result.stderr)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--space", '{"max_steps": 5'], "space.json is not JSON"),
        (["--space", [1, 2]], "space.json must hold one object, got list"),
        (
            ["--space", {"dropout": {"unifrom": [0, 1]}}],
            "dropout: 'unifrom' is not a kind of domain; choose from choice,",
        ),
        (["--space", {"dropout": {"uniform": [0]}}], "dropout: uniform needs [low, high]"),
        (["--space", {"learning_rate": {"loguniform": [0, 1]}}], "learning_rate: loguniform low"),
        (["--space", {"max_step": 5}], "max_step"),
        (["--space", {"max_steps": -5}], "max_steps"),
        (
            ["--id-col", "shop"],
            "panel.csv has no column 'shop' (--id-col); its columns are 'unique_id',",
        ),
        (["--target-col", "ds"], "panel.csv has both 'ds' (--target-col) and 'y'"),
        (["--forecast", "forecast.doc"], "forecast.doc ends in '.doc', so its format is unknown"),
        (["--forecast", "."], "has no ending, so its format is unknown"),
        (["--output", "full"], "full exists and is not a saved model; pass another folder"),
        (["--futr-exog", "price"], "price"),
        (["--freq", "Q7"], "freq"),
        (["--static", "panel.csv"], "rows too many, first for series"),
        (["--futr-exog", "z", "--futr", "other.csv"], "other.csv has no column 'ds'"),
    ],
)
def test_what_stops_a_fit(panel_csv: Path, folder: Path, more: list[Any], message: str):
    (folder / "full").mkdir()
    (folder / "full" / "letter.txt").write_text("dear")
    (folder / "other.csv").write_text("unique_id,x\ns0,1\n")
    if more[0] == "--space":
        more = ["--space", space(folder, more[1])]
    result = run("fit", "panel.csv", "--model", "NHITS", "--h", 6, "--no-mlflow", *more)
    assert result.exit_code == 1
    assert result.stdout == ""
    errors = result.stderr.splitlines()
    told = ("Error: ", "Warning: ", "Reading panel.csv ...", "NHITS: checking the data")
    assert all(line.startswith(told) for line in errors)
    assert message in result.stderr
    assert not (folder / "automodel_sk_runs").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty.csv is empty; it needs a header such as"),
        ("latin.csv", b"unique_id,ds,y\n\xe9,2020-01-01,1\n", "latin.csv: encoding cp1252."),
        ("data.doc", b"x", "data.doc ends in '.doc', so its format is unknown"),
        ("bad.parquet", b"not parquet", "bad.parquet can't be read"),
        ("semi.csv", b"unique_id;ds;y\na;2020-01-01;1\n", "semi.csv: separator ';'."),
        (
            "hidden.csv",
            b"shop,ds,y\na,2020-01-01,1\nb,2020-01-01,2\n",
            "hidden.csv has no column 'unique_id' and the time 2020-01-01 twice; set the series"
            " column with --id-col (it has 'shop', 'ds', 'y')",
        ),
        (
            "named.csv",
            b"shop,day,sold,promo\na,2020-01-01,1,0\nb,2020-01-01,2,0\n",
            "(it has 'shop', 'day', 'sold', 'promo')",
        ),
        ("words.csv", b"unique_id,ds,y\na,soon,1\na,later,2\n", "column 'ds'"),
        (
            "two.csv",
            b"a,b\n1,2\n3,4\n",
            "two.csv has no column 'ds' (--time-col) and no column 'y'",
        ),
    ],
)
def test_files_that_cannot_be_used(folder: Path, name: str, content: bytes, message: str):
    (folder / name).write_bytes(content)
    names = ("--time-col", "day", "--target-col", "sold") if name == "named.csv" else ()
    result = run("validate", name, *names)
    assert result.exit_code == 1
    assert message in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_folder_that_is_no_model(folder: Path):
    result = run("predict", folder)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {folder} holds no saved model: automodel.json")
    assert "pass the folder that `automodel-sk fit` wrote" in result.stderr


def test_debug_shows_where_the_error_is(folder: Path):
    result = run("predict", folder, "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "exceptions.ModelFileError" in result.stderr


# -- validate --------------------------------------------------------------------------


def test_valid_data(panel_csv: Path):
    result = run("validate", "panel.csv")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "panel.csv: 2 series of 60 rows, freq 'ME', season 12, small; no exogenous columns",
        "valid: 0 errors, 0 warnings",
    ]


def test_every_error_is_listed(folder: Path):
    frame = seasonal_panel(n_series=2, length=60)
    frame.loc[3, "y"] = float("inf")
    pd.concat([frame, frame.tail(1)]).to_csv(folder / "broken.csv", index=False)
    result = run("validate", "broken.csv")
    assert result.exit_code == 1
    verdict, *findings = result.stdout.splitlines()
    assert verdict.startswith("invalid: 2 errors")
    assert [line.split(":")[0].strip() for line in findings][:2] == ["error", "error"]


def test_strict_makes_warnings_errors(folder: Path):
    frame = seasonal_panel(n_series=1, length=60).drop(index=30)
    frame.to_csv(folder / "gap.csv", index=False)
    assert run("validate", "gap.csv").exit_code == 0
    assert "warning: " in run("validate", "gap.csv").stdout
    strict = run("validate", "gap.csv", "--strict")
    assert strict.exit_code == 1
    assert "error: " in strict.stdout


def test_a_model_and_its_space_are_checked_with_the_data(panel_csv: Path, folder: Path):
    asked = ["validate", "panel.csv", "--model", "NHITS", "--h"]
    assert run(*asked, 6, "--space", space(folder, TINY)).exit_code == 0
    wrong = run(*asked, 6, "--space", space(folder, {"learning_rate": -1}))
    assert wrong.exit_code == 1
    assert "error: learning_rate" in wrong.stdout
    assert run(*asked, 60).exit_code == 1


# -- search spaces in JSON -------------------------------------------------------------


def test_domains_in_json():
    from automodel_sk.cli.space_file import space_from_json
    from automodel_sk.search_space import Choice, Float, Integer

    content = {
        "max_steps": 100,
        "batch_size": {"choice": [16, 32]},
        "mlp_units": {"choice": [[[8, 8], [8, 8]], [[16, 16], [16, 16]]]},
        "input_size": {"grid": [12, 24]},
        "dropout": {"uniform": [0, 0.5, 0.1]},
        "learning_rate": {"loguniform": [1e-4, 1e-2]},
        "hidden_size": {"int": [8, 64, 8]},
        "windows_batch_size": {"logint": [32, 1024]},
        "optimizer_kwargs": {"weight_decay": {"uniform": [0, 0.1]}, "betas": [0.9, 0.99]},
        "lr_scheduler_kwargs": {"milestones": [10, 20]},
    }
    assert space_from_json(content) == {
        "max_steps": 100,
        "batch_size": Choice([16, 32]),
        "mlp_units": Choice([[[8, 8], [8, 8]], [[16, 16], [16, 16]]]),
        "input_size": Choice([12, 24], grid=True),
        "dropout": Float(0, 0.5, step=0.1),
        "learning_rate": Float(1e-4, 1e-2, log=True),
        "hidden_size": Integer(8, 64, step=8),
        "windows_batch_size": Integer(32, 1024, log=True),
        "optimizer_kwargs": {"weight_decay": Float(0, 0.1), "betas": [0.9, 0.99]},
        "lr_scheduler_kwargs": {"milestones": [10, 20]},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2.0), ("0.5", 0.5), ("90m", 1.5), ("1h", 1.0), ("36s", 0.01), ("1d", 24.0)],
)
def test_time_budgets(text: str, expected: float):
    from automodel_sk.cli.options import hours

    assert hours(text) == pytest.approx(expected)
