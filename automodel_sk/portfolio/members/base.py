"""The protocol of a portfolio's members, and what they return."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.data import PortfolioData

__all__ = [
    "Deadline",
    "Family",
    "FittedMember",
    "Member",
    "NotSupportedByMemberError",
    "WindowForecasts",
]

Array = npt.NDArray[np.float32]
Family = Literal["naive", "statistical", "linear", "tree", "neural", "pretrained"]


class NotSupportedByMemberError(InvalidInputError):
    """A member cannot make this forecast, others may: the ensemble leaves it out."""


@dataclass(frozen=True)
class Deadline:
    """When a member must be done.

    Parameters
    ----------
    seconds : float
        Seconds from now; infinite by default.
    """

    seconds: float = float("inf")
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Start the clock."""
        object.__setattr__(self, "_end", self.clock() + self.seconds)

    def left(self) -> float:
        """Return the seconds left; negative once the time is up."""
        end: float = self._end  # type: ignore[attr-defined]  # set in __post_init__
        return end - self.clock()


@dataclass(frozen=True)
class WindowForecasts:
    """A member's point forecasts of the validation windows.

    Parameters
    ----------
    point : array of float32, shape (n_judged, n_windows, h)
        In the order of `PortfolioData.windows`.
    n_fallbacks : int
        Series and windows for which the member failed or ran out of time; these hold the
        seasonal-naive forecast.
    reason : str, optional
        Why it failed first.
    fitted : FittedMember, optional
        The member as trained before the windows, for a final model if there is no time to train
        again. It forecasts from the end of all rows. None if fitting again costs next to nothing.
    """

    point: Array
    n_fallbacks: int = 0
    reason: str | None = None
    fitted: FittedMember | None = None


class Member(Protocol):
    """A forecasting method that can take part in a portfolio."""

    @property
    def name(self) -> str:
        """Name in the leaderboard, such as ``"AutoETS"``."""

    @property
    def family(self) -> Family:
        """Family that it belongs to."""

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the member cannot forecast these data, or None if it can."""

    def forecast_windows(self, data: PortfolioData, deadline: Deadline) -> WindowForecasts:
        """Forecast each validation window from the rows before it."""

    def fit(self, data: PortfolioData, deadline: Deadline) -> FittedMember:
        """Fit on all rows, including the windows."""


class FittedMember(Protocol):
    """A fitted member of an ensemble."""

    @property
    def name(self) -> str:
        """Name in the leaderboard."""

    @property
    def family(self) -> Family:
        """Family that it belongs to."""

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
            Prepared frame as in `PortfolioData`; series not seen in training are allowed. If None,
            the training data.
        futr_df : DataFrame, optional
            Prepared future values, sorted by series and time.
        static_df : DataFrame, optional
            One row per series of `history`, in its order.
        h : int, optional
            Steps; the horizon of training if None.

        Returns
        -------
        array of float32, shape (n_series, h)
            In the order of the series in `history`.

        Raises
        ------
        NotSupportedByMemberError
            The member cannot forecast so many steps, or series other than those of training.
        """

    def refit(self, data: PortfolioData) -> FittedMember:
        """Return this member fitted to other data."""

    def save(self, folder: Path) -> None:
        """Write the member to an empty folder as JSON, safetensors and text; never a pickle."""

    def describe(self) -> dict[str, Any]:
        """Return its configuration in JSON-able values, for leaderboard, report and tracking."""
