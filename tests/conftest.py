"""Fixtures that many tests share."""

from __future__ import annotations

import pandas as pd
import pytest
from series import seasonal_panel


@pytest.fixture
def panel() -> pd.DataFrame:
    return seasonal_panel()
