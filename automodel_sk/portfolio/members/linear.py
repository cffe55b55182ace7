"""The linear member: one ridge regression of all series, in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from automodel_sk.data.preparation import MASK
from automodel_sk.exceptions import ModelFileError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, Family, WindowForecasts
from automodel_sk.portfolio.members.files import (
    Count,
    MemberFile,
    Size,
    check_files,
    read_member,
    read_tensors,
    write_member,
    write_tensors,
)
from automodel_sk.portfolio.members.linear_model import (
    LEAST_WINDOWS,
    MOST_LOOKBACK,
    RidgeModel,
    RidgeShape,
    fit_ridge,
    forecast_ridge,
    n_windows,
    short_series,
)
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = ["FittedLinear", "LinearMember", "linear_seconds"]

Array = npt.NDArray[np.float32]

WEIGHTS_FILE = "ridge.safetensors"
_KINDS = {"coefficients": "float64", "y": "float64", "sizes": "int64"}


class LinearFile(MemberFile):
    """Content of a linear member's ``member.json``."""

    h: Annotated[int, Field(ge=1, le=100_000)]
    lookback: Annotated[int, Field(ge=1, le=MOST_LOOKBACK)]
    level_season: Annotated[int, Field(ge=1, le=MOST_LOOKBACK)]
    n_windows: Count
    n_series: Size
    n_rows: Size


@dataclass(frozen=True)
class LinearMember:
    """A ridge regression of the next steps on the last values, the same for all series.

    It reads no exogenous columns.

    Parameters
    ----------
    name : str
        Name in the leaderboard.
    """

    name: str
    family: Family = "linear"

    def refusal(self, data: PortfolioData) -> str | None:
        """Return why the member cannot forecast these data, or None if it can."""
        sizes = np.maximum(data.lengths[data.is_judged] - data.held_out, 1)
        return _too_few(RidgeShape.of(sizes, data.h, data.season), sizes)

    def forecast_windows(self, data: PortfolioData, deadline: Deadline) -> WindowForecasts:
        """Fit to the rows before all windows, then forecast each window from the rows before it."""
        frames = [data.before(window) for window in range(1, data.n_windows + 1)]
        histories = [SeriesValues.of(frame) for frame in frames]
        model = self._trained(frames[0], data, deadline)
        points = [forecast_ridge(model, series, data.h, data.season) for series in histories]
        short = sum(int(short_series(series, model.shape).sum()) for series in histories)
        return WindowForecasts(np.stack(points, axis=1), short, _reason(short, model.shape))

    def fit(self, data: PortfolioData, deadline: Deadline) -> FittedLinear:
        """Fit to all rows."""
        model = self._trained(data.frame, data, deadline)
        series = SeriesValues.of(data.frame)
        fitted = FittedLinear(self, data.season, model, series)
        return replace(fitted, tail=series.tail(fitted.past_rows))

    def _trained(self, frame: pd.DataFrame, data: PortfolioData, deadline: Deadline) -> RidgeModel:
        series = SeriesValues.of(frame)
        shape = RidgeShape.of(series.sizes, data.h, data.season)
        observed = frame[MASK].to_numpy() != 0 if MASK in frame.columns else None
        return fit_ridge(self.name, series, shape, deadline, observed)


def _too_few(shape: RidgeShape, sizes: npt.NDArray[np.int64]) -> str | None:
    found = n_windows(sizes, shape.width)
    if found >= LEAST_WINDOWS:
        return None
    return (
        f"{found} stretches of {shape.width} rows to train on before the windows, fewer than"
        f" {LEAST_WINDOWS}"
    )


def _reason(short: int, shape: RidgeShape) -> str | None:
    return f"fewer than {shape.least_rows} rows in a series" if short else None


