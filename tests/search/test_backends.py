"""Both backends keep the one contract."""

from __future__ import annotations

import pytest
from backend_contract import BackendContract, LongBackendContract


class TestOptuna(BackendContract):
    backend = "optuna"


class TestRay(BackendContract):
    backend = "ray"


@pytest.mark.slow
class TestOptunaFurther(LongBackendContract):
    backend = "optuna"


@pytest.mark.slow
class TestRayFurther(LongBackendContract):
    backend = "ray"
