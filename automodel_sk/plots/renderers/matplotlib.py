"""Render figure specifications with matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.plots.figure_spec import COLOURS, Band, Bars, FigureSpec, Line, Points, Subplot

__all__ = ["draw"]

_STYLE: Any = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "#b4b9bf",
    "axes.labelcolor": "#4a4f55",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 100,
    "font.size": 9,
    "grid.alpha": 0.5,
    "grid.color": "#dde0e3",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "xtick.color": "#4a4f55",
    "ytick.color": "#4a4f55",
}
_LEGEND_INCHES = 0.4


def draw(spec: FigureSpec) -> Any:
    """Render a figure specification.

    Parameters
    ----------
    spec : FigureSpec
        The figure specification.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot, so that a notebook shows it once; `savefig` saves it.
    """
    import matplotlib.pyplot as plt

    width, height = spec.panel_size
    size = (width * spec.columns, height * spec.rows + _LEGEND_INCHES)
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=size, layout="constrained")
        axes = figure.subplots(spec.rows, spec.columns, squeeze=False).ravel()
        artists = [_draw_panel(ax, panel) for ax, panel in zip(axes, spec.panels, strict=False)]
        for spare in axes[len(spec.panels) :]:
            spare.set_axis_off()
        _add_legend(figure, spec, artists)
        plt.close(figure)
    return figure


def _draw_panel(ax: Any, panel: Subplot) -> dict[str, Any]:
    """Draw a panel and return its artists by name."""
    if panel.rows:
        ax.yaxis.update_units(_places(panel.rows))
    artists = {layer.name: _DRAWERS[type(layer)](ax, layer) for layer in panel.layers}
    ax.set_title(_literal(panel.title), loc="left")
    ax.set_xlabel(panel.x_title)
    ax.set_ylabel(panel.y_title)
    if panel.log_x:
        ax.set_xscale("log")
    elif panel.whole_span is not None:
        ax.xaxis.get_major_locator().set_params(integer=True)
    if panel.log_y:
        ax.set_yscale("log")
    _mark_dates(ax, panel)
    return artists


def _add_legend(figure: Any, spec: FigureSpec, artists: list[dict[str, Any]]) -> None:
    shown = [(layer.name, artists[place][layer.name]) for place, layer in spec.named_once()]
    if len(shown) > 1:
        names, handles = zip(*shown, strict=True)
        figure.legend(
            handles, [_literal(name) for name in names], loc="outside upper left", ncols=5
        )


def _mark_dates(ax: Any, panel: Subplot) -> None:
    times = next((layer.x for layer in panel.layers if isinstance(layer, Line)), ())
    if not pd.api.types.is_datetime64_any_dtype(pd.Index(times)):
        return
    from matplotlib import dates

    locator = dates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _literal(text: str) -> str:
    """Escape a text, so that matplotlib does not read it as a formula."""
    return text.replace("$", r"\$")


def _places(values: Any) -> Any:
    """Escape text values, so that they are not read as formulas; keep numbers and times."""
    if len(values) and isinstance(next(iter(values)), str):
        return [_literal(value) for value in values]
    return np.asarray(values)


def _line(ax: Any, layer: Line) -> Any:
    style = "--" if layer.dashed else "-"
    how = {"drawstyle": "steps-post"} if layer.step else {}
    colour, width = COLOURS[layer.colour], layer.width
    [line] = ax.plot(
        _places(layer.x), _places(layer.y), style, color=colour, linewidth=width, **how
    )
    return line


def _band(ax: Any, layer: Band) -> Any:
    low, high = np.asarray(layer.low, dtype=float), np.asarray(layer.high, dtype=float)
    return ax.fill_between(
        np.asarray(layer.x),
        low,
        high,
        color=COLOURS[layer.colour],
        alpha=layer.strength,
        linewidth=0,
    )


def _points(ax: Any, layer: Points) -> Any:
    marker = "x" if layer.cross else "o"
    colour = COLOURS[layer.colour]
    return ax.scatter(
        _places(layer.x), _places(layer.y), s=22, marker=marker, color=colour, zorder=3
    )


def _bars(ax: Any, layer: Bars) -> Any:
    colour = COLOURS[layer.colour]
    if layer.horizontal:
        ax.grid(axis="y", visible=False)
        return ax.barh(_places(layer.x), np.asarray(layer.y), color=colour, height=0.7)
    width = float(np.diff(layer.x).mean()) if len(layer.x) > 1 else 0.8
    return ax.bar(np.asarray(layer.x), np.asarray(layer.y), color=colour, width=0.92 * width)


_DRAWERS: dict[type, Any] = {Line: _line, Band: _band, Points: _points, Bars: _bars}
