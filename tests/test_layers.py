"""The package's rooms: lower ones never import higher ones, and importing stays cheap."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import automodel_sk

PACKAGE = "automodel_sk"
ROOT = Path(automodel_sk.__file__).parent

# From the lowest layer to the highest. A room is a module or a folder of this
# package; it may import rooms of its own layer and of lower ones.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "_utils",
        "exceptions",
        "arguments",
        "catalog data trials",
        "options search_options search_space",
        "metrics selection",
        "search_algorithm_selector validation",
        "training",
        "forecasting",
        "evaluation onnx persistence tracking",
        "diagnosis plots",
        "report",
        "auto_model console",
        "mlflow search serving",
        "portfolio",
        "auto_model_factory",
        "cli frames",
        "estimator",
        "forecaster",
    )
)
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}

# The same inside the rooms that have an order: a module or folder imports lower lines
# alone, lazily or not. So Optuna and Ray stand beside each other, and data is read before
# any of it is judged.
ORDER: dict[str, tuple[str, ...]] = {
    "data": (
        "ids period wording",
        "times",
        "baselines calendar categories columns joint panel preparation",
        "frequency gaps held_out windows",
        "analysis judged treatment",
    ),
    "search": (
        "initial_trials network_spaces scratch",
        "study",
        "backends optuna pacing prepared progress ray",
        "parts planning",
        "final_refit",
        "request_builder",
        "run",
        "summary",
    ),
    "training": (
        "devices memory refit_steps task trial_files turns",
        "build patches reasons time_budget window_forecasts",
        "objective restart weight_average",
        "train",
        "inference pace precision warm_up",
        "refit trainer",
    ),
    "validation": ("domain_checks result", "config data", "search_checks", "all_checks"),
}

# Libraries that take long to import, and the rooms that may do so at module level.
HEAVY: dict[str, frozenset[str]] = {
    "captum": frozenset(),
    "lightning_fabric": frozenset(),
    "matplotlib": frozenset(),
    "mlflow": frozenset({"serving"}),
    "neuralforecast": frozenset(),
    "optuna": frozenset({"portfolio", "search"}),
    "plotly": frozenset(),
    "pytorch_lightning": frozenset(),
    "ray": frozenset({"search"}),
    "sklearn": frozenset(),
    "sktime": frozenset({"estimator", "forecaster"}),
    "torch": frozenset(),
}


class Import(NamedTuple):
    """One import statement's target."""

    source: str
    target: str
    line: int
    at_module_level: bool


def _modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its dotted name."""
    return {
        ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(ROOT.rglob("*.py"))
    }


MODULES = _modules()


def _for_types_alone(tree: ast.Module) -> set[int]:
    """Return the nodes under ``if TYPE_CHECKING``, which never run."""
    return {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }


def _targets(node: ast.AST, source: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    assert node.level == 0, f"{source} line {node.lineno}: imports are absolute"
    module = str(node.module)
    submodules = [f"{module}.{alias.name}" for alias in node.names]
    return [name for name in submodules if name in MODULES] or [module]


def _imports() -> Iterator[Import]:
    """Yield every import that runs, those inside functions included."""
    for source, tree in MODULES.items():
        skipped = _for_types_alone(tree)
        deferred = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            if id(node) in skipped:
                continue
            for target in _targets(node, source):
                yield Import(source, target, getattr(node, "lineno", 0), id(node) not in deferred)


IMPORTS = tuple(_imports())


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_the_walk_sees_the_package():
    assert {"auto_model", "search", "validation", "tracking"} <= {_room(m) for m in MODULES}
    assert Import(f"{PACKAGE}.catalog.models", f"{PACKAGE}.catalog.scales", 0, True)._replace(
        line=0
    ) in {found._replace(line=0) for found in IMPORTS}
    assert not any(found.target == f"{PACKAGE}.cli" for found in IMPORTS)


def test_every_room_has_a_layer():
    homeless = {_room(m) for m in MODULES} - set(RANK) - {"", "__main__"}
    assert not homeless, f"give {sorted(homeless)} a layer in LAYERS"


def test_lower_rooms_never_import_higher_ones():
    upward = [
        f"{i.source}:{i.line} imports {i.target}"
        for i in IMPORTS
        if _room(i.source) in RANK
        and _room(i.target) in RANK
        and i.target.startswith(PACKAGE)
        and RANK[_room(i.source)] < RANK[_room(i.target)]
    ]
    assert not upward, "\n".join(upward)


def _part(module: str) -> str:
    """Return the part of its room that a module belongs to; empty for the room's own."""
    return module.split(".")[2] if module.count(".") > 1 else ""


