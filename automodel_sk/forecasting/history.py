"""Validate the history that a fitted model forecasts from."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from automodel_sk.catalog.models import is_joint
from automodel_sk.data.joint import check_places, uneven_ends
from automodel_sk.data.panel import Panel
from automodel_sk.data.preparation import MASK, prepare_frame, read_times
from automodel_sk.data.times.steps import later_times, parse_frequency
from automodel_sk.data.times.wall_clock import index_of
from automodel_sk.data.treatment import Treatment
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.training.task import TrainingTask

__all__ = ["usable_history"]

logger = logging.getLogger(__name__)


def usable_history(
    dataset: pd.DataFrame,
    task: TrainingTask,
    freq: str | int,
    date_order: str | None = None,
    trained_on: Any = None,
    treatment: Treatment | None = None,
) -> pd.DataFrame:
    """Validate and prepare a history for a model; raise if it can't be used.

    Parameters
    ----------
    dataset : DataFrame
        Long frame as the user passed it.
    task : TrainingTask
        The task the model was trained for.
    freq : str or int
        Frequency of the training data.
    date_order : {"day first", "month first"}, optional
        Order of day and month in the training data's text times, used for ambiguous text.
    trained_on : sequence, optional
        Series ids of the training data, in order; a model that takes all series at once accepts no
        others. Not checked if None.
    treatment : Treatment, optional
        What the model does to its data.

    Returns
    -------
    DataFrame
        The columns that the model uses, sorted by series and time.

    Raises
    ------
    InvalidInputError
        If the rows can't be used, or a multivariate model gets other series.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [2, 1], "y": [2, 1]})
    >>> usable_history(df, TrainingTask("NHITS", h=1, val_size=1), freq=1)["y"].tolist()
    [1.0, 2.0]
    """
    from automodel_sk.validation import DataValidator
    from automodel_sk.validation.data.rows import gap_warnings

    dataset = read_times(dataset, date_order)
    treatment = treatment or Treatment()
    dataset = treatment.of_data(dataset, freq, task.futr_exog, task.cat_exog)
    result = DataValidator().validate_dataset(
        dataset,
        freq=freq,
        futr_exog=task.futr_exog,
        hist_exog=task.hist_exog,
        categories=task.cat_exog,
    )
    result.raise_if_invalid()
    frame = prepare_frame(dataset, [*task.futr_exog, *task.hist_exog])
    if not isinstance(freq, int):
        later_times(index_of([frame["ds"].max()]), parse_frequency(freq), task.h)
    if is_joint(task.model_name):
        _check_series(task, frame, trained_on)
    for warning in gap_warnings(Panel.of(frame["unique_id"], frame["ds"]), freq):
        logger.warning(warning)  # models count rows: after a gap, lags are those of other times
    _warn_of_unobserved(frame)
    return frame


def _warn_of_unobserved(frame: pd.DataFrame) -> None:
    """Warn about series of which nothing is known."""
    if MASK not in frame.columns:
        return
    observed = frame.groupby("unique_id", observed=True, sort=False)[MASK].max()
    never = observed.index[observed.to_numpy() == 0]
    if len(never):
        logger.warning(
            "%d of %d series never observed, first %s: its forecast rests on nothing known; leave"
            " such series out",
            len(never),
            len(observed),
            wording().series(never[0]),
        )


def _check_series(task: TrainingTask, frame: pd.DataFrame, trained_on: Any) -> None:
    ends = frame.groupby("unique_id", observed=True, sort=False)["ds"].last()
    if trained_on is not None and len(ends) != task.n_series:
        raise InvalidInputError(
            f"dataset has {len(ends)} series, {task.model_name} was built for"
            f" {task.n_series}: a multivariate model forecasts all series together;"
            " pass the same series, or call refit(dataset)"
        )
    if trained_on is not None:
        check_places(ends.index, trained_on, task.model_name)
    warning = uneven_ends(ends.index, ends)
    if warning is not None:
        logger.warning(warning)
