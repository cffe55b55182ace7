"""Saved ensembles: equal forecasts after loading, and nothing run from a stranger's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import data_of, ensemble_of
from hostile import (
    at,
    copied,
    files_of,
    nothing_runs,
    paths_in,
    replaced,
    replacements,
    with_json,
)

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.persistence.models import load_trials
from automodel_sk.portfolio.combiners import ENSEMBLES
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.lightgbm_text import text_of
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.members.table import member_of
from automodel_sk.portfolio.state import identity_of
from automodel_sk.trials import TrialRecord

pytestmark = pytest.mark.filterwarnings("ignore")
H = 3
CONFIG = {"max_steps": 2, "input_size": 6, "hidden_size": 8, "num_layers": 1}


def rows(n_series: int = 3, length: int = 40) -> pd.DataFrame:
    times = pd.date_range("2024-01-01", periods=length, freq="h", tz="Europe/Berlin")
    step = np.arange(length)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": times,
                "y": 10.0 * (i + 1) + np.sin(step / 2 + i) + 0.01 * step,
                "price": step % 3 + 0.5 * i,
            }
        )
        for i in range(n_series)
    ]
    return pd.concat(parts, ignore_index=True)


def future_of(frame: pd.DataFrame) -> pd.DataFrame:
    ends = frame.groupby("unique_id", as_index=False)["ds"].max()
    parts = [
        ends.assign(ds=ends["ds"] + pd.Timedelta(hours=i + 1), price=float(i)) for i in range(H)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def ensemble() -> AutoEnsemble:
    frame = rows()
    static = pd.DataFrame({"unique_id": ["s0", "s1", "s2"], "size": [1.0, 2.0, 3.0]})
    kinds = {"futr_exog": ("price",), "stat_exog": ("size",)}
    data = data_of(frame, H, season=4, n_windows=2, static_df=static, **kinds)
    network = create_auto_model(
        "MLP",
        H,
        frame,
        CONFIG,
        static_df=static,
        futr_exog_list=["price"],
        stat_exog_list=["size"],
        use_mlflow=False,
        verbose=False,
        cpus=1,
        gpus=0,
    )
    members = [
        NeuralMember(network),
        member_of("SeasonalNaive").fit(data, Deadline()),
        member_of("Naive").fit(data, Deadline()),
    ]
    trial = TrialRecord(0, "COMPLETE", 1.5, {"model": "MLP"}, {1: 1.5})
    return ensemble_of(frame, data, members, (0.5, 0.3, 0.2), records=[trial]).calibrate()


@pytest.fixture(scope="module")
def saved(ensemble: AutoEnsemble, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensemble.save(tmp_path_factory.mktemp("saved") / "ensemble")


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "canary"
    assert not (tmp_path / "canary").exists()


def content(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_dir())


def refused(folder: Path) -> str:
    with nothing_runs(), pytest.raises(ModelFileError) as caught:
        AutoModel.load(folder)
    return str(caught.value)


def test_forecasts_are_equal_after_loading(ensemble, saved):
    with nothing_runs():
        loaded = AutoModel.load(saved)
    assert type(loaded) is AutoEnsemble
    future = future_of(rows())
    for options in ({}, {"level": [80]}, {"member": "MLP"}, {"member": "Naive", "level": [80]}):
        pd.testing.assert_frame_equal(
            loaded.predict(futr_df=future, **options),
            ensemble.predict(futr_df=future, **options),
            atol=1e-6,
        )
    assert loaded.weights == ensemble.weights
    assert loaded.best_config == ensemble.best_config
    assert repr(loaded) == repr(ensemble)
    assert str(loaded.predict(futr_df=future)["ds"].dt.tz) == "Europe/Berlin"
    pd.testing.assert_frame_equal(loaded.leaderboard(), ensemble.leaderboard())
    pd.testing.assert_frame_equal(loaded.validation_scores(), ensemble.validation_scores())
    pd.testing.assert_frame_equal(loaded.trials, ensemble.trials)
    assert load_trials(saved) == list(ensemble.state.records)
    pd.testing.assert_frame_equal(
        loaded.refit(rows(length=44)).predict(futr_df=future_of(rows(length=44))),
        ensemble.refit(rows(length=44)).predict(futr_df=future_of(rows(length=44))),
        atol=1e-6,
    )


def test_saving_again_replaces_the_ensemble_whatever_it_was(ensemble, saved, tmp_path):
    folder = copied(saved, tmp_path / "copy")
    loaded = AutoModel.load(folder)
    assert loaded.save(folder) == folder
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1
    single = ensemble.members["MLP"].model
    single.save(folder)
    assert type(AutoModel.load(folder)) is AutoModel
    with pytest.raises(ModelFileError, match="holds a single model"):
        AutoEnsemble.load(folder)


def test_an_ensemble_refitted_elsewhere_keeps_its_leaderboard(ensemble, tmp_path):
    renewed = ensemble.refit(rows(length=46))
    loaded = AutoModel.load(renewed.save(tmp_path / "renewed"))
    assert (ensemble.state.renewed, loaded.state.renewed) == (False, True)
    pd.testing.assert_frame_equal(loaded.leaderboard(), ensemble.leaderboard())
    future = future_of(rows(length=46))
    pd.testing.assert_frame_equal(
        loaded.predict(futr_df=future, level=[80]), renewed.predict(futr_df=future, level=[80])
    )


def several_with_unread_columns(frame: pd.DataFrame) -> AutoEnsemble:
    """Return an ensemble of naive members, which read no column of the data."""
    static = pd.DataFrame({"unique_id": ["s0", "s1", "s2"], "size": [1.0, 2.0, 3.0]})
    kinds = {"futr_exog": ("price",), "stat_exog": ("size",)}
    data = data_of(frame, H, season=4, n_windows=2, static_df=static, **kinds)
    members = [member_of(name).fit(data, Deadline()) for name in ("SeasonalNaive", "Naive")]
    return ensemble_of(frame, data, members, (0.5, 0.5))


def test_columns_that_no_member_reads_are_of_no_account_in_newer_data(tmp_path):
    whole, names = rows(length=46), ["unique_id", "ds", "y"]
    past = whole[whole.groupby("unique_id").cumcount() < 40]
    later = whole[whole.groupby("unique_id").cumcount() >= 40]
    ensemble = several_with_unread_columns(past)
    bare = ensemble.cross_validation(past[names], n_windows=2)
    pd.testing.assert_frame_equal(ensemble.cross_validation(past, n_windows=2), bare)
    pd.testing.assert_frame_equal(ensemble.cross_validation(n_windows=2), bare)
    ensemble.calibrate(past, n_windows=2)
    renewed = {
        "refit": ensemble.refit(whole),
        "update": ensemble.update(whole),
        "reweight": ensemble.reweight(whole),
        "reweight on later rows": ensemble.reweight(later),
        "refit twice": ensemble.refit(past).refit(whole),
    }
    for name, model in renewed.items():
        loaded = AutoModel.load(model.save(tmp_path / name))
        for one in (model, loaded):
            found = one.cross_validation(whole[names], n_windows=2)
            pd.testing.assert_frame_equal(one.cross_validation(whole, n_windows=2), found)
            assert len(found) == 3 * 2 * H
        pd.testing.assert_frame_equal(loaded.predict(level=[80]), model.predict(level=[80]))
        pd.testing.assert_frame_equal(loaded.leaderboard(), model.leaderboard())
        again = AutoModel.load(loaded.save(tmp_path / f"{name}, again"))
        pd.testing.assert_frame_equal(again.predict(), model.predict())


def test_ensembles_that_name_columns_which_their_data_lack_are_read(ensemble, saved, tmp_path):
    frame = rows()
    model = several_with_unread_columns(frame).refit(frame)
    folder = model.save(tmp_path / "refit")
    named = {"futr_exog": ["price"], "stat_exog": ["size"]}

    def as_before(stored: Any) -> Any:
        settings = {name: {**stored[name], **named} for name in ("data", "judged")}
        for setting in settings.values():
            del setting["every_series"]
        return {**stored, **settings}

    with_json(folder / "automodel.json", as_before)
    loaded = AutoModel.load(folder)
    assert loaded.state.data.futr_exog == loaded.state.data.stat_exog == ()
    pd.testing.assert_frame_equal(loaded.refit(frame).predict(), model.predict())
    assert loaded.state.record.data.futr_exog == ("price",)
    folder = copied(saved, tmp_path / "copy")

    def renamed(stored: Any) -> Any:
        columns = stored["data"]["frame"]["columns"]
        numbers = ["cost" if name == "price" else name for name in columns["numbers"]]
        columns["numbers"] = numbers
        return stored

    with_json(folder / "automodel.json", renamed)
    assert "lack 'price'" in refused(folder)


def test_windows_of_short_series_that_are_new_are_read(tmp_path):
    whole = rows(length=46).drop(columns="price")
    past = whole[whole.groupby("unique_id").cumcount() < 40]
    data = data_of(past, H, season=4, n_windows=2)
    members = [member_of(name).fit(data, Deadline()) for name in ("SeasonalNaive", "Naive")]
    ensemble = ensemble_of(past, data, members, (0.5, 0.5))
    short = whole[whole["unique_id"] == "s0"].tail(2 * H + 1).assign(unique_id="new")
    renewed = ensemble.reweight(pd.concat([whole, short]), n_windows=2)
    assert renewed.state.record.combined.shape == (4, 2, H)
    assert not replace(data, frame=renewed.state.record.data.frame).is_judged.all()
    loaded = AutoModel.load(renewed.save(tmp_path / "reweighted"))
    pd.testing.assert_frame_equal(loaded.leaderboard(), renewed.leaderboard())
    pd.testing.assert_frame_equal(loaded.validation_scores(), renewed.validation_scores())
    pd.testing.assert_frame_equal(loaded.predict(level=[80]), renewed.predict(level=[80]))
    pd.testing.assert_frame_equal(
        loaded.reweight(whole).leaderboard(), renewed.reweight(whole).leaderboard()
    )


@pytest.mark.parametrize("setting", ENSEMBLES)
def test_files_that_lack_the_setting_of_the_combiners_tell_it_by_their_scores(setting, tmp_path):
    frame = rows()
    data = data_of(frame, H, season=4, n_windows=2)
    members = [member_of(name).fit(data, Deadline()) for name in ("SeasonalNaive", "Naive")]
    ensemble = ensemble_of(frame, data, members, (0.5, 0.5))
    scores = dict.fromkeys(ENSEMBLES[setting], 1.0)
    combination = replace(ensemble.combination, scores=scores, allowed=setting)
    ensemble._state = replace(ensemble.state, combination=combination)
    folder = ensemble.save(tmp_path / "saved")

    def as_before(stored: Any) -> Any:
        kept = {k: v for k, v in stored["combination"].items() if k != "allowed"}
        assert len(kept) == len(stored["combination"]) - 1
        return {**stored, "combination": kept}

    with_json(folder / "automodel.json", as_before)
    assert AutoModel.load(folder).state.combination.allowed == setting


def test_a_fingerprint_tells_models_apart_and_outlasts_saving(tmp_path):
    frame = rows(length=80).drop(columns="price")
    frame["kind"] = np.where(np.arange(len(frame)) % 3 == 0, "A", "B")
    other = frame.assign(y=np.random.default_rng(0).normal(size=len(frame)) + 10.0)
    renamed = frame.assign(kind=frame["kind"].map({"A": "C", "B": "D"}))
    data, newer, codes = (
        data_of(one, H, season=4, n_windows=1, hist_exog=("kind",))
        for one in (frame, other, renamed)
    )
    names = ["RidgeRegression", "SeasonalNaive"]
    names += ["LightGBM"] if find_spec("lightgbm") else []
    for name in names:
        member = member_of(name).fit(data, Deadline())
        ensemble = ensemble_of(frame, data, [member], (1.0,))
        own = ensemble.state.fingerprint()
        again = ensemble_of(frame, data, [member_of(name).fit(data, Deadline())], (1.0,))
        assert again.state.fingerprint() == own, name
        refitted = ensemble_of(frame, data, [member.refit(newer)], (1.0,))
        assert refitted.state.fingerprint() != own, name
        if name == "LightGBM":  # the same trees, for other categories
            other_categories, same = member.refit(codes), member.refit(data)
            assert text_of(other_categories.booster) == text_of(same.booster)
            assert identity_of(other_categories) != identity_of(same) == identity_of(member)
        loaded = AutoModel.load(ensemble.save(tmp_path / name))
        assert loaded.state.fingerprint() == own, name
    model = ensemble_of(frame, data, [member_of("RidgeRegression").fit(data, Deadline())], (1.0,))
    model.predict(frame, to=tmp_path / "forecasts")
    renewed = model.refit(other)
    renewed.predict(frame, to=tmp_path / "forecasts")
    found = pd.read_parquet(tmp_path / "forecasts")["AutoEnsemble"]
    assert found.tolist() == renewed.predict(frame)["AutoEnsemble"].tolist()
    assert not np.allclose(found, model.predict(frame)["AutoEnsemble"])


def test_no_file_of_a_stranger_runs(saved, tmp_path, canary):
    for name in files_of(saved):
        for kind, junk in replacements(canary).items():
            folder = copied(saved, tmp_path / "copy")
            (folder / name).write_bytes(junk)
            assert refused(folder), (name, kind)


def test_files_that_are_missing_or_too_many_are_refused(saved, tmp_path):
    for name in files_of(saved):
        folder = copied(saved, tmp_path / "copy")
        (folder / name).unlink()
        assert refused(folder)
    folder = copied(saved, tmp_path / "copy")
    (content(folder) / "more.pkl").write_bytes(b"x")
    assert "more.pkl" in refused(folder)
    folder = copied(saved, tmp_path / "copy")
    member = content(folder) / "member-1"
    member.rename(tmp_path / "elsewhere")
    member.symlink_to(tmp_path / "elsewhere")
    assert "member-1" in refused(folder)


def test_a_member_that_is_an_ensemble_is_refused(saved, tmp_path):
    folder = copied(saved, tmp_path / "copy")
    network = next(p for p in content(folder).iterdir() if (p / "automodel.json").exists())
    for entry in list(network.iterdir()):
        entry.rename(tmp_path / entry.name)
    for entry in saved.iterdir():
        copied(entry, network / entry.name) if entry.is_dir() else (
            network / entry.name
        ).write_bytes(entry.read_bytes())
    assert "several models" in refused(folder)


def test_a_kind_that_is_not_known_is_refused(saved, tmp_path):
    for kind in ("os.system", "automodel_sk.cli", 7, ["ensemble"], {"a": 1}):
        folder = copied(saved, tmp_path / "copy")
        with_json(folder / "automodel.json", lambda stored, kind=kind: {**stored, "kind": kind})
        assert "of the kind" in refused(folder)


JUNK: tuple[Any, ...] = (None, -1, 2**70, 1e400, "x" * 3_000, [], {}, "../../etc/passwd", True)


def test_no_entry_of_the_manifest_crashes_the_loader(saved, tmp_path):
    folder = copied(saved, tmp_path / "copy")
    manifest = json.loads((folder / "automodel.json").read_text())
    expected = AutoModel.load(folder).predict(futr_df=future_of(rows()))
    tried = 0
    for path in paths_in(manifest):
        if path[0] in ("trials", "profile", "validation", "strategy", "format", "version", "model"):
            continue
        for junk in JUNK[tried % 3 :: 3]:
            changed = replaced(manifest, path, junk)
            (folder / "automodel.json").write_text(json.dumps(changed))
            try:
                with nothing_runs():
                    found = AutoModel.load(folder)
            except ModelFileError:
                continue
            assert at(changed, path) == junk
            # Its networks may know the series by other names, and the times in another zone.
            differs = path[:3] == ("data", "frame", "ids") or path[-1] == "zone"
            with suppress(InvalidInputError) if differs else nullcontext():
                assert len(found.predict(futr_df=future_of(rows()), h=1)) <= len(expected)
        tried += 1
    assert tried > 80
