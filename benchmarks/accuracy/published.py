"""The published figures of M1, M3 and Tourism, and ours beside them.

The figures are those of `benchmarks/chronos_zeroshot/results` of github.com/autogluon/fev
(Apache-2.0). Their seasonal naive forecast has its point as every quantile, so that its WQL is the
weighted absolute percentage error; theirs and ours are relative to that one here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.compare import BASELINE
from benchmarks.accuracy.competitions import PUBLISHED, UNTUNED

PATH = Path(__file__).with_name("published.csv")


def figures() -> pd.DataFrame:
    """Return the published figures: `task`, `system`, `mase`, `wql`."""
    return pd.read_csv(PATH, comment="#")


def beside(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return published and measured errors by task, with geometric means relative to theirs.

    Measured contestants are those that finished all eight tasks.
    """
    theirs = figures().pivot(index="system", columns="task", values=metric)
    own = runs[(runs["dataset"].isin(PUBLISHED)) & (runs["origin"] == 0)]
    mine = own.pivot_table(metric, "label", "dataset").reindex(columns=list(PUBLISHED)).dropna()
    reference = theirs.loc[BASELINE, list(PUBLISHED)]
    both = pd.concat({"published": theirs[list(PUBLISHED)], "measured": mine})
    ratios = np.log(both / reference)
    both["all eight"] = np.exp(ratios.mean(axis=1))
    both["not tuned on"] = np.exp(ratios[list(UNTUNED)].mean(axis=1))
    return both.rename_axis(["source", "system"]).sort_values("all eight")
