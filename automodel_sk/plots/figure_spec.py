"""Figure specifications independent of the plotting library: panels, layers and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
    "COLOURS",
    "Band",
    "Bars",
    "FigureSpec",
    "Layer",
    "Line",
    "Points",
    "Subplot",
    "log_suits",
]

COLOURS = {
    "model": "#2a7fbf",
    "past": "#7c828a",
    "other": "#e69f00",
    "faint": "#b4b9bf",
    "alarm": "#d55e00",
    "naive": "#8b9199",
    "statistical": "#009e73",
    "linear": "#a6761d",
    "tree": "#c05f95",
    "neural": "#2a7fbf",
    "pretrained": "#7f6bd1",
    "ensemble": "#e69f00",
}
"""By meaning, told apart with any colour vision, on a light page and on a dark one
(after Okabe and Ito)."""

_LOG_FROM = 10.0
"""From this ratio of the largest value to the smallest on, a logarithmic axis shows more."""


@dataclass(frozen=True)
class Line:
    """A line; `colour` is a key of `COLOURS`."""

    x: Any
    y: Any
    name: str
    colour: str = "model"
    dashed: bool = False
    width: float = 1.6
    step: bool = False


@dataclass(frozen=True)
class Band:
    """An area between two lines; `strength` is its opacity."""

    x: Any
    low: Any
    high: Any
    name: str
    colour: str = "model"
    strength: float = 0.2


@dataclass(frozen=True)
class Points:
    """Markers; `x` may be text. `notes` appear on hover."""

    x: Any
    y: Any
    name: str
    colour: str = "model"
    cross: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Bars:
    """Bars; horizontal bars have text as `x`."""

    x: Any
    y: Any
    name: str
    colour: str = "model"
    horizontal: bool = False


Layer = Line | Band | Points | Bars


@dataclass(frozen=True)
class Subplot:
    """A panel: one pair of axes; `rows` are the texts on a y-axis of texts, from below."""

    layers: Sequence[Layer]
    title: str = ""
    x_title: str = ""
    y_title: str = ""
    log_x: bool = False
    log_y: bool = False
    rows: Sequence[str] = ()

    @property
    def whole_span(self) -> int | None:
        """Range of the integers on the x-axis; None if it shows other values."""
        places = [np.asarray(layer.x) for layer in self.layers if not _is_flat(layer)]
        places = [place for place in places if len(place)]
        if not places or any(place.dtype.kind not in "iu" for place in places):
            return None
        return int(max(place.max() for place in places) - min(place.min() for place in places))


@dataclass(frozen=True)
class FigureSpec:
    """A figure: panels in a grid with one shared legend.

    Parameters
    ----------
    panels : sequence of Subplot
        The panels, row by row.
    columns : int
        Number of panels side by side.
    panel_size : tuple of two floats
        Width and height of a panel, in inches.
    """

    panels: Sequence[Subplot]
    columns: int = 1
    panel_size: tuple[float, float] = field(default=(9.0, 3.6))

    @property
    def rows(self) -> int:
        """Number of rows of panels."""
        return -(-len(self.panels) // self.columns)

    def named_once(self) -> list[tuple[int, Layer]]:
        """Return the first layer of each name with its panel's index: the entries of the legend."""
        seen: dict[str, tuple[int, Layer]] = {}
        for place, panel in enumerate(self.panels):
            for layer in panel.layers:
                seen.setdefault(layer.name, (place, layer))
        return list(seen.values())


def _is_flat(layer: Layer) -> bool:
    return isinstance(layer, Bars) and layer.horizontal


def log_suits(values: Any) -> bool:
    """Return whether positive values span a range that suits a logarithmic axis.

    Examples
    --------
    >>> log_suits([1.0, 20.0]), log_suits([1.0, 2.0]), log_suits([0.0, 20.0])
    (True, False, False)
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    return bool(len(finite) and finite.min() > 0 and finite.max() / finite.min() >= _LOG_FROM)
