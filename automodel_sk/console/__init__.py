"""What a person watches: how far a search is, on a terminal, in a log or in a notebook."""

from __future__ import annotations

from automodel_sk.console.displays import Display, open_display, say
from automodel_sk.console.state import SearchState

__all__ = ["Display", "SearchState", "open_display", "say"]
