"""What messages say at the command line: the files' own names, and options, not arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automodel_sk.data.wording import Wording, shown, wording

if TYPE_CHECKING:
    from automodel_sk.cli.inputs import Columns

__all__ = ["CommandLineWords", "in_options", "learn", "with_owner"]

_FRAMES = {
    "df": ("data", "the data"),
    "futr_df": ("futr", "--futr"),
    "static_df": ("static", "--static"),
    "S_df": ("hierarchy", "the hierarchy"),
}
_OWN = {"unique_id": "id_col", "ds": "time_col", "y": "target_col"}

OPTIONS: Mapping[str, str] = {
    **{
        name: "--" + name.replace("_", "-")
        for name in (
            *("h", "freq", "loss", "metric", "level", "backend", "cpus", "gpus", "n_windows"),
            *("step_size", "season_length", "num_samples", "refit", "warm_start", "patience"),
            *("precision", "refit_precision", "trials_per_gpu", "ray_address", "storage"),
            *("study_name", "resume", "id_col", "time_col", "target_col", "mlflow_tracking_uri"),
            *("mlflow_register_as", "preset", "ensemble", "exclude", "member", "to"),
            *("fill_gaps", "calendar", "holidays", "non_negative", "method"),
        )
    },
    "time_budget_hours": "--time-budget",
    "trial_timeout_minutes": "--trial-timeout",
    "random_seed": "--seed",
    "mlflow_experiment_name": "--mlflow-experiment",
    "futr_exog_list": "--futr-exog",
    "hist_exog_list": "--hist-exog",
    "stat_exog_list": "--stat-exog",
    "use_pruning": "--pruning",
    "use_mlflow": "--mlflow",
    "strict_mode": "--strict",
}
"""The options by the names that Python has for them."""

_NOT_OF_FIT = {"--to", "--member", "--method"}
_PARAMETERS = {
    **{option: name.removesuffix("_list") for name, option in OPTIONS.items()},
    "--model": "space_file",  # `model` is the folder of a saved one where there is no --model
}
"""The parameters of commands by their options."""
_OPTION = re.compile(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*")

_VALUE = r"""(\[[^\]\n]*\]|\([^)\n]*\)|'[^'\n]*'|"[^"\n]*"|[\w.+-]*\w)"""
_OTHERS = r"((?:, '[\w.-]+')*(?: or '[\w.-]+')?)"
_ASSIGNED = re.compile(rf"(?<![\w'\"/.-])({'|'.join(OPTIONS)})=(?!=){_VALUE}{_OTHERS}")
_NAMED = re.compile(
    rf"(?<![\w'\"/.=-])({'|'.join(name for name in OPTIONS if '_' in name)})(?![\w'\"/=(])"
)


class CommandLineWords(Wording):
    """The words of files and their columns.

    Parameters
    ----------
    arguments : mapping
        What the command was called with.

    Examples
    --------
    >>> words = CommandLineWords({"data": "sales.csv", "target_col": "sold"})
    >>> words.column("y", "df"), words.frame("futr_df"), words.row(0)
    ("column 'sold' of sales.csv", 'the file of --futr', 1)
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._files = {
            frame: f"the file of {option}" if option.startswith("--") else option
            for frame, (_, option) in _FRAMES.items()
        }
        self._files |= {
            frame: str(arguments[name])
            for frame, (name, _) in _FRAMES.items()
            if arguments.get(name) is not None
        }
        self._names = {own: str(arguments.get(name) or own) for own, name in _OWN.items()}
        self._arguments = frozenset(arguments)

    def learn(self, columns: Columns) -> None:
        """Take the names that were found out from a file or a saved model."""
        self._names = {own: columns.name_of(own) for own in _OWN}

    def own(self, name: str) -> str:
        """Return the file's name of a column."""
        return self._names.get(name, name)

    def row(self, place: int) -> int:
        """Return the number of a row below the header."""
        return int(place) + 1

    def frame(self, name: str) -> str:
        """Return the file that a frame was read from."""
        return self._files.get(name, name)

    def how(self, code: str, plain: str) -> str:
        """Return plain words: there is no code at the command line."""
        return plain

    def option(self, code: str, plain: str) -> str | None:
        """Return an option with its value; None if the command has no such option."""
        return plain if self.offers(plain.split()[0]) else None

    def offers(self, option: str) -> bool:
        """Return whether the command has an option."""
        return _PARAMETERS.get(option, option) in self._arguments

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column, and its file."""
        return f"column {shown(self.own(name))}" + (f" of {self.frame(frame)}" if frame else "")

    def without_missing(self, name: str, frame: str) -> str:
        """Return how to leave out the rows that lack a value."""
        return f"delete such rows from {self.frame(frame)}"

    def masked(self, name: str) -> str:
        """Return how to keep rows that were not observed, as the end of a sentence."""
        return ", or mark them as not observed: 0 in a column 'available_mask', 1 elsewhere"


def learn(columns: Columns) -> None:
    """Let messages use the names that were found out, within a command."""
    words = wording()
    if isinstance(words, CommandLineWords):
        words.learn(columns)


def in_options(text: str) -> str:
    r"""Return a message with options in place of Python's arguments.

    Parameters
    ----------
    text : str
        The message.

    Returns
    -------
    str

    Examples
    --------
    >>> in_options("freq='M' is an outdated name; use freq=\"ME\"")
    '--freq M is an outdated name; use --freq ME'
    >>> in_options("fill_gaps='zero', 'ffill' or 'interpolate'")
    '--fill-gaps zero, ffill or interpolate'
    >>> in_options("go on without MLflow: use_mlflow=False; futr_exog_list=['price', 'day']")
    'go on without MLflow: --no-mlflow; --futr-exog price --futr-exog day'
    """
    text = _ASSIGNED.sub(
        lambda found: _option(found[1], found[2]) + found[3].replace("'", ""), text
    )
    return _NAMED.sub(lambda found: OPTIONS[found[1]], text)


def with_owner(text: str) -> str:
    """Return a message that says of which command the options are that this one lacks.

    Parameters
    ----------
    text : str
        The message.

    Returns
    -------
    str

    Examples
    --------
    >>> from automodel_sk.data.wording import worded
    >>> with worded(CommandLineWords({"model": "sales_auto", "to": None})):
    ...     with_owner("a gap on 2024-01-03; fill it with --fill-gaps zero")
    'a gap on 2024-01-03; fill it with --fill-gaps zero (an option of `automodel-sk fit`)'
    """
    words = wording()
    if not isinstance(words, CommandLineWords) or "automodel-sk" in text:
        return text
    named = {option.replace("--no-", "--", 1) for option in _OPTION.findall(text)}
    lacking = {o for o in named & set(_PARAMETERS) - _NOT_OF_FIT if not words.offers(o)}
    if not lacking:
        return text
    return f"{text} ({'an option' if len(lacking) == 1 else 'options'} of `automodel-sk fit`)"


def _option(name: str, value: str) -> str:
    """Return an option with its value as a shell takes it."""
    option = OPTIONS[name]
    if value in ("True", "False"):
        return option if value == "True" else option.replace("--", "--no-", 1)
    if value[0] in "[(":
        parts = [part.strip().strip("'\"") for part in value[1:-1].split(",") if part.strip()]
        return " ".join(f"{option} {shlex.quote(part)}" for part in parts) or f"no {option}"
    if name == "time_budget_hours":
        return f"{option} {value}h"
    return f"{option} {shlex.quote(value.strip(chr(39) + chr(34)))}"
