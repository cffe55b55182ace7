"""Tests of the final members: fitted side by side as one after another, and what is lost there."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from several_models import MLP, QUIET, frame

from automodel_sk import create_auto_model
from automodel_sk.exceptions import SearchError
from automodel_sk.portfolio import final, refits, side_by_side
from automodel_sk.portfolio import run as whole_run
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.final import fit_members
from automodel_sk.portfolio.final_fits import MethodFit, NetworkFit
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.refits import refitted
from automodel_sk.portfolio.team import Team
from automodel_sk.search.optuna.workers import pool
from automodel_sk.search.optuna.workers.pool import workers_are_possible
from automodel_sk.search.parts import Processes

pytestmark = pytest.mark.skipif(not workers_are_possible(), reason="no worker processes here")
NAMES = ("SeasonalNaive", "RidgeRegression", "LightGBM", "NLinear", "MLP")


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The arguments of `fit_members` after a small search, with each candidate as a member."""
    pytest.importorskip("lightgbm")
    found: dict[str, Any] = {}

    def noted(*values: Any) -> Any:
        names = ("combination", "searched", "plan", "options", "budget", "folder", "on_progress")
        found.update(zip(names, values, strict=True))
        return fit_members(*values)

    fixed = {name: value for name, value in MLP.items() if name != "learning_rate"}
    config = {"MLP": fixed, "NLinear": {"max_steps": 30, "input_size": 12}}
    storage = tmp_path_factory.mktemp("final")
    options = {**QUIET, "storage": storage, "study_name": "final", "num_samples": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole_run, "fit_members", noted)
        create_auto_model(list(NAMES), 6, frame(), config, **options)
    share = 1 / len(NAMES)
    chosen = dict.fromkeys(range(len(NAMES)), share)
    return {**found, "combination": replace(found["combination"], weights=chosen)}


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two workers fit members, however little is gained."""
    monkeypatch.setattr(pool, "n_cpus", lambda: 2)
    monkeypatch.setattr(side_by_side, "LEAST_GAIN", -100.0)


def fitted(call: dict[str, Any], cpus: int = 1, **changed: Any) -> dict[str, Any]:
    options = replace(call["options"], cpus=cpus)
    members = fit_members(**{**call, "options": options, **changed})
    return {each.member.name: each for each in members}


@pytest.fixture(scope="module")
def alone(call: dict[str, Any]) -> dict[str, Any]:
    return fitted(call)


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for name, each in found.items():
        own = expected[name]
        assert (each.weight, each.number, each.note) == (own.weight, own.number, own.note)
        np.testing.assert_allclose(each.member.predict(), own.member.predict(), rtol=1e-5)
        assert each.member.describe() == own.member.describe()


def test_side_by_side_the_members_are_those_of_one_after_another(
    call: dict[str, Any],
    alone: dict[str, Any],
    two_workers: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    shares: list[float] = []

    def not_here(self: NetworkFit, *_: Any) -> Any:
        raise AssertionError("a network was trained in this process")

    monkeypatch.setattr(NetworkFit, "run", not_here)
    found = fitted(call, cpus=2, on_progress=shares.append)
    assert set(found) == set(NAMES)
    assert_same(found, alone)
    assert shares == [0.2, 0.4, 0.6, 0.8, 1.0]
    later = frame()
    for name in ("MLP", "NLinear", "LightGBM"):
        own = found[name].member
        np.testing.assert_allclose(own.predict(later), own.predict(), rtol=1e-4)
        (tmp_path / name).mkdir()
        own.save(tmp_path / name)


def test_a_member_whose_worker_dies_is_fitted_here(
    call: dict[str, Any],
    alone: dict[str, Any],
    two_workers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Dying(NetworkFit):
        def packed(self, *_: Any) -> Any:
            os.kill(os.getpid(), signal.SIGKILL)

    made = final._fit_of

    def dying(candidate: Any, *more: Any) -> Any:
        fit = made(candidate, *more)
        return Dying(**vars(fit)) if candidate.name == "MLP" else fit

    monkeypatch.setattr(final, "_fit_of", dying)
    assert_same(fitted(call, cpus=2), alone)


def test_a_member_that_fails_in_a_worker_is_left_out(
    call: dict[str, Any],
    two_workers: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(MethodFit):
        def packed(self, *_: Any) -> Any:
            raise SearchError("no leaf")

    made = final._fit_of

    def failing(candidate: Any, *more: Any) -> Any:
        fit = made(candidate, *more)
        return Failing(**vars(fit)) if candidate.name == "LightGBM" else fit

    monkeypatch.setattr(final, "_fit_of", failing)
    found = fitted(call, cpus=2)
    assert set(found) == set(NAMES) - {"LightGBM"}
    assert sum(each.weight for each in found.values()) == pytest.approx(1)
    assert "LightGBM is left out of the ensemble: SearchError: no leaf" in caplog.text


def test_without_time_networks_keep_the_weights_of_their_trials(
    call: dict[str, Any], alone: dict[str, Any], two_workers: None
) -> None:
    budget = PortfolioBudget(0.0)
    options = replace(call["options"], time_budget_hours=1e-6, cpus=2)
    members = fit_members(**{**call, "options": options, "budget": budget})
    notes = {each.member.name: each.note for each in members}
    assert "best trial's weights" in str(notes["MLP"])
    assert "best trial's weights" in str(notes["NLinear"])
    steps = {each.member.name: each.member.describe().get("trained_steps") for each in members}
    trial = next(r for r in call["searched"].records if r.params["model"] == "MLP")
    assert steps["MLP"] == trial.best_step


@pytest.mark.slow
def test_ray_fits_the_same_members(
    call: dict[str, Any], alone: dict[str, Any], two_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(call["options"], backend="ray", cpus=2)
    monkeypatch.setattr(NetworkFit, "run", None)
    assert_same({m.member.name: m for m in fit_members(**{**call, "options": options})}, alone)


@pytest.mark.slow
def test_ray_forecasts_blocks_of_series(monkeypatch: pytest.MonkeyPatch) -> None:
    from automodel_sk.portfolio.blocks import BlockForecasts, fit_in_blocks
    from automodel_sk.portfolio.data import PortfolioData
    from automodel_sk.portfolio.members.local import LocalMember
    from automodel_sk.portfolio.members.table import member_of

    monkeypatch.setattr(BlockForecasts, "part", None)  # nothing is forecast in this process
    values = np.random.default_rng(1).normal(50, 9, 4 * 1_203)
    ids, times = np.repeat(np.arange(1_203), 4), np.tile(np.arange(4), 1_203)
    df = pd.DataFrame({"unique_id": ids, "ds": times, "y": values})
    data = PortfolioData(df, 6, 1, season=1)
    member = LocalMember("Last", "statistical", member_of("Naive").method)  # type: ignore[attr-defined]
    found = fit_in_blocks(member, data, Deadline(60), Processes(on_ray=True, cpus=2))
    last = df.groupby("unique_id")["y"].last().to_numpy(dtype=np.float32)
    assert (found.predict() == last[:, None]).all()


def test_a_refit_side_by_side_gives_the_members_of_one_after_another(
    call: dict[str, Any],
    alone: dict[str, Any],
    two_workers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere: list[str] = []

    def noted(*given: Any) -> Any:
        found = moved(*given)
        elsewhere.extend(member.name for member in found.values())
        return found

    moved = refits._side_by_side
    monkeypatch.setattr(refits, "_side_by_side", noted)
    later = frame()
    later["y"] += 10.0
    data = replace(call["plan"].final_data, frame=later)
    team = Team(tuple(alone.values()))
    found, expected = refitted(team, data), team.refit(data)
    assert sorted(elsewhere) == ["LightGBM", "RidgeRegression"]
    assert list(found.names) == list(expected.names) == list(alone)
    for one, own in zip(found.parts, expected.parts, strict=True):
        np.testing.assert_array_equal(one.member.predict(), own.member.predict())
        assert (one.weight, one.number, one.note) == (own.weight, own.number, None)
    assert (
        np.abs(found.parts[0].member.predict() - alone[found.names[0]].member.predict()).min() > 1
    )
