"""The members of an ensemble: their weights, and their combined forecast."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.categories import UnknownCategoriesError
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import named
from automodel_sk.forecasting.plausible import far_from_past, ranges_of
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import FittedMember, NotSupportedByMemberError

__all__ = ["UNABLE", "Inputs", "Team", "WeightedMember", "weighted"]

Array = npt.NDArray[np.float64]
Kind = Literal["mean", "median"]
Refusals = tuple[type[InvalidInputError], ...]

UNABLE: Refusals = (NotSupportedByMemberError, UnknownCategoriesError)
"""Errors of a member that cannot forecast a window of the user's data, where others may."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeightedMember:
    """A member of an ensemble.

    Parameters
    ----------
    member : FittedMember
        What forecasts.
    weight : float
        Its weight; those of an ensemble sum to one.
    number : int, optional
        Number of the candidate that it comes from.
    note : str, optional
        What a reader must know, such as that it was not refitted.
    """

    member: FittedMember
    weight: float
    number: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Inputs:
    """Prepared frames to forecast from, with wall-clock times; the training data if None."""

    history: pd.DataFrame | None = None
    futr_df: pd.DataFrame | None = None
    static_df: pd.DataFrame | None = None


@dataclass(frozen=True)
class Team:
    """The members of an ensemble.

    Parameters
    ----------
    parts : tuple of WeightedMember
        The members.
    kind : {"mean", "median"}
        Whether forecasts are combined by weighted mean, or by the median, which ignores weights.
    """

    parts: tuple[WeightedMember, ...]
    kind: Kind = "mean"

    def __post_init__(self) -> None:
        """Raise if the weights are none."""
        weights = [part.weight for part in self.parts]
        if not weights or min(weights) <= 0 or abs(sum(weights) - 1) > 1e-6:
            raise InvalidInputError(
                f"the weights of an ensemble must be positive and sum to one, got {weights}"
            )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The members' names, numbered where several members have the same."""
        counts: Counter[str] = Counter()
        found = []
        for part in self.parts:
            counts[part.member.name] += 1
            count = counts[part.member.name]
            found.append(part.member.name if count == 1 else f"{part.member.name}-{count}")
        return tuple(found)

    @property
    def by_name(self) -> dict[str, WeightedMember]:
        """The members by name."""
        return dict(zip(self.names, self.parts, strict=True))

    def alone(self, name: str) -> Team:
        """Return one member with all the weight.

        Raises
        ------
        InvalidInputError
            If there is no member of that name.
        """
        known = self.by_name
        if name not in known:
            raise InvalidInputError(
                f"member={name[:100]!r} is no member of the ensemble; its members are"
                f" {', '.join(map(repr, known))}"
            )
        return Team((replace(known[name], weight=1.0),))

    def of_series(self, rows: slice) -> Team:
        """Return the members for some of the training series, whose history is passed to them.

        Members that keep their forecasts of the training data repeat these.
        """

        def of_some(part: WeightedMember) -> WeightedMember:
            some = getattr(part.member, "of_series", None)
            return part if some is None else replace(part, member=some(rows))

        return replace(self, parts=tuple(map(of_some, self.parts)))

    def point(
        self,
        inputs: Inputs,
        past: pd.DataFrame,
        h: int,
        *,
        left_out_for: Refusals = (NotSupportedByMemberError,),
    ) -> Array:
        """Forecast with all members and combine the forecasts.

        Parameters
        ----------
        inputs : Inputs
            What to forecast from.
        past : DataFrame
            The rows before the forecast; a member's forecast far from them is left out.
        h : int
            Steps.
        left_out_for : tuple of exception types
            The errors for which a member is left out.

        Returns
        -------
        array of shape (n_series, h)

        Raises
        ------
        NotSupportedByMemberError
            If no member can make this forecast.
        """
        found: dict[str, Array] = {}
        refusals: dict[str, InvalidInputError] = {}
        n_series = past["unique_id"].nunique()
        for name, part in self.by_name.items():
            try:
                found[name] = _forecast(part.member, inputs, n_series, h)
            except left_out_for as exc:
                refusals[name] = exc
        self._report(refusals)
        found = self._without_far_ones(found, past)
        weights = [self.by_name[name].weight for name in found]
        return weighted(list(found.values()), weights, self.kind)

    def _without_far_ones(self, found: Mapping[str, Array], past: pd.DataFrame) -> dict[str, Array]:
        """Return forecasts with NaN for series far from their past, unless all members are."""
        ranges = ranges_of(past)
        far = {name: far_from_past(point, ranges) for name, point in found.items()}
        alternative = ~np.logical_and.reduce(list(far.values()))
        kept = {}
        for name, point in found.items():
            gone = far[name] & alternative
            kept[name] = np.where(gone[:, None], np.nan, point)
            if gone.any():
                logger.warning(
                    "%s: its forecasts of %d series are far beyond all their past values and are"
                    " left out: %s",
                    name,
                    gone.sum(),
                    named(list(past["unique_id"].unique()[gone])),
                )
        return kept

    def _report(self, refusals: Mapping[str, InvalidInputError]) -> None:
        if len(refusals) == len(self.parts):
            name, reason = next(iter(refusals.items()))
            raise NotSupportedByMemberError(
                f"no member of the ensemble can make this forecast; {name}: {reason}"
            ) from reason
        for name, reason in refusals.items():
            logger.warning(
                "%s (weight %.2f) is left out of this forecast, the other members share its"
                " weight: %s",
                name,
                self.by_name[name].weight,
                reason,
            )

    def refit(
        self, data: PortfolioData, done: Mapping[int, FittedMember | Exception] | None = None
    ) -> Team:
        """Return the members fitted to other data.

        A member that fails is left out, and the others share its weight.

        Parameters
        ----------
        data : PortfolioData
            The rows to fit them to.
        done : mapping of int to FittedMember or Exception, optional
            Members that were fitted already, or why they failed, by their places.
        """
        known = done or {}

        def renew(place: int, member: FittedMember) -> FittedMember:
            found = known[place] if place in known else member.refit(data)
            if isinstance(found, Exception):
                raise found
            return found

        return self._fitted_anew(renew)

    def update(self, data: PortfolioData, max_steps: int | None) -> Team:
        """Return networks trained further on other data, and the other members refitted.

        A member that fails is left out as by `refit`.
        """

        def renew(_place: int, member: FittedMember) -> FittedMember:
            further = getattr(member, "update", None)
            return member.refit(data) if further is None else further(data, max_steps)

        return self._fitted_anew(renew)

    def _fitted_anew(self, renew: Callable[[int, FittedMember], FittedMember]) -> Team:
        parts: list[WeightedMember] = []
        failures: dict[str, Exception] = {}
        for place, (name, part) in enumerate(self.by_name.items()):
            try:
                parts.append(replace(part, member=renew(place, part.member), note=None))
            except Exception as exc:
                failures[name] = exc
        if not parts:
            raise next(iter(failures.values()))
        for name, reason in failures.items():
            logger.warning("%s is left out of the ensemble: %s", name, reason)
            logger.debug("it could not be fitted", exc_info=reason)
        if failures:
            total = sum(part.weight for part in parts)
            parts = [replace(part, weight=part.weight / total) for part in parts]
        return replace(self, parts=tuple(parts))


