"""Naive members: baselines that need no fitting, computed for all series at once."""

from __future__ import annotations

from dataclasses import dataclass

from automodel_sk.data.baselines import BASELINES
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.local import LocalForecasts, LocalMember
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = ["NAIVE_NAMES", "naive_member"]

NAIVE_NAMES = tuple(BASELINES)


@dataclass(frozen=True)
class _Baseline:
    """One of `BASELINES`; it is so fast that it ignores the deadline."""

    name: str

    def __call__(
        self, series: SeriesValues, h: int, season: int, deadline: Deadline
    ) -> LocalForecasts:
        """Forecast the steps after the end of each series."""
        return LocalForecasts(series.baseline(self.name, h, season))

    def refusal(self, data: PortfolioData) -> str | None:
        """Return None: a baseline forecasts any data."""
        return None


def naive_member(name: str) -> LocalMember:
    """Return the member of a baseline.

    Parameters
    ----------
    name : str
        One of `NAIVE_NAMES`.

    Examples
    --------
    >>> naive_member("Naive").family
    'naive'
    """
    return LocalMember(name, "naive", _Baseline(name))
