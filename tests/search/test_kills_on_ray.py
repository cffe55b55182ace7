"""A search on Ray, killed at seeded random moments, loses no ended trial and resumes."""

from __future__ import annotations

from pathlib import Path

import pytest
from siege import Ray, Siege


@pytest.mark.slow
def test_nothing_that_ended_is_lost(tmp_path: Path) -> None:
    siege = Siege(Ray(), tmp_path, seed=1)
    siege.go_on(kills=4)
    assert siege.cut_off >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [2, 3])
def test_fifty_kills_in_two_parts(seed: int, tmp_path: Path) -> None:
    siege = Siege(Ray(), tmp_path, seed)
    siege.go_on(kills=25)
    assert siege.cut_off >= 10
