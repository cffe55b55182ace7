"""Errors relative to the seasonal naive forecast, win rates and ranks over data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.accuracy.results import Line

Array = npt.NDArray[np.float64]
BASELINE = "SeasonalNaive"
LIMITS = (0.01, 100.0)  # of a ratio, as in the fev benchmark
RESAMPLES = 1_000


def labelled(lines: Sequence[Line]) -> pd.DataFrame:
    """Return the runs as a frame with a column ``label``: the contestant and its budget."""
    frame = pd.DataFrame(list(lines))
    budget = frame["budget"].map(lambda seconds: "" if pd.isna(seconds) else f" {seconds:g} s")
    return frame.assign(label=frame["contestant"] + budget)


def relative(runs: pd.DataFrame, metric: str, baseline_metric: str | None = None) -> pd.DataFrame:
    """Return each contestant's error relative to the baseline's, by data set.

    Geometric means over origins and seeds. A run that failed counts as the baseline. Data on which
    a contestant has not run at all is left out for everyone, so that all are judged on the same.
    """
    runs = runs.assign(error=runs.get(metric, np.nan))
    baseline = runs[runs["label"] == BASELINE].set_index(["dataset", "origin"])
    reference = baseline[baseline_metric or metric].rename("reference")
    both = runs.join(reference, on=["dataset", "origin"])
    ratio = (both["error"] / both["reference"]).clip(*LIMITS).fillna(1.0)
    logs = both.assign(log=np.log(ratio)).pivot_table("log", "dataset", "label", aggfunc="mean")
    return np.exp(logs.dropna())


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each contestant, the lowest relative MASE first."""
    mase, wql, smape = (relative(runs, metric) for metric in ("mase", "wql", "smape"))
    logs = np.log(mase.to_numpy())
    low, high = intervals(logs, geometric)
    wins_low, wins_high = intervals(mase.to_numpy(), win_rates)
    table = pd.DataFrame(
        {
            "MASE": geometric(logs),
            "MASE low": low,
            "MASE high": high,
            "WQL": np.exp(np.log(wql).mean()),
            "sMAPE": np.exp(np.log(smape).mean()),
            "worst MASE": mase.max(),
            "win rate": win_rates(mase.to_numpy()),
            "win rate low": wins_low,
            "win rate high": wins_high,
            "rank": mase.rank(axis=1).mean(),
        },
        index=mase.columns,
    )
    runs = runs[runs["dataset"].isin(mase.index)]
    groups = runs.groupby("label")
    table["coverage of 80%"] = groups["coverage80"].mean()
    table["median seconds"] = groups["seconds"].median()
    table["peak MB"] = groups["peak_mb"].max() if "peak_mb" in runs else np.nan
    table["failed"] = groups["state"].agg(lambda states: (states != "done").sum())
    table["data sets"] = len(mase)
    return table.sort_values("MASE").rename_axis("contestant")


def against(runs: pd.DataFrame, ours: str, peer: str, metric: str = "mase") -> dict[str, float]:
    """Return our error per the peer's, the share of data sets won, and their 95% intervals."""
    errors = relative(runs, metric)[[ours, peer]].to_numpy()
    logs = np.log(errors[:, [0]] / errors[:, [1]])
    (low,), (high,) = intervals(logs, geometric)
    (wins_low, _), (wins_high, _) = intervals(errors, win_rates)
    return {
        "ratio": float(geometric(logs)[0]),
        "ratio low": low,
        "ratio high": high,
        "won": float(win_rates(errors)[0]),
        "won low": wins_low,
        "won high": wins_high,
        "data sets": len(errors),
    }


def geometric(logs: Array) -> Array:
    """Return the geometric mean of each column of logarithms."""
    return np.asarray(np.exp(logs.mean(axis=0)))


def win_rates(errors: Array) -> Array:
    """Return the share of comparisons that each column wins; a tie is half a win."""
    own, other = errors[:, :, None], errors[:, None, :]
    wins = (own < other).mean(axis=0) + 0.5 * (own == other).mean(axis=0)
    np.fill_diagonal(wins, np.nan)
    if len(wins) < 2:
        return np.full(len(wins), np.nan)
    return np.asarray(np.nanmean(wins, axis=1))


def intervals(values: Array, statistic: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Return the bootstrapped 95% interval of a statistic; the rows are resampled."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(values), size=(RESAMPLES, len(values)))
    told = np.array([statistic(values[rows]) for rows in draws])
    low, high = np.quantile(told, [0.025, 0.975], axis=0)
    return low, high
