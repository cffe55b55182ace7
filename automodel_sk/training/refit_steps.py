"""Choose the number of training steps of the refit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from automodel_sk.catalog.trainer_arguments import DEFAULT_MAX_STEPS

__all__ = ["FURTHER_SHARE", "LEAST_SHARE", "final_steps", "further_steps", "refit_steps"]

LEAST_SHARE = 0.5
"""Minimum share of a trial's steps that the final model is trained for."""

FURTHER_SHARE = 0.2
"""Share of the best trial's steps for continued training on new data."""


def final_steps(config: Mapping[str, Any], best_step: int) -> int:
    """Return the steps of a full refit: the best step, but at least half of the trial's steps.

    The best of a hundred validations on one window is early by chance, and more rows need more
    steps. If a configuration uses early stopping, its best step is used as is.

    Parameters
    ----------
    config : mapping
        The best configuration.
    best_step : int
        Training steps at the best validation loss.

    Examples
    --------
    >>> [final_steps({"max_steps": 300}, best) for best in (60, 210)]
    [150, 210]
    >>> final_steps({"max_steps": 300, "early_stop_patience_steps": 5}, 60)
    60
    """
    if (config.get("early_stop_patience_steps") or -1) > 0:
        return best_step
    longest = int(config.get("max_steps") or DEFAULT_MAX_STEPS)
    return max(best_step, math.ceil(LEAST_SHARE * longest))


def further_steps(best_step: int) -> int:
    """Return the steps for continued training of a trained model.

    Examples
    --------
    >>> further_steps(100)
    20
    """
    return max(1, round(best_step * FURTHER_SHARE))


def refit_steps(refit: str, config: Mapping[str, Any], best_step: int) -> int:
    """Return the steps that the refit takes after the search.

    Parameters
    ----------
    refit : {"full", "best_weights", "continue"}
        How the final model is obtained.
    config, best_step
        As in `final_steps`.

    Examples
    --------
    >>> [refit_steps(way, {"max_steps": 300}, 60) for way in ("full", "best_weights", "continue")]
    [150, 0, 12]
    """
    if refit == "best_weights":
        return 0
    return further_steps(best_step) if refit == "continue" else final_steps(config, best_step)
