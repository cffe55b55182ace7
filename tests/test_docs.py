"""The pages of docs/: their code runs, prints what they show, and their links lead somewhere."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
SLOW = {"search.md", "sktime.md"}
LANGUAGES = {"console", "json", "python", "text", "yaml"}

FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: its language, the line that it begins in, its text."""

    language: str
    line: int
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start("body")) + 1
        yield Block(fence["language"], line, fence["body"])


def prose_of(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    """Return the headings' anchors as MkDocs makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[-\s]+", "-", text) for text in words}


def navigation() -> dict[str, str]:
    """Return the pages' titles by file."""
    entries = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    return {file: title for entry in entries for title, file in entry.items()}


def run(page: Path) -> None:
    """Run a page's code in one namespace; a text block behind it holds what it prints."""
    namespace: dict[str, object] = {"__name__": "docs_page"}
    printed = ""
    for block in blocks_of(page):
        if block.language == "python":
            output = io.StringIO()
            source = "\n" * (block.line - 1) + block.text
            with contextlib.redirect_stdout(output):
                exec(compile(source, page.name, "exec"), namespace)
            printed = output.getvalue()
        elif printed and block.language == "text":
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            same = doctest.OutputChecker().check_output(block.text, printed, flags)
            assert same, f"{page.name}:{block.line} shows\n{block.text}\nprinted is\n{printed}"
            printed = ""
        else:
            continue
    assert not printed, f"{page.name} prints what it doesn't show:\n{printed}"


def parameters() -> list[object]:
    return [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.name in SLOW else [])
        for page in PAGES
        if any(block.language == "python" for block in blocks_of(page))
    ]


@pytest.mark.parametrize("page", parameters())
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)


def test_code_hides_behind_no_other_name() -> None:
    found = {(page.name, block.language) for page in PAGES for block in blocks_of(page)}
    assert {language for _, language in found} <= LANGUAGES, found
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("```") == 2 * len(list(blocks_of(page)))


def test_every_page_is_in_the_navigation() -> None:
    assert set(navigation()) == {page.name for page in PAGES}
    for page in PAGES:
        assert page.read_text(encoding="utf-8").startswith("# "), f"{page.name} has no title"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        other = (page.parent / file).resolve() if file else page
        assert other in PAGES, f"{page.name} links to {target}, which is no page"
        assert not anchor or anchor in anchors_of(other), f"{page.name}: {target} has no heading"


def test_names_of_the_package_in_prose_exist() -> None:
    import automodel_sk

    for page in PAGES:
        for name in re.findall(r"`automodel_sk\.(\w+)`", prose_of(page)):
            exists = hasattr(automodel_sk, name)
            assert exists or importlib.util.find_spec(f"automodel_sk.{name}"), (page.name, name)


def test_files_named_in_prose_exist() -> None:
    package = ROOT / "automodel_sk"
    for page in PAGES:
        for name in re.findall(r"`((?:\w+/)*\w+\.py)`", prose_of(page)):
            assert (package / name).is_file() or (ROOT / name).is_file(), (page.name, name)


def test_rooms_of_the_layers_exist() -> None:
    rooms = re.findall(
        r"^\| [\w ]+ \| (`.+?`) \|", prose_of(DOCS / "architecture.md"), re.MULTILINE
    )
    names = re.findall(r"`(\w+)`", " ".join(rooms))
    assert {"search", "auto_model", "cli"} <= set(names)
    missing = [name for name in names if importlib.util.find_spec(f"automodel_sk.{name}") is None]
    assert not missing


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="MkDocs is not installed")
def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").is_file()