def _forecast(member: FittedMember, inputs: Inputs, n_series: int, h: int) -> Array:
    """Return a member's forecast, if it has the right size."""
    point = member.predict(inputs.history, futr_df=inputs.futr_df, static_df=inputs.static_df, h=h)
    if point.shape != (n_series, h):
        raise ValueError(f"{member.name} forecast {point.shape}, not {(n_series, h)}")
    return np.asarray(point, dtype=np.float64)


def weighted(forecasts: Sequence[Array], weights: Sequence[float], kind: Kind) -> Array:
    """Combine forecasts; a value that is not finite counts only where all are so.

    Parameters
    ----------
    forecasts : sequence of arrays
        Forecasts of the same shape.
    weights : sequence of float
        Their weights, of any sum.
    kind : {"mean", "median"}
        As in `Team`.

    Examples
    --------
    >>> forecasts = [np.array([0.0, 2.0]), np.array([4.0, np.nan])]
    >>> weighted(forecasts, [0.25, 0.75], "mean").tolist()
    [3.0, 2.0]
    >>> weighted([*forecasts, np.array([9.0, 9.0])], [0.2, 0.2, 0.6], "median").tolist()
    [4.0, 5.5]
    """
    stacked = np.stack([np.asarray(f, dtype=np.float64) for f in forecasts])
    known = np.isfinite(stacked)
    known |= ~known.any(axis=0)
    if kind == "median":
        median: Array = np.nanmedian(np.where(known, stacked, np.nan), axis=0)
        return median
    shares = known * np.asarray(weights).reshape(-1, *[1] * (stacked.ndim - 1))
    mean: Array = (np.where(known, stacked, 0.0) * shares).sum(axis=0) / shares.sum(axis=0)
    return mean
