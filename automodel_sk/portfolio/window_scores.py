"""Scores of an ensemble, its members and the baselines on the validation windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.times.wall_dates import in_zone
from automodel_sk.evaluation.validation_scores import (
    DEFAULT_METRICS,
    WindowLayout,
    chosen_metrics,
    scores_by_window,
)
from automodel_sk.metrics import Forecast
from automodel_sk.portfolio.state import NAME, EnsembleState

__all__ = ["scores_of_windows"]


def scores_of_windows(state: EnsembleState, metrics: Sequence[Any] | None = None) -> pd.DataFrame:
    """Return the errors on each validation window; see `AutoEnsemble.validation_scores`."""
    record, data = state.record, state.record.data
    judged = chosen_metrics(record.metric, metrics, data.season, DEFAULT_METRICS)
    layout = WindowLayout(data.h, data.n_windows, data.step_size)
    ids = record.windows().ids
    forecasts = {
        name: state.coherent_windows(point, ids)
        for name, point in {NAME: record.combined, **_of_members(state)}.items()
    }
    own = {n: Forecast(np.asarray(f, np.float64).ravel(), {}) for n, f in forecasts.items()}
    table = scores_by_window(own, data.windows, data.judged, judged, layout, data.freq, data.season)
    cutoffs = in_zone(table[["cutoff"]].assign(ds=table["cutoff"]), record.zone)["cutoff"]
    return table.assign(cutoff=cutoffs)


def _of_members(state: EnsembleState) -> dict[str, Any]:
    """Return the members' forecasts of the windows, by name."""
    parts = state.team.by_name
    found = {name: state.record.of_number(part.number) for name, part in parts.items()}
    known = {name: candidate.forecasts for name, candidate in found.items() if candidate}
    return {name: forecasts for name, forecasts in known.items() if forecasts is not None}
