"""Options are declared once: a new field arrives wherever options are read."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from options_table import BLOCK, README, options_table

from automodel_sk import ConfigValidator, create_auto_model, validate_all
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import _RENAMED, AutoNeuralForecaster
from automodel_sk.options import OptimizationConfig
from automodel_sk.search_options import FurtherOptions, SearchOptions

NEW_OPTION = """
import dataclasses
import inspect
import json
import sys
from pathlib import Path

import automodel_sk.options
from automodel_sk.arguments.number_rule import NumberRule
from automodel_sk.arguments.option import option

@dataclasses.dataclass(frozen=True)
class Wider(automodel_sk.options.OptimizationConfig):
    sweets: int = option(
        3, "Sweets for each trial.", NumberRule("sweets", 3), panel="Search", shared=True
    )

automodel_sk.options.OptimizationConfig = Wider

from options_table import options_table
from series import seasonal_panel
from typer.testing import CliRunner

from automodel_sk import create_auto_model
from automodel_sk.cli import app
from automodel_sk.estimator.context import Context
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.search.study.search_spec import read_search_spec
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.validation import validate_all

panel = seasonal_panel(n_series=2, length=60)
panel.to_csv("panel.csv", index=False)
space = {"max_steps": 1, "input_size": 6, "hidden_size": 4}
space["learning_rate"] = {"choice": [1e-3, 1e-2]}
Path("space.json").write_text(json.dumps(space))

class Forecaster(AutoNeuralForecaster):
    def __init__(self, sweets=3):
        self.sweets = sweets
        super().__init__()

def fit(*further):
    words = "fit panel.csv --model MLP --h 2 --space space.json --num-samples 1 --cpus 1 --gpus 0"
    words += " --no-mlflow --study-name sweet --sampler Random --pruner nop"
    return CliRunner().invoke(app, [*words.split(), *further])

def refusal():
    try:
        create_auto_model("MLP", 2, panel, sweets=0)
    except InvalidInputError as error:
        return str(error)

