"""Show the progress of a search in a terminal, a log or a notebook."""

from __future__ import annotations

from automodel_sk.console.displays import Display, open_display, say
from automodel_sk.console.state import SearchState

__all__ = ["Display", "SearchState", "open_display", "say"]