@pytest.mark.parametrize("room", ORDER)
def test_every_part_of_an_ordered_room_has_a_place(room: str):
    parts = {_part(module) for module in MODULES if _room(module) == room} - {""}
    placed = " ".join(ORDER[room]).split()
    assert parts == set(placed), f"correct ORDER[{room!r}]: {sorted(parts ^ set(placed))}"
    assert len(placed) == len(set(placed))


@pytest.mark.parametrize("room", ORDER)
def test_parts_of_a_room_import_lower_ones_alone(room: str):
    rank = {part: n for n, line in enumerate(ORDER[room]) for part in line.split()}
    within = [i for i in IMPORTS if _room(i.source) == room == _room(i.target)]
    assert within
    upward = [
        f"{i.source}:{i.line} imports {i.target}"
        for i in within
        if i.target.startswith(PACKAGE)
        and (source := _part(i.source)) != (target := _part(i.target))
        and source
        and target
        and rank[source] <= rank[target]
    ]
    assert not upward, "\n".join(upward)


def test_no_module_imports_the_package_s_front_door():
    through_the_door = [i.source for i in IMPORTS if i.target == PACKAGE]
    assert {_room(source) for source in through_the_door} <= {"__main__", "cli"}, through_the_door


def test_modules_import_each_other_without_circles():
    """Imports inside functions count too; a package's own names come from its modules."""
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        if found.target in MODULES:
            edges[found.source].add(found.target)
    while free := [module for module, needs in edges.items() if not needs]:
        for module in free:
            del edges[module]
        for needs in edges.values():
            needs.difference_update(free)
    assert not edges, f"these import each other in a circle: {sorted(edges)}"


@pytest.mark.parametrize("library", sorted(HEAVY))
def test_heavy_libraries_are_imported_only_where_they_belong(library: str):
    strangers = [
        f"{i.source}:{i.line}"
        for i in IMPORTS
        if i.at_module_level
        and i.target.split(".")[0] == library
        and _room(i.source) not in HEAVY[library]
    ]
    assert not strangers, f"import {library} inside functions: {strangers}"


def _loaded_after(statement: str) -> set[str]:
    """Return the top-level modules of a new process after one statement."""
    program = f"{statement}\nimport sys\nsys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_imports_no_library():
    loaded = _loaded_after("import automodel_sk")
    assert "automodel_sk" in loaded
    assert not loaded & {*HEAVY, "numpy", "pandas", "scipy"}


def test_importing_the_factory_imports_no_heavy_library():
    loaded = _loaded_after(
        "from automodel_sk import AutoModel, AutoModelFactory, OptimizationConfig, "
        "SearchAlgorithmSelector, create_auto_model, recommend_num_samples, validate_all"
    )
    assert "pandas" in loaded
    assert not loaded & set(HEAVY)


def test_every_public_name_of_the_package_resolves():
    for name in automodel_sk.__all__:
        assert getattr(automodel_sk, name) is not None, name
    assert set(automodel_sk.__all__) <= set(dir(automodel_sk))
    assert len(automodel_sk.__all__) == len(set(automodel_sk.__all__))
    with pytest.raises(AttributeError, match="no_such_name"):
        automodel_sk.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_public_name_of_a_module_resolves(name: str):
    if name.endswith("__main__"):
        pytest.skip("runs the command line when imported")
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"


def test_the_names_of_the_original_design_are_where_it_says():
    homes = {
        "validation": "ConfigValidator DataValidator ValidationResult validate_all",
        "search_algorithm_selector": "SearchAlgorithmSelector SearchStrategy ModelComplexity"
        " DatasetSize SearchComplexity recommend_num_samples",
        "auto_model_factory": "AutoModelFactory OptimizationConfig create_auto_model"
        " ModelCharacteristics MODEL_CATALOG",
    }
    for room, names in homes.items():
        module = importlib.import_module(f"{PACKAGE}.{room}")
        for name in names.split():
            assert hasattr(module, name), f"{room} lacks {name}"
            assert name in module.__all__, f"{room}.__all__ lacks {name}"


def test_nothing_prints_but_the_command_line():
    printers = [
        f"{source}:{node.lineno}"
        for source, tree in MODULES.items()
        if _room(source) != "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not printers, f"use a logger or progress.say: {printers}"
