"""Private names of other libraries are used in a few named modules only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import automodel_sk

ROOT = Path(automodel_sk.__file__).parent

MAY_USE = {
    "_utils/muting.py": "the list of filters of `warnings`",
    "data/times/zones.py": "dateutil",
    "estimator/upstream.py": "sktime",
    "search/optuna/workers/fork_server.py": "the import locks of CPython",
    "search/ray/upstream.py": "Ray",
    "search/study/upstream.py": "Optuna",
    "tracking/mlflow/upstream.py": "MLflow",
    "training/patches/": "neuralforecast, Lightning and torch",
}
"""Modules, and rooms, that may use private names, and whose names they are."""

DOCUMENTED = frozenset({"_asdict", "_exit", "_fields", "_getframe", "_make", "_replace"})
"""Names that are public in spite of the underscore."""

UPSTREAM = frozenset(
    {"fitted", "module", "pl_module", "ray", "storage", "study", "trainer", "trial"}
)
"""Variables that hold objects of other libraries, wherever they stand."""

BY_NAME = frozenset({"delattr", "getattr", "hasattr", "setattr"})


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and len(name) > 1


def _own_names(trees: list[ast.Module]) -> set[str]:
    """Return the private names that this package defines."""
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= {node.attr} if ast.unparse(node.value) in ("self", "cls") else set()
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _root(node: ast.expr) -> str:
    """Return the first part of a dotted name that is not ``self``."""
    parts = ast.unparse(node).removeprefix("self.").lstrip("_").split(".")
    return parts[0]


def _foreign(tree: ast.Module, own: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each use of another library's private name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            ours = node.attr in own and _root(node.value) not in UPSTREAM
            if not ours and node.attr not in DOCUMENTED:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_NAME:
            name = node.args[1] if len(node.args) > 1 else None
            text = name.value if isinstance(name, ast.Constant) else None
            if isinstance(text, str) and _is_private(text) and text not in own:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _foreign_imports(node)


def _foreign_imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    names = [alias.name for alias in node.names]
    modules = names if isinstance(node, ast.Import) else [f"{node.module}.{n}" for n in names]
    for module in modules:
        if not module.startswith(("automodel_sk.", "__")) and any(
            map(_is_private, module.split("."))
        ):
            yield node.lineno, ast.unparse(node)


TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.rglob("*.py"))
}
OWN = _own_names([*TREES.values()])


def test_private_names_of_other_libraries_stand_in_their_modules_alone():
    found = [
        f"{path}:{line}: {text}"
        for path, tree in TREES.items()
        if not path.startswith(tuple(MAY_USE))
        for line, text in _foreign(tree, OWN)
    ]
    assert not found, "use a public name, or move it to the module of that library:\n" + "\n".join(
        found
    )


@pytest.mark.parametrize("path", MAY_USE)
def test_modules_that_may_use_private_names_do(path: str):
    assert any([*_foreign(tree, OWN)] for name, tree in TREES.items() if name.startswith(path))


@pytest.mark.parametrize(
    "code",
    [
        "study._storage.get_trial(0)",
        "self._study._storage",
        "trial._trial_id",
        "ray._private.worker",
        "getattr(model, '_pred_trainer')",
        "from optuna.storages._heartbeat import BaseHeartbeat",
        "import torch._dynamo",
        "from sktime.base import _base",
        "fitted._build_categorical_vocab()",
    ],
)
def test_the_search_finds(code: str):
    assert [*_foreign(ast.parse(code), {"_storage", "_study"})]


@pytest.mark.parametrize(
    "code",
    ["self._study.tell(0)", "os._exit(1)", "model._own", "from automodel_sk._utils import text"],
)
def test_the_search_leaves_alone(code: str):
    assert not [*_foreign(ast.parse(code), {"_own", "_study"})]
