"""What is the same for all trials of a search over one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST_REPORTS", "PLATEAU", "REPORTS_PER_TRIAL", "TrainingTask"]

REPORTS_PER_TRIAL = 100
"""Validations of one trial where `val_check_steps` is left open: the 5, 10 and 20 reports
that pruners wait for are then early in a trial."""

FEWEST_REPORTS = 40
"""Validations of one trial where they are costly, as they are for thousands of series."""

PLATEAU = 0.15
"""Share of its validations after which a trial that has not improved is not trained on."""

_VALIDATION_SHARE = 0.15
_WINDOWS_OF_A_STEP = 3 * 256
"""A validation goes forward only: a third of the work of a step on as many windows."""


@dataclass(frozen=True)
class TrainingTask:
    """All that a candidate's training needs beside its configuration and the data.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.
    h : int
        Forecast horizon, in steps of the data.
    val_size : int
        Steps held out at the end of each series for validation.
    n_series : int
        Series in the data; multivariate models are built for as many.
    loss, valid_loss : neuralforecast loss, optional
        Training loss (`MAE()` when None) and the metric that is minimised (the
        training loss when None).
    random_seed : int
        Seeds the model's weights and its batches.
    futr_exog, hist_exog, stat_exog : tuple of str
        Exogenous columns by kind.
    cat_exog : tuple of str
        Exogenous columns that the model takes for categories.
    pad_short_series : bool
        Pad series with zeros at the start, whatever their lengths: where it is settled.
    has_mask : bool
        Whether some rows of the data were not observed.
    trainer_options : mapping
        Further arguments of Lightning's `Trainer`.
    lengths : array of int, shape (n_series,), optional
        Rows of each series; known, no step draws more windows than there are, and
        series are padded where the shortest has no full window.
    step_size : int, optional
        Steps from one validation window to the next; `h` when None.
    metric : str or callable, optional
        What `objective` was made of.
    objective : Objective, optional
        Judges trials in the validation loss's place.
    plateau : float, optional
        A trial ends, complete, once its loss has not improved for this share of
        its validations; None: each trains to its end.
    weights : str, optional
        A folder where the best trial leaves its weights; nowhere when None.

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

    @property
    def n_windows(self) -> int:
        """Validation windows that the held-out steps hold."""
        return (self.val_size - self.h) // (self.step_size or self.h) + 1

    def check_interval(self, max_steps: int) -> int:
        """Return the training steps between two validations where the user left it open.

        A hundred validations a trial, fewer where they would take more than a
        seventh of its training.

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
