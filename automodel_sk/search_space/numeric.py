"""Numeric domains: ranges, grids and the normal distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.fingerprint import is_number

__all__ = ["MAX_LISTED_VALUES", "Float", "Integer", "Normal", "whole_number"]

MAX_LISTED_VALUES = 100_000
"""A domain with more values than this is counted but not listed."""


@dataclass(frozen=True)
class Float:
    """A real number in a range.

    Parameters
    ----------
    low, high : float
        Bounds, both inclusive.
    log : bool, default False
        Whether to sample on a logarithmic scale.
    step : float, optional
        Distance between neighbouring values, counted from ``low``. ``high`` is lowered to the last
        value on this grid.

    Raises
    ------
    InvalidInputError
        If the bounds are not finite or in the wrong order, if ``log`` is True and ``low`` is not
        above 0, or if ``step`` is not above 0.

    Examples
    --------
    >>> Float(1e-5, 1e-2, log=True)
    Float(low=1e-05, high=0.01, log=True, step=None)
    >>> Float(0, 1, step=0.25).listed()
    (0.0, 0.25, 0.5, 0.75, 1.0)
    """

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _set(self, low=_finite("low", self.low), high=_finite("high", self.high))
        _check_order(self.low, self.high)
        _check_log(self.log, self.low)
        if self.step is not None:
            _set(self, step=float(_step(self.step)))
            self._settle_grid()

    def _settle_grid(self) -> None:
        """Lower ``high`` to the grid, and check the bounds for a logarithmic scale."""
        assert self.step is not None
        if self.log and not self.on_multiples:
            raise InvalidInputError(
                f"low must be a multiple of step when log is set, got low={self.low} and "
                f"step={self.step}; try low={self.step}"
            )
        last = (self.high - self.origin) / self.step
        if not math.isclose(last, round(last), abs_tol=1e-9):
            steps = (self.size_of_grid - 1) * Decimal(str(self.step))
            _set(self, high=float(Decimal(str(self.low)) + steps))

    @property
    def on_multiples(self) -> bool:
        """Whether the grid consists of multiples of the step."""
        return self.step is not None and _is_whole(self.low / self.step)

    @property
    def origin(self) -> float:
        """The origin of the grid: 0 on multiples of the step, else ``low``."""
        return 0.0 if self.on_multiples else self.low

    @property
    def first_index(self) -> int:
        """Index of ``low``, counted from the origin."""
        assert self.step is not None
        return round((self.low - self.origin) / self.step)

    @property
    def size_of_grid(self) -> int:
        """Number of values on the grid."""
        assert self.step is not None
        last = (self.high - self.origin) / self.step
        near = round(last)
        whole = near if math.isclose(last, near, abs_tol=1e-9) else math.floor(last)
        return whole - self.first_index + 1

    @property
    def size(self) -> int | None:
        """Number of values; None if infinite."""
        if self.step is not None:
            return self.size_of_grid
        return 1 if self.low == self.high else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        if self.step is None:
            return (self.low, self.high)
        return (self.value_at(0), self.value_at(self.size_of_grid - 1))

    def value_at(self, index: int) -> float:
        """Return the value at an index of the grid, counted from ``low``."""
        assert self.step is not None
        if self.on_multiples:
            return float((self.first_index + index) * self.step)
        return min(self.low + index * self.step, self.high)

    def index_near(self, value: float) -> int:
        """Return the grid index closest to a value."""
        assert self.step is not None
        index = round((value - self.origin) / self.step) - self.first_index
        return min(max(index, 0), self.size_of_grid - 1)

    def listed(self) -> tuple[float, ...] | None:
        """Return all values, or None if they are infinite or too many."""
        if self.size is None or self.size > MAX_LISTED_VALUES:
            return None
        if self.step is None:
            return (self.low,)
        return tuple(self.value_at(index) for index in range(self.size))


@dataclass(frozen=True)
class Integer:
    """An integer in a range.

    Parameters
    ----------
    low, high : int
        Bounds, both inclusive.
    log : bool, default False
        Whether to sample on a logarithmic scale.
    step : int, default 1
        Distance between neighbouring values, counted from ``low``. ``high`` is lowered to the last
        value on this grid.

    Raises
    ------
    InvalidInputError
        If a bound is not an integer or the bounds are in the wrong order, if ``log`` is True and
        ``low`` is not above 0, or if ``step`` is not above 0.

    Examples
    --------
    >>> Integer(1, 3).listed()
    (1, 2, 3)
    >>> Integer(100, 1050, step=100)
    Integer(low=100, high=1000, log=False, step=100)
    """

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    step: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        _set(
            self,
            low=whole_number("low", self.low),
            high=whole_number("high", self.high),
            step=whole_number("step", _step(self.step)),
        )
        _check_order(self.low, self.high)
        _check_log(self.log, self.low)
        if self.log and self.low % self.step:
            raise InvalidInputError(
                f"low must be a multiple of step when log is set, got low={self.low} and "
                f"step={self.step}; try low={self.step}"
            )
        _set(self, high=self.low + (self.high - self.low) // self.step * self.step)

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return (self.low, self.high)

    def listed(self) -> tuple[int, ...] | None:
        """Return all values, or None if there are too many to list."""
        if self.size > MAX_LISTED_VALUES:
            return None
        return tuple(range(self.low, self.high + 1, self.step))


@dataclass(frozen=True)
class Normal:
    """A normally distributed real number.

    Parameters
    ----------
    mean : float, default 0.0
    sd : float, default 1.0
        Standard deviation.
    step : float, optional
        Values are rounded to multiples of this step.

    Raises
    ------
    InvalidInputError
        If ``sd`` or ``step`` is not above 0.

    Examples
    --------
    >>> Normal(0.0, 2.0)
    Normal(mean=0.0, sd=2.0, step=None)
    """

    mean: float = 0.0
    sd: float = 1.0
    step: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _set(self, mean=_finite("mean", self.mean), sd=_finite("sd", self.sd))
        if self.sd <= 0:
            raise InvalidInputError(f"sd must be above 0, got {self.sd}; try 1.0")
        if self.step is not None:
            _set(self, step=float(_step(self.step)))

    @property
    def size(self) -> None:
        """None: the values are infinite."""
        return

    @property
    def bounds(self) -> tuple[float, float]:
        """Minus and plus infinity."""
        return (-math.inf, math.inf)

    def listed(self) -> None:
        """Return None: the values are infinite."""
        return


def _set(domain: Any, **values: Any) -> None:
    """Set validated values on a frozen domain during its construction."""
    for name, value in values.items():
        object.__setattr__(domain, name, value)


def _finite(name: str, value: Any) -> float:
    if not _is_finite(value):
        raise InvalidInputError(f"{name} must be a finite number, got {shown(value)}; try 1.0")
    return float(value)


def _is_finite(value: Any) -> bool:
    try:
        return is_number(value) and math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def whole_number(name: str, value: Any) -> int:
    """Return an integer as an int, and raise for anything else."""
    if not _is_finite(value) or value != int(value):
        raise InvalidInputError(f"{name} must be a whole number, got {shown(value)}; try 10")
    return int(value)


def _step(value: Any) -> float:
    if not _is_finite(value) or value <= 0:
        raise InvalidInputError(f"step must be above 0, got {shown(value)}; try 1")
    return value if isinstance(value, int) else float(value)


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise InvalidInputError(
            f"low must be at most high, got low={low} and high={high}; "
            f"try low={high} and high={low}"
        )


def _check_log(log: bool, low: float) -> None:
    if log and low <= 0:
        raise InvalidInputError(f"low must be above 0 when log is set, got {low}; try 0.001")


def _is_whole(number: float) -> bool:
    return math.isclose(number, round(number))