forecaster, y = Forecaster(sweets=4), panel.query("unique_id == 's0'").set_index("ds")[["y"]]
report = validate_all(model_class_name="MLP", h=2, dataset=panel, sweets=0)
help = CliRunner().invoke(app, ["fit", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
refused = fit("--sweets", "0")
fitted = fit("--sweets", "5")
again = CliRunner().invoke(app, ["fit", "--config", "panel_MLP_run.yaml", "--study-name", "again"])
joined = CliRunner().invoke(app, ["worker", "--study", "sweet", "--data", "panel.csv"])
print(json.dumps({
    "validator": [report["backend"].errors, report.corrected_config],
    "refusal": refusal(),
    "help": [line for line in help.splitlines() if "--sweets" in line],
    "refused": [refused.exit_code, refused.output],
    "fitted": [fitted.exit_code, fitted.output],
    "again": [again.exit_code, again.output],
    "joined": [joined.exit_code, joined.output],
    "run file": Path("panel_MLP_run.yaml").read_text(),
    "studies": [
        read_search_spec(StudyLocation(name, None)).options.sweets for name in ("sweet", "again")
    ],
    "objects": [
        getattr(read_search_spec(StudyLocation("again", None)).options, name)
        for name in ("sampler", "pruner")
    ],
    "table": options_table().splitlines()[-1],
    "estimator": forecaster._options(Context.learn(y))["sweets"],
    "signatures": [
        str(inspect.signature(call).parameters["sweets"])
        for call in (create_auto_model, validate_all, Wider)
    ],
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process sees in which one more option is declared before anything reads them."""
    folder = tmp_path_factory.mktemp("sweets")
    tests = Path(__file__).parents[1] / "fixtures"
    package = Path(inspect.getfile(OptimizationConfig)).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", NEW_OPTION],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{tests}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_validator_takes_a_new_option(seen: dict[str, Any]):
    message = "sweets must be a whole number of at least 1, got 0; try sweets=3"
    assert seen["validator"] == [[message], {"sweets": 3}]
    assert seen["refusal"] == message


def test_the_command_line_takes_a_new_option(seen: dict[str, Any]):
    assert len(seen["help"]) == 1
    assert "Sweets for each trial." in seen["help"][0]
    assert "[x>=1]" in seen["help"][0]
    assert seen["refused"][0] == 2
    assert "--sweets" in seen["refused"][1]
    assert seen["fitted"][0] == 0, seen["fitted"][1]


def test_the_run_file_holds_a_new_option_and_repeats_it(seen: dict[str, Any]):
    assert "\nsweets: 5\n" in seen["run file"]
    assert seen["again"][0] == 0, seen["again"][1]
    assert seen["studies"] == [5, 5]


def test_names_of_samplers_and_pruners_go_the_same_way(seen: dict[str, Any]):
    assert "\nsampler: RandomSampler\n" in seen["run file"]
    assert "\npruner: NopPruner\n" in seen["run file"]
    assert seen["objects"] == ["RandomSampler", "NopPruner"]


def test_a_worker_of_another_machine_takes_a_new_option(seen: dict[str, Any]):
    assert seen["studies"][0] == 5
    assert seen["joined"][0] == 0, seen["joined"][1]


def test_the_table_and_the_estimator_take_a_new_option(seen: dict[str, Any]):
    assert seen["table"] == "| `sweets` | `3` | Sweets for each trial. |"
    assert seen["estimator"] == 4


def test_the_readme_s_table_is_that_of_the_fields():
    (written,) = BLOCK.findall(README.read_text("utf-8"))
    assert written == options_table(), "run `make table`"


def test_each_option_is_described_and_has_a_parameter_of_the_estimator():
    parameters = inspect.signature(AutoNeuralForecaster).parameters
    described = inspect.getdoc(OptimizationConfig) or ""
    for field in fields(OptimizationConfig):
        assert _RENAMED.get(field.name, field.name) in parameters
        assert re.search(rf"^(\w+, )*{field.name}\b[\w, ]* : ", described, re.MULTILINE)
        assert field.metadata["option"].help.endswith(".")


def test_what_workers_take_from_a_study_is_held_by_a_rule():
    declared = OptimizationConfig.declared()
    without = {name for name, option in declared.items() if option.shared and option.rule is None}
    assert without == {"freq", "metric"}  # whose types the reader of a study checks itself


def test_signatures_show_a_new_option(seen: dict[str, Any]):
    assert seen["signatures"] == ["sweets: int = 3"] * 3


def test_type_checkers_know_each_option_and_its_type():
    declared = get_type_hints(OptimizationConfig)
    names = [field.name for field in fields(OptimizationConfig)]
    assert get_type_hints(SearchOptions) == {name: declared[name] for name in names}
    assert not SearchOptions.__required_keys__
    explicit = inspect.signature(validate_all, follow_wrapped=False).parameters
    written = inspect.getsource(validate_all).partition("**further")[0]
    own = {name for name in explicit if f"\n    {name}: " in written}
    assert set(get_type_hints(FurtherOptions)) == set(names) - own


@pytest.mark.parametrize(
    "call", [create_auto_model, validate_all, ConfigValidator().validate_backend_config]
)
def test_a_signature_shows_each_option_with_its_default(call: Any):
    shown = inspect.signature(call).parameters
    own = {"use_mlflow", "backend", "mlflow_experiment_name"} if call is validate_all else set()
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in shown.values())
    for field in fields(OptimizationConfig):
        if field.name not in own:
            assert shown[field.name].default == field.default, field.name


def test_the_options_signature_is_that_of_the_fields():
    shown = inspect.signature(OptimizationConfig).parameters
    defaults = {name: parameter.default for name, parameter in shown.items()}
    assert defaults == OptimizationConfig().to_dict()
    with pytest.raises(InvalidInputError, match="did you mean 'num_samples'"):
        OptimizationConfig(n_trials=3)


@pytest.mark.slow  # reads the package's types anew
def test_mypy_tells_a_misspelt_option(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(
        "import pandas as pd\n"
        "from automodel_sk import create_auto_model\n"
        "df = pd.DataFrame()\n"
        "create_auto_model('NHITS', 12, df, num_samples=3, sampler='tpe')\n"
        "create_auto_model('NHITS', 12, df, num_sample=3)\n"
        "create_auto_model('NHITS', 12, df, num_samples='three')\n"
    )
    package = Path(inspect.getfile(OptimizationConfig)).parents[1]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--ignore-missing-imports",
            "--follow-imports=silent",
            str(program),
        ],
        cwd=package,
        env={**os.environ, "MYPYPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(errors) == 2, done.stdout
    assert ':5: error: Unexpected keyword argument "num_sample"' in errors[0]
    assert ':6: error: Argument "num_samples"' in errors[1]
