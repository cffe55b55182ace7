"""Plots of the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy import compare


def draw(folder: Path, runs: pd.DataFrame, table: pd.DataFrame | None) -> list[Path]:
    """Draw the plots; return the paths of the images."""
    if table is None:
        return []
    figures = {
        "skill.png": _skill(table),
        "by-data.png": _by_data(compare.relative(runs, "mase")),
        "seconds.png": _seconds(table),
    }
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=120)
    return [folder / name for name in figures]


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _skill(table: pd.DataFrame) -> Any:
    """Draw the geometric mean of the relative MASE with its interval, best at the top."""
    shown = table[::-1]
    figure, axes = _axes(7, 1 + 0.35 * len(shown))
    middle = shown["MASE"].to_numpy()
    ends = shown[["MASE low", "MASE high"]].to_numpy()
    axes.errorbar(middle, shown.index, xerr=np.abs(ends - middle[:, None]).T, fmt="o")
    axes.axvline(1, color="0.6", linewidth=0.8)
    axes.set(xlabel="MASE relative to the seasonal naive forecast, 95% interval")
    return figure


def _by_data(ratios: pd.DataFrame) -> Any:
    figure, axes = _axes(8, 1.5 + 0.3 * len(ratios))
    for label in ratios.columns:
        axes.plot(ratios[label], ratios.index, "o", label=label, alpha=0.8)
    axes.set(xscale="log", xlabel="MASE relative to the seasonal naive forecast")
    axes.grid(axis="y", linewidth=0.3)
    axes.legend(fontsize=7)
    return figure


def _seconds(table: pd.DataFrame) -> Any:
    figure, axes = _axes(6, 4)
    axes.plot(table["median seconds"], table["MASE"], "o")
    for label, row in table.iterrows():
        axes.annotate(label, (row["median seconds"], row["MASE"]), fontsize=7)
    axes.set(xscale="log", xlabel="median seconds", ylabel="relative MASE")
    return figure
