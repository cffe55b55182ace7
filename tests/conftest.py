"""Fixtures that many tests share."""

from __future__ import annotations

import os

import pandas as pd
import pytest
from hypothesis import settings
from series import seasonal_panel

# The default suite draws the same examples each time; `make test-all` draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture
def panel() -> pd.DataFrame:
    return seasonal_panel()
