"""Train a model's configuration on other data: anew, or on from its weights."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from automodel_sk.data.analysis import DatasetProfile, analyse_dataset
from automodel_sk.data.preparation import date_order, read_times
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.inputs import check_room, prepared_history, prepared_static
from automodel_sk.forecasting.state import ModelState, exact_target
from automodel_sk.training.build import is_padded
from automodel_sk.training.refit import fit_final, task_of, train_on

__all__ = ["profile_of", "refitted", "updated"]

_UPDATE_SHARE = 0.2


def refitted(
    state: ModelState, dataset: pd.DataFrame, static_df: pd.DataFrame | None = None
) -> ModelState:
    """Return the same configuration trained on other data; see `AutoModel.refit`."""
    order, treatment = state.date_order, state.treatment
    frame = usable_history(dataset, state.task, state.freq, order, treatment=treatment)
    _refuse_single_rows(frame)
    task = replace(task_of(state.task, frame), pad_short_series=False)
    task = replace(task, pad_short_series=is_padded(task, state.config))
    steps = state.steps_in_full
    static = prepared_static(state, static_df, frame, trains_anew=True)
    check_room(state, frame, static)
    fitted = fit_final(task, state.config, frame, state.freq, static_df=static, steps=steps)
    profile = profile_of(state, dataset)
    return replace(
        state,
        fitted=fitted,
        task=task,
        trained_steps=steps,
        note=None,
        scores=None,
        windows=None,
        profile=profile,
        treatment=state.treatment.trained_on(profile.has_negatives),
        target=exact_target(frame),
    )


def updated(
    state: ModelState,
    dataset: pd.DataFrame,
    static_df: pd.DataFrame | None = None,
    max_steps: int | None = None,
) -> ModelState:
    """Return a model trained on from its weights; see `AutoModel.update`."""
    frame = prepared_history(state, dataset)
    _refuse_single_rows(frame)
    task = task_of(state.task, frame)
    fitted = train_on(
        state.fitted,
        state.config,
        frame,
        static_df=prepared_static(state, static_df, frame),
        done=state.number_of_steps,
        steps=max_steps or max(1, round(state.number_of_steps * _UPDATE_SHARE)),
    )
    profile = profile_of(state, dataset)
    return replace(
        state,
        fitted=fitted,
        task=replace(task, pad_short_series=is_padded(task, state.config)),
        scores=None,
        windows=None,
        profile=profile,
        treatment=state.treatment.trained_on(profile.has_negatives),
        target=exact_target(frame),
    )


def _refuse_single_rows(frame: pd.DataFrame) -> None:
    """Raise if no series has a past and a future to train on."""
    if frame.groupby("unique_id", observed=True).size().max() < 2:
        raise InvalidInputError(
            "dataset has a single row in each series, which leaves nothing to learn from; pass"
            " at least one series of 2 rows or more"
        )


def profile_of(state: ModelState, dataset: pd.DataFrame) -> DatasetProfile:
    """Return the profile of data that replace the training data."""
    task, order = state.task, state.date_order
    rows, names = read_times(dataset, order), (task.futr_exog, task.cat_exog)
    profile = analyse_dataset(
        state.treatment.of_data(rows, state.freq, *names, quiet=True),
        freq=state.freq,
        futr_exog=task.futr_exog,
        hist_exog=task.hist_exog,
        stat_exog=task.stat_exog,
    )
    return replace(profile, date_order=date_order(dataset) or order)
