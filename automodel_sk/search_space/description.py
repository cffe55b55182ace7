"""Show a search space as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from automodel_sk.search_space.domains import Choice, Computed, Domain, Float, Integer, Normal
from automodel_sk.search_space.fingerprint import qualified_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

_COLUMNS = ("parameter", "kind", "values", "low", "high", "log", "step")
_FIELDS = ("low", "high", "log", "step")
_KINDS = {
    Choice: "choice",
    Float: "float",
    Integer: "integer",
    Normal: "normal",
    Computed: "computed",
}


def describe(
    domains: Mapping[str, Domain],
    constants: Mapping[str, Any],
    function: Callable[..., Any] | None,
) -> pd.DataFrame:
    """Return a table with one row per parameter, tuned parameters first."""
    import pandas as pd

    rows = [_domain_row(name, domain) for name, domain in domains.items()]
    rows += [{"parameter": n, "kind": "constant", "values": [v]} for n, v in constants.items()]
    if function is not None:
        name = qualified_name(function)
        rows.insert(0, {"parameter": name, "kind": "function", "values": None})
    cells = [[row.get(column) for column in _COLUMNS] for row in rows]
    return pd.DataFrame(cells, columns=list(_COLUMNS), dtype=object)


def _domain_row(name: str, domain: Domain) -> dict[str, Any]:
    row: dict[str, Any] = {"parameter": name, "kind": _KINDS[type(domain)], "values": None}
    if isinstance(domain, Choice):
        row |= {"kind": "grid" if domain.grid else "choice", "values": list(domain.values)}
    if isinstance(domain, Normal):
        row |= {"values": f"mean {domain.mean}, sd {domain.sd}"}
    if isinstance(domain, Computed):
        row |= {"values": qualified_name(domain.function)}
    return row | {field: getattr(domain, field, None) for field in _FIELDS}
