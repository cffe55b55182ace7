"""The past that a fitted model forecasts from: checked against what the model was built for."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from automodel_sk.catalog.models import is_joint
from automodel_sk.data.joint import check_places, uneven_ends
from automodel_sk.data.preparation import prepare_frame, read_times
from automodel_sk.data.times.steps import later_times, parse_frequency
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
) -> pd.DataFrame:
    """Return a history ready for a model, or say what is wrong with it.

    Parameters
    ----------
    dataset : DataFrame
        Long frame as a user passes it.
    task : TrainingTask
        What the model was built for.
    freq : str or int
        Frequency of the data that it was trained on.
    date_order : {"day first", "month first"}, optional
        How the model's own times were written, for text that leaves the order open.
    trained_on : sequence, optional
        Names of the series that the model was trained on, in order; a model of all
        series at once takes no others. Not looked at when None.

    Returns
    -------
    DataFrame
        The columns that the model uses, sorted by series and time.

    Raises
    ------
    InvalidInputError
        The rows can't be used, or a multivariate model is given other series.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": "a", "ds": [2, 1], "y": [2, 1]})
    >>> usable_history(df, TrainingTask("NHITS", h=1, val_size=1), freq=1)["y"].tolist()
    [1.0, 2.0]
    """
    from automodel_sk.validation import DataValidator

    dataset = read_times(dataset, date_order)
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
        later_times(pd.DatetimeIndex([frame["ds"].max()]), parse_frequency(freq), task.h)
    if is_joint(task.model_name):
        _check_series(task, frame, trained_on)
    return frame


def _check_series(task: TrainingTask, frame: pd.DataFrame, trained_on: Any) -> None:
    ends = frame.groupby("unique_id", observed=True, sort=False)["ds"].last()
    if len(ends) != task.n_series:
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
