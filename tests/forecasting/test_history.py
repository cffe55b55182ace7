"""What a history to forecast from is warned of."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from automodel_sk.forecasting.history import usable_history
from automodel_sk.training.task import TrainingTask

TASK = TrainingTask("NHITS", h=2, val_size=2)


def rows(name: str, times: pd.Index) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(float(len(times)))})


@pytest.mark.parametrize("freq", ["D", "B", "2B", "MS", "h", 1])
def test_gaps_are_named_as_at_the_search(freq: str | int, caplog: pytest.LogCaptureFixture) -> None:
    if isinstance(freq, int):
        times: pd.Index = pd.RangeIndex(30)
    else:
        times = pd.date_range("2024-01-01", periods=30, freq=freq)
    whole = rows("a", times)
    with caplog.at_level(logging.WARNING):
        usable_history(whole, TASK, freq)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        history = usable_history(
            pd.concat([whole, rows("b", times.delete([7, 8, 20]))]), TASK, freq
        )
    assert history.groupby("unique_id").size().tolist() == [30, 27]
    (record,) = caplog.records
    said = record.getMessage()
    assert f"lacks 3 times at freq={freq!r} in 1 series, first in series 'b'" in said
    assert "fill_gaps" in said
