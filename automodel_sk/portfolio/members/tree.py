"""Tree members: one gradient-boosted tree model of all series, from LightGBM.

The features are built here rather than by mlforecast: it refuses panels with a series shorter than
a season, builds lags anew by series at each step, and is saved by pickling.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.packages import need, refusal_without
from automodel_sk.data.preparation import WEIGHT
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, Family, WindowForecasts
from automodel_sk.portfolio.members.files import (
    check_files,
    read_member,
    write_member,
    write_tensors,
)
from automodel_sk.portfolio.members.lightgbm_text import MODEL_FILE, read_booster, write_booster
from automodel_sk.portfolio.members.tree_features import reach
from automodel_sk.portfolio.members.tree_files import TAIL_FILE, TAIL_KINDS, TreeFile, read_tail
from automodel_sk.portfolio.members.tree_model import (
    LEAST_ROWS,
    MOST_DIRECT_ROWS,
    MOST_ROWS,
    PARAMETERS,
    TreeSettings,
    forecast,
    train_booster,
)
from automodel_sk.portfolio.members.tree_panel import Columns, TreePanel

__all__ = ["FittedTree", "TreeMember", "tree_seconds"]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TreeMember:
    """A gradient-boosted tree of all series on lags, levels, calendar and exogenous columns.

    Parameters
    ----------
    name : str
        Name in the leaderboard.
    direct : bool
        Whether each step is forecast from the last known row; else from the step before.
    """

    name: str
    direct: bool
    family: Family = "tree"

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the member cannot forecast these data, or None if it can."""
        if (missing := refusal_without("lightgbm", "portfolio")) is not None:
            return missing
        rows = np.maximum(data.lengths - data.held_out - 1, 0).sum()
        if rows < LEAST_ROWS:
            return f"{rows} rows to train on before the windows, fewer than {LEAST_ROWS}"
        return None

    def forecast_windows(self, data: PortfolioData, deadline: Deadline) -> WindowForecasts:
        """Train before all windows, then forecast each window from the rows before it."""
        static, train = _judged_static(data), data.before(1)
        settings = TreeSettings.of(data, train, static, self.direct)
        panel = TreePanel.of(train, settings.columns, static)
        booster = train_booster(self.name, settings, panel, deadline, _weights(train))
        points = []
        for window in range(1, data.n_windows + 1):
            panel = TreePanel.of(data.before(window), settings.columns, static)
            ahead = data.of_window(window)
            futr = settings.columns.numbers(ahead, settings.columns.futr, len(ahead))
            points.append(forecast(booster, settings, panel, futr, data.h))
        everything = TreePanel.of(data.frame, settings.columns, data.static_df)
        fitted = FittedTree(self, settings, booster, everything.tail(reach(settings.season)))
        return WindowForecasts(np.stack(points, axis=1), fitted=fitted)

    def fit(self, data: PortfolioData, deadline: Deadline) -> FittedTree:
        """Train on all rows."""
        settings = TreeSettings.of(data, data.frame, data.static_df, self.direct)
        panel = TreePanel.of(data.frame, settings.columns, data.static_df)
        booster = train_booster(self.name, settings, panel, deadline, _weights(data.frame))
        return FittedTree(self, settings, booster, panel.tail(reach(settings.season)))


