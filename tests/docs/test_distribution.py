"""The wheel and the source archive: what they hold, and that the wheel installs and imports."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import automodel_sk

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "automodel_sk"
VERSION = automodel_sk.__version__

pytestmark = pytest.mark.slow


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive and, from it, the wheel; hatchling is in the test set."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    assert sorted(file.name for file in folder.iterdir()) == [
        f"automodel_sk-{VERSION}-py3-none-any.whl",
        f"automodel_sk-{VERSION}.tar.gz",
    ]
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def own_files() -> set[str]:
    """Return the files of the package as they lie in the checkout."""
    return {
        file.relative_to(ROOT).as_posix()
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"automodel_sk-{VERSION}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == own_files()
    assert "automodel_sk/py.typed" in names
    assert any(name.endswith((".html", ".jinja", ".j2", ".css")) for name in names)
    assert f"{info}licenses/LICENSE" in names


def test_the_source_archive_holds_what_a_build_needs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    extra = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names - {".gitignore"} == (own_files() | extra) - {".gitignore"}


def test_the_readme_renders_where_packages_are_listed(wheel: Path) -> None:
    from readme_renderer.markdown import render

    metadata = zipfile.ZipFile(wheel).read(f"automodel_sk-{VERSION}.dist-info/METADATA")
    message = message_from_bytes(metadata)
    assert message["Description-Content-Type"] == "text/markdown"
    page = render(message.get_payload(decode=True).decode("utf-8"))
    assert page is not None
    assert "<h1>" in page or "<h1 " in page
    assert page.count("<pre") >= 5
    assert not re.search(r"^#+ |^```", page, re.MULTILINE)


def test_nothing_in_it_leads_to_the_repository(wheel: Path) -> None:
    """Relative links and pictures lead nowhere there; the rest of the text is the README's."""
    metadata = zipfile.ZipFile(wheel).read(f"automodel_sk-{VERSION}.dist-info/METADATA")
    text = message_from_bytes(metadata).get_payload(decode=True).decode("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    assert not re.findall(r"\]\((?!https?://|#)[^)]*\)", text)
    assert "![" not in text
    assert "Several models" in text
    fence = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
    assert fence.findall(text) == fence.findall(readme)
    assert re.findall(r"\(https?://[^)]*\)", text) == re.findall(r"\(https?://[^)]*\)", readme)
    assert re.findall(r"^#+ .*", text, re.M) == re.findall(r"^#+ .*", readme, re.M)


def test_the_wheel_installs_and_imports_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    program = "import automodel_sk as a; print(a.__version__, len(a.__all__), a.__file__)"
    version, names, place = run(python, "-I", "-c", program).split()
    assert version == VERSION
    assert int(names) == len(automodel_sk.__all__)
    assert place.startswith(str(tmp_path))
    assert (tmp_path / "env" / "bin" / "automodel-sk").exists()
    assert "automodel_sk" in run(python, "-m", "pip", "show", "--files", "automodel_sk")
