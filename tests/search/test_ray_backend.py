"""The search on Ray does what every backend must do."""

from __future__ import annotations

import pytest
from backend_contract import BackendContract, FurtherBackendContract, LongBackendContract


class TestContract(BackendContract):
    backend = "ray"


@pytest.mark.slow
class TestFurtherContract(FurtherBackendContract):
    backend = "ray"


@pytest.mark.slow
class TestLongContract(LongBackendContract):
    backend = "ray"
