"""Several models on the command line: the same values as in Python, and what a user is told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import run, words
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.catalog.models import MODEL_CATALOG
from automodel_sk.cli.model_names import complete_model
from automodel_sk.portfolio.members.table import MEMBERS
from automodel_sk.portfolio.networks import AUTO_NETWORKS

MLP = {"max_steps": 4, "input_size": 12, "hidden_size": 8, "num_layers": 1}
NAMES = ["SeasonalNaive", "WindowAverage", "MLP"]
SMALL = ["--cpus", 1, "--gpus", 0, "--no-mlflow"]


def panel(length: int = 72) -> pd.DataFrame:
    frame = seasonal_panel(n_series=2, length=length).sort_values(["ds", "unique_id"])
    noise = np.random.default_rng(0).normal(0, 1, len(frame))
    return frame.assign(y=frame["y"] + noise).sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which three models were fitted, and what was printed."""
    top = tmp_path_factory.mktemp("several")
    panel().iloc[::-1].to_csv(top / "sales.csv", index=False)
    (top / "spaces.yaml").write_text(yaml.safe_dump({"mlp": MLP}))
    asked = ["fit", "sales.csv", "--h", 6, "--model", "seasonalnaive", "--model", "windowaverage"]
    asked += ["--model", "mlp", "--space", "spaces.yaml", "--level", 80, *SMALL]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        result = run(*asked)
    assert result.exit_code == 0, result.output
    (top / "printed.txt").write_text(result.stderr)
    return top


