"""The project's metadata, its Dockerfile and its conda recipe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from trove_classifiers import classifiers

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Where conda-forge's package has another name than the index's.
CONDA = {"matplotlib": "matplotlib-base", "torch": "pytorch", "ray": "ray-tune"}

EXTRAS_OF_COMMAND = re.compile(r"(?:automodel_sk|\.)\[([\w,-]+)\]['\" ]")
EXTRAS = [
    name
    for name in PROJECT["optional-dependencies"]
    if name not in ("docs", "test", "test-core")  # those for development
]


def requirements(lines: list[str]) -> dict[str, SpecifierSet]:
    """Return bounds by name; conda writes a blank where others write none."""
    found = [Requirement(re.sub(r"\s+(?=[<>=])", "", line)) for line in lines]
    return {each.name: each.specifier for each in found}


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


class TestMetadata:
    def test_classifiers_are_known_and_name_the_tested_pythons(self) -> None:
        assert set(PROJECT["classifiers"]) <= classifiers
        named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
        allowed = SpecifierSet(PROJECT["requires-python"])
        assert named == [f"3.{minor}" for minor in range(10, 14)]
        assert all(version in allowed for version in named)

    @pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
    def test_the_tested_set_is_within_what_is_allowed(self, extra: str | None) -> None:
        lines = (
            PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
        )
        tested = {name.lower().replace("_", "-"): version for name, version in pinned().items()}
        for name, bounds in requirements(lines).items():
            version = tested.get(name.lower().replace("_", "-"))
            if name == "automodel_sk" or (version is None and extra == "xlstm"):
                continue
            assert version is not None, f"constraints.txt has no {name}"
            assert version in bounds, (name, version, str(bounds))


def rows_of_install_page() -> dict[str, str]:
    """Return the row of each extra in the table of the page about the installation."""
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    table = text.split("## Extras")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {name: row for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}


class TestInstallPage:
    def test_it_has_a_row_for_every_extra_and_for_nothing_else(self) -> None:
        assert set(rows_of_install_page()) == set(PROJECT["optional-dependencies"])

    @pytest.mark.parametrize("extra", EXTRAS)
    def test_the_row_of_an_extra_names_what_it_installs(self, extra: str) -> None:
        row = rows_of_install_page()[extra].split("|")
        for name in requirements(PROJECT["optional-dependencies"][extra]):
            assert name.lower() in row[2].lower()
        assert len(row[3].strip()) > 5

    def test_commands_name_extras_that_exist(self) -> None:
        pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
        named = {
            extra
            for page in pages
            for found in re.findall(
                r"(?:automodel_sk|\.)\[([\w,-]+)\]['\" ]", page.read_text("utf-8")
            )
            for extra in found.split(",")
        }
        assert {"portfolio", "report"} <= named <= set(PROJECT["optional-dependencies"])


class Instruction(NamedTuple):
    """One instruction of a Dockerfile."""

    name: str
    text: str


def instructions() -> Iterator[Instruction]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        yield Instruction(name, rest.strip())


def is_sent(path: str) -> bool:
    """Return whether .dockerignore sends a path to the build; the last rule that matches counts."""
    sent = True
    for rule in (ROOT / ".dockerignore").read_text("utf-8").split():
        pattern = rule.removeprefix("!").removeprefix("**/")
        if fnmatch(path, pattern) or fnmatch(Path(path).name, pattern):
            sent = rule.startswith("!")
    return sent


class TestDockerfile:
    def test_instructions_are_known_and_begin_with_a_python_that_is_allowed(self) -> None:
        found = list(instructions())
        assert found[0].name == "FROM"
        known = {"FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
        assert {each.name for each in found} <= known
        allowed = SpecifierSet(PROJECT["requires-python"])
        bases = {each.text.split(" AS ")[0] for each in found if each.name == "FROM"}
        assert len(bases) == 1
        version = re.fullmatch(r"python:(3\.\d+)-slim", bases.pop())
        assert version is not None
        assert version[1] in allowed

    def test_what_is_copied_is_there_and_is_sent(self) -> None:
        copied = []
        stages = {e.text.partition(" AS ")[2] for e in instructions() if e.name == "FROM"}
        for each in instructions():
            if each.name != "COPY":
                continue
            words = shlex.split(each.text)
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in stages
            else:
                copied += words[:-1]
        assert {"automodel_sk", "pyproject.toml", "README.md", "LICENSE"} <= set(copied)
        for name in copied:
            assert (ROOT / name).exists(), name
            assert is_sent(name), name

    def test_nothing_else_is_sent(self) -> None:
        for name in (".git", "tests", "mlflow.db", ".venv", "docs", "__pycache__"):
            assert not is_sent(name), name

    def test_it_installs_extras_that_exist_and_starts_a_command_that_exists(self) -> None:
        text = "\n".join(each.text for each in instructions())
        [extras] = re.findall(r"'\.\[([\w,-]+)\]'", text)
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
        named = dict(instructions())
        assert named["ENTRYPOINT"] == '["automodel-sk"]'
        assert "automodel-sk" in PROJECT["scripts"]

    def test_it_runs_without_root_rights(self) -> None:
        names = [each.name for each in instructions()]
        assert names.index("USER") < names.index("ENTRYPOINT")
        user = dict(instructions())["USER"]
        made = [each.text for each in instructions() if "useradd" in each.text]
        assert [text.split()[-1] for text in made] == [user]
        assert user != "root"


@pytest.fixture(scope="module")
def recipe() -> Any:
    """Return the recipe, its variables filled in as conda does."""
    from jinja2 import Template

    text = (ROOT / "recipe" / "meta.yaml").read_text("utf-8")
    return yaml.safe_load(Template(text).render(PYTHON="python"))


class TestRecipe:
    def test_it_has_the_names_and_versions_of_the_project(self, recipe: Any) -> None:
        assert recipe["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
        [(name, target)] = PROJECT["scripts"].items()
        assert recipe["build"]["entry_points"] == [f"{name} = {target}"]
        assert recipe["about"]["license"] == PROJECT["license"]
        assert (ROOT / "recipe" / recipe["source"]["path"]).resolve() == ROOT

    def test_it_needs_what_the_project_needs(self, recipe: Any) -> None:
        wanted = requirements(PROJECT["dependencies"])
        wanted = {CONDA.get(name, name): bounds for name, bounds in wanted.items()}
        needed = requirements(recipe["requirements"]["run"])
        assert needed.pop("python") == SpecifierSet(PROJECT["requires-python"])
        assert needed == wanted

    def test_it_builds_with_what_the_project_is_built_with(self, recipe: Any) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        host = recipe["requirements"]["host"]
        assert host[0].split() == ["python", PROJECT["requires-python"].removeprefix(">=")]
        assert requirements(host[1:]) == {
            **requirements(project["build-system"]["requires"]),
            "pip": SpecifierSet(),
        }

    def test_its_constraints_are_those_of_the_extras(self, recipe: Any) -> None:
        wanted: dict[str, SpecifierSet] = {}
        for extra in EXTRAS:
            wanted |= requirements(PROJECT["optional-dependencies"][extra])
        assert requirements(recipe["requirements"]["run_constrained"]) == wanted
