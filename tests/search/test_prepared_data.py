"""The data of a call are read, checked and prepared once, for any number of models."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from automodel_sk.data import frequency
from automodel_sk.data.panel import Panel
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.planning import UserInput, make_plan, plan_search
from automodel_sk.search.prepared import prepare_data

H = 4
DAYS = [f"{day:02d}.{month:02d}.2024" for month in (1, 3) for day in range(1, 32)]
DF = pd.DataFrame(
    {"unique_id": "a", "ds": DAYS[:31], "y": range(31), "price": 1.0, "rest": 0.0}
).assign(y=lambda d: (d["y"] % 7).astype(float))
OPTIONS = OptimizationConfig(num_samples=2, metric="mae", gpus=0, cpus=1)
MODELS = ("NLinear", "MLP", "TSMixer")


def test_models_planned_on_shared_data_are_planned_as_if_alone() -> None:
    prepared = prepare_data(DF, H, OPTIONS, hist_exog=["price"])
    for name in ("MLP", "NHITS"):
        shared = plan_search(prepared, name, OPTIONS)
        alone = make_plan(UserInput(name, H, DF, hist_exog_list=["price"]), OPTIONS)
        assert shared.identity() == alone.identity()
        assert shared.fingerprint == alone.fingerprint
        assert shared.validation == alone.validation
        assert shared.validation.warnings
        assert str(shared.profile) == str(alone.profile)
        pd.testing.assert_frame_equal(shared.frame, alone.frame)


def test_the_panel_is_built_and_the_frequency_inferred_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panels: list[Any] = []
    build = Panel.of.__func__

    def counted(cls: type[Panel], *columns: Any) -> Panel:
        panels.append(columns)
        return build(cls, *columns)

    asked: list[Any] = []
    infer = frequency._ask_pandas

    def asked_once(times: Any) -> Any:
        asked.append(times)
        return infer(times)

    monkeypatch.setattr(Panel, "of", classmethod(counted))
    monkeypatch.setattr(frequency, "_ask_pandas", asked_once)
    prepared = prepare_data(DF.drop(columns=["price", "rest"]), H, OPTIONS)
    plans = [plan_search(prepared, name, OPTIONS) for name in MODELS]
    assert [plan.task.model_name for plan in plans] == list(MODELS)
    assert len(panels) == len(asked) == 1
    assert plans[0].data is plans[2].data
    assert plans[0].profile.date_order == "day first"


def test_what_is_wrong_is_said_with_all_else_when_a_model_is_planned() -> None:
    prepared = prepare_data(DF.assign(y="x"), H, OPTIONS)
    with pytest.raises(InvalidInputError) as caught:
        plan_search(prepared, "MLP", OPTIONS, config={"max_steps": 0})
    assert "max_steps" in str(caught.value)
    assert "'y'" in str(caught.value)


def test_text_is_categorical_for_models_that_embed_it_and_refused_by_others() -> None:
    df = DF.assign(day=["weekday", "weekend"] * 15 + ["weekday"])
    prepared = prepare_data(df, H, OPTIONS, futr_exog=["day"])
    config = {"cat_exog_list": ["day"], "categorical_cardinalities": {"day": 2}, "max_steps": 5}
    assert plan_search(prepared, "MLP", OPTIONS, config=config).task.cat_exog == ("day",)
    assert plan_search(prepared, "MLP", OPTIONS, config={"max_steps": 5}).task.cat_exog == ("day",)
    with pytest.raises(InvalidInputError, match="'day'"):
        plan_search(prepared, "TFT", OPTIONS, config={"max_steps": 5})
