"""The notebooks of the docs: each runs in seconds, and is kept as it was executed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import notebooks
import pytest

KINDS = ("image/png", "text/html", "text/plain")
# Names of machines and places; a message that quotes one would show it.
PLACES = re.compile(r"/(?:home|root|tmp|work|usr|opt)/|site-packages|\.py:\d+|\bFile \"|localhost")


def outputs(notebook: Any) -> list[tuple[int, str]]:
    """Return what each cell shows: the number of the cell, and the kind of output."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            kind = next((k for k in KINDS if k in output.get("data", {})), output.output_type)
            found.append((number, kind))
    return found


def text_of(notebook: Any) -> str:
    """Return all text that the cells show."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            parts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return "\n".join(parts)


def test_all_are_known() -> None:
    assert sorted(file.stem for file in notebooks.FOLDER.glob("*.ipynb")) == sorted(notebooks.NAMES)


@pytest.mark.parametrize("name", notebooks.NAMES)
class TestAsKept:
    def test_every_cell_was_executed_in_order_without_an_error(self, name: str) -> None:
        notebook = notebooks.read(name)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        streams = [o for cell in code for o in cell.outputs if o.output_type == "stream"]
        assert all(output.name == "stdout" for output in streams)
        assert "error" not in {kind for _, kind in outputs(notebook)}

    def test_a_plot_and_a_naive_forecast_are_on_the_first_screen(self, name: str) -> None:
        first = notebooks.read(name).cells[:6]
        shown = [output for cell in first for output in cell.get("outputs", ())]
        assert any("image/png" in output.get("data", {}) for output in shown)
        named = [text for o in shown for text in o.get("data", {}).values() if "aive" in str(text)]
        assert named

    def test_nothing_of_the_machine_is_in_it(self, name: str) -> None:
        notebook = notebooks.read(name)
        assert not PLACES.findall(text_of(notebook))
        assert set(notebook.metadata) == {"kernelspec", "language_info"}
        assert notebook.metadata.kernelspec.name == "python3"
        assert all(not cell.metadata for cell in notebook.cells)

    def test_it_is_small_and_links_to_what_is_there(self, name: str) -> None:
        file = notebooks.FOLDER / f"{name}.ipynb"
        assert file.stat().st_size < 400_000
        text = "\n".join(c.source for c in notebooks.read(name).cells if c.cell_type == "markdown")
        for target in re.findall(r"\]\(([^)]+)\)", text):
            assert (notebooks.FOLDER / target).is_file(), target


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "own-csv" else pytest.mark.slow) for n in notebooks.NAMES],
)
def test_it_runs_and_shows_the_same_kinds_of_things(name: str, tmp_path: Path) -> None:
    notebook = notebooks.read(name)
    kept, columns = outputs(notebook), re.findall("<th>(.*?)</th>", text_of(notebook))
    notebooks.execute(notebook, tmp_path)
    assert outputs(notebook) == kept
    assert re.findall("<th>(.*?)</th>", text_of(notebook)) == columns
    assert not {file.name for file in tmp_path.iterdir()} & {"mlflow.db", "lightning_logs"}
