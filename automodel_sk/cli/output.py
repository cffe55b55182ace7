"""Output of commands: coloured tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

import typer

from automodel_sk._utils.plain_text import plain_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

__all__ = ["is_terminal", "print_json", "print_line", "rows_of", "show", "styled"]

_WIDE = 10_000
# JSON escapes C0 control characters itself.
_ACTS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    from rich.console import Console

    return Console().is_terminal


def show(*parts: RenderableType) -> None:
    """Print for people: wrapped to the terminal's width, or one row per line elsewhere."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    console.print(*parts, sep="\n")


def styled(text: str, style: str) -> RenderableType:
    """Return a styled text; brackets in it are not markup."""
    from rich.text import Text

    return Text(plain_text(text), style)


def print_line(text: str) -> None:
    """Print a text with control characters escaped."""
    typer.echo(plain_text(text))


def print_json(document: Any) -> None:
    """Print one JSON document; NaN and infinity become null."""
    from automodel_sk._utils.plain_json import plain_json

    text = json.dumps(plain_json(document), indent=2, ensure_ascii=False)
    typer.echo(_ACTS.sub(lambda found: f"\\u{ord(found.group()):04x}", text))


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows: times as ISO 8601, durations in seconds, missing values as null.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ds": [pd.Timestamp("2020-01-31")], "y": [float("nan")]})
    >>> rows_of(frame)
    [{'ds': '2020-01-31T00:00:00', 'y': None}]
    """
    import pandas as pd

    frame, null = frame.copy(), cast("Any", None)
    for name in frame.columns:
        if pd.api.types.is_timedelta64_dtype(frame[name]):
            frame[name] = frame[name].dt.total_seconds()
        elif pd.api.types.is_datetime64_any_dtype(frame[name]):
            frame[name] = frame[name].map(pd.Timestamp.isoformat, na_action="ignore")
    rows = frame.astype(object).where(frame.notna(), null).to_dict(orient="records")
    return [{str(name): value for name, value in row.items()} for row in rows]
