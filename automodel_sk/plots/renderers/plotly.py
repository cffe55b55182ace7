"""Render figure specifications with plotly, on a background that suits light and dark pages."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from automodel_sk.plots.figure_spec import (
    COLOURS,
    Band,
    Bars,
    FigureSpec,
    Layer,
    Line,
    Points,
    Subplot,
)

__all__ = ["draw"]

_PIXELS_PER_INCH = 85
_GRID = "rgba(125, 131, 138, 0.25)"
_INK = "#7c828a"
_LOG = {"type": "log", "dtick": "D2"}
_FEW_TICKS = 8
_LEGEND, _BELOW = 50, 75
"""Pixels of a legend, and from the axes down to it."""


def draw(spec: FigureSpec) -> Any:
    """Render a figure specification.

    Parameters
    ----------
    spec : FigureSpec
        The figure specification.

    Returns
    -------
    plotly.graph_objects.Figure
        Scales to the width of its container.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        spec.rows,
        spec.columns,
        subplot_titles=[escape(panel.title) for panel in spec.panels],
        vertical_spacing=min(0.3 / spec.rows, 1 / spec.rows),
        horizontal_spacing=0.16 / spec.columns,
    )
    named: set[str] = set()
    for place, panel in enumerate(spec.panels):
        _draw_panel(figure, panel, *divmod(place, spec.columns), named)
    _lay_out(figure, spec, len(named) > 1)
    return figure


def _lay_out(figure: Any, spec: FigureSpec, legend: bool) -> None:
    height = spec.panel_size[1] * spec.rows * _PIXELS_PER_INCH
    figure.update_layout(
        template="none",
        height=round(height + _LEGEND * legend),
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"color": _INK, "size": 12},
        hovermode="closest",
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": -_BELOW / height, "yanchor": "top"},
    )
    figure.update_xaxes(gridcolor=_GRID, zeroline=False, automargin=True, title_standoff=6)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False, automargin=True)
    figure.update_annotations(font={"size": 14}, xanchor="left")
    for note, panel in zip(figure.layout.annotations, spec.panels, strict=False):
        note.x -= _half_width(figure) if panel.title else 0


def _half_width(figure: Any) -> float:
    left, right = figure.layout.xaxis.domain
    return float(right - left) / 2


def _draw_panel(figure: Any, panel: Subplot, row: int, column: int, named: set[str]) -> None:
    for layer in panel.layers:
        trace = _DRAWERS[type(layer)](layer)
        trace.update(
            name=escape(layer.name), legendgroup=layer.name, showlegend=layer.name not in named
        )
        named.add(layer.name)
        figure.add_trace(trace, row + 1, column + 1)
    at = {"row": row + 1, "col": column + 1}
    figure.update_xaxes(title_text=panel.x_title, **_scale(panel, "x", panel.log_x), **at)
    figure.update_yaxes(title_text=panel.y_title, **_scale(panel, "y", panel.log_y), **at)
    if panel.rows:
        figure.update_yaxes(categoryorder="array", categoryarray=_places(panel.rows), **at)
        figure.update_layout(barmode="overlay")
    if panel.whole_span is not None and panel.whole_span <= _FEW_TICKS and not panel.log_x:
        figure.update_xaxes(dtick=1, **at)


def _scale(panel: Subplot, axis: str, log: bool) -> dict[str, Any]:
    """Return the type of an axis; text that looks like numbers stays text."""
    if log:
        return _LOG
    return {"type": "category"} if any(_has_words(layer, axis) for layer in panel.layers) else {}


def _has_words(layer: Layer, axis: str) -> bool:
    turned = isinstance(layer, Bars) and layer.horizontal
    values = getattr(layer, {"x": "y", "y": "x"}[axis] if turned else axis, ())
    return len(values) > 0 and isinstance(next(iter(values)), str)


def _places(values: Any) -> Any:
    """Escape text values, so that they are not read as markup; keep numbers and times."""
    if len(values) and isinstance(next(iter(values)), str):
        return [escape(value) for value in values]
    return np.asarray(values)


def _line(layer: Line) -> Any:
    from plotly.graph_objects import Scatter

    line = {
        "color": COLOURS[layer.colour],
        "width": layer.width,
        "dash": "dash" if layer.dashed else "solid",
        "shape": "hv" if layer.step else "linear",
    }
    return Scatter(x=_places(layer.x), y=_places(layer.y), mode="lines", line=line)


def _band(layer: Band) -> Any:
    from plotly.graph_objects import Scatter

    there, low, high = (np.asarray(values) for values in (layer.x, layer.low, layer.high))
    return Scatter(
        x=np.concatenate([there, there[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=_translucent(COLOURS[layer.colour], layer.strength),
        line={"width": 0},
        hoverinfo="skip",
    )


def _translucent(colour: str, strength: float) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {strength:.3f})"


def _points(layer: Points) -> Any:
    from plotly.graph_objects import Scatter

    marker = {"color": COLOURS[layer.colour], "symbol": "x" if layer.cross else "circle", "size": 7}
    notes = [escape(note) for note in layer.notes]
    hover = {"text": notes, "hoverinfo": "text"} if notes else {}
    return Scatter(x=_places(layer.x), y=_places(layer.y), mode="markers", marker=marker, **hover)


def _bars(layer: Bars) -> Any:
    from plotly.graph_objects import Bar

    words, values = _places(layer.x), np.asarray(layer.y)
    colour = {"color": COLOURS[layer.colour]}
    if layer.horizontal:
        return Bar(x=values, y=words, orientation="h", marker=colour)
    return Bar(x=words, y=values, marker=colour)


_DRAWERS: dict[type, Any] = {Line: _line, Band: _band, Points: _points, Bars: _bars}
