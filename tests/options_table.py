"""The table of options in the README, made from the fields; run as a program it is written anew."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from automodel_sk.options import OptimizationConfig

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?<=<!-- options -->\n).*?(?=<!-- /options -->)", re.DOTALL)


def options_table() -> str:
    """Return a row of Markdown for each option: its name, its default, what it is."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for field in fields(OptimizationConfig):
        shown = "none" if field.default is None else f"`{_literal(field.default)}`"
        rows.append(f"| `{field.name}` | {shown} | {field.metadata['option'].help} |")
    return "\n".join(rows) + "\n"


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    README.write_text(BLOCK.sub(lambda _: options_table(), README.read_text("utf-8")), "utf-8")
