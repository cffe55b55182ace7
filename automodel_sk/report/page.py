"""Write a model's report: a single HTML file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.packages import need
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.report.contents import contents
from automodel_sk.report.templating import render, source

if TYPE_CHECKING:
    import pandas as pd

    from automodel_sk.plots import ModelPlots

__all__ = ["write_report"]


def write_report(
    plots: ModelPlots, path: Path, code: str, future: pd.DataFrame | None = None
) -> Path:
    """Write a model's report; see `AutoModel.report`.

    Parameters
    ----------
    plots : ModelPlots
        The model's plots, which know the ids and times of its data.
    path : Path
        The file to write.
    code : str
        Python code that trains the configuration again.
    future : DataFrame, optional
        Known future values, as the plots accept them.

    Returns
    -------
    Path
        The written file.

    Raises
    ------
    InvalidInputError
        If the path can't be that of a file, or the file can't be written.
    MissingDependencyError
        If plotly is not installed.
    """
    need("plotly", "report", user="the report")
    if path.is_dir() or not path.parent.is_dir():
        raise InvalidInputError(
            f"path must be a file in a folder that exists, got {str(path)!r}; try 'report.html'"
        )
    page = _page(contents(plots, code, future))
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as exc:
        raise InvalidInputError(
            f"path {str(path)!r} can't be written ({exc.strerror or exc}); pass a file in a"
            " writable folder on a disk with free space, for example '~/report.html'"
        ) from exc
    return path


def _page(values: dict[str, Any]) -> str:
    """Return the page; its content security policy allows only its own two scripts."""
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
    """Return a figure as JSON that can't close the enclosing element."""
    return str(figure.to_json()).replace("<", "\\u003c")
