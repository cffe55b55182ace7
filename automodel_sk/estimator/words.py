"""Messages about sktime data: they use the user's names and times."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from automodel_sk.data.wording import Wording, shown
from automodel_sk.frames.layout import Layout

__all__ = ["SktimeWords"]

_FRAMES = {"df": "X", "futr_df": "X", "static_df": "static"}


class SktimeWords(Wording):
    """The wording for the data passed to fit.

    Parameters
    ----------
    layout : Layout
        Layout that maps numbers to series and times.
    target : hashable
        Name of the column of `y`.
    exogenous : mapping of hashable to str
        Columns of `X` and their internal names.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.period_range("2016-01", periods=2, freq="M")
    >>> y = pd.concat({"south": pd.DataFrame({"sales": [1.0, 2.0]}, index=months)})
    >>> words = SktimeWords(Layout.learn(y), "sales", {})
    >>> words.series(0), words.time(0, 1), words.column("y", "df"), words.by_series("y", "df")
    ("series 'south'", '2016-02', "column 'sales' of y", 'y.groupby(level=0)')
    >>> words.result("trials"), words.result("report()")
    ('forecaster.trials_', 'forecaster.report()')
    """

    is_of_frames = False

    def __init__(self, layout: Layout, target: Hashable, exogenous: Mapping[Hashable, str]) -> None:
        self._layout = layout
        self._target = target
        self._columns = {name: column for column, name in exogenous.items()}

    def name(self, series: Any) -> str:
        """Return the instance of a series."""
        return self._layout.describe(int(series)).removeprefix("series ")

    def series(self, series: Any) -> str:
        """Return the instance of a series, after the word "series"."""
        return self._layout.describe(int(series))

    def time(self, series: Any, time: Any) -> str:
        """Return a time as in the index."""
        return self._layout.time(int(series), int(time))

    def step(self, freq: str | int) -> str | int:
        """Return the frequency of the index."""
        step: str | int = self._layout.clock.step
        return step

    def result(self, name: str) -> str:
        """Return the code that reads an attribute of the forecaster, or calls a method of it."""
        known = {"best_config": "best_config_", "trials": "trials_"}
        return f"forecaster.{known.get(name, name.replace('leaderboard()', 'leaderboard_'))}"

    def own(self, name: str) -> str:
        """Return the user's name of the column of `y`, or of one of `X`."""
        if name == "y" and self._target not in (None, 0):
            return str(self._target)
        return str(self._columns.get(name, name))

    def column(self, name: str, frame: str | None = None) -> str:
        """Name a column of `y`, `X` or `static`."""
        if name == "y" and frame in (None, "df"):
            return "y" if self._target in (None, 0) else f"column {shown(self._target)} of y"
        whole = _FRAMES.get(frame or "df", frame)
        return f"column {shown(self._columns.get(name, name))} of {whole}"

    def code(self, name: str, frame: str) -> str:
        """Return the code that selects a column."""
        if name == "y" and frame == "df":
            return "y"
        return f"{_FRAMES.get(frame, frame)}[{shown(self._columns.get(name, name))}]"

    def by_series(self, name: str, frame: str) -> str:
        """Return the code that groups a column by the instance levels."""
        code, levels = self.code(name, frame), self._levels
        if levels is None or frame == "static_df":
            return code
        return f"{code}.groupby(level={levels})"

    def without_missing(self, name: str, frame: str) -> str:
        """Return the code that drops the rows with a missing value."""
        whole = "y" if name == "y" and frame == "df" else _FRAMES.get(frame, frame)
        return f"{whole} = {whole}.dropna()"

    def masked(self, name: str) -> str:
        """Return an empty string: sktime's data have no mask."""
        return ""

    @property
    def _levels(self) -> str | None:
        """Return the instance levels for `groupby`; None for a single series."""
        instances = self._layout.instances
        if instances is None:
            return None
        return "0" if instances.nlevels == 1 else str(np.arange(instances.nlevels).tolist())
