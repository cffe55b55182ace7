"""A finding about a search, and a list of findings that reads as advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Diagnosis", "Finding"]


@dataclass(frozen=True)
class Finding:
    """A finding about a finished search.

    Parameters
    ----------
    rule : str
        Name of the rule that made the finding.
    text : str
        The finding and the advice, in one or two sentences.
    evidence : mapping of str to object
        The values that the rule used.
    suggestion : mapping of str to object
        Values to try, by parameter of the space or option of the search; empty if none follow from
        the finding.

    Examples
    --------
    >>> finding = Finding("underfitting", "Train longer.", {"best_step": 98}, {"max_steps": 200})
    >>> print(finding)
    underfitting: Train longer. Try max_steps=200.
    """

    rule: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    suggestion: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        tried = ", ".join(f"{name}={value!r}" for name, value in self.suggestion.items())
        return f"{self.rule}: {self.text}" + (f" Try {tried}." if tried else "")


class Diagnosis(tuple[Finding, ...]):
    """The findings about a search, most important first; prints as a list.

    Examples
    --------
    >>> print(Diagnosis())
    No findings for this search.
    >>> found = Diagnosis([Finding("underfitting", "Train longer.", {"best_step": 98})])
    >>> print(found)
    1. underfitting: Train longer.
    >>> found.to_frame()["evidence"].tolist()
    [{'best_step': 98}]
    """

    __slots__ = ()

    def __str__(self) -> str:
        if not self:
            return "No findings for this search."
        return "\n".join(f"{number}. {finding}" for number, finding in enumerate(self, 1))

    def _repr_html_(self) -> str:
        """Return the findings as an HTML list, for notebooks."""
        if not self:
            return f"<p>{self}</p>"
        items = "".join(
            f"<li>{escape(str(finding))}<br><small>{escape(_shown(finding.evidence))}</small></li>"
            for finding in self
        )
        return f"<ol>{items}</ol>"

    def to_frame(self) -> pd.DataFrame:
        """Return a frame with one row per finding.

        Returns
        -------
        DataFrame
            Columns `rule`, `text`, `evidence` and `suggestion`.
        """
        import pandas as pd

        rows = [(f.rule, f.text, dict(f.evidence), dict(f.suggestion)) for f in self]
        return pd.DataFrame(rows, columns=["rule", "text", "evidence", "suggestion"])


def _shown(evidence: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in evidence.items())
