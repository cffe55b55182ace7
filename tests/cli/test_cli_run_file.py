"""Run files: what a fit writes, another repeats."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from command_line import run, words
from series import seasonal_panel

TINY = {"max_steps": 5, "input_size": 12, "mlp_units": [[8, 8], [8, 8], [8, 8]]}
FOUND = {"data": "run.yaml", "model": "NHITS", "h": 3}
SECRET = "http://me:secret@127.0.0.1:1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a model was fitted from a data file elsewhere."""
    top = tmp_path_factory.mktemp("runs")
    for name in ("data", "work"):
        (top / name).mkdir()
    panel = seasonal_panel(n_series=2, length=60)
    panel.set_axis(["shop", "month", "sold"], axis=1).to_csv(top / "data/sales.csv", index=False)
    (top / "work" / "tiny.json").write_text(json.dumps(TINY))
    names = ["--id-col", "shop", "--time-col", "month", "--target-col", "sold"]
    asked = ["fit", "../data/sales.csv", "--model", "NHITS", "--h", 6, *names, "--seed", 7]
    asked += ["--space", "tiny.json", "--level", 80, "--level", 90, "--time-budget", "30m"]
    asked += ["--no-mlflow", "--mlflow-tracking-uri", SECRET, "--output", "models/first"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top / "work")
        result = run(*asked, "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "Run: automodel-sk fit --config models/first_run.yaml"
    return top


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_file(content: Any, name: str = "run.yaml") -> Path:
    path = Path(name)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_run_file_holds_all_options_as_seen_from_its_folder(home: Path):
    content = yaml.safe_load((home / "work/models/first_run.yaml").read_text())
    asked = {key: content.pop(key) for key in list(content)[:7]}
    assert asked == {
        "data": "../../data/sales.csv",
        "model": "NHITS",
        "h": 6,
        "output": "first",
        "level": [80.0, 90.0],
        "loss": "mae",
        "strict": False,
    }
    assert content.pop("space") == TINY
    assert content.pop("storage") == "../automodel_sk_runs"
    assert content.pop("time_budget") == "30m"
    assert {content.pop(f"{name}_col") for name in ("id", "time", "target")} == {
        "shop",
        "month",
        "sold",
    }
    assert {name: content[name] for name in ("seed", "mlflow", "pruning", "refit")} == {
        "seed": 7,
        "mlflow": False,
        "pruning": True,
        "refit": "full",
    }
    assert not {"study_name", "verbose", "quiet", "debug", "config", "num_samples"} & set(content)


def test_a_run_file_holds_no_secrets_and_says_so(home: Path):
    text = (home / "work/models/first_run.yaml").read_text()
    assert "secret@" not in text
    assert "mlflow_tracking_uri:" not in text
    assert (
        "# Left out because it contains a secret: mlflow_tracking_uri. Pass --mlflow-tracking-uri."
        in text
    )
    assert "#   automodel-sk fit --config models/first_run.yaml\n" in text


def test_a_run_file_repeats_its_run_from_anywhere(home: Path, folder: Path):
    first = home / "work/models"
    asked = ["fit", "--config", first / "first_run.yaml", "--output", "again"]
    result = run(*asked, "--forecast", "again.csv", "--quiet")
    assert result.exit_code == 0, result.output
    assert (folder / "again.csv").read_text() == (first / "first_forecast.csv").read_text()
    repeated = yaml.safe_load((folder / "again_run.yaml").read_text())
    original = yaml.safe_load((first / "first_run.yaml").read_text())
    assert (folder / repeated["data"]).resolve() == (home / "data/sales.csv").resolve()
    moved = ("data", "output", "forecast", "storage")
    assert {k: v for k, v in repeated.items() if k not in moved} == {
        k: v for k, v in original.items() if k not in moved
    }


def test_the_command_line_comes_before_the_file(home: Path, folder: Path):
    asked = ["fit", "--config", home / "work/models/first_run.yaml", "--h", 3, "--output", "short"]
    result = run(*asked, "--forecast", "short.parquet", "--level", 50, "--quiet")
    assert result.exit_code == 0, result.output
    forecast = pd.read_parquet(folder / "short.parquet")
    assert list(forecast.columns) == ["shop", "month", "NHITS", "NHITS-lo-50", "NHITS-hi-50"]
    assert len(forecast) == 6
    assert yaml.safe_load((folder / "short_run.yaml").read_text())["h"] == 3


def test_a_file_that_was_read_is_not_written_over(folder: Path):
    seasonal_panel(n_series=1, length=60).to_csv("panel.csv", index=False)
    mine = {"data": "panel.csv", "model": "NHITS", "h": 2, "space": TINY, "mlflow": False}
    path = run_file(mine, "panel_NHITS_run.yaml")
    before = path.read_text()
    result = run("fit", "--config", path, "--quiet")
    assert result.exit_code == 0, result.output
    assert path.read_text() == before
    assert len(pd.read_csv("panel_NHITS_forecast.csv")) == 2


def test_another_output_leaves_the_first_forecast(home: Path, folder: Path):
    seasonal_panel(n_series=1, length=60).to_csv("panel.csv", index=False)
    quiet = ("--model", "SeasonalNaive", "--no-mlflow", "--storage", ":memory:", "--quiet")
    assert run("fit", "panel.csv", "--h", 3, "--output", "one", *quiet).exit_code == 0
    before = Path("one_forecast.csv").read_text()
    again = run("fit", "--config", "one_run.yaml", "--h", 5, "--output", "two", "--quiet")
    assert again.exit_code == 0, again.output
    assert Path("one_forecast.csv").read_text() == before
    assert len(pd.read_csv("two_forecast.csv")) == 5


def test_numbers_dashes_and_single_values_are_read_as_people_write_them(folder: Path):
    seasonal_panel(n_series=1, length=60).to_csv("panel.csv", index=False)
    text = "data: panel.csv\nmodel: NHITS\nh: 2\nlevel: 90\ntime-budget: 10m\nno_such: null\n"
    space = "space:\n  max_steps: 3\n  input_size: 12\n  learning_rate: 1e-3\n"
    refused = run("fit", "--config", run_file(text + space))
    assert "'no_such' is not an option of a run" in words(refused.stderr)
    text = text.replace("no_such", "num-samples")
    done = run("fit", "--config", run_file(text + space), "--no-mlflow", "--quiet", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["summary"]["best_config"]["learning_rate"] == 0.001
    assert "NHITS-lo-90" in pd.read_csv("panel_NHITS_forecast.csv").columns


def test_validate_reads_a_run_file_too(home: Path):
    result = run("validate", "--config", home / "work/models/first_run.yaml", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["is_valid"], document["data"]["n_series"]) == (True, 2)
    wrong = run("validate", "--config", home / "work/models/first_run.yaml", "--target-col", "z")
    assert wrong.exit_code == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"data": "a.csv", "num_sample": 3},
            "'num_sample' is not an option of a run; did you mean",
        ),
        (
            {"data": "a.csv", "zzz": 3},
            "'zzz' is not an option of a run; the options are data, h, model,",
        ),
        ({"data": "a.csv", "verbose": False}, "'verbose' is not an option of a run"),
        ({"max_steps": 5, "input_size": 12}, "pass a search space with --space run.yaml"),
        ({"data": {"path": "a.csv"}}, "data takes a value or a list, got a mapping"),
        ([1, 2], "run.yaml must hold one mapping, got list"),
        ("data: [1", "run.yaml is not YAML"),
        ("data: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ({"data": "a.csv", "model": "NHITS", "h": 3}, "'a.csv' does not exist"),
        ({**FOUND, "model": "nhit"}, "unknown model 'nhit'; did you mean 'NHITS'?"),
        ({**FOUND, "h": "six"}, "Invalid value for '--h'"),
        ({**FOUND, "time_budget": "soon"}, "must be a duration above 0, got 'soon'"),
    ],
)
def test_wrong_run_files(folder: Path, content: Any, message: str):
    result = run("fit", "--config", run_file(content))
    assert result.exit_code == 2
    assert message.replace(" ", "") in words(result.stderr).replace(" ", "")


def test_the_run_file_of_the_documentation_is_one(folder: Path):
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    [text] = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    pd.DataFrame({"unique_id": "a", "ds": days, "y": days.dayofweek}).to_csv(
        "sales.csv", index=False
    )
    result = run("validate", "--config", run_file(text), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["data"]["n_rows"] == 400


def test_a_search_space_in_yaml(folder: Path):
    from automodel_sk.cli.mappings import read_mapping
    from automodel_sk.cli.space_file import space_from_json
    from automodel_sk.search_space import Choice, Float

    text = "max_steps: 1e2\nlearning_rate: {loguniform: [1e-4, 1e-2]}\ninput_size: {choice: [12]}\n"
    space = space_from_json(read_mapping(run_file(text, "space.yaml")))
    assert space == {
        "max_steps": 100.0,
        "learning_rate": Float(1e-4, 1e-2, log=True),
        "input_size": Choice([12]),
    }
