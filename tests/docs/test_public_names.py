"""The public names and the reference pages list the same."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import automodel_sk
import automodel_sk.mlflow
from automodel_sk import exceptions, search_space

DOCS = Path(__file__).parents[2] / "docs"

# Objects that calls return: they are described, and nobody needs to import them.
RETURNED = {"Diagnosis", "EnsemblePlots", "Explanation", "Finding", "ModelPlots"}


def _resolved(path: str) -> object:
    """Import what a directive of the reference names: a module, or a name in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def _documented() -> dict[str, object]:
    """Return each name that the reference pages describe, those of whole modules included."""
    found: dict[str, object] = {}
    for page in sorted(DOCS.glob("api-*.md")):
        for path in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            thing = _resolved(path)
            public = (
                {name: getattr(thing, name) for name in thing.__all__}
                if isinstance(thing, ModuleType)
                else {path.rpartition(".")[2]: thing}
            )
            assert not public.keys() & found.keys(), f"{page.name} describes {path} again"
            found.update(public)
    return found


DOCUMENTED = _documented()
IMPORTED_FROM = (automodel_sk, search_space, exceptions, automodel_sk.mlflow)


def test_the_reference_describes_every_public_name():
    lacking = set(automodel_sk.__all__) - {"__version__"} - DOCUMENTED.keys()
    assert not lacking, f"add {sorted(lacking)} to a page docs/api-*.md"
    lacking = set(exceptions.__all__) - DOCUMENTED.keys()
    assert not lacking, f"add {sorted(lacking)} to docs/api-errors.md"


def test_every_name_of_the_reference_is_public():
    public = {name for module in IMPORTED_FROM for name in module.__all__}
    strangers = DOCUMENTED.keys() - public
    assert strangers == RETURNED


def test_a_name_means_the_same_object_everywhere():
    for module in IMPORTED_FROM:
        for name in set(module.__all__) & DOCUMENTED.keys():
            assert getattr(module, name) is DOCUMENTED[name], f"{module.__name__}.{name}"


def test_each_class_has_a_page_of_its_own():
    small = {"ModelCharacteristics", "DatasetSize", "ModelComplexity", "SearchComplexity"}
    for name in set(automodel_sk.__all__) - small:
        if not isinstance(getattr(automodel_sk, name), type):
            continue
        page = DOCS / f"api-{re.sub(r'(?<=[a-z])(?=[A-Z])', '-', name).lower()}.md"
        described = re.findall(r"^::: \S+\.(\w+)$", page.read_text("utf-8"), re.MULTILINE)
        assert described == [name]
        assert page.read_text("utf-8").startswith(f"# {name}\n")


def test_results_hide_how_they_are_made():
    """Users get these objects from calls, and never pass what their constructors take."""
    for result in (automodel_sk.AutoModel, automodel_sk.AutoEnsemble):
        assert "Parameters\n" not in (inspect.getdoc(result) or "")
        assert "Parameters\n" in (inspect.getdoc(result.__init__) or "")
