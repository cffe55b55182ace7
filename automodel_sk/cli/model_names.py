"""The option --model: one name, several, or none for "auto"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from automodel_sk.exceptions import InvalidInputError

__all__ = ["Model", "complete_model", "label_of", "single_or_several"]

_MOST_IN_LABEL = 3
_LISTED = "`automodel-sk models` lists all"


def _checked(names: list[str] | None) -> list[str] | None:
    """Return the models' names as in the tables; suggest the closest one if one is unknown."""
    if not names:
        return names  # before the import, which takes most of a second
    from automodel_sk.portfolio.names import AUTO, read_names

    joined = next((name for name in names if "," in name), None)
    if joined is not None:
        apart = " ".join(f"--model {part.strip()}" for part in joined.split(","))
        raise typer.BadParameter(f"takes one name at a time, got {joined!r}; try {apart}")
    try:
        read = read_names(names[0] if len(names) == 1 else names)
    except InvalidInputError as exc:
        raise typer.BadParameter(_at_the_shell(str(exc))) from None
    return [AUTO] if read is None else list(read)


def _at_the_shell(message: str) -> str:
    """Return a message about names with options in place of arguments."""
    for code, option in (
        ("pass model='auto', or the names of models", "leave it out, or name no other model"),
        ("try 'auto', or ['NHITS', 'AutoETS']", _LISTED),
    ):
        message = message.replace(code, option)
    return f"{message} {_LISTED}" if message.endswith("?") else message


def complete_model(incomplete: str) -> list[str]:
    """Return the models that complete a name in the shell.

    Examples
    --------
    >>> complete_model("nh"), complete_model("seas")
    (['NHITS'], ['SeasonalNaive'])
    """
    from automodel_sk.catalog.models import MODEL_CATALOG
    from automodel_sk.portfolio.members.table import MEMBERS
    from automodel_sk.portfolio.names import AUTO

    names = (AUTO, *MODEL_CATALOG, *MEMBERS)
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def single_or_several(names: Sequence[str] | None) -> str | list[str]:
    """Return the models as `create_auto_model` takes them.

    Examples
    --------
    >>> single_or_several(None), single_or_several(["NHITS"]), single_or_several(["MLP", "TFT"])
    ('auto', 'NHITS', ['MLP', 'TFT'])
    """
    if not names:
        return "auto"
    return names[0] if len(names) == 1 else list(names)


def label_of(names: Sequence[str] | None) -> str:
    """Return how files and studies of some models are named.

    Examples
    --------
    >>> label_of(None), label_of(["NHITS", "AutoETS"]), label_of(["A", "B", "C", "D"])
    ('auto', 'NHITS-AutoETS', '4-models')
    """
    if not names:
        return "auto"
    return "-".join(names) if len(names) <= _MOST_IN_LABEL else f"{len(names)}-models"


Model = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Model to tune; repeatable. If not given, auto: the models that suit the data. See"
        " `automodel-sk models`.",
        callback=_checked,
        autocompletion=complete_model,
    ),
]
