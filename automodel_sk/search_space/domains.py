"""The domains of parameters: small objects that validate themselves.

Domains do not depend on any search library. The ``repr`` of a domain is the call that creates it,
and two domains are equal if they describe the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from automodel_sk.arguments.number_rule import shown
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.fingerprint import (
    copied,
    is_number,
    own_numbers,
    qualified_name,
    same,
    token,
)
from automodel_sk.search_space.numeric import MAX_LISTED_VALUES, Float, Integer, Normal

__all__ = ["MAX_LISTED_VALUES", "Choice", "Computed", "Domain", "Float", "Integer", "Normal"]


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several unordered values.

    Parameters
    ----------
    values : sequence
        The categories: scalars, lists, dicts or objects, at most 100,000. Types are distinguished:
        ``1``, ``1.0`` and ``True`` are three categories; NumPy numbers are converted to Python's.
    grid : bool, default False
        Whether the values form a grid that the search runs in full.

    Raises
    ------
    InvalidInputError
        If there is no value, or a duplicate.

    Examples
    --------
    >>> Choice([[2, 2], [3, 3]])
    Choice(values=([2, 2], [3, 3]), grid=False)
    >>> Choice([32, 64]).size
    2
    """

    values: Sequence[Any]
    grid: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.values, (str, bytes)):
            raise InvalidInputError(
                f"choice needs a list of values, got {self.values!r}; try [{self.values!r}]"
            )
        values = _read(self.values)
        object.__setattr__(self, "values", values)
        if len(values) > MAX_LISTED_VALUES:
            raise InvalidInputError(
                f"choice has more than {MAX_LISTED_VALUES:,} values; try a range, as in"
                " Integer(1, 1_000_000)"
            )
        if not values:
            raise InvalidInputError("choice needs at least one value, got none; try [32, 64]")
        try:
            _refuse_duplicates(values)
        except (InvalidInputError, MemoryError):
            raise
        except Exception as exc:  # their repr or comparison may raise anything
            raise InvalidInputError(
                f"choice has values that can't be told apart ({type(exc).__name__}); try numbers,"
                " strings or lists of these"
            ) from exc

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return (
            self.grid == other.grid
            and len(self.values) == len(other.values)
            and all(same(a, b) for a, b in zip(self.values, other.values, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.grid, len(self.values)))

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest of the numeric values; None if there are none."""
        numbers = [value for value in self.values if is_number(value)]
        return (min(numbers), max(numbers)) if numbers else None

    def listed(self) -> tuple[Any, ...] | None:
        """Return all values."""
        return tuple(copied(value) for value in self.values)


@dataclass(frozen=True, repr=False)
class Computed:
    """A value that a function computes from the other values of a trial.

    Parameters
    ----------
    function : callable
        Function of the values sampled so far, or of no argument. Both ``config["a"]`` and
        ``spec.config.a`` return the value of ``a``.

    Raises
    ------
    InvalidInputError
        If it is not callable.

    Examples
    --------
    >>> def double(config):
    ...     return 2 * config["h"]
    >>> Computed(double)
    Computed(double)
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidInputError(
                f"function must be callable, got {shown(self.function)}; "
                "try Computed(lambda config: 2 * config['h'])"
            )

    def __repr__(self) -> str:
        return f"Computed({qualified_name(self.function)})"

    @property
    def size(self) -> None:
        """None: the values of a function are not known in advance."""
        return

    @property
    def bounds(self) -> None:
        """None: the values of a function are not known in advance."""
        return

    def listed(self) -> None:
        """Return None: the values of a function are not known in advance."""
        return


Domain: TypeAlias = Choice | Float | Integer | Normal | Computed


def _read(values: Any) -> tuple[Any, ...]:
    """Return the categories as a tuple, reading no more than a choice may have."""
    try:
        listed = islice(values, MAX_LISTED_VALUES + 1)
        return tuple(copied(own_numbers(value)) for value in listed)
    except Exception as exc:  # objects of other libraries may raise anything
        raise InvalidInputError(
            f"choice needs a list of values, got {shown(values)} ({type(exc).__name__}); "
            "try [32, 64]"
        ) from exc


def _refuse_duplicates(values: tuple[Any, ...]) -> None:
    seen: dict[str, list[Any]] = {}
    for value in values:
        alike = seen.setdefault(token(value), [])
        if any(same(value, other) for other in alike):
            raise InvalidInputError(f"choice has {shown(value)} twice; keep it once")
        alike.append(value)
