"""Write the figures as tables: Markdown for readers, CSV for further analysis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.plan import COMPARISONS, GPU, Size
from benchmarks.ratios import Figures, Pairs
from benchmarks.targets import Row

COLUMNS = {
    "wall": "wall, s",
    "wall_with_imports": "with imports, s",
    "cpu": "CPU, s",
    "others_cpu": "others' CPU, s",
    "peak_pss_mb": "peak PSS, MB",
    "trials_done": "trials",
    "best_loss": "best validation loss",
    "test_mae": "test MAE",
    "test_mase": "test MASE",
}
VERDICTS = {True: "yes", False: "no", None: "-"}
NOTES = """\
Medians over seeds, of ratios taken seed by seed; contestants took turns. Wall time is from the call
to the fitted model, refit included; a contestant's own imports are left out of it, those of the
worker processes that it starts are not. CPU seconds and memory are of the whole tree of processes,
sampled from outside; what anything else on the machine took meanwhile, which disturbs a timing,
stands beside them. PSS counts a page that processes share once. Test errors are of the last
steps of each series, which no contestant saw. A peer knows a trial's validation loss when the
trial has ended, ours at each validation.

Equal trials: the same space (neuralforecast's own default, training steps fixed), number of trials
and seeds; the peers' trainer without progress bar, logger and checkpoints.
Equal time: the peer with `time_budget`. No trial begins after it, the running one goes on to its
end and the refit comes on top, so that the peer takes longer than the time, as the table shows.
Ours is then given, as `time_budget_hours`, the wall time that the peer took with the same seed.
"""


def figures_table(runs: Sequence[Figures]) -> pd.DataFrame:
    """Return the medians over the seeds of each contestant, in run order."""
    frame = pd.DataFrame(runs)
    by = ["comparison", "dataset", "contestant"]
    medians = frame.groupby(by, sort=False)[list(COLUMNS)].median().rename(columns=COLUMNS)
    medians.insert(0, "seeds", frame.groupby(by, sort=False).size())
    return medians.reset_index()


def ratios_table(runs: Sequence[Figures]) -> pd.DataFrame:
    """Return each peer's cost as a multiple of ours, and our errors relative to the peer's."""
    return pd.DataFrame(_ratios(runs))


def _ratios(runs: Sequence[Figures]) -> Iterator[dict[str, Any]]:
    datasets = dict.fromkeys(run["dataset"] for run in runs)
    for comparison in [*COMPARISONS.values(), GPU]:
        for dataset in datasets:
            for peer in comparison.peers:
                pairs = Pairs.of(runs, comparison.name, dataset, comparison.ours, peer)
                if len(pairs):
                    where = {"comparison": comparison.name, "dataset": dataset, "peer": peer}
                    yield {**where, **_ratios_of(pairs)}


def _ratios_of(pairs: Pairs) -> dict[str, float]:
    return {
        "seeds": len(pairs),
        "wall, peer / ours": pairs.times_faster(),
        "with imports": pairs.times_faster("wall_with_imports"),
        "CPU": pairs.times_faster("cpu"),
        "peak PSS": pairs.times_faster("peak_pss_mb"),
        "loss reached sooner": pairs.times_sooner(),
        "test MAE, ours / peer": pairs.relative("test_mae"),
        "test MASE, ours / peer": pairs.relative("test_mase"),
    }


def targets_table(rows: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame([asdict(row) for row in rows])
    frame["reached"] = [_reached(row) for row in rows]
    frame["holds"] = [VERDICTS[row.holds] for row in rows]
    frame["seeds"] = [row.seeds or "" for row in rows]
    return frame.drop(columns=["unit", "note"])


def _reached(row: Row) -> str:
    if row.note:
        return row.note
    return "not measured" if math.isnan(row.reached) else f"{row.reached:.3g}{row.unit}"


def markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table with three significant figures."""
    lines = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
    lines += [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return (
            "-" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"
        )
    return str(value)


def write(
    folder: Path,
    runs: Sequence[Figures],
    rows: Sequence[Row],
    machine: dict[str, Any],
    size: Size,
) -> Path:
    """Write the report and the tables; return the path of the report."""
    tables = {"targets": targets_table(rows)}
    if runs:
        tables |= {"ratios": ratios_table(runs), "figures": figures_table(runs)}
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    report = folder / "report.md"
    report.write_text(_report(tables, machine, size), encoding="utf-8")
    return report


def _report(tables: dict[str, pd.DataFrame], machine: dict[str, Any], size: Size) -> str:
    facts = pd.DataFrame({"": machine.keys(), "machine": machine.values()})
    work = (
        f"{size.trials} trials of {size.steps} steps; {size.seconds:g} s where time is equal;"
        f" up to {size.seeds} seeds."
    )
    titles = {"targets": "Targets", "ratios": "Ratios", "figures": "Figures"}
    parts = ["# Benchmarks against the peers", work, NOTES.rstrip()]
    parts += [f"## {titles[name]}\n\n{markdown(frame)}" for name, frame in tables.items()]
    parts += ["## Machine\n\n" + markdown(facts)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"
