"""Several models on Ray: the same trials, their notes and their forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from several_models import essence, frame, search

from automodel_sk import create_auto_model

pytestmark = pytest.mark.slow


def test_ray_finds_what_optuna_finds(tmp_path: Path) -> None:
    on_ray = search(tmp_path, backend="ray")
    assert essence(on_ray) == essence(search(":memory:"))
    assert on_ray.trials["state"].tolist() == ["COMPLETE"] * 5
    assert sorted(on_ray.trials["params_model"]) == ["MLP", "MLP", "MLP", "Naive", "SeasonalNaive"]
    assert essence(search(tmp_path, backend="ray")) == essence(on_ray), "nothing runs again"


def test_members_alone_run_on_ray_as_on_optuna() -> None:
    pytest.importorskip("statsforecast")
    short = frame().groupby("unique_id", group_keys=False).head(40)
    extra = short[short["unique_id"] == "s0"].tail(14).assign(unique_id="young", y=np.arange(14.0))
    df = pd.concat([short, extra], ignore_index=True)
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1, "n_windows": 2}
    names = ["Naive", "DynamicOptimizedTheta"]
    tables = [
        create_auto_model(names, 5, df, storage=":memory:", backend=backend, **options)
        .leaderboard()
        .set_index("model")
        for backend in ("ray", "optuna")
    ]
    same = ["score", "reason", "state", "fallbacks"]
    pd.testing.assert_frame_equal(tables[0].loc[names, same], tables[1].loc[names, same])


def test_on_a_database_the_forecasts_travel_through_the_study(tmp_path: Path) -> None:
    from automodel_sk.portfolio.window_store import WindowStore

    url = f"sqlite:///{tmp_path / 'study.db'}"
    found = essence(search(url, backend="ray"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WindowStore, "_repeated", None)
        assert essence(search(url, backend="ray")) == found


def test_pruning_spares_the_first_configurations_on_ray(tmp_path: Path) -> None:
    options = {"use_pruning": True, "num_samples": 6, "steps": 80, "patience": None}
    found = search(tmp_path, backend="ray", **options)
    states = found.trials.set_index("number")["state"]
    assert (states.loc[[0, 1, 2]] == "COMPLETE").all()
    assert states.tolist() == search(":memory:", **options).trials["state"].tolist()
    assert states.tolist().count("PRUNED") >= 1


def test_a_budget_ends_the_search_on_ray_with_complete_trials(tmp_path: Path) -> None:
    search(":memory:", ("SeasonalNaive", "Naive"), backend="ray")  # Ray itself starts here
    found = search(
        tmp_path, backend="ray", num_samples=500, steps=20_000, time_budget_hours=60 / 3600
    )
    networks = found.trials.query("params_model == 'MLP'")
    assert 1 <= len(networks) < 500
    assert (networks["state"] == "COMPLETE").any()
    assert networks["params_max_steps"].min() < 20_000
