"""What MkDocs builds beside the pages: the notebooks as pages, the version in the footer.

A notebook is shown as it was executed. `make notebooks` executes all of them anew.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

__all__ = ["markdown_of", "on_config", "on_files"]

_IMAGES = {"image/png": "png", "image/svg+xml": "svg"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the version of the package into the footer of each page."""
    project = Path(str(config.config_file_path)).with_name("pyproject.toml").read_text("utf-8")
    found = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert found is not None, "pyproject.toml has no version"
    config.copyright = f"automodel_sk {found[1]}, BSD-3-Clause"
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and its images."""
    from mkdocs.structure.files import File

    for source in [file for file in files if file.src_uri.endswith(".ipynb")]:
        notebook = json.loads(source.content_string)
        page, images = markdown_of(notebook, Path(source.src_uri).name)
        stem = source.src_uri.removesuffix(".ipynb")
        files.append(File.generated(config, f"{stem}.md", content=page))
        for name, content in images.items():
            folder = source.src_uri.rpartition("/")[0]
            files.append(File.generated(config, f"{folder}/{name}", content=content))
    return files


def markdown_of(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its images by name.

    Parameters
    ----------
    notebook : dict
        The notebook, as its file holds it.
    name : str
        Name of its file, which the page offers for download.
    """
    parts: list[str] = []
    images: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(re.sub(r"\]\(([\w./-]+)\.ipynb\)", r"](\1.md)", source))
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            parts += _output(output, Path(name).stem, images)
    head, _, rest = "\n\n".join(parts).partition("\n")
    download = f'<a href="../{name}" download>Download this notebook</a>'
    return f"{head}\n\n{download}\n{rest}\n", images


def _output(output: dict[str, Any], stem: str, images: dict[str, bytes]) -> Iterator[str]:
    """Return one output of a cell as Markdown: an image, a table, or text."""
    if output["output_type"] == "stream":
        yield f"```text\n{''.join(output['text']).rstrip()}\n```"
        return
    data = {kind: "".join(text) for kind, text in output["data"].items()}
    for kind, ending in _IMAGES.items():
        if kind in data:
            name = f"{stem}-{len(images) + 1}.{ending}"
            text = data[kind]
            images[name] = base64.b64decode(text) if ending == "png" else text.encode()
            yield f"![Output of the cell above]({name})"
            return
    if "text/html" in data:
        yield f'<div class="output">{_plain_table(data["text/html"])}</div>'
    else:
        yield f"```text\n{data['text/plain']}\n```"


def _plain_table(html: str) -> str:
    """Return a frame's HTML without its own style, which the dark scheme can't follow."""
    without = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    without = re.sub(r' (?:border|class|style)="[^"]*"', "", without)
    return re.sub(r"\s*\n\s*", "", without)
