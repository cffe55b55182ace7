"""What commands print: JSON for programs, tables for people, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import COLUMNS, in_terminal, run
from series import seasonal_panel

from automodel_sk import AutoModel

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
SPACE = {
    "max_steps": 40,
    "input_size": 12,
    "hidden_size": 8,
    "learning_rate": {"loguniform": [1e-4, 1e-1]},
}
ENDLESS = {"max_steps": 100_000, "val_check_steps": 20}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, spaces, and a model that a search of three trials found."""
    home = tmp_path_factory.mktemp("output")
    seasonal_panel(n_series=2, length=60).to_csv(home / "panel.csv", index=False)
    (home / "space.json").write_text(json.dumps(SPACE))
    (home / "endless.json").write_text(json.dumps({**SPACE, **ENDLESS}))
    asked = ["fit", "panel.csv", "--model", "MLP", "--h", 6, "--space", "space.json", "--json"]
    asked += ["--num-samples", 3, "--cpus", 1, "--no-pruning", "--no-mlflow", "--study-name", "s"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        result = run(*asked, "--output", "model", "--forecast", "forecast.csv")
    assert result.exit_code == 0, result.output
    (home / "stdout.txt").write_text(result.stdout)
    (home / "stderr.txt").write_text(result.stderr)
    return home


@pytest.fixture(autouse=True)
def _in_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


@pytest.fixture(scope="module")
def trials(home: Path) -> pd.DataFrame:
    return AutoModel.load(home / "model").trials


# -- JSON --------------------------------------------------------------------------------


def test_fit_prints_one_document(home: Path, trials: pd.DataFrame):
    document = json.loads((home / "stdout.txt").read_text())
    assert document["model"] == "model"
    assert document["forecast"] == {"path": "forecast.csv", "rows": 12}
    assert document["run"] == "model_run.yaml"
    summary = document["summary"]
    assert (summary["n_trials"], summary["n_complete"], summary["study_name"]) == (3, 3, "s")
    assert summary["best_score"] == trials["value"].min()
    assert (
        summary["best_config"]["learning_rate"]
        == (trials.set_index("value")["params_learning_rate"][trials["value"].min()])
    )


def test_what_people_read_goes_to_standard_error_without_control_characters(home: Path):
    told = (home / "stderr.txt").read_text()
    assert "Study: 's' in automodel_sk_runs/s.journal\n" in told
    assert re.search(r"^MLP: 3/3 trials, best loss [\d.]+ \(trial \d\); final training", told, re.M)
    assert re.search(r"^MLP: 3 trials \(3 complete\) in 0:\d\d:\d\d; best loss [\d.]+$", told, re.M)
    assert re.search(r"^MAE [\d.e+]+ on the last 6 months; .+\.$", told, re.M)
    assert not CONTROL.search(told)


def test_predict_prints_the_forecast_as_json_with_the_values_of_its_csv(home: Path):
    document = json.loads(run("predict", "model", "--json", "--level", 80).stdout)
    csv = pd.read_csv(home / "forecast.csv")
    shown = pd.DataFrame(document["forecast"])
    assert shown["ds"].tolist()[0] == "2015-01-31T00:00:00"
    assert shown["MLP"].to_numpy() == pytest.approx(csv["MLP"].to_numpy(), rel=1e-5)
    assert list(shown.columns) == ["unique_id", "ds", "MLP", "MLP-lo-80", "MLP-hi-80"]


def test_predict_into_a_file_prints_where_as_json_or_nothing(home: Path):
    result = run("predict", "model", "--json", "--output", "f.parquet")
    assert json.loads(result.stdout) == {"output": "f.parquet", "rows": 12}
    assert result.stderr == "Forecast: f.parquet (12 rows)\n"
    quiet = run("predict", "model", "--quiet", "--output", "f.csv")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    parquet, csv = pd.read_parquet("f.parquet"), pd.read_csv("f.csv", parse_dates=["ds"])
    pd.testing.assert_frame_equal(parquet, csv, check_dtype=False, rtol=1e-6)


def test_trials_as_json_are_the_models_trials(trials: pd.DataFrame):
    rows = json.loads(run("trials", "model", "--json", "--sort", "value").stdout)
    assert [row["value"] for row in rows] == sorted(trials["value"])
    by_number = {row["number"]: row for row in rows}
    for trial in trials.to_dict("records"):
        shown = by_number[trial["number"]]
        assert shown["duration"] == pytest.approx(trial["duration"].total_seconds(), abs=2e-6)
        assert shown["params_learning_rate"] == trial["params_learning_rate"]
        assert shown["reason"] is None


def test_validate_as_json():
    seasonal_panel(n_series=1, length=60).assign(y=float("inf")).to_csv("bad.csv", index=False)
    good = json.loads(run("validate", "panel.csv", "--json").stdout)
    assert good["is_valid"]
    assert (good["errors"], good["data"]["n_rows"], good["data"]["freq"]) == ([], 120, "ME")
    bad = run("validate", "bad.csv", "--json")
    assert bad.exit_code == 1
    document = json.loads(bad.stdout)
    assert (document["is_valid"], document["data"]) == (False, None)
    assert "inf" in document["errors"][0]


def test_an_error_is_a_document_too():
    asked = ["fit", "panel.csv", "--model", "MLP", "--h", 60, "--no-mlflow", "--json"]
    result = run(*asked)
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["error"] == "InvalidInputError"
    assert [f"Error: {message}" for message in document["messages"]] == [
        line for line in result.stderr.splitlines() if line.startswith("Error: ")
    ]


# -- tables ------------------------------------------------------------------------------


def test_trials_are_listed_without_loading_the_model(trials: pd.DataFrame):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from automodel_sk.persistence.models import load_trials\n"
        "print(len(load_trials(Path('model'))))\n"
        "print(sorted({'torch', 'neuralforecast', 'optuna', 'ray'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [str(len(trials)), "[]"]


def test_trials_as_a_table(trials: pd.DataFrame):
    result = run("trials", "model", "--sort", "value", "--top", 2)
    heading, _, *rows = (line for line in result.stdout.splitlines() if line.strip())
    assert heading.split() == ["trial", "state", "loss", "step", "time", "parameters"]
    best = trials.sort_values("value").head(2)
    assert len(rows) == 2
    for row, (_, trial) in zip(rows, best.iterrows(), strict=True):
        number, state, value, step, _, name, rate = row.split()
        assert (int(number), state, int(step)) == (trial["number"], "complete", trial["best_step"])
        assert float(value) == pytest.approx(trial["value"], rel=1e-4)
        assert name == "learning_rate"
        assert float(rate) == pytest.approx(trial["params_learning_rate"], rel=1e-3)


def test_a_model_without_a_search_has_no_trials():
    Path("fixed.json").write_text(json.dumps({**SPACE, "learning_rate": 0.01, "max_steps": 3}))
    asked = ["fit", "panel.csv", "--model", "MLP", "--h", 6, "--space", "fixed.json"]
    assert run(*asked, "--no-mlflow", "--quiet", "--output", "fixed").exit_code == 0
    assert run("trials", "fixed").stdout == (
        "fixed has no trials: its configuration was fixed, or the time ended before the first.\n"
    )
    assert json.loads(run("trials", "fixed", "--json").stdout) == []


@pytest.mark.parametrize("command", [["models"], ["trials", "model"], ["validate", "panel.csv"]])
def test_what_is_piped_has_no_control_characters_and_whole_rows(command: list[str]):
    shown = run(*command).stdout
    assert not CONTROL.search(shown)
    if command[0] == "trials":
        assert max(map(len, shown.splitlines())) < 200


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
def test_a_table_fits_a_terminal(home: Path, environment: dict[str, str]):
    seen = in_terminal(home, "models", **environment)
    assert seen.exit_code == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3[1-6]m", seen.written)) is not bool(environment)
    table = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.written).splitlines()
    assert max(map(len, table)) <= COLUMNS
    tft = next(line.split() for line in table if line.split()[:1] == ["TFT"])
    assert tft[1:6] == ["complex", "24-168", "F", "H", "S"]


