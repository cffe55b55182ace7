"""Run files: the options of a fit as YAML, written by one run to be repeated by another."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from automodel_sk.cli.mappings import read_mapping
from automodel_sk.cli.options import hours_text
from automodel_sk.exceptions import InvalidInputError

__all__ = ["RunFile", "command_of", "inline_space", "write_run"]

_PATHS = ("data", "futr", "static", "space", "output", "forecast", "storage", "warm_start")
_NO_OPTIONS = ("config", "debug", "help", "json", "quiet", "verbose")
_SPACE = "automodel_sk.space"


def _keys(ctx: typer.Context) -> dict[str, Any]:
    """Return the parameters of `fit` by their names in a run file."""
    commands: Mapping[str, Any] = ctx.find_root().command.commands  # type: ignore[attr-defined]
    named = _named(commands["fit"].params)
    return {name: parameter for name, parameter in named.items() if name not in _NO_OPTIONS}


def _named(parameters: Sequence[Any]) -> dict[str, Any]:
    """Return parameters by their longest option, without its dashes."""
    return {max(p.opts, key=len).lstrip("-").replace("-", "_"): p for p in parameters}


def _use(ctx: typer.Context, path: Path | None) -> Path | None:
    """Use a run file's values for options that are not on the command line."""
    if path is None or ctx.resilient_parsing:
        return None
    try:
        content = {key.replace("-", "_"): value for key, value in read_mapping(path).items()}
        _refuse_unknown(path, content, list(_keys(ctx)))
        values = {key: _as_typed(path, key, value) for key, value in content.items()}
    except InvalidInputError as exc:
        raise typer.BadParameter(str(exc)) from exc
    if isinstance(content.get("space"), dict):
        ctx.meta[_SPACE] = values.pop("space")
    own = _named(ctx.command.params)
    ctx.default_map = {
        own[key].name: [value] if own[key].multiple and not isinstance(value, list) else value
        for key, value in values.items()
        if key in own and value is not None
    }
    return path


RunFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        is_eager=True,
        callback=_use,
        metavar="FILE",
        help="Run file in YAML, as written by each fit; command-line options take precedence.",
    ),
]


def inline_space(ctx: typer.Context) -> dict[str, Any] | None:
    """Return the search space of a run file; None if it has none."""
    space: dict[str, Any] | None = ctx.meta.get(_SPACE)
    return space


def _refuse_unknown(path: Path, content: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise for unknown options, and suggest the closest known one."""
    unknown = [key for key in content if key not in known]
    if not unknown:
        return
    if len(unknown) == len(content):
        raise InvalidInputError(
            f"{path} has no options of a run; its first key is {unknown[0]!r}; pass a search space"
            f" with --space {path}"
        )
    near = difflib.get_close_matches(unknown[0].lower().replace("-", "_"), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(known)}"
    raise InvalidInputError(f"{path}: {unknown[0]!r} is not an option of a run; {hint}")


def _as_typed(path: Path, key: str, value: Any) -> Any:
    """Return a value as the command line would pass it: text, a list of texts, or a flag."""
    if key == "space" and isinstance(value, dict):
        return value
    if isinstance(value, dict):
        raise InvalidInputError(
            f"{path}: {key} takes a value or a list, got a mapping: {str(value)[:100]}"
        )
    if isinstance(value, list):
        return [_as_typed(path, key, item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return str(path.parent / text) if key in _PATHS and _is_path(text) else text


def _is_path(text: str) -> bool:
    return "://" not in text and text != ":memory:"


def write_run(
    path: Path, ctx: typer.Context, effective: Mapping[str, Any], space: Mapping[str, Any] | None
) -> list[str]:
    """Write the options of a run to a file, without secrets.

    Parameters
    ----------
    path : Path
        The file; paths in it are relative to its folder.
    ctx : typer.Context
        Context of the command, with the options given.
    effective : mapping
        Values that were chosen for options not given.
    space : mapping, optional
        The search space, as in its file.

    Returns
    -------
    list of str
        Options that were omitted because they hold secrets.
    """
    import yaml

    from automodel_sk._utils.secrets import has_secrets

    asked = {key: ctx.params.get(p.name) for key, p in _keys(ctx).items() if key != "space"}
    asked |= effective
    given = {key: value for key, value in asked.items() if value not in (None, [], ())}
    options = {key: _as_written(key, value, path.parent) for key, value in given.items()}
    secret = [k for k, v in options.items() if isinstance(v, str) and has_secrets(v)]
    kept = {key: value for key, value in options.items() if key not in secret}
    if space is not None:
        kept["space"] = dict(space)
    text = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, default_flow_style=None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_heading(path, secret) + text, encoding="utf-8")
    return secret


def _as_written(key: str, value: Any, folder: Path) -> Any:
    """Return a value as YAML represents it, with paths relative to a folder."""
    if isinstance(value, (list, tuple)):
        return [_as_written(key, item, folder) for item in value]
    if key == "time_budget":
        return hours_text(value)
    if key in _PATHS and _is_path(str(value)):
        return Path(os.path.relpath(value, folder)).as_posix()
    return value


def _heading(path: Path, secret: Sequence[str]) -> str:
    from automodel_sk import __version__

    lines = [
        f"automodel-sk {__version__}, {datetime.now():%Y-%m-%d %H:%M}. To repeat this run:",
        f"  {command_of(path)}",
        "Paths are relative to this file. Command-line options take precedence over these.",
    ]
    lines += [
        f"Left out because it contains a secret: {key}. Pass {_option(key)}." for key in secret
    ]
    return "".join(f"# {line}\n" for line in lines)


def command_of(path: Path, secret: Sequence[str] = (), **options: str) -> str:
    """Return the command that repeats a run.

    Examples
    --------
    >>> command_of(Path("my run.yaml"), ["storage"], study_name="sales")
    "automodel-sk fit --config 'my run.yaml' --study-name sales --storage ..."
    """
    words = ["automodel-sk", "fit", "--config", str(path)]
    for key, value in options.items():
        words += [_option(key), value]
    return " ".join([shlex.join(words), *(f"{_option(key)} ..." for key in secret)])


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")
