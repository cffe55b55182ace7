"""Which searches may share a study: those of one task on the same data, however they are held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast.losses.pytorch import MAE, DistributionLoss, HuberLoss, IQLoss, MQLoss
from series import seasonal_panel

from automodel_sk import OptimizationConfig, create_auto_model
from automodel_sk.exceptions import StudyMismatchError
from automodel_sk.search.planning import UserInput, make_plan
from automodel_sk.search.study.identity import data_digests, differences, loss_identity
from automodel_sk.search_space import Float

SPACE: dict[str, Any] = {"max_steps": 2, "input_size": 24, "learning_rate": Float(1e-3, 1e-2)}
ROWS = seasonal_panel().assign(price=lambda d: d["y"] % 7, promo=1.0)
GIVEN = UserInput("NHITS", 12, ROWS, SPACE, hist_exog_list=("price",))
OPTIONS = OptimizationConfig(num_samples=2, gpus=0, cpus=1)


def said(given: UserInput = GIVEN, **options: Any) -> str:
    """Return what differs between a search and the usual one."""
    plans = make_plan(GIVEN, OPTIONS), make_plan(given, replace(OPTIONS, **options))
    known, asked = (plan.identity() for plan in plans)
    return differences(known, asked)


@pytest.mark.parametrize(
    "same",
    [
        {"ds": "datetime64[ns]"},
        {"ds": "datetime64[s]"},
        {"ds": "datetime64[ms]", "y": "float32"},
        {"y": "float32", "price": "float32"},
        {"promo": "int8"},
        {"promo": "bool"},
        {"unique_id": "category"},
        {"unique_id": "object"},
    ],
)
def test_the_types_that_hold_the_data_make_no_difference(same: dict[str, str]) -> None:
    used = replace(GIVEN, hist_exog_list=("price",), dataset=ROWS.astype(same))
    assert said(used) == ""


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint16", "int64"])
def test_whole_number_times_count_by_value(dtype: str) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(91), "y": np.arange(91.0)})
    assert data_digests(frame.astype({"ds": dtype}), None) == data_digests(frame, None)
    assert data_digests(frame.assign(ds=frame["ds"] + 1), None) != data_digests(frame, None)


def test_moments_are_distinguished_to_the_nanosecond_and_alike_in_any_zone() -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=3, freq="h", unit="ns"))
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0})
    later = frame.assign(ds=times + pd.Timedelta(1, "ns"))
    assert data_digests(frame, None) != data_digests(later, None)
    here = frame.assign(ds=times.dt.tz_localize("UTC"))
    there = here.assign(ds=here["ds"].dt.tz_convert("Europe/Berlin"))
    assert data_digests(here, None) == data_digests(there, None)
    early = frame.assign(ds=pd.Series(pd.date_range("0900-01-01", periods=3, unit="s")))
    assert data_digests(early, None) != data_digests(frame, None)


STATIC = pd.DataFrame({"unique_id": ["s0", "s1", "s2"], "size": [1.0, 2.0, 3.0]})
KNOWN_AHEAD = replace(GIVEN, hist_exog_list=(), futr_exog_list=("price",))
MASKED = ROWS.assign(available_mask=(ROWS["y"] < 105.0) * 1.0)
OTHERS = [
    (KNOWN_AHEAD, "columns known ahead none, here price, historic columns price, here none"),
    (replace(GIVEN, dataset=ROWS[ROWS["unique_id"] != "s2"]), "series 3, here 2, rows 360, here 2"),
    (replace(GIVEN, dataset=ROWS.groupby("unique_id").tail(119)), "rows 360, here 357, first time"),
    (replace(GIVEN, dataset=ROWS.assign(y=ROWS["y"] + 1)), "other values in the data"),
    (replace(GIVEN, loss=MAE()), "loss default, here MAE"),
    (replace(GIVEN, h=6), "horizon 12, here 6"),
    (replace(GIVEN, static_df=STATIC, stat_exog_list=("size",)), "static columns none, here size"),
    (
        replace(GIVEN, dataset=ROWS.assign(available_mask=(ROWS["y"] < 105.0) * 1.0)),
        "mask and weights none, here avail",
    ),
]


@pytest.mark.parametrize(("given", "words"), OTHERS)
def test_what_differs_is_said_in_words(given: UserInput, words: str) -> None:
    assert words in said(given)


def test_the_season_counts_where_a_metric_is_scaled_by_it() -> None:
    assert said(season_length=6) == ""
    noisy = replace(GIVEN, dataset=ROWS.assign(y=ROWS["y"] + np.arange(len(ROWS)) % 7))
    assert "metric default, here mase of season 12" in said(noisy, metric="mase")


def losses() -> list[Any]:
    return [
        MAE(),
        MAE(horizon_weight=torch.arange(1.0, 13.0)),
        MAE(horizon_weight=torch.arange(2.0, 14.0)),
        HuberLoss(delta=1.0),
        HuberLoss(delta=2.0),
        MQLoss(quantiles=[0.1, 0.9]),
        MQLoss(quantiles=[0.2, 0.8]),
        DistributionLoss("Normal"),
        DistributionLoss("StudentT"),
        DistributionLoss("Normal", level=[50]),
        IQLoss(),
    ]


def test_losses_are_distinguished_by_all_their_settings_and_by_nothing_else() -> None:
    one, again = ([loss_identity(loss) for loss in losses()] for _ in range(2))
    assert one == again
    assert len(set(one)) == len(one)


@pytest.mark.parametrize("backend", ["optuna", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_study_of_another_task_is_not_resumed(backend: str, tmp_path: Path) -> None:
    def go(frame: pd.DataFrame, n: int, **columns: Any) -> int:
        options = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0}
        options |= {"storage": tmp_path, "study_name": "s", "backend": backend}
        model = create_auto_model("NHITS", 12, frame, SPACE, num_samples=n, **options, **columns)
        return len(model.trials)

    assert go(ROWS, 1, hist_exog_list=["price"]) == 1
    with pytest.raises(StudyMismatchError, match="columns known ahead none, here price"):
        go(ROWS, 2, futr_exog_list=["price"])
    other_types = ROWS.astype({"ds": "datetime64[ns]", "y": "float32"})
    assert go(other_types, 2, hist_exog_list=["price"]) == 2
