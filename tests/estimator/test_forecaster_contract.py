"""sktime's own contract for forecasters, every check of it."""

from __future__ import annotations

import pytest
from sktime.utils.estimator_checks import check_estimator, parametrize_with_checks

from automodel_sk.forecaster import AutoNeuralForecaster

pytestmark = pytest.mark.filterwarnings("ignore")  # sktime's and its dependencies' own


@parametrize_with_checks([AutoNeuralForecaster])
def test_sktime_contract(obj: object, test_name: str) -> None:
    check_estimator(obj, tests_to_run=test_name, raise_exceptions=True, verbose=False)
