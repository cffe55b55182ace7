"""How much effort a search makes: the time, if the user names neither time nor trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from automodel_sk.options import OptimizationConfig

__all__ = ["PRESETS", "Preset", "with_preset", "with_time_limit"]


@dataclass(frozen=True)
class Preset:
    """The effort of a search.

    Parameters
    ----------
    minutes : float
        Time budget of search and final models.
    patience : int
        Trials in a row without a new leader after which a search over several models ends.
    """

    minutes: float
    patience: int


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(minutes=1, patience=5),
    "balanced": Preset(minutes=5, patience=10),
    "best": Preset(minutes=30, patience=20),
}


def with_time_limit(options: OptimizationConfig) -> OptimizationConfig:
    """Return options with the preset's time, unless the user set a time or a number of trials.

    Examples
    --------
    >>> with_time_limit(OptimizationConfig()).time_budget_hours == 5 / 60
    True
    >>> with_time_limit(OptimizationConfig(num_samples=3)).time_budget_hours is None
    True
    """
    if options.num_samples is not None or options.time_budget_hours is not None:
        return options
    return replace(options, time_budget_hours=PRESETS[options.preset].minutes / 60)


def with_preset(options: OptimizationConfig) -> OptimizationConfig:
    """Return options of a search over several models with the preset's time and patience.

    Examples
    --------
    >>> with_preset(OptimizationConfig(preset="quick", num_samples=3)).patience
    5
    """
    patience = PRESETS[options.preset].patience if options.patience is None else options.patience
    return replace(with_time_limit(options), patience=patience)