@dataclass(frozen=True)
class FittedLinear:
    """A ridge regression, and the last rows of the training data.

    Parameters
    ----------
    member : LinearMember
        The member.
    season : int
        Steps of one season.
    ridge : RidgeModel
        The coefficients.
    tail : SeriesValues
        Last rows of the training data, as many as a forecast needs.
    """

    member: LinearMember
    season: int
    ridge: RidgeModel
    tail: SeriesValues

    @property
    def name(self) -> str:
        """Name in the leaderboard."""
        return self.member.name

    @property
    def family(self) -> Family:
        """Family that it belongs to."""
        return self.member.family

    @property
    def past_rows(self) -> int:
        """Number of past rows that a forecast reads."""
        return max(self.ridge.shape.lookback, self.season)

    def predict(
        self,
        history: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        h: int | None = None,
    ) -> Array:
        """Forecast the steps after the end of each series, as `FittedMember.predict`.

        More steps than the horizon of training are forecast from the forecasts.
        """
        series = self.tail if history is None else SeriesValues.of(history)
        return forecast_ridge(self.ridge, series, h or self.ridge.shape.h, self.season)

    def refit(self, data: PortfolioData) -> FittedLinear:
        """Return this member fitted to other data."""
        return self.member.fit(data, Deadline())

    def save(self, folder: Path) -> None:
        """Write ``member.json`` and ``ridge.safetensors``."""
        shape = self.ridge.shape
        stored = LinearFile(
            name=self.name,
            season=self.season,
            h=shape.h,
            lookback=shape.lookback,
            level_season=shape.season,
            n_windows=self.ridge.n_windows,
            n_series=len(self.tail),
            n_rows=len(self.tail.values),
        )
        write_member(folder, stored)
        write_tensors(
            folder / WEIGHTS_FILE,
            coefficients=self.ridge.coefficients,
            y=self.tail.values,
            sizes=self.tail.sizes,
        )

    @classmethod
    def load(cls, folder: Path, member: LinearMember) -> FittedLinear:
        """Return the member that was saved to a folder.

        Raises
        ------
        ModelFileError
            A file is damaged, or does not fit the other.
        """
        check_files(folder, [WEIGHTS_FILE])
        stored = read_member(folder, LinearFile)
        file = folder / WEIGHTS_FILE
        shapes = {
            "coefficients": (stored.lookback, stored.h),
            "y": (stored.n_rows,),
            "sizes": (stored.n_series,),
        }
        tensors = read_tensors(file, shapes, _KINDS)
        sizes = tensors["sizes"]
        fits = (
            np.isfinite(tensors["coefficients"]).all()
            and np.isfinite(tensors["y"]).all()
            and ((sizes >= 1) & (sizes <= stored.n_rows)).all()
            and sizes.sum() == stored.n_rows
            and stored.level_season <= stored.lookback
        )
        if not fits:
            raise ModelFileError(f"{file} holds values that do not fit; save the model again")
        shape = RidgeShape(stored.h, stored.level_season, stored.lookback)
        model = RidgeModel(shape, tensors["coefficients"], stored.n_windows)
        return cls(member, stored.season, model, SeriesValues(tensors["y"], sizes))

    def describe(self) -> dict[str, Any]:
        """Return the configuration in JSON-able values."""
        shape = self.ridge.shape
        short = int(short_series(self.tail, shape).sum())
        described = {
            "season": self.season,
            "lookback": shape.lookback,
            "n_training_windows": self.ridge.n_windows,
        }
        fallbacks = {"n_fallbacks": short, "reason": _reason(short, shape)} if short else {}
        return described | fallbacks


def linear_seconds(_name: str, data: PortfolioData) -> float:
    """Return roughly how long the windows and the fit take on one core."""
    shape = RidgeShape.of(data.lengths, data.h, data.season)
    found = n_windows(data.lengths, shape.width)
    products = shape.products(min(found, shape.most_windows))
    return float(0.1 + 2e-6 * data.lengths.sum() + 2 * 1.5e-9 * products)
