"""A search on Optuna, killed at seeded random moments, loses no ended trial and resumes."""

from __future__ import annotations

from pathlib import Path

import pytest
from siege import Optuna, Siege


def test_nothing_that_ended_is_lost(tmp_path: Path) -> None:
    siege = Siege(Optuna(), tmp_path, seed=1)
    siege.go_on(kills=4)
    assert siege.cut_off >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_a_hundred_kills_in_four_parts(seed: int, tmp_path: Path) -> None:
    siege = Siege(Optuna(), tmp_path, seed)
    siege.go_on(kills=25)
    assert siege.cut_off >= 10
