"""Rules on the space and the data: optima at a bound, too large a space, too short a history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from automodel_sk.diagnosis.findings import Finding
from automodel_sk.diagnosis.search_record import SearchRun
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Float, Integer

__all__ = ["edges", "not_better_than_baseline", "short_history", "wide_space"]

AT_EDGE, TOWARDS_EDGE = 0.05, 0.25
"""A best value is at an edge within so much of its range, if most leaders tend there too."""

_MOST_DROPOUT = 0.9

TRIALS_PER_PARAMETER = 3
SUGGESTED_PER_PARAMETER = 10
ENOUGH_TO_JUDGE = 5

SHORT_SHARE = 0.2
FEWEST_WINDOWS = 50
"""Fewer training windows than these teach a model little but themselves."""


def edges(run: SearchRun) -> Iterator[Finding]:
    """Find parameters whose best values lie at a bound of their range."""
    if len(run.usable) < ENOUGH_TO_JUDGE or run.best is None:
        return
    for name, domain in run.tuned.items():
        value = _value(run.best.params, name)
        places = [_place(domain, _value(record.params, name)) for record in run.leaders]
        known = [place for place in (_place(domain, value), *places) if place is not None]
        side = _side(known) if len(known) > len(places) else None
        widened = None if side is None else _widened(domain, side, name)
        if widened is None:
            continue
        low, high = domain.bounds
        end = "upper" if side else "lower"
        yield Finding(
            "edge_of_range",
            f"The best {name}, {value:.6g}, lies at the {end} end of its range"
            f" ({low:.6g} to {high:.6g}): better values may lie beyond.",
            {"parameter": name, "best": value, "low": low, "high": high},
            {name: widened},
        )


def _value(params: Any, name: str) -> Any:
    """Return a parameter by its flat name."""
    for part in name.split("/"):
        params = params.get(part) if isinstance(params, Mapping) else None
    return params


def _place(domain: Any, value: Any) -> float | None:
    """Return the position of a value in its range, from 0 to 1; None if it has no order."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(domain, Choice):
        numbers = _numbers(domain)
        known = len(numbers) > 2 and value in numbers
        return numbers.index(value) / (len(numbers) - 1) if known else None
    if not isinstance(domain, (Float, Integer)):
        return None
    low, high = (_scaled(domain, bound) for bound in domain.bounds)
    return (_scaled(domain, value) - low) / (high - low) if high > low else None


def _scaled(domain: Float | Integer, value: float) -> float:
    return math.log(value) if domain.log else float(value)


def _numbers(domain: Choice) -> list[float]:
    """Return a choice's values in order; empty if they are not all numbers."""
    values = [value for value in domain.values if value is not None]
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values):
        return []
    return sorted(values)


def _side(places: list[float]) -> int | None:
    """Return the bound where the best trial is and most top trials are near: 0, 1 or None."""
    best, leaders = places[0], places[1:]
    for side in (0, 1):
        near = [place for place in leaders if abs(place - side) <= TOWARDS_EDGE]
        if abs(best - side) <= AT_EDGE and 2 * len(near) > len(leaders):
            return side
    return None


def _widened(domain: Any, side: int, name: str) -> Any:
    """Return a wider domain; None if it can't be widened."""
    if isinstance(domain, Choice):
        return _wider_choice(domain, side, name)
    low, high = domain.bounds
    step = {"step": domain.step} if domain.step else {}
    bounds = _reach(domain, side)
    if "dropout" in name:
        bounds = (bounds[0], max(high, min(bounds[1], _MOST_DROPOUT)))
    if bounds == (low, high):
        return None
    try:
        return type(domain)(*bounds, log=domain.log, **step)
    except InvalidInputError:  # the step does not lead to this bound
        return None


def _reach(domain: Float | Integer, side: int) -> tuple[float, float]:
    """Return bounds of ten times the range, or twice; positive bounds stay positive."""
    low, high = domain.bounds
    if domain.log:
        low, high = (low, high * 10) if side else (low / 10, high)
    else:
        floor = 0 if low >= 0 else -math.inf
        low, high = (low, 2 * high - low) if side else (max(floor, 2 * low - high), high)
    if isinstance(domain, Integer):
        least = min(1, domain.low)
        return (max(least, round(low)), round(high))
    return (low, high)


def _wider_choice(domain: Choice, side: int, name: str) -> Choice | None:
    """Return a choice with one more value, as far from the last as that one from its neighbour."""
    numbers = _numbers(domain)
    last, neighbour = (numbers[-1], numbers[-2]) if side else (numbers[0], numbers[1])
    beyond = last * last / neighbour if neighbour and last > 0 else 2 * last - neighbour
    whole = all(isinstance(number, int) for number in numbers)
    new = round(beyond) if whole else beyond
    if new in numbers or new < min(0, numbers[0]) or (whole and new < 1):
        return None
    if "dropout" in name and new > _MOST_DROPOUT:
        return None
    return Choice([*domain.values, new] if side else [new, *domain.values])


def wide_space(run: SearchRun) -> Iterator[Finding]:
    """Find a space with too many combinations for the number of trials."""
    tuned, space, tried = run.tuned, run.space, len(run.usable)
    if space is None or not tried or len(tuned) < 2:
        return
    if tried >= min(TRIALS_PER_PARAMETER * len(tuned), space.n_combinations or math.inf):
        return
    yield Finding(
        "wide_space",
        f"{tried} trials are few for {len(tuned)} parameters. Run more, or fix those that matter"
        " least at their best value.",
        {"trials": tried, "parameters": list(tuned)},
        {"num_samples": SUGGESTED_PER_PARAMETER * len(tuned)},
    )


def short_history(run: SearchRun) -> Iterator[Finding]:
    """Find an input size that is too long for the series."""
    size, profile = run.config.get("input_size"), run.profile
    if profile is None or not isinstance(size, (int, float)) or size < 1:
        return
    needed = int(size) + run.h + run.val_size
    short = float(np.mean(profile.lengths < needed))
    windows = profile.n_windows(int(size), run.h, run.val_size)
    if short < SHORT_SHARE and windows >= FEWEST_WINDOWS:
        return
    fitting = int(np.quantile(profile.lengths, SHORT_SHARE)) - run.h - run.val_size - run.h
    yield Finding(
        "short_history",
        f"input_size={int(size)} leaves {windows} windows to train on, and {short:.0%} of the"
        f" series are shorter than one with its horizon and validation ({needed} rows). Lower"
        " input_size, or pass longer series.",
        {"input_size": int(size), "windows": windows, "share_of_short_series": short},
        {"input_size": fitting} if 1 <= fitting < size else {},
    )


def not_better_than_baseline(run: SearchRun) -> Iterator[Finding]:
    """Find a model that a baseline beats on past windows."""
    scores = {name: score for name, score in run.scores.items() if math.isfinite(score)}
    if len(scores) < 2 or next(iter(scores)) != next(iter(run.scores)):
        return
    (model, own), *simple = scores.items()
    name, best = min(simple, key=lambda pair: pair[1])
    if own < best:
        return
    yield Finding(
        "not_better_than_baseline",
        f"{model} is no better than {name} on past windows (MASE {own:.3g} and {best:.3g}). Use"
        " the baseline, or give the model more to learn from: more or longer series, exogenous"
        " columns, another input_size.",
        dict(scores),
    )
