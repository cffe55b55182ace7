"""Windows that are cut once they are drawn: upstream's own, and so the same training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast.common._base_model import BaseModel
from neuralforecast.tsdataset import TimeSeriesDataset
from series import seasonal_panel

from automodel_sk.training.build import build_model
from automodel_sk.training.patches import lazy_windows as training_windows
from automodel_sk.training.patches.lazy_windows import cut_when_drawn, is_known
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import training

STEPS = 6


def panel() -> pd.DataFrame:
    """Return series of unequal lengths, one of them shorter than a window, with noise."""
    frame = seasonal_panel(n_series=4, length=90)
    frame["y"] += np.random.default_rng(0).normal(size=len(frame))
    frame["price"] = np.random.default_rng(1).normal(size=len(frame))
    kept = {"s0": 90, "s1": 61, "s2": 33, "s3": 20}
    return pd.concat(
        [group.tail(kept[name]) for name, group in frame.groupby("unique_id")], ignore_index=True
    )


STATIC = pd.DataFrame({"unique_id": ["s0", "s1", "s2", "s3"], "size": [1.0, 2.0, 3.0, 4.0]})

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "one window in two, few of them": ("MLP", {"step_size": 2, "windows_batch_size": 7}, {}),
    "more than there are": ("NHITS", {"windows_batch_size": 4096}, {}),
    "only whole ones": ("MLP", {"training_data_availability_threshold": [1.0, 1.0]}, {}),
    "half of a past": ("MLP", {"training_data_availability_threshold": [0.5, 0.25]}, {}),
    "padded": ("MLP", {"start_padding_enabled": True}, {}),
    "some series a step": ("MLP", {"batch_size": 2}, {}),
    "no window left out": ("MLP", {"windows_batch_size": None}, {}),
    "nothing held out": ("MLP", {}, {"val_size": 0}),
    "recurrent": ("GRU", {"h_train": 3, "encoder_hidden_size": 8}, {}),
    "exogenous and static": (
        "TFT",
        {"hidden_size": 8},
        {"futr_exog": ("price",), "stat_exog": ("size",)},
    ),
    "historic": ("NBEATSx", {}, {"hist_exog": ("price",)}),
    "several series in one": ("TSMixerx", {"ff_dim": 8}, {"hist_exog": ("price",)}),
    "several series in one, only whole ones": (
        "iTransformer",
        {"training_data_availability_threshold": [0.6, 1.0], "hidden_size": 16},
        {},
    ),
}


def train(case: str) -> Any:
    """Return a model trained for some steps."""
    name, more, facts = CASES[case]
    frame = panel()
    used = [*facts.get("futr_exog", ()), *facts.get("hist_exog", ())]
    dataset, *_ = TimeSeriesDataset.from_df(
        frame[["unique_id", "ds", "y", *used]],
        static_df=STATIC if "stat_exog" in facts else None,
    )
    task = TrainingTask(
        name,
        **{
            "h": 6,
            "val_size": 6,
            "n_series": 4,
            "trainer_options": {"accelerator": "cpu", "devices": 1},
            **facts,
        },
    )
    config = {"max_steps": STEPS, "val_check_steps": STEPS, "input_size": 18, **more}
    with training():
        model = build_model(task, {"windows_batch_size": 16, **config})
        model.fit(dataset, val_size=task.val_size)
    return model


@pytest.mark.parametrize("case", CASES)
def test_a_training_is_the_same_to_the_last_bit(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = train(case)
    monkeypatch.setattr(training_windows, "is_known", lambda _: False)
    theirs = train(case)
    assert [step for step, _ in ours.train_trajectories] == list(range(STEPS))
    assert ours.train_trajectories == theirs.train_trajectories
    for name, weights in theirs.state_dict().items():
        assert torch.equal(weights, ours.state_dict()[name]), name


def test_nothing_is_cut_that_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, ...]] = []
    cut = training_windows._Windows.__getitem__

    def watched(self: Any, numbers: Any) -> Any:
        drawn.append(tuple(cut(self, numbers).shape))
        return cut(self, numbers)

    monkeypatch.setattr(training_windows._Windows, "__getitem__", watched)
    train("one window in two, few of them")
    assert drawn == [(7, 24, 2, 1)] * STEPS


def test_upstreams_complaint_stays() -> None:
    frame = panel().assign(available_mask=0.0)
    dataset, *_ = TimeSeriesDataset.from_df(frame[["unique_id", "ds", "y", "available_mask"]])
    task = TrainingTask(
        "MLP", h=6, val_size=6, trainer_options={"accelerator": "cpu", "devices": 1}
    )
    model = build_model(task, {"max_steps": 2, "input_size": 18})
    with training(), pytest.raises(Exception, match="No windows available for training"):
        model.fit(dataset, val_size=6)


def test_another_upstream_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def another(self: Any, batch: Any, step: str) -> None: ...

    monkeypatch.setattr(BaseModel, "_create_windows", another)
    with cut_when_drawn():
        assert BaseModel._create_windows is another


def test_the_tested_upstream_is_known_and_comes_back() -> None:
    before = BaseModel._create_windows
    assert is_known(before)
    with cut_when_drawn():
        assert BaseModel._create_windows is not before
    assert BaseModel._create_windows is before
