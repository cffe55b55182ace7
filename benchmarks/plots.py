"""Plot the figures of the comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.plan import COMPARISONS
from benchmarks.ratios import Figures
from benchmarks.tables import ratios_table
from benchmarks.targets import TIMES_FASTER

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")


def draw(folder: Path, runs: Sequence[Figures]) -> list[Path]:
    """Draw the available figures; return the paths of the images."""
    pictures = {
        "loss-over-time.png": _losses(runs, "search"),
        "loss-over-equal-time.png": _losses(runs, "equal-time"),
        "ratios.png": _bars(runs),
    }
    paths = []
    for name, figure in pictures.items():
        if figure is not None:
            figure.savefig(folder / name, dpi=120)
            paths.append(folder / name)
    return paths


def _panels(n: int, width: float) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * n, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, n, squeeze=False).flat)


def _losses(runs: Sequence[Figures], comparison: str) -> Any:
    """Draw the best validation loss over wall time, one line per seed."""
    here = [run for run in runs if run["comparison"] == comparison and run["curve"]]
    datasets = list(dict.fromkeys(run["dataset"] for run in here))
    if not datasets:
        return None
    figure, panels = _panels(len(datasets), 4.6)
    for axes, dataset in zip(panels, datasets, strict=True):
        of_dataset = [run for run in here if run["dataset"] == dataset]
        for colour, name in zip(COLOURS, COMPARISONS[comparison].contestants, strict=False):
            _lines(axes, [r for r in of_dataset if r["contestant"] == name], name, colour)
        axes.set(title=dataset, xlabel="seconds since the call", xscale="log")
        _plain_seconds(axes.xaxis)
        axes.set_ylabel("best validation loss (MAE)")
        axes.set_ylim(*_limits(of_dataset))
        axes.legend()
    return figure


def _plain_seconds(axis: Any) -> None:
    """Label a logarithmic axis with 1, 2, 5, 10 and so on."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def _lines(axes: Any, runs: Sequence[Figures], name: str, colour: str) -> None:
    for number, run in enumerate(runs):
        seconds, losses = zip(*run["curve"], strict=True)
        label = name if number == 0 else None
        axes.step([*seconds, run["wall"]], [*losses, losses[-1]], colour, where="post", label=label)
        axes.plot(run["wall"], losses[-1], "|", color=colour, markersize=12)


def _limits(runs: Sequence[Figures]) -> tuple[float, float]:
    """Leave out the extreme first losses: the relevant range ends at twice the worst final one."""
    ends = [run["curve"][-1][1] for run in runs]
    return 0.95 * min(ends), 2 * max(ends)


def _bars(runs: Sequence[Figures]) -> Any:
    """Draw the wall time and CPU seconds of each peer as multiples of ours, with the targets."""
    table = ratios_table(runs)
    if table.empty:
        return None
    table = table[table["comparison"] != "equal-time"]
    datasets = list(dict.fromkeys(table["dataset"]))
    if not datasets:
        return None
    figure, panels = _panels(len(datasets), 4.6)
    for axes, dataset in zip(panels, datasets, strict=True):
        here = table[table["dataset"] == dataset]
        places = range(len(here))
        for shift, column in ((-0.2, "wall, peer / ours"), (0.2, "CPU")):
            bars = axes.bar([p + shift for p in places], here[column], 0.4, label=column)
            axes.bar_label(bars, fmt="%.1f", fontsize=7)
        axes.axhline(1, color="0.6", linewidth=0.8)
        target = TIMES_FASTER.get(dataset, math.nan)
        axes.axhline(target, color="black", linestyle="--", linewidth=0.8, label="target, NHITS")
        axes.set_xticks(list(places), here["peer"], rotation=20, ha="right", fontsize=8)
        axes.set(title=dataset, ylabel="times what ours takes")
        axes.legend(fontsize=7)
    return figure