@pytest.fixture
def saved(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    return home / "sales_SeasonalNaive-WindowAverage-MLP"


def test_the_forecast_is_that_of_the_same_call_in_python(saved: Path):
    written = pd.read_csv(f"{saved}_forecast.csv", parse_dates=["ds"])
    model = create_auto_model(
        NAMES,
        6,
        panel(),
        {"MLP": MLP},
        cpus=1,
        gpus=0,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
    pd.testing.assert_frame_equal(
        written, model.predict(level=[80]), check_dtype=False, rtol=1e-4, atol=1e-4
    )


def test_predict_gives_the_levels_that_were_passed_to_fit(saved: Path):
    forecast = pd.read_csv(io.StringIO(run("predict", saved).stdout))
    written = pd.read_csv(f"{saved}_forecast.csv")
    pd.testing.assert_frame_equal(forecast, written, rtol=1e-5)
    assert "AutoEnsemble-lo-80" in forecast
    other = pd.read_csv(io.StringIO(run("predict", saved, "--level", 50).stdout))
    assert [name[-2:] for name in other if "-lo-" in name] == ["50"]
    quantile = pd.read_csv(io.StringIO(run("predict", saved, "--quantile", 0.1).stdout))
    assert not any("-lo-" in name for name in quantile)


def test_a_run_file_holds_the_models_and_their_spaces_and_repeats_them(saved: Path, tmp_path: Path):
    path = Path(f"{saved}_run.yaml")
    content = yaml.safe_load(path.read_text())
    assert content["model"] == NAMES
    assert content["space"] == {"mlp": MLP}
    asked = ["fit", "--config", path, "--output", tmp_path / "again", "--quiet"]
    result = run(*asked, "--forecast", tmp_path / "again.csv")
    assert result.exit_code == 0, result.output
    again = (tmp_path / "again.csv").read_text()
    assert again == Path(f"{saved}_forecast.csv").read_text()


def test_one_name_on_the_command_line_replaces_those_of_a_run_file(saved: Path, tmp_path: Path):
    (tmp_path / "run.yaml").write_text(
        yaml.safe_dump({"data": str(saved.parent / "sales.csv"), "model": NAMES, "h": 6})
    )
    result = run("fit", "--config", tmp_path / "run.yaml", "--model", "Naive", "--quiet", *SMALL)
    assert result.exit_code == 0, result.output
    forecast = pd.read_csv("sales_Naive_forecast.csv")
    last = panel().groupby("unique_id")["y"].last()
    assert forecast.groupby("unique_id")["AutoEnsemble"].first().tolist() == pytest.approx(
        last.tolist()
    )


def test_what_a_user_is_told(home: Path):
    lines = (home / "printed.txt").read_text().splitlines()
    assert lines[0] == "Reading sales.csv ..."
    assert lines[1] == "auto: up to 5 minutes (preset balanced); --time-budget 10m changes it"
    assert "Models: SeasonalNaive, WindowAverage, MLP; 5 validation windows of 6 steps" in lines
    head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["model", "MASE"])
    rows = {line.split()[0]: line.split()[1:] for line in lines[head + 1 : head + 5]}
    assert set(rows) == {"AutoEnsemble", *NAMES}
    assert rows["AutoEnsemble"][1] == "1.00"
    verdict = next(line for line in lines if " on the last 5 windows of 6 months" in line)
    assert verdict.startswith("MASE ")
    assert "seasonal naive " in verdict


def test_the_leaderboard_is_that_of_the_model(saved: Path):
    document = json.loads(run("leaderboard", saved, "--json").stdout)
    table = AutoModel.load(saved).leaderboard()
    assert document["metric"] == "mase"
    assert [row["model"] for row in document["leaderboard"]] == table["model"].tolist()
    assert [row["score"] for row in document["leaderboard"]] == pytest.approx(
        table["score"].tolist()
    )
    weights = {r["model"]: r["weight"] for r in document["leaderboard"] if r["weight"]}
    assert weights.pop("AutoEnsemble") == 1.0
    assert sum(weights.values()) == pytest.approx(1)
    assert document["left_out"] == {}
    shown = run("leaderboard", saved, "--top", 2)
    assert shown.exit_code == 0, shown.output
    assert "left out" not in shown.stderr
    assert len([line for line in shown.stdout.splitlines() if line.split()[:1]]) <= 4


def test_the_leaderboard_has_the_errors_on_later_rows(saved: Path, tmp_path: Path):
    later = panel(78)
    later.to_csv(tmp_path / "later.csv", index=False)
    result = run("leaderboard", saved, "--data", tmp_path / "later.csv", "--json")
    assert result.exit_code == 0, result.output
    rows = {row["model"]: row for row in json.loads(result.stdout)["leaderboard"]}
    forecast = AutoModel.load(saved).predict()
    both = later.merge(forecast, on=["unique_id", "ds"])
    assert len(both) == 12
    error = np.abs(both["y"] - both["AutoEnsemble"]).mean()
    assert rows["AutoEnsemble"]["mae"] == pytest.approx(error, rel=1e-4)


def test_predict_with_one_member(saved: Path):
    result = run("predict", saved, "--member", "seasonalnaive", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["forecast"]
    last = panel().groupby("unique_id").tail(12).groupby("unique_id").head(6)["y"]
    assert [row["SeasonalNaive"] for row in rows] == pytest.approx(last.tolist(), rel=1e-4)
    unknown = run("predict", saved, "--member", "TFT")
    assert unknown.exit_code == 1
    assert "Error: --member TFT" in unknown.stderr


def test_predict_writes_the_forecasts_of_very_many_series_to_a_folder(saved: Path, tmp_path: Path):
    folder = tmp_path / "ahead"
    result = run("predict", saved, "--to", folder, "--level", 80)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr == f"Forecast: {folder} (12 rows in 1 file)\n"
    expected = AutoModel.load(saved).predict(level=[80])
    written = pd.read_parquet(folder)
    pd.testing.assert_frame_equal(written, expected, check_dtype=False, rtol=1e-4)

    later = panel(78).rename(columns={"unique_id": "shop", "ds": "month", "y": "sold"})
    later.to_csv(tmp_path / "later.csv", index=False)
    names = ["--id-col", "shop", "--time-col", "month", "--target-col", "sold", "--json"]
    result = run("predict", saved, tmp_path / "later.csv", *names, "--to", folder)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["to"], document["rows"]) == (str(folder), 12)
    assert [Path(file["path"]).name for file in document["files"]] == ["block-00000.parquet"]
    expected = ["shop", "month", "AutoEnsemble", "AutoEnsemble-lo-80", "AutoEnsemble-hi-80"]
    assert pd.read_parquet(folder).columns.tolist() == expected

    both = run("predict", saved, "--to", folder, "--output", tmp_path / "f.csv")
    assert both.exit_code == 2
    assert "--output and --to exclude each other" in words(both.output)
    (tmp_path / "file").touch()
    taken = run("predict", saved, "--to", tmp_path / "file")
    assert taken.exit_code == 1
    assert "Not a directory); pass a writable path, for example --to ~/forecasts" in taken.stderr


def test_trials_name_their_models(saved: Path):
    shown = run("trials", saved)
    assert shown.exit_code == 0, shown.output
    second = {[*line.split(), "", ""][1] for line in shown.stdout.splitlines()}
    assert second >= set(NAMES)
    rows = json.loads(run("trials", saved, "--json").stdout)
    assert [row["params_model"] for row in rows] == NAMES


def test_a_report_needs_no_training(saved: Path, tmp_path: Path):
    result = run("report", saved, "-o", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    assert "AutoEnsemble" in (tmp_path / "report.html").read_text()


def test_fit_prints_one_document_with_the_leaderboard(saved: Path, tmp_path: Path):
    asked = ["fit", saved.parent / "sales.csv", "--h", 6, "--model", "Naive", "--model", "RWD"]
    result = run(*asked, "--output", tmp_path / "two", "--json", "--quiet", *SMALL)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {row["model"] for row in document["leaderboard"]} == {"AutoEnsemble", "Naive", "RWD"}
    assert document["summary"]["metric"] == "mase"
    assert document["forecast"]["rows"] == 12


# -- auto ------------------------------------------------------------------------------


def test_validate_says_which_models_take_part(saved: Path):
    result = run("validate", "sales.csv", "--model", "auto", "--h", 6, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["is_valid"]
    assert {"SeasonalNaive", "NHITS"} <= set(document["models"])
    assert "zeros" in document["left_out"]["CrostonOptimized"]
    shown = run("validate", "sales.csv", "--model", "auto", "--h", 6).stdout
    assert "left out: TFT: its attention pays off with exogenous variables" in shown
    assert "left out: TSB, AutoARIMA, MFLES, Chronos2: takes part by name only" in shown


def test_exclude_is_repeatable_and_its_names_are_checked(saved: Path, tmp_path: Path):
    every = {*MEMBERS, *AUTO_NETWORKS} - {"Naive", "RWD"}
    out = [part for name in sorted(every) for part in ("--exclude", name.lower())]
    asked = ["fit", "sales.csv", "--h", 6, "--output", tmp_path / "rest", "--quiet", *SMALL]
    result = run(*asked, *out)
    assert result.exit_code == 0, result.output
    table = AutoModel.load(tmp_path / "rest").leaderboard()
    assert set(table["model"]) == {"AutoEnsemble", "Naive", "RWD"}
    content = yaml.safe_load((tmp_path / "rest_run.yaml").read_text())
    assert content["model"] == "auto"
    assert sorted(content["exclude"]) == sorted(name.lower() for name in every)
    misspelt = run(*asked, "--exclude", "AutoEST")
    assert misspelt.exit_code == 1
    assert "unknown model 'AutoEST'; did you mean 'AutoETS'?" in misspelt.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "NHITS,MLP"], "got 'NHITS,MLP'; try --model NHITS --model MLP"),
        (
            ["--model", "NHIST"],
            "unknown model 'NHIST'; did you mean 'NHITS'? `automodel-sk models` lists all",
        ),
        (["--model", "xyzzy"], "unknown model 'xyzzy'; `automodel-sk models` lists all"),
        (["--model", "MLP", "--model", "mlp"], "model 'MLP' is given twice; name each model once"),
        (["--model", "auto", "--model", "MLP"], "'auto' stands alone; leave it out"),
        (["--ensemble", "mode"], "'mode' is not one of auto, best, mean, median, greedy"),
        (["--preset", "slow"], "'slow' is not one of balanced, quick, best"),
        (["--sampler", "TPESmapler"], "did you mean TPESampler?"),
        (["--pruner", "hyperbnd"], "'hyperbnd' is not one of MedianPruner, HyperbandPruner,"),
    ],
)
def test_wrong_names_are_refused_before_anything_is_read(
    saved: Path, arguments: list[str], told: str
):
    result = run("fit", "sales.csv", "--h", 6, *arguments)
    assert result.exit_code == 2
    assert told in words(result.output)


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"max_steps": 5}, "--space holds a parameter 'max_steps', and several models are tuned"),
        ({"MLPP": {"max_steps": 5}}, "unknown model 'MLPP'; did you mean 'MLP'?"),
        ({"TFT": {"max_steps": 5}}, "config has a space of 'TFT', which takes no part"),
    ],
)
def test_a_space_of_several_models_is_checked(
    saved: Path, tmp_path: Path, space: dict[str, Any], told: str
):
    (tmp_path / "space.json").write_text(json.dumps(space))
    asked = ["fit", "sales.csv", "--h", 6, "--model", "MLP", "--model", "Naive"]
    result = run(*asked, "--space", tmp_path / "space.json", "--output", tmp_path / "m", *SMALL)
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_single_model_has_no_leaderboard(saved: Path, tmp_path: Path):
    model = create_auto_model(
        "MLP", 6, panel(), MLP, cpus=1, gpus=0, use_mlflow=False, verbose=False
    )
    model.save(tmp_path / "single")
    for command in (["leaderboard"], ["predict", "--member", "MLP"]):
        result = run(*command, tmp_path / "single")
        assert result.exit_code == 1
        assert "single model, MLP" in result.stderr


