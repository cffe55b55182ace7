"""Fixtures that many tests share."""

from __future__ import annotations

import os
import signal

import pandas as pd
import pytest
from hypothesis import settings
from series import seasonal_panel

# The default suite draws the same examples each time; `make test-all` draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# A run in the background, or by nohup, inherits signals that are ignored, and so would the commands
# that tests start and stop by them.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture
def panel() -> pd.DataFrame:
    return seasonal_panel()
