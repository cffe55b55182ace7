"""What a search was worth, in one sentence: its error beside that of a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automodel_sk.catalog.losses import point_quantile
from automodel_sk.data.baselines import BASELINE_COLUMN, BASELINES
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.period import steps_in_words, unit_of
from automodel_sk.data.wording import shown, wording
from automodel_sk.metrics import computable, display_name

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["Outcome", "outcome_of", "target_name"]

_WORDS = {
    BASELINE_COLUMN: "seasonal naive",
    "Naive": "naive",
    "WindowAverage": "the mean of the last season",
    "RWD": "a straight line",
}
_NO_BASELINE, _SAME = 1e-12, 0.005
_IN_UNIT = ("mae", "rmse", "mqloss", "quantile_loss", "winkler_score")
"""Metrics whose values have the unit of the target."""


@dataclass(frozen=True)
class Outcome:
    """The error of a model on its validation windows, beside those of baselines.

    Parameters
    ----------
    metric : str
        Name of the metric; smaller is better.
    score : float
        Error of the model.
    baselines : mapping of str to float
        Errors of baselines by name; the model is compared with SeasonalNaive, or with a baseline
        that is as good as the model.
    windows, h : int
        Number of validation windows, and their steps.
    freq : str or int
        Frequency of the data.
    target : str, optional
        The user's name of the target, which is the unit of some metrics.

    Examples
    --------
    >>> print(Outcome("mase", 0.62, {"SeasonalNaive": 1.41}, windows=5, h=12).sentence())
    MASE 0.62 on the last 5 windows of 12 steps; seasonal naive 1.41 (56% better).
    >>> sales = Outcome("mae", 58.4, {"SeasonalNaive": 61.2}, 1, 28, freq="D", target="sales")
    >>> print(sales.sentence())
    MAE 58.4 (in the unit of 'sales') on the last 28 days; seasonal naive 61.2 (5% better).
    """

    metric: str
    score: float
    baselines: Mapping[str, float]
    windows: int
    h: int
    freq: Any = 1
    target: str | None = None

    @property
    def baseline(self) -> str | None:
        """Name of the baseline to compare with; None if no error of one is known."""
        known = {name: error for name, error in self.baselines.items() if math.isfinite(error)}
        best = min(known, key=lambda name: known[name], default=None)
        if best is None or known[best] <= self.score or BASELINE_COLUMN not in known:
            return best
        return BASELINE_COLUMN

    @property
    def is_better(self) -> bool:
        """Whether the error is smaller than every baseline's, or none is known, or it is zero."""
        perfect = self.score < _NO_BASELINE
        return self.baseline is None or perfect or self.score < self.baselines[self.baseline]

    def sentence(self) -> str:
        """Return the errors, and what to do if a baseline is as good.

        Examples
        --------
        >>> print(Outcome("mae", 66.0, {"Naive": 60.0}, windows=1, h=28).sentence())
        MAE 66 on the last 28 steps; naive 60 (10% worse).
        No better than naive: search longer, such as with time_budget_hours=0.5, add columns ...
        """
        where = self._steps() if self.windows == 1 else f"{self.windows} windows of {self._steps()}"
        text = f"{display_name(self.metric)} {self.score:.3g}{self._unit()} on the last {where}"
        if self.baseline is not None:
            text += f"; {_WORDS[self.baseline]} {self._compared(self.baselines[self.baseline])}"
        return f"{text}." if self.is_better else f"{text}.\n{self._advice()}"

    def _steps(self) -> str:
        if self.h == 1 and self.windows == 1 and unit_of(self.freq) != "step":
            return unit_of(self.freq)
        if self.h == 1 and self.windows == 1:
            return "step"
        return steps_in_words(self.h, self.freq)

    def _unit(self) -> str:
        named = self.target is not None and self.metric in _IN_UNIT
        return f" (in the unit of {shown(self.target)})" if named else ""

    def _compared(self, error: float) -> str:
        if error < _NO_BASELINE or not math.isfinite(self.score):
            return f"{error:.3g}"
        change = 1 - self.score / error
        share = f"{abs(change):.0%} {'better' if change > 0 else 'worse'}"
        return f"{error:.3g} ({'the same' if abs(change) < _SAME else share})"

    def _advice(self) -> str:
        longer = wording().option("time_budget_hours=0.5", "--time-budget 30m")
        how = "" if longer is None else f", such as with {longer}"
        baseline = wording().option(repr(self.baseline), f"--model {self.baseline}")
        words = _WORDS[str(self.baseline)]
        return (
            f"No better than {words}: search longer{how}, add columns that explain the series, or"
            f" use {baseline or self.baseline}."
        )


def target_name(columns: ColumnNames) -> str | None:
    """Return the user's name of the target; None where it is only known as "y".

    Parameters
    ----------
    columns : ColumnNames
        The user's names of the columns.

    Examples
    --------
    >>> target_name(ColumnNames(target_col="sales")), target_name(ColumnNames())
    ('sales', None)
    """
    name = columns.target_col if columns.differ else wording().own("y")
    return None if name == "y" else name


def outcome_of(model: AutoModel) -> Outcome | None:
    """Return a model's error beside those of the baselines; None if a training would be needed."""
    task = model.state.task
    if model.state.windows is None:
        return None
    median = task.loss is None or abs(point_quantile(task.loss) - 0.5) < 1e-6
    metric = computable(task.metric) or ("mae" if median else "mqloss")
    scores = model.validation_scores([metric])
    means = scores.drop(columns=["window", "cutoff", "metric"]).mean()
    own = next(name for name in means.index if name not in BASELINES)
    baselines = {name: float(means[name]) for name in BASELINES if name in means.index}
    name = str(scores["metric"].iloc[0])
    return Outcome(
        name,
        float(means[own]),
        baselines,
        task.n_windows,
        task.h,
        freq=model.freq,
        target=target_name(model.columns),
    )
