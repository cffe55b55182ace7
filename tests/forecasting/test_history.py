"""What a history to forecast from is warned of, and which future rows are taken."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from automodel_sk.forecasting.future_values import future_values, of_steps, times_after
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


def test_future_rows_that_are_not_needed_may_be_anything() -> None:
    past = rows("a", pd.RangeIndex(3))
    needed = pd.DataFrame({"unique_id": "a", "ds": [3, 4], "price": [1.0, 2.0]})
    other = pd.DataFrame({"unique_id": "z", "ds": [3, 3, 9], "price": [7.0, 8.0, 9.0]})
    later = pd.DataFrame({"unique_id": "a", "ds": [9], "price": [7.0]})
    futr_df = pd.concat([other, needed, later])
    prepared = future_values(futr_df, ["price"], past, h=2, freq=1)
    found = of_steps(prepared, times_after(past, 1, 2))
    assert found is not None
    pd.testing.assert_frame_equal(found, needed, check_dtype=False)
