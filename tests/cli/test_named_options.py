"""Messages name options that the command has, or say which command has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import run
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.cli import app
from automodel_sk.cli.words import OPTIONS, CommandLineWords, with_owner
from automodel_sk.data.wording import worded
from automodel_sk.evaluation.outcome import Outcome
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.conclusion import time_line

GROUP: Any = typer.main.get_command(app)
COMMANDS = sorted(GROUP.commands)


def words_of(command: str) -> CommandLineWords:
    return CommandLineWords({p.name: None for p in GROUP.commands[command].params})


def options_of(command: str) -> set[str]:
    params = GROUP.commands[command].params
    return {name for p in params for name in (*p.opts, *p.secondary_opts) if name[:2] == "--"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_knows_its_options(command: str):
    words = words_of(command)
    for option in {*OPTIONS.values(), "--model"}:
        assert words.offers(option) == (option in options_of(command)), option


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_search_says_names_only_options_of_the_command(command: str):
    worse = Outcome("mae", 66.0, {"Naive": 60.0}, windows=1, h=28)
    presets = (OptimizationConfig(), OptimizationConfig(num_samples=3))
    with worded(words_of(command)):
        said = [time_line(options) for options in presets] + [worse.sentence()]
    named = {option for line in said for option in re.findall(r"--[a-z-]+", line)}
    assert named == {"--time-budget", "--model"} & options_of(command)
    if command == "demo":
        assert said[0] == "auto: up to 5 minutes (preset balanced)"
        assert said[1] == "auto: 3 trials of networks, without a time limit"
        assert said[2].endswith("search longer, add columns that explain the series, or use Naive.")


def test_a_message_says_of_which_command_an_option_is():
    with worded(words_of("predict")):
        assert with_owner("try --freq D and --fill-gaps zero") == (
            "try --freq D and --fill-gaps zero (options of `automodel-sk fit`)"
        )
        assert with_owner("use --no-mlflow").endswith("(an option of `automodel-sk fit`)")
        for own in ("pass --futr FILE", "--to ~/forecasts", "see: automodel-sk fit a.csv --h 3"):
            assert with_owner(own) == own
    with worded(words_of("fit")):
        assert with_owner("try --freq D and --fill-gaps zero") == (
            "try --freq D and --fill-gaps zero"
        )


def test_gaps_in_new_rows_are_filled_by_an_option_of_fit(tmp_path: Path):
    panel = seasonal_panel(n_series=1, length=40)
    model = create_auto_model(["Naive"], 3, panel, use_mlflow=False, verbose=False, cpus=1)
    model.save(tmp_path / "model")
    panel.drop(index=35).to_csv(tmp_path / "gap.csv", index=False)
    result = run("predict", tmp_path / "model", tmp_path / "gap.csv")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    named = set(re.findall(r"--[a-z-]+", said)) - options_of("predict")
    assert named == {"--freq", "--fill-gaps"}
    assert said.endswith("(options of `automodel-sk fit`)")
