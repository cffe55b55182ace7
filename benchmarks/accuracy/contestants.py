"""The contestants by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd

from benchmarks.accuracy import autogluon, ours
from benchmarks.accuracy.exchange import Request
from benchmarks.accuracy.local_models import CLASSES, LocalModel
from benchmarks.accuracy.nixtla import AutoNHITS
from benchmarks.accuracy.task import Dataset, Forecast

DEFAULT = ("SeasonalNaive", "AutoETS", "DOT", "AutoCES", "Median", "AutoNHITS", "ours:NHITS",
           "ours:auto", "AutoGluon")  # fmt: skip


class Contestant(Protocol):
    """A system that runs in this environment; `modules` are imported before the clock starts."""

    has_budget: ClassVar[bool]
    has_seed: ClassVar[bool]
    modules: ClassVar[tuple[str, ...]]
    package: ClassVar[str]

    @property
    def name(self) -> str:
        """Name in the tables."""

    def run(self, data: Dataset, request: Request) -> pd.DataFrame:
        """Fit and forecast; return `unique_id`, `ds`, `point` and the quantiles as columns."""


@dataclass(frozen=True)
class Median:
    """The median of the stored forecasts of other contestants, which run first.

    Its seconds are the sum of theirs.
    """

    name: str = "Median"
    parts: tuple[str, ...] = ("AutoETS", "DOT", "AutoCES")
    has_budget = False
    has_seed = False
    package = "statsforecast"

    def combine(self, forecasts: Sequence[Forecast]) -> Forecast:
        """Return the medians of points and of quantiles."""
        points = np.median([forecast.point for forecast in forecasts], axis=0)
        quantiles = np.median([forecast.quantiles for forecast in forecasts], axis=0)
        return Forecast(points, np.sort(quantiles, axis=-1))


def contestant(name: str) -> Contestant | Median | autogluon.AutoGluon:
    """Return a contestant by its name, such as ``"DOT"`` or ``"ours:auto:best"``."""
    if name in CLASSES:
        return LocalModel(name)
    if name == "Median":
        return Median()
    if name == "AutoNHITS":
        return AutoNHITS()
    if name.split(":")[0] == "AutoGluon":
        return autogluon.AutoGluon(name)
    if name.startswith("ours:") and len(name) > len("ours:"):
        return ours.Ours(name)
    known = ", ".join([*CLASSES, "Median", "AutoNHITS", "AutoGluon[:PRESET]"])
    raise SystemExit(
        f"unknown contestant {name!r}; choose from {known}, ours:MODEL[:PRESET|:OPTION=VALUE]"
    )


def version_of(name: str) -> str:
    """Return what a stored result depends on: the package's version, for ours also its source."""
    package = contestant(name).package
    if package == "autogluon":
        return f"autogluon {autogluon.version()}"
    try:
        text = f"{package} {version(package)}"
    except PackageNotFoundError:
        text = package
    return f"{text} {ours.source()}" if package == "automodel_sk" else text


def in_order(names: Sequence[str]) -> list[str]:
    """Return the contestants and the parts that they need, each once, the parts first."""
    ordered: list[str] = []
    for name in names:
        needed = contestant(name)
        parts = needed.parts if isinstance(needed, Median) else ()
        ordered += [part for part in (*parts, name) if part not in ordered]
    return ordered
