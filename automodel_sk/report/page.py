"""The page on a model: one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.report.contents import contents
from automodel_sk.report.templating import render, source

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.auto_model import AutoModel

__all__ = ["write_report"]


def write_report(model: AutoModel, path: Path, *, futr_df: pd.DataFrame | None = None) -> Path:
    """Write the page on a model; see `AutoModel.report`."""
    if path.is_dir() or not path.parent.is_dir():
        raise InvalidInputError(
            f"path must be a file in a folder that exists, got {str(path)!r}; try 'report.html'"
        )
    page = _page(contents(model, futr_df))
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def _page(values: dict[str, Any]) -> str:
    """Return the page; its policy lets no script run but the two that are in it."""
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs().replace("\r\n", "\n"), source("page.js")]
    return render(
        "page.html.j2",
        **values,
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        style=source("page.css"),
        embedded=_embedded,
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _embedded(figure: Any) -> str:
    """Return a figure as JSON that can't end the element that holds it."""
    return str(figure.to_json()).replace("<", "\\u003c")
