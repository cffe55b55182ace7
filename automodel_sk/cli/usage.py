"""What a command says of an option that there is not, or that is missing."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import typer.core

from automodel_sk.arguments.number_rule import nearest

__all__ = ["Command", "Commands", "instead_of"]

_INSTEAD = {
    **dict.fromkeys(
        ("--epochs", "--max-epochs", "--max-steps", "--input-size", "--learning-rate"),
        "it is a parameter of the model, in the file of --space: "
        '{"max_steps": 500, "input_size": 24}',
    ),
    **dict.fromkeys(("--horizon", "--steps", "--prediction-length"), "pass --h 12"),
    **dict.fromkeys(("--timeout", "--max-time"), "pass --time-budget 1h"),
    **dict.fromkeys(("--device", "--gpu"), "pass --gpus 1, or 0"),
    **dict.fromkeys(("--n-jobs", "--jobs", "--workers"), "pass --cpus 4"),
    "--frequency": "pass --freq D",
    "--target": "pass --target-col NAME",
    "--id": "pass --id-col NAME",
    "--date": "pass --time-col NAME",
}
_OTHER_NAMES = {
    "--trials": "--num-samples",
    "--n-trials": "--num-samples",
    "--time-limit": "--time-budget",
    "--presets": "--preset",
    "--quality": "--preset",
}
"""Names of options that other tools have; taken, and not listed."""
_OTHER_COMMANDS = {
    **dict.fromkeys(("train", "tune", "search", "run", "create"), "fit"),
    **dict.fromkeys(("forecast", "infer", "score"), "predict"),
    **dict.fromkeys(("check", "lint", "test"), "validate"),
    **dict.fromkeys(("weights", "ranking", "compare"), "leaderboard"),
    **dict.fromkeys(("list", "catalog", "catalogue"), "models"),
    **dict.fromkeys(("join", "workers"), "worker"),
    **dict.fromkeys(("plot", "html"), "report"),
    "example": "demo",
}
"""Commands by words that other tools have for them."""
_MISSING = {
    "h": "pass the number of steps to forecast, for example --h 12",
    "model": "pass the folder of a saved model, for example sales_auto",
    "hierarchy": "pass the file of the summing matrix, for example hierarchy.csv",
    "data": "pass the file of the series, for example sales.csv",
    "study_name": "pass the name that `automodel-sk fit` printed, for example --study sales",
}
_EXAMPLES = {
    "h": "--h 12",
    "num_samples": "--num-samples 50",
    "n_windows": "--n-windows 2",
    "random_seed": "--seed 42",
    "cpus": "--cpus 2",
    "gpus": "--gpus 0",
}


def instead_of(option: str, known: Sequence[str]) -> str:
    """Return what to pass in place of an option that there is not.

    Parameters
    ----------
    option : str
        What was passed.
    known : sequence of str
        The command's options.

    Returns
    -------
    str

    Examples
    --------
    >>> instead_of("--num-sample", ["--h", "--num-samples"])
    'did you mean --num-samples?'
    >>> instead_of("--horizon", ["--h", "--num-samples"])
    'pass --h 12'
    """
    said = _INSTEAD.get(option)
    named = [part.strip(",:;") for part in (said or "").split() if part.startswith("--")]
    if said is not None and all(part in known for part in named):
        return said
    if option in ("--h", "--freq", "--model", *_INSTEAD):
        return "it is an option of `automodel-sk fit` and is stored with the model"
    meant = nearest(option, known)
    return f"did you mean {meant}?" if meant else "see --help for the options"


class Command(typer.core.TyperCommand):
    """A command that says how to go on where its options are wrong."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options; put the fix into what is raised."""
        known = {name for param in self.params for name in param.opts}
        try:
            return super().parse_args(ctx, [_by_own_name(arg, known) for arg in args])
        except Exception as exc:  # typer keeps its classes of errors in another place by version
            _explain(exc, [name for param in self.params for name in param.opts])
            raise


class Commands(typer.core.TyperGroup):
    """The commands, of which one that there is not names the one that was probably meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the first argument."""
        word, known = args[0], list(self.commands)
        if word not in known and not word.startswith("-") and not ctx.resilient_parsing:
            near = nearest(word.lower(), [*known, *_OTHER_COMMANDS])
            meant = None if near is None else _OTHER_COMMANDS.get(near, near)
            hint = f"did you mean {meant}?" if meant else f"the commands are {', '.join(known)}"
            ctx.fail(f"No such command: {word}; {hint}")
        return super().resolve_command(ctx, args)


def _by_own_name(argument: str, known: Container[str]) -> str:
    """Return an option under the name that the command has for it."""
    name, equals, value = argument.partition("=")
    own = _OTHER_NAMES.get(name)
    return f"{own}{equals}{value}" if own in known else argument


def _explain(exc: Any, known: Sequence[str]) -> None:
    """Add to an error of usage what to do about it."""
    kind, name = type(exc).__name__, getattr(getattr(exc, "param", None), "name", None)
    if kind == "NoSuchOption":
        exc.message = f"No such option: {exc.option_name}; {instead_of(exc.option_name, known)}"
        exc.possibilities = []
    elif kind == "MissingParameter" and name in _MISSING:
        exc.message = _MISSING[name]
    elif kind == "BadParameter" and name in _EXAMPLES:
        exc.message = f"{exc.message.rstrip('.')}; try {_EXAMPLES[name]}"
