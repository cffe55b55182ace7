"""The settings that all trials of a search over one model share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST_REPORTS", "PLATEAU", "REPORTS_PER_TRIAL", "TrainingTask"]

REPORTS_PER_TRIAL = 100
"""Validations per trial if `val_check_steps` is left open, so that the first 5, 10 or 20
reports that pruners wait for come early in a trial."""

FEWEST_REPORTS = 40
"""Validations per trial if they are costly, as with thousands of series."""

PLATEAU = 0.15
"""A trial stops if it has not improved for this share of its validations."""

_VALIDATION_SHARE = 0.15
_WINDOWS_OF_A_STEP = 3 * 256
"""A validation runs the forward pass only: a third of the work of a step on as many windows."""


@dataclass(frozen=True)
class TrainingTask:
    """Everything a training needs beside its configuration and the data.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    h : int
        Forecast horizon, in steps of the data.
    val_size : int
        Steps held out at the end of each series for validation.
    n_series : int
        Number of series in the data, which multivariate models are built for.
    loss, valid_loss : neuralforecast loss, optional
        Training loss (`MAE()` if None) and the loss to minimise (the training loss if None).
    random_seed : int
        Seeds the model's weights and its batches.
    futr_exog, hist_exog, stat_exog : tuple of str
        Exogenous columns by kind.
    cat_exog : tuple of str
        Exogenous columns that the model treats as categories.
    pad_short_series : bool
        Pad series with zeros at the start regardless of their lengths, if already decided.
    has_mask : bool
        Whether some rows of the data were not observed.
    trainer_options : mapping
        Further arguments of Lightning's `Trainer`.
    lengths : array of int, shape (n_series,), optional
        Rows of each series. If known, steps draw no more windows than exist, and series are padded
        if the shortest has no full window.
    step_size : int, optional
        Steps between validation windows; `h` if None.
    metric : str or callable, optional
        The metric that `objective` was made from.
    objective : Objective, optional
        Scores trials instead of the validation loss.
    plateau : float, optional
        A trial stops, as complete, once its loss has not improved for this share of its
        validations. If None, every trial runs to its end.
    weights : str, optional
        Folder for the best trials' weights. If None, weights are not kept.
    keep : int
        Number of trials whose weights are kept.
    forecasts : str, optional
        Folder for each trial's forecasts of the validation windows at its best validation. If None,
        they are not kept.
    keep_forecasts : int, optional
        Number of trials whose forecasts are kept: the best ones; all of them if None.
    average_weights : bool
        Whether the final model has the average of the weights of its last steps.
    slot_seconds : float, optional
        Time for one trial, which trains for as many of its steps as fit. If None, for all of them.

    Examples
    --------
    >>> TrainingTask("NHITS", h=12, val_size=12).n_windows
    1
    """

    model_name: str
    h: int
    val_size: int
    n_series: int = 1
    loss: Any = None
    valid_loss: Any = None
    random_seed: int = 42
    futr_exog: tuple[str, ...] = ()
    hist_exog: tuple[str, ...] = ()
    stat_exog: tuple[str, ...] = ()
    cat_exog: tuple[str, ...] = ()
    pad_short_series: bool = False
    has_mask: bool = False
    trainer_options: Mapping[str, Any] = field(default_factory=dict)
    lengths: npt.NDArray[np.integer[Any]] | None = field(default=None, compare=False, repr=False)
    step_size: int | None = None
    metric: Any = None
    objective: Any = field(default=None, compare=False, repr=False)
    plateau: float | None = None
    weights: str | None = field(default=None, compare=False)
    keep: int = field(default=1, compare=False)
    forecasts: str | None = field(default=None, compare=False)
    keep_forecasts: int | None = field(default=None, compare=False)
    average_weights: bool = False
    slot_seconds: float | None = field(default=None, compare=False)

    @property
    def n_windows(self) -> int:
        """Number of validation windows in the held-out steps."""
        return (self.val_size - self.h) // (self.step_size or self.h) + 1

    def check_interval(self, max_steps: int) -> int:
        """Return the training steps between two validations if the user left it open.

        Aims at a hundred validations per trial, and fewer if they would take more than a seventh of
        its training time.

        Examples
        --------
        >>> TrainingTask("NHITS", h=12, val_size=12).check_interval(1000)
        10
        >>> TrainingTask("NHITS", h=12, val_size=12, n_series=50_000).check_interval(1000)
        25
        """
        steps_of_one = self.n_series * max(1, self.n_windows) / _WINDOWS_OF_A_STEP
        affordable = int(_VALIDATION_SHARE * max_steps / steps_of_one)
        reports = max(FEWEST_REPORTS, min(REPORTS_PER_TRIAL, affordable))
        return max(1, max_steps // reports)
