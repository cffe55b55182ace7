"""The report: tables as markdown, all figures as JSON, and plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.accuracy import compare, plots, published
from benchmarks.accuracy.competitions import PUBLISHED, UNTUNED
from benchmarks.accuracy.results import Line

NOTE = (
    "AutoGluon runs without its pretrained models, which would have to be downloaded. Published"
    " figures of Chronos-Bolt, TiRex, TimesFM and TimeCopilot are of pretrained models."
)
DIGITS = {"median seconds": "{:.0f}", "peak MB": "{:.0f}", "failed": "{:.0f}", "rank": "{:.1f}"}


def write(
    folder: Path, lines: Sequence[Line], development: set[str], machine: dict[str, Any]
) -> Path:
    """Write ``report.md``, ``report.json`` and the plots; return the path of the first."""
    runs = compare.labelled(lines)
    groups = {name: compare.summary(part) for name, part in _groups(runs, development)}
    pairs = _pairs(runs)
    plots.draw(folder, runs, groups.get("all data"))
    told = {
        "machine": machine,
        "note": NOTE,
        "groups": {name: table.reset_index().to_dict("records") for name, table in groups.items()},
        "pairs": pairs.to_dict("records"),
        "runs": list(lines),
    }
    (folder / "report.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    path = folder / "report.md"
    path.write_text("\n".join(_text(runs, groups, pairs, machine)), encoding="utf-8")
    return path


def _groups(runs: pd.DataFrame, development: set[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the parts of the data that have a table of their own."""
    is_development = runs["dataset"].isin(development)
    parts = {
        "all data": runs,
        "development data": runs[is_development],
        "data not tuned on": runs[~is_development],
        "eight published tasks": runs[runs["dataset"].isin(PUBLISHED)],
        "published tasks not tuned on": runs[runs["dataset"].isin(UNTUNED)],
    }
    for name, part in parts.items():
        if compare.BASELINE in set(part["label"]) and len(compare.relative(part, "mase")):
            yield name, part


def _pairs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return ours against each other contestant of the same budget or without one."""
    first = runs.drop_duplicates("label").set_index("label")
    rows = []
    for ours in first.index[first["contestant"].str.startswith("ours:")]:
        budget = first.loc[ours, "budget"]
        same = (first["budget"] == budget) | first["budget"].isna()
        for peer in first.index[same & (first.index != ours)]:
            figures = compare.against(runs[runs["label"].isin([ours, peer, compare.BASELINE])],
                                      ours, peer)  # fmt: skip
            rows.append({"ours": ours, "peer": peer, **figures})
    return pd.DataFrame(rows)


def _text(
    runs: pd.DataFrame,
    groups: dict[str, pd.DataFrame],
    pairs: pd.DataFrame,
    machine: dict[str, Any],
) -> Iterator[str]:
    yield f"# Accuracy\n\nErrors relative to the seasonal naive forecast; lower is better. {NOTE}\n"
    for name, table in groups.items():
        sets = int(table["data sets"].iloc[0])
        yield f"## {name.capitalize()} ({sets} data sets)\n\n{_summary(table)}\n"
    if len(pairs):
        yield f"## Ours against each\n\n{markdown(pairs)}\n"
    if runs["dataset"].isin(PUBLISHED).any():
        for metric in ("mase", "wql"):
            table = published.beside(runs, metric).reset_index()
            yield f"## Published tasks, {metric.upper()}\n\n{markdown(table)}\n"
    for metric in ("mase", "wql"):
        table = compare.relative(runs, metric).reset_index()
        yield f"## {metric.upper()} by data set, relative\n\n{markdown(table)}\n"
    yield "## Machine\n\n" + "\n".join(f"- {name}: {value}" for name, value in machine.items())


def _summary(table: pd.DataFrame) -> str:
    """Join the intervals to their figures."""
    shown = table.reset_index().drop(columns="data sets")
    for name in ("MASE", "win rate"):
        low, high = shown.pop(f"{name} low"), shown.pop(f"{name} high")
        parts = zip(shown[name], low, high, strict=True)
        shown[name] = [f"{value:.3f} ({a:.3f} to {b:.3f})" for value, a, b in parts]
    return markdown(shown)


def markdown(table: pd.DataFrame) -> str:
    """Return a table in markdown with three decimals."""
    rows = [list(table.columns), ["---"] * table.shape[1]]
    rows += [[_cell(name, value) for name, value in row.items()] for _, row in table.iterrows()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _cell(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if pd.isna(value) else DIGITS.get(column, "{:.3f}").format(value)