def _weights(frame: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return the weights of rows, if they have any, with a mean of 1.

    LightGBM's limits on leaves count weights, so that the unit of the weights would matter.
    """
    if WEIGHT not in frame.columns:
        return None
    weights: npt.NDArray[np.float64] = frame[WEIGHT].to_numpy(dtype=float)
    mean = weights.mean()
    return weights / mean if mean > 0 else weights


def _judged_static(data: PortfolioData) -> pd.DataFrame | None:
    if data.static_df is None or data.is_judged.all():
        return data.static_df
    return data.static_df[data.is_judged].reset_index(drop=True)


@dataclass(frozen=True)
class FittedTree:
    """A trained tree, and the last rows of the training data.

    Parameters
    ----------
    member : TreeMember
        The member.
    settings : TreeSettings
        What the features are built with.
    booster : lightgbm.Booster
        The trees.
    tail : TreePanel
        Last rows of the training data, as many as features need.
    """

    member: TreeMember
    settings: TreeSettings
    booster: Any = field(repr=False)
    tail: TreePanel = field(repr=False)

    @property
    def name(self) -> str:
        """Name in the leaderboard."""
        return self.member.name

    @property
    def family(self) -> Family:
        """Family that it belongs to."""
        return self.member.family

    @property
    def cat_exog(self) -> tuple[str, ...]:
        """Columns of text, which it treats as categories."""
        return tuple(self.settings.columns.categories)

    @property
    def past_rows(self) -> int:
        """Number of past rows that a forecast reads."""
        return reach(self.settings.season)

    def predict(
        self,
        history: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        h: int | None = None,
    ) -> Array:
        """Forecast the steps after the end of each series, as `FittedMember.predict`."""
        settings, steps = self.settings, h or self.settings.h
        settings.columns.check_known(df=history, futr_df=futr_df, static_df=static_df)
        panel = self.tail
        if history is not None:
            panel = TreePanel.of(history, settings.columns, static_df)
            panel = panel.tail(self.past_rows)
        return forecast(self.booster, settings, panel, self._futr(futr_df, panel, steps), steps)

    def _futr(self, futr_df: pd.DataFrame | None, panel: TreePanel, h: int) -> Any:
        names = self.settings.columns.futr
        if names and futr_df is None:
            raise InvalidInputError(
                f"futr_df is missing; {self.name} needs the future values of {list(names)}"
            )
        rows = len(panel.sizes) * h if futr_df is None or not names else len(futr_df)
        return self.settings.columns.numbers(futr_df, names, rows)

    def save(self, folder: Path) -> None:
        """Write ``member.json``, ``model.txt`` (LightGBM's format) and ``tail.safetensors``."""
        settings, columns, tail = self.settings, self.settings.columns, self.tail
        stored = TreeFile(
            name=self.name,
            season=settings.season,
            h=settings.h,
            freq=settings.freq,
            dated=tail.dated,
            n_series=len(tail.sizes),
            n_rows=len(tail.y),
            futr=columns.futr,
            hist=columns.hist,
            stat=columns.stat,
            categories=columns.categories,
            calendar=columns.calendar,  # type: ignore[arg-type]
        )
        write_member(folder, stored)
        write_booster(self.booster, folder)
        write_tensors(folder / TAIL_FILE, **{name: getattr(tail, name) for name in TAIL_KINDS})

    @classmethod
    def load(cls, folder: Path, member: TreeMember) -> FittedTree:
        """Return the member that was saved to a folder.

        Raises
        ------
        ModelFileError
            A file is damaged, or does not fit the others.
        """
        need("lightgbm", "portfolio", member.name)
        check_files(folder, [MODEL_FILE, TAIL_FILE])
        stored = read_member(folder, TreeFile)
        columns = Columns(stored.futr, stored.hist, stored.stat, stored.categories, stored.calendar)
        settings = TreeSettings(stored.h, stored.season, stored.freq, member.direct, columns)
        tail = read_tail(folder / TAIL_FILE, stored)
        n_features = settings.features(tail).n_features
        return cls(member, settings, read_booster(folder, n_features), tail)

    def on(self, data: PortfolioData) -> FittedTree:
        """Return the same trees, to forecast from the end of other data."""
        panel = TreePanel.of(data.frame, self.settings.columns, data.static_df)
        return replace(self, tail=panel.tail(self.past_rows))

    def refit(self, data: PortfolioData) -> FittedTree:
        """Return this member fitted to other data."""
        return self.member.fit(data, Deadline())

    def describe(self) -> dict[str, Any]:
        """Return the configuration in JSON-able values."""
        return {
            "strategy": "direct" if self.settings.direct else "recursive",
            "season": self.settings.season,
            "n_trees": self.booster.num_trees(),
            "objective": PARAMETERS["objective"],
            "learning_rate": PARAMETERS["learning_rate"],
            "num_leaves": PARAMETERS["num_leaves"],
        }


def tree_seconds(name: str, data: PortfolioData) -> float:
    """Return roughly how long a tree takes for the windows and the fit, on one core.

    Parameters
    ----------
    name : str
        ``"LightGBM"`` or ``"DirectLightGBM"``.
    data : PortfolioData
        The data.

    Notes
    -----
    Measured for 617 monthly series of 66 rows and two windows: LightGBM 2.7 s, DirectLightGBM 9 s.
    """
    rows = float(data.lengths.sum())
    if name == "DirectLightGBM":
        return 2 * (0.5 + 1.8e-5 * min(rows * data.h, MOST_DIRECT_ROWS))
    return 2 * (0.5 + 2e-5 * min(rows, MOST_ROWS))
