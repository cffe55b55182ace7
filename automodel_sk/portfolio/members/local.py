"""Local members: each series is forecast from its own values, and nothing else is learned."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.exceptions import ModelFileError, SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, Family, WindowForecasts
from automodel_sk.portfolio.members.files import (
    Forecasts,
    LocalFile,
    check_files,
    read_member,
    read_tensors,
    write_member,
    write_tensors,
)
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = ["FittedLocal", "LocalForecasts", "LocalMember", "LocalMethod"]

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]
FORECASTS_FILE = "forecasts.safetensors"


class LocalForecasts(NamedTuple):
    """Forecasts of many series, shape (n_series, h), and how many are the fallback's."""

    point: npt.NDArray[Any]
    n_fallbacks: int = 0
    reason: str | None = None


class LocalMethod(Protocol):
    """Forecasts each of many series from its own values."""

    def __call__(
        self, series: SeriesValues, h: int, season: int, deadline: Deadline
    ) -> LocalForecasts:
        """Forecast the steps after the end of each series."""

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the method cannot forecast these data, or None if it can."""


@dataclass(frozen=True)
class LocalMember:
    """A member that forecasts each series from its own values.

    Parameters
    ----------
    name : str
        Name in the leaderboard.
    family : str
        Family that it belongs to.
    method : LocalMethod
        What forecasts.
    """

    name: str
    family: Family
    method: LocalMethod

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the member cannot forecast these data, or None if it can."""
        return self.method.refusal(data)

    def forecast_windows(self, data: PortfolioData, deadline: Deadline) -> WindowForecasts:
        """Forecast each validation window from the rows before it."""
        series = SeriesValues.before_windows(data)
        found = self.method(series, data.h, data.season, deadline)
        point = found.point.astype(np.float32).reshape(-1, data.n_windows, data.h)
        return WindowForecasts(point, found.n_fallbacks, found.reason)

    def fit(self, data: PortfolioData, deadline: Deadline) -> FittedLocal:
        """Forecast the steps after the end of each series, and keep the forecasts."""
        series = SeriesValues.of(data.frame)
        found = self.method(series, data.h, data.season, deadline)
        kept = Forecasts(found.point.astype(np.float32), found.n_fallbacks, found.reason)
        return FittedLocal(self, data.season, kept)


@dataclass(frozen=True)
class FittedLocal:
    """Forecasts of the training data, and the method to forecast other data with.

    Parameters
    ----------
    member : LocalMember
        The member.
    season : int
        Steps of one season.
    kept : Forecasts
        The forecasts of the training data.
    repeats : bool
        Whether every history is that of the kept forecasts.
    """

    member: LocalMember
    season: int
    kept: Forecasts = field(repr=False)
    repeats: bool = False

    @property
    def name(self) -> str:
        """Name in the leaderboard."""
        return self.member.name

    @property
    def family(self) -> Family:
        """Family that it belongs to."""
        return self.member.family

    def predict(
        self,
        history: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        h: int | None = None,
    ) -> Array:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        history : DataFrame, optional
            Prepared frame; the training data if None.
        futr_df, static_df : DataFrame, optional
            Not used.
        h : int, optional
            Steps; the horizon of training if None. More need `history`.

        Returns
        -------
        array of float32, shape (n_series, h)
        """
        if history is None or self.repeats:
            return self.kept.first(h, self.name)
        steps = self.kept.h if h is None else h
        series = SeriesValues.of(history)
        try:
            point = self.member.method(series, steps, self.season, Deadline()).point
        except SearchError as exc:  # a forecast has to be made, whatever the rows are
            logger.warning("%s; seasonal-naive forecasts take their place", exc)
            point = series.seasonal_naive(steps, self.season)
        return point.astype(np.float32)

    def of_series(self, rows: slice) -> FittedLocal:
        """Return this member for some of the training series, forecast from their own history."""
        return replace(self, kept=replace(self.kept, point=self.kept.point[rows]), repeats=True)

    def refit(self, data: PortfolioData) -> FittedLocal:
        """Return this member fitted to other data."""
        return self.member.fit(data, Deadline())

    def save(self, folder: Path) -> None:
        """Write ``member.json`` and ``forecasts.safetensors``."""
        n_series, h = self.kept.point.shape
        reason = self.kept.reason and self.kept.reason[:2_000]
        stored = LocalFile(
            name=self.name,
            season=self.season,
            n_series=n_series,
            h=h,
            n_fallbacks=self.kept.n_fallbacks,
            reason=reason,
        )
        write_member(folder, stored)
        write_tensors(folder / FORECASTS_FILE, point=self.kept.point)

    @classmethod
    def load(cls, folder: Path, member: LocalMember) -> FittedLocal:
        """Return the member that was saved to a folder.

        Raises
        ------
        ModelFileError
            A file is damaged, or holds values that are not finite.
        """
        check_files(folder, [FORECASTS_FILE])
        stored = read_member(folder, LocalFile)
        file = folder / FORECASTS_FILE
        shapes = {"point": (stored.n_series, stored.h)}
        point = read_tensors(file, shapes, {"point": "float32"})["point"]
        if not np.isfinite(point).all():
            raise ModelFileError(f"{file} holds values that are no forecasts; save it again")
        return cls(member, stored.season, Forecasts(point, stored.n_fallbacks, stored.reason))

    def describe(self) -> dict[str, Any]:
        """Return the configuration in JSON-able values."""
        return {"season": self.season, **self.kept.describe()}