# -- progress and Ctrl-C -------------------------------------------------------------------


def test_ctrl_c_at_a_terminal_says_once_how_to_go_on(home: Path):
    """The progress on the screen is looked at, then Ctrl-C is typed: a real SIGINT."""

    keys = [b"\x03"]

    def interrupt(screen: list[str]) -> bytes:
        under_way = any(re.match(r"trial \d+ [1-9]\d*%", line) for line in screen)
        return keys.pop() if keys and under_way else b""

    asked = ["fit", "panel.csv", "--model", "MLP", "--h", 6, "--space", "endless.json"]
    asked += ["--num-samples", 20, "--cpus", 1, "--no-mlflow", "--study-name", "stopped"]
    seen = in_terminal(home, *asked, "--output", "stopped", answer=interrupt)

    running = next(f for f in reversed(seen.frames) if any(line.startswith("MLP ") for line in f))
    bar = next(line for line in running if line.startswith("MLP "))
    assert re.fullmatch(r"MLP [━╸╺]+ 0/20 trials 0:\d\d:\d\d elapsed(, about \d.* left)?", bar)
    assert "Data: 2 series of 60 rows, freq 'ME', season 12, small; no exogenous columns" in running

    assert seen.exit_code == 130
    told = "\n".join(seen.screen)
    assert told.count("--study-name") == 1
    assert told.count("stopped.journal") == 2  # where the study is, and that its trials are kept
    assert "  automodel-sk fit --config stopped_run.yaml --study-name stopped\nInterrupted." in told
    assert "Traceback" not in seen.written
    assert Path("stopped_run.yaml").exists()


def test_the_command_that_ctrl_c_names_resumes(home: Path):
    from automodel_sk.search.study.storage import StudyLocation, open_storage

    (home / "space.json").write_text(json.dumps(SPACE))
    asked = ["fit", "--config", "model_run.yaml", "--num-samples", 4, "--output", "more", "--quiet"]
    result = run(*asked, "--study-name", "s", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["summary"]
    assert (summary["study_name"], summary["n_trials"]) == ("s", 4)
    storage = open_storage(StudyLocation("s"))
    assert len(storage.get_all_trials(storage.get_study_id_from_name("s"))) == 4


# -- the shell ------------------------------------------------------------------------------


def completed(line: str) -> list[str]:
    """Return what bash is told to complete a line to."""
    environment = {
        **os.environ,
        "_AUTOMODEL_SK_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    command: list[Any] = [sys.executable, "-c", "from automodel_sk.cli import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_a_shell_completes_options_and_models():
    assert completed("automodel-sk fit panel.csv --time-b") == ["--time-budget"]
    assert completed("automodel-sk fit panel.csv --model NH") == ["NHITS"]


@pytest.mark.parametrize("command", ["fit", "predict", "trials", "validate", "models", "demo"])
def test_help_is_tidy_in_eighty_columns(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    lines = run(command, "--help").stdout.splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert not [line for line in lines if "…" in line]
    assert "range" not in " ".join(lines)
