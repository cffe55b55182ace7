"""The private state of sktime's base class that saving, updating and threads rely on."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from automodel_sk.estimator import upstream


class Last(BaseForecaster):
    """Forecast the last value; it computes on frames, as the estimator does."""

    _tags = {"y_inner_mtype": ["pd.DataFrame"], "requires-fh-in-fit": False}  # noqa: RUF012

    def _fit(self, y: pd.DataFrame, X: object, fh: object) -> Last:
        return self

    def _update(self, y: pd.DataFrame, X: object = None, update_params: bool = True) -> Last:
        return self


Y = pd.Series(np.arange(12.0), pd.period_range("2020-01", periods=12, freq="M"), name="sales")


def test_the_state_of_a_fit_is_restored():
    fitted = Last().fit(Y, fh=[1, 2])
    restored = Last()
    upstream.restore_fit(restored, Y, ForecastingHorizon([1, 2]))
    upstream.set_fitted(restored)
    assert restored.is_fitted
    assert list(restored.cutoff) == list(fitted.cutoff)
    for read in (upstream.mtype_of, upstream.series_name_of, upstream.is_vectorized):
        assert read(restored) == read(fitted)
    assert list(upstream.horizon_of(restored)) == list(upstream.horizon_of(fitted)) == [1, 2]
    assert (upstream.mtype_of(fitted), upstream.series_name_of(fitted)) == ("pd.Series", "sales")


def test_forecasters_of_several_columns_are_recognised():
    wide = pd.DataFrame({"a": Y, "b": Y})
    assert not upstream.is_vectorized(Last())
    vectorized = Last().fit(wide)
    assert upstream.is_vectorized(vectorized) == hasattr(vectorized, "forecasters_")


def test_a_failed_update_leaves_no_trace():
    forecaster = Last().fit(Y)
    later = Y.shift(12, freq="M").rename("other")
    with contextlib.suppress(RuntimeError), upstream.unchanged_on_error(forecaster):
        forecaster.update(later, update_params=False)
        assert forecaster.cutoff[0] == later.index[-1]
        raise RuntimeError
    assert forecaster.cutoff[0] == Y.index[-1]
    assert upstream.series_name_of(forecaster) == "sales"


def test_each_call_has_its_own_horizon():
    forecaster = Last().fit(Y)
    found = upstream.own_horizon(forecaster, [3], False)
    assert list(found) == [3]
    assert list(upstream.horizon_of(forecaster)) == [3]


def test_columns_of_quantiles():
    forecaster = Last().fit(Y)
    columns = upstream.quantile_columns(forecaster, [0.1, 0.9])
    assert [tuple(c) for c in columns] == [("sales", 0.1), ("sales", 0.9)]


@pytest.mark.parametrize("name", ["_check_X_y", "_check_fh", "_repr_html_inner"])
def test_methods_that_the_estimator_overrides_exist(name: str):
    assert callable(getattr(BaseForecaster, name))
