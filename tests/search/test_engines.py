"""Both engines keep the one contract."""

from __future__ import annotations

import pytest
from engine_contract import EngineContract, LongEngineContract


class TestOptuna(EngineContract):
    backend = "optuna"


class TestRay(EngineContract):
    backend = "ray"


@pytest.mark.slow
class TestOptunaFurther(LongEngineContract):
    backend = "optuna"


@pytest.mark.slow
class TestRayFurther(LongEngineContract):
    backend = "ray"
