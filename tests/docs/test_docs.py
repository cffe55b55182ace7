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

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
_HOMES = {"auto-model": "auto_model.AutoModel", "auto-ensemble": "portfolio.ensemble.AutoEnsemble"}
NOTEBOOKS = {notebook.with_suffix(".md") for notebook in DOCS.glob("notebooks/*.ipynb")}
BESIDE = sorted({*ROOT.glob("*.md"), *ROOT.glob(".github/*.md")} - {ROOT / "README.md"})
SLOW = {"mlflow.md", "onnx.md", "search.md", "sktime.md"}
LANGUAGES = {"console", "json", "python", "text", "yaml"}

FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
INCLUDED = re.compile(r'^--8<-- "(?P<file>[^":]+)(?::\d*)*"$', re.MULTILINE)


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
    """Return the pages' titles by file, those of sections too."""
    sections = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    entries = [item for entry in sections for item in entry.items()]
    pages: dict[str, str] = {}
    for title, target in entries:
        inner = target if isinstance(target, list) else [{title: target}]
        pages |= {file: name for page in inner for name, file in page.items()}
    return pages


def run(page: Path) -> None:
    """Run a page's code in one namespace; a text block behind it holds what it prints.

    An example that is shown as a whole is run by its own test.
    """
    namespace: dict[str, object] = {"__name__": "docs_page"}
    printed = ""
    for block in blocks_of(page):
        if INCLUDED.search(block.text):
            printed = ""
        elif block.language == "python":
            output = io.StringIO()
            # MLflow keeps the file that it opened first under a relative address.
            code = block.text.replace("sqlite:///mlflow.db", f"sqlite:///{Path.cwd()}/mlflow.db")
            source = "\n" * (block.line - 1) + code
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
    pages = {page.relative_to(DOCS).as_posix() for page in {*PAGES, *NOTEBOOKS}}
    assert set(navigation()) == pages
    for page in PAGES:
        assert page.read_text(encoding="utf-8").startswith("# "), f"{page.name} has no title"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_heading_is_there_once(page: Path) -> None:
    headings = re.findall(r"^#+ .+$", prose_of(page), re.MULTILINE)
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        other = (page.parent / file).resolve() if file else page
        if other.suffix == ".png":
            assert other.is_file(), f"{page.name} shows {target}, which is no picture"
            continue
        if other in NOTEBOOKS:
            continue
        assert other in PAGES, f"{page.name} links to {target}, which is no page"
        assert not anchor or anchor in anchors_of(other), f"{page.name}: {target} has no heading"


def test_the_readme_links_to_what_is_there() -> None:
    targets = [t for t in LINK.findall(prose_of(ROOT / "README.md")) if "://" not in t]
    assert {"docs/images/forecast.png", "docs/cluster.md", "examples"} <= set(targets)
    assert not dead_links(ROOT / "README.md")


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.stem)
def test_the_pages_beside_it_link_to_what_is_there(page: Path) -> None:
    assert not dead_links(page)


def dead_links(page: Path) -> list[str]:
    """Return the relative links of a page to files or headings that are not there."""
    dead = []
    for target in LINK.findall(prose_of(page)):
        file, _, anchor = target.partition("#")
        other = page.parent / file if file else page
        has_heading = not anchor or (other.suffix == ".md" and anchor in anchors_of(other))
        if "://" not in target and not (other.exists() and has_heading):
            dead.append(target)
    return dead


def test_the_readme_names_every_option_with_its_default() -> None:
    from automodel_sk import OptimizationConfig

    options = OptimizationConfig().to_dict()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| option | default | meaning |") : text.index("## Probabilistic")]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:] if row.startswith("|")]
    named = {name for first, _ in rows for name in re.findall(r"`(\w+)`", first)}
    assert named == set(options)
    for first, defaults in rows:
        names, values = re.findall(r"`(\w+)`", first), re.findall(r"`([^`]+)`", defaults)
        if len(names) == len(values):  # the others are described
            wanted = {str(options[name]) for name in names if options[name] is not None}
            assert wanted <= {value.strip('"') for value in values}, first


def test_the_readmes_code_can_be_read() -> None:
    blocks = [b for b in blocks_of(ROOT / "README.md") if b.language == "python"]
    assert len(blocks) >= 5
    for block in blocks:
        compile(block.text, f"README.md:{block.line}", "exec")


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


def test_included_files_exist() -> None:
    included = [name for page in PAGES for name in INCLUDED.findall(page.read_text("utf-8"))]
    assert "examples/many_series.py" in included
    assert not [name for name in included if not (ROOT / name).is_file()]


def test_the_reference_has_every_public_name() -> None:
    import automodel_sk

    pages = [page.read_text("utf-8") for page in PAGES if page.name.startswith("api-")]
    described = {
        name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", "\n".join(pages), re.M)
    }
    described |= {"DatasetSize", "ModelComplexity", "SearchComplexity"}  # of a module as a whole
    assert set(automodel_sk.__all__) - {"__version__"} <= described


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does; a warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_shows_the_pages_the_examples_and_the_reference(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix("") for page in {*PAGES, *NOTEBOOKS}}
    pages -= {Path("index")}
    assert all((site / page / "index.html").is_file() for page in pages)
    assert "### Added" not in (changes := (site / "changelog" / "index.html").read_text("utf-8"))
    assert "create_auto_model" in changes
    assert "hardest.png" in (site / "many-series" / "index.html").read_text("utf-8")
    options = (site / "api-optimization-config" / "index.html").read_text("utf-8")
    assert "Resources for the whole search, shared by its parallel trials." in options
    for page in ("auto-model", "auto-ensemble"):
        reference = (site / f"api-{page}" / "index.html").read_text("utf-8")
        assert f'id="automodel_sk.{_HOMES[page]}.evaluate"' in reference
        assert "training_note" in reference or page == "auto-ensemble"
        for internal in ("KeptForecasts", "PortfolioData", "WeightedMember", "TrainingTask"):
            assert internal not in reference  # of the constructor, which nobody calls


def test_the_site_shows_the_notebooks_as_they_were_executed(site: Path) -> None:
    page = (site / "notebooks" / "first-forecast" / "index.html").read_text("utf-8")
    assert "automodel_sk 0.1.0" in page
    assert "SeasonalNaive</td>" in page
    assert (site / "notebooks" / "first-forecast-1.png").read_bytes().startswith(b"\x89PNG")
    assert (site / "notebooks" / "first-forecast.ipynb").is_file()
    assert 'href="../own-csv/"' in page


def test_the_site_asks_for_nothing_of_others(site: Path) -> None:
    """Everything that a browser loads by itself lies beside the pages."""
    loaded = re.compile(r'<(?:script|img|link rel="stylesheet")[^>]*?(?:src|href)="(https?:)?//')
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    assert not [page.name for page in pages if loaded.search(page.read_text("utf-8"))]
