"""How much effort "auto" makes: the time, when the user names neither time nor trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from automodel_sk.options import OptimizationConfig

__all__ = ["PRESETS", "Preset", "with_preset"]


@dataclass(frozen=True)
class Preset:
    """The effort of a search over several models.

    Parameters
    ----------
    minutes : float
        Time budget of search and final models.
    patience : int
        Trials in a row without a new leader after which the search ends.
    """

    minutes: float
    patience: int


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(minutes=1, patience=5),
    "balanced": Preset(minutes=5, patience=10),
    "best": Preset(minutes=30, patience=20),
}


def with_preset(options: OptimizationConfig) -> OptimizationConfig:
    """Return options whose preset is filled in; what the user set is kept.

    Examples
    --------
    >>> with_preset(OptimizationConfig()).time_budget_hours == 5 / 60
    True
    >>> with_preset(OptimizationConfig(preset="quick", num_samples=3)).time_budget_hours is None
    True
    """
    preset = PRESETS[options.preset]
    unlimited = options.num_samples is None and options.time_budget_hours is None
    return replace(
        options,
        time_budget_hours=preset.minutes / 60 if unlimited else options.time_budget_hours,
        patience=preset.patience if options.patience is None else options.patience,
    )