def test_names_are_listed_and_completed():
    rows = json.loads(run("models", "--json").output)
    assert [row["name"] for row in rows] == [*MODEL_CATALOG, *MEMBERS]
    assert {"naive", "statistical", "tree", "neural"} < {row["family"] for row in rows}
    shown = run("models").output
    assert all(name in shown for name in MEMBERS)
    assert complete_model("AUTO")[0] == "auto"
    assert {"AutoETS", "Autoformer"} <= set(complete_model("auto"))


def test_the_best_trials_of_one_model_are_combined(saved: Path, tmp_path: Path):
    space = tmp_path / "space.yaml"
    space.write_text(yaml.safe_dump({**MLP, "learning_rate": {"uniform": [0.001, 0.01]}}))
    asked = ["fit", "sales.csv", "--h", 6, "--model", "mlp", "--space", space, "--num-samples", 2]
    asked += ["--ensemble", "mean", "--output", tmp_path / "mean", "--quiet", *SMALL]
    result = run(*asked)
    assert result.exit_code == 0, result.output
    model = AutoModel.load(tmp_path / "mean")
    assert model.weights == {"MLP": 0.5, "MLP-2": 0.5}
    assert yaml.safe_load((tmp_path / "mean_run.yaml").read_text())["ensemble"] == "mean"
