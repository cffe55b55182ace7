"""Which trial's weights are kept, and found again, without any training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from automodel_sk.training.trial_files import BestWeights, stored_weights, write_ranked

FIRST, SECOND = {"learning_rate": 0.1}, {"learning_rate": 0.2}


def layer(value: float) -> torch.nn.Module:
    module = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(module.weight, value)
    return module


def weights_at(folder: Path, config: dict[str, float]) -> float | None:
    found = stored_weights(str(folder), config)
    return None if found is None else float(found["weight"])


def test_the_weights_of_the_best_validation_are_kept(tmp_path: Path) -> None:
    best = BestWeights(str(tmp_path))
    for value, loss in [(1.0, 3.0), (2.0, 1.0), (3.0, 2.0)]:
        best.note(layer(value), loss)
    best.write(FIRST)
    assert weights_at(tmp_path, FIRST) == 2.0
    assert weights_at(tmp_path, SECOND) is None


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ((2.0, True), (1.0, True), SECOND),
        ((1.0, True), (2.0, True), FIRST),
        ((1.0, True), (1.0, True), FIRST),
        ((1.0, False), (2.0, True), SECOND),
        ((2.0, True), (1.0, False), FIRST),
    ],
    ids=["better", "worse", "equal", "complete after stopped", "stopped after complete"],
)
def test_the_best_trial_alone_keeps_its_weights(
    tmp_path: Path,
    first: tuple[float, bool],
    second: tuple[float, bool],
    kept: dict[str, float],
) -> None:
    for config, (loss, complete) in [(FIRST, first), (SECOND, second)]:
        best = BestWeights(str(tmp_path))
        best.note(layer(loss), loss)
        best.write(config, complete=complete)
    assert len([*tmp_path.iterdir()]) == 1
    assert weights_at(tmp_path, kept) is not None


def test_nothing_is_written_without_a_folder_or_a_validation(tmp_path: Path) -> None:
    nowhere = BestWeights(None)
    nowhere.note(layer(1.0), 1.0)
    nowhere.write(FIRST)
    BestWeights(str(tmp_path)).write(FIRST)
    assert not [*tmp_path.iterdir()]


def test_later_steps_do_not_change_the_copy(tmp_path: Path) -> None:
    best, module = BestWeights(str(tmp_path)), layer(1.0)
    best.note(module, 1.0)
    with torch.no_grad():
        module.weight.fill_(5.0)
    best.write(FIRST)
    assert weights_at(tmp_path, FIRST) == 1.0


def test_a_trial_outlives_weights_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    best = BestWeights(str(tmp_path / "gone"))
    best.note(layer(1.0), 1.0)
    best.write(FIRST)
    assert "a trial's weights are not kept" in caplog.text


def test_no_part_of_a_file_is_left(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_ranked(str(tmp_path), FIRST, 1.0, half, ending=".x")
    assert not [*tmp_path.iterdir()]
