"""Tests of what keeps very many series affordable: a sample to choose on, blocks, files."""

from __future__ import annotations

import json
import pickle
import time
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoEnsemble, create_auto_model
from automodel_sk.exceptions import InvalidInputError, SearchError
from automodel_sk.forecasting import forecast_files
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio import blocks, plan, sample
from automodel_sk.portfolio.affordable import affordable
from automodel_sk.portfolio.blocks import BlockForecasts, fit_in_blocks
from automodel_sk.portfolio.budget import PortfolioBudget
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.description import describe_plan
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.local import LocalForecasts, LocalMember
from automodel_sk.portfolio.members.series import SeriesValues
from automodel_sk.portfolio.members.table import member_of
from automodel_sk.portfolio.plan import plan_portfolio
from automodel_sk.portfolio.run import _of_fitted
from automodel_sk.portfolio.sample import stratified_sample
from automodel_sk.portfolio.search import dataset_of
from automodel_sk.portfolio.team import WeightedMember
from automodel_sk.search.optuna.workers.pool import workers_are_possible
from automodel_sk.search.parts import Processes
from automodel_sk.search.planning import UserInput
from automodel_sk.trials import TrialRecord
from automodel_sk.validation import validate_all

PORTFOLIO = pytest.mark.skipif(
    not (find_spec("lightgbm") and find_spec("statsforecast")), reason="needs the extra portfolio"
)

SMALL = {"cpus": 1, "gpus": 0, "use_mlflow": False, "verbose": False, "storage": ":memory:"}
OPTIONS = OptimizationConfig(cpus=1, gpus=0, use_mlflow=False, study_name="s").converted()
MLP = {"max_steps": 4, "input_size": 8, "hidden_size": 8, "num_layers": 1, "learning_rate": 1e-3}


def panel(n_series=30, length=40, season=4):
    """Return series whose last season repeats, each around its own level."""
    level = np.repeat(100.0 * np.arange(1, n_series + 1), length)
    ids = np.repeat([f"s{i:04d}" for i in range(n_series)], length)
    times = np.tile(np.arange(length), n_series)
    wave = np.array([0.0, 3.0, 1.0, 7.0])[times % season]
    noise = np.random.default_rng(0).normal(0, 0.5, len(times))
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": level + wave + noise})


def portfolio_data(df, **settings):
    return PortfolioData(df, **{"h": 4, "freq": 1, "season": 4, "n_windows": 2, **settings})


@pytest.fixture
def sampled_from_ten(monkeypatch):
    """Let more than ten series be many, of which six are judged."""
    monkeypatch.setattr(plan, "MOST_JUDGED", 10)
    monkeypatch.setattr(plan, "SAMPLED", 6)


def several(df, models=("SeasonalNaive", "Naive"), config=None, **options):
    settings = {**SMALL, "freq": 1, "season_length": 4, "num_samples": 1, **options}
    return create_auto_model(list(models), 4, df, config, **settings)


def test_a_sample_has_each_kind_in_its_share_whatever_the_ids():
    rng = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2, 3], [400, 300, 200, 100])
    frames = []
    for number, kind in enumerate(rng.permutation(kinds)):
        length = 20 if kind == 1 else 60
        y = np.where(
            rng.random(length) < (0.6 if kind == 2 else 0.0), 0.0, 1.0 + rng.random(length)
        )
        y = y * (1e6 if kind == 3 else 1.0)
        frame = pd.DataFrame({"unique_id": number, "ds": range(length), "y": y})
        frames.append(frame.assign(kind=kind))
    df = pd.concat(frames, ignore_index=True)
    chosen = stratified_sample(portfolio_data(df), 100, seed=7)
    of_kind = df.groupby("unique_id")["kind"].first().to_numpy()
    assert chosen.sum() == 100
    assert np.abs(np.bincount(of_kind[chosen]) - [40, 30, 20, 10]).max() <= 2
    renamed = df.assign(unique_id=999 - df["unique_id"]).sort_values(["unique_id", "ds"])
    again = stratified_sample(portfolio_data(renamed.reset_index(drop=True)), 100, seed=7)
    assert (again[::-1] == chosen).all()


def test_series_too_short_for_the_windows_are_not_sampled():
    df = panel(20)
    df = df[(df["unique_id"] >= "s0010") | (df["ds"] < 5)].reset_index(drop=True)
    chosen = stratified_sample(portfolio_data(df), 5, seed=0)
    assert chosen.sum() == 5
    assert not chosen[:10].any()


def test_weights_come_from_the_sample_and_forecasts_are_of_all_series(sampled_from_ten):
    df = panel()
    model = several(df, ["SeasonalNaive", "Naive", "MLP"], {"MLP": MLP})
    assert model.state.record.data.frame["unique_id"].nunique() == 6
    assert model.candidates[0].forecasts.shape[0] == 6
    assert "a sample of 6 of 30 series" in model.summary()
    forecast = model.predict(level=[80])
    assert forecast["unique_id"].unique().tolist() == df["unique_id"].unique().tolist()
    last = df[df["ds"] >= 36]["y"].to_numpy()
    assert np.abs(forecast["AutoEnsemble"].to_numpy() - last).max() < 10  # levels differ by 100
    assert (forecast["AutoEnsemble-lo-80"] <= forecast["AutoEnsemble-hi-80"]).all()


def test_a_network_judged_on_a_sample_is_fitted_to_all_rows(
    sampled_from_ten, monkeypatch, tmp_path
):
    model = several(panel(), ["MLP"], {"MLP": MLP})
    network = model.members["MLP"].model
    assert len(network.state.ids) == 30
    assert network.state.task.n_series == 30
    assert network.predict()["unique_id"].nunique() == 30
    monkeypatch.setattr(forecast_files, "BLOCK", 7)
    files = model.predict(to=tmp_path / "f")
    pd.testing.assert_frame_equal(joined(files), model.predict(), rtol=1e-4)


def test_categories_outside_the_sample_have_their_codes_in_trials_too(sampled_from_ten):
    df = panel()
    chosen = plan_portfolio(UserInput(["Naive"], 4, df), OPTIONS).data.frame["unique_id"].unique()
    shop = np.where(df["unique_id"] == chosen[0], "middle", "west")
    df["shop"] = np.where(df["unique_id"].isin(chosen), shop, "east")
    found = plan_portfolio(UserInput(["MLP"], 4, df, hist_exog_list=("shop",)), OPTIONS)
    space = found.networks["MLP"].space.constants
    assert space["categorical_cardinalities"] == {"shop": 3}
    dataset = dataset_of(found)
    codes = dataset.temporal[:, list(dataset.temporal_cols).index("shop")].tolist()
    assert codes == [2.0] * 40 + [3.0] * 200, "those of east, middle and west"
    model = several(df, ["MLP"], {"MLP": MLP}, hist_exog_list=["shop"], refit="best_weights")
    network = model.members["MLP"].model.to_neuralforecast()
    assert network.categorical_vocab_ == {"shop": {"east": 1, "middle": 2, "west": 3}}


def test_a_sampled_ensemble_is_the_same_after_loading(sampled_from_ten, tmp_path):
    model = several(panel())
    loaded = AutoEnsemble.load(model.save(tmp_path / "model"))
    assert len(loaded.state.record.data.lengths) == 6
    pd.testing.assert_frame_equal(loaded.predict(level=[80]), model.predict(level=[80]))


def test_models_of_all_series_at_once_are_left_out_of_a_sample(sampled_from_ten):
    found = plan_portfolio(UserInput(["Naive", "TSMixer"], 4, panel()), OPTIONS)
    assert "jointly" in found.left_out["TSMixer"]
    assert found.profile.n_series == 30
    assert "6 of 30 series" in found.sample_note


def test_up_to_the_limit_all_series_are_judged():
    assert sample.SAMPLED < sample.MOST_JUDGED == 10_000
    found = plan_portfolio(UserInput(["Naive"], 4, panel()), OPTIONS)
    assert found.whole is None
    assert found.sample_note is None
    assert len(found.final_data.lengths) == 30


def test_what_all_series_leave_no_time_for_gets_no_weight(sampled_from_ten):
    names = ["Naive", "AutoETS", "AutoCES"]
    found = plan_portfolio(UserInput(names, 4, panel()), OPTIONS)
    errors = np.ones((6, found.data.n_windows))
    point = np.zeros((6, found.data.n_windows, 4), dtype=np.float32)
    tried = [
        Candidate(0, "AutoETS", "statistical", forecasts=point, errors=errors, seconds=500.0),
        Candidate(1, "AutoCES", "statistical", forecasts=point, errors=2 * errors, seconds=1.0),
        Candidate(2, "Naive", "naive", forecasts=point, errors=3 * errors, seconds=0.1),
    ]
    own = affordable(tried, found, left=60.0, workers=1)
    assert [c.is_complete for c in own] == [False, True, True]
    assert "all 30 series takes about" in own[0].reason


def test_what_could_not_be_fitted_is_not_in_the_intervals_either(sampled_from_ten):
    found = plan_portfolio(UserInput(["Naive", "SeasonalNaive"], 4, panel()), OPTIONS)
    shape = (6, found.data.n_windows, 4)
    truth = found.data.truth.astype(np.float32)
    tried = [
        Candidate(5, "LightGBM", "tree", forecasts=truth),
        Candidate(8, "Naive", "naive", forecasts=truth + 1),
    ]
    errors = np.zeros(shape[:2])
    chosen = Combination("mean3", "mean", {0: 0.5, 1: 0.5}, 0.0, 0.0, {}, "windows", truth, errors)
    naive = member_of("Naive").fit(found.final_data, Deadline())
    both = [WeightedMember(naive, 0.5, 5), WeightedMember(naive, 0.5, 8)]
    assert _of_fitted(chosen, both, tried, found) is chosen
    alone = _of_fitted(chosen, [WeightedMember(naive, 1.0, 8)], tried, found)
    assert (alone.name, alone.weights) == ("best", {1: 1.0})
    np.testing.assert_allclose(alone.forecasts, truth + 1)
    assert alone.score > 0


@PORTFOLIO
def test_a_tree_of_the_sample_forecasts_all_series():
    df = panel()
    member = member_of("LightGBM")
    some = portfolio_data(df[df["unique_id"] < "s0010"].reset_index(drop=True))
    every = portfolio_data(df)
    fitted = member.fit(some, Deadline()).on(every)
    point = fitted.predict()
    assert point.shape == (30, 4)
    np.testing.assert_allclose(point, fitted.predict(df), rtol=1e-5)
    assert (np.diff(point.mean(axis=1)) > 50).all()  # levels differ by 100


def test_time_is_set_aside_for_forecasting_all_series():
    budget = PortfolioBudget(100.0)
    budget.share_refits({"AutoCES": 10.0, "AutoETS": 10.0}, most=0.5)
    budget.note(
        TrialRecord(0, "COMPLETE", 1.0, {"model": "AutoCES"}, {1: 1.0}, duration_seconds=2.0)
    )
    assert budget.reserve == 20.0
    budget.note(
        TrialRecord(1, "COMPLETE", 0.1, {"model": "AutoETS"}, {1: 1.0}, duration_seconds=9.0)
    )
    assert budget.reserve == 20.0


def last_values(series, h):
    return np.stack([np.full(h, series[i][-1]) for i in range(len(series))])


class LastValues:
    """Repeats the last value, except of series that start at a multiple of 500."""

    fails = False

    def __call__(self, series, h, season, deadline):
        if self.fails and (series.values % 500 == 0).any():
            raise SearchError("this block fails")
        return LocalForecasts(last_values(series, h))


class SomeFail(LastValues):
    fails = True


def varied(n_series):
    rng = np.random.default_rng(3)
    sizes = rng.integers(3, 9, n_series)
    frame = pd.DataFrame({"unique_id": np.repeat(np.arange(n_series), sizes)})
    frame["ds"] = frame.groupby("unique_id").cumcount()
    return frame.assign(y=rng.normal(50, 9, len(frame)))


def test_series_are_taken_in_any_order():
    series = SeriesValues.of(varied(9))
    places = np.array([7, 0, 3, 3])
    taken = series.taken(places)
    assert [taken[i].tolist() for i in range(4)] == [series[int(i)].tolist() for i in places]


@pytest.mark.skipif(not workers_are_possible(), reason="no worker processes here")
def test_blocks_over_processes_are_in_the_order_of_the_series(monkeypatch):
    monkeypatch.setattr(blocks, "FEWEST", 10)
    df = varied(1_203)
    member = LocalMember("Last", "statistical", member_of("Naive").method)
    found = fit_in_blocks(member, portfolio_data(df), Deadline(60), Processes(workers=2))
    expected = df.groupby("unique_id")["y"].last().to_numpy(dtype=np.float32)
    assert (found.predict() == expected[:, None]).all()
    assert found.kept.n_fallbacks == 0


def results(task, series):
    return {number: task.part(number, series) for number in range(len(task))}


def test_a_block_that_fails_falls_back_and_is_counted():
    read = SeriesValues.of(varied(1_203))
    values = read.values.copy()  # pandas 3 gives its values read-only
    values[int(read.ends[700]) - 1] = 500.0
    series = SeriesValues(values, read.sizes)
    order = np.random.default_rng(0).permutation(len(series))
    task = BlockForecasts(SomeFail(), 4, 2, time.time() + 60, order)
    found = task.result(results(task, series), series, "Last")
    block = next(places for places in task.blocks if 700 in places)
    assert found.n_fallbacks == len(block)
    assert found.reason == "this block fails"
    others = np.setdiff1d(order, block)
    assert (found.point[others] == last_values(series, 4)[others].astype(np.float32)).all()
    assert (found.point[block] == series.seasonal_naive(4, 2)[block].astype(np.float32)).all()


def test_a_block_whose_process_died_falls_back_too():
    series = SeriesValues.of(varied(1_203))
    task = BlockForecasts(LastValues(), 4, 2, time.time() + 60, np.arange(1_203))
    parts = results(task, series)
    del parts[2]
    found = task.result(parts, series, "Last")
    assert found.n_fallbacks == 203
    assert found.reason == "a worker process ended"


def test_most_blocks_failing_is_an_error():
    series = SeriesValues(np.full(600, 500.0), np.full(200, 3))
    task = BlockForecasts(SomeFail(), 4, 2, time.time() + 60, np.arange(200))
    with pytest.raises(SearchError, match="Last forecast 0 of 200 series"):
        task.result(results(task, series), series, "Last")


def test_data_are_sent_without_what_is_derived_from_them():
    data = portfolio_data(panel())
    size = len(pickle.dumps(data))
    assert data.truth.size
    assert data.before(1).shape
    assert len(pickle.dumps(data)) == size
    assert pickle.loads(pickle.dumps(data)).truth.tolist() == data.truth.tolist()


@pytest.fixture
def blocks_of_seven(monkeypatch):
    monkeypatch.setattr(forecast_files, "BLOCK", 7)


def joined(files):
    return pd.concat([pd.read_parquet(path) for path in files["path"]], ignore_index=True)


@pytest.fixture(scope="module")
def ensemble():
    return several(panel(), ["SeasonalNaive", "LightGBM", "RidgeRegression"], ensemble="mean")


@pytest.mark.parametrize("h", [None, 3, 6])
def test_files_hold_what_predict_returns(ensemble, blocks_of_seven, tmp_path, h):
    files = ensemble.predict(level=[80], h=h, to=tmp_path / "f")
    assert files["n_series"].tolist() == [7, 7, 7, 7, 2]
    expected = ensemble.predict(level=[80], h=h)
    assert files["n_rows"].sum() == len(expected)
    pd.testing.assert_frame_equal(joined(files), expected, rtol=1e-4)
    assert len(pd.read_parquet(tmp_path / "f")) == len(expected)


@PORTFOLIO
def test_a_member_that_is_no_network_is_not_taken_for_one(ensemble):
    assert set(ensemble.members) == {"SeasonalNaive", "LightGBM", "RidgeRegression"}
    assert ensemble.state.past_rows >= 2
    with pytest.raises(InvalidInputError, match="only networks can be explained"):
        ensemble.explain(member="RidgeRegression")


@PORTFOLIO
def test_files_of_other_series_and_of_one_member(ensemble, blocks_of_seven, tmp_path):
    newer = panel(9, 50)
    files = ensemble.predict(newer, to=tmp_path / "a")
    pd.testing.assert_frame_equal(joined(files), ensemble.predict(newer), rtol=1e-4)
    files = ensemble.predict(member="LightGBM", to=tmp_path / "b")
    pd.testing.assert_frame_equal(joined(files), ensemble.predict(member="LightGBM"), rtol=1e-4)


def test_a_stopped_call_resumes_at_its_block(ensemble, blocks_of_seven, tmp_path, monkeypatch):
    folder = tmp_path / "f"
    ensemble.predict(to=folder)
    whole = {file.name: file.read_bytes() for file in folder.glob("*.parquet")}
    (folder / "block-00001.parquet").write_bytes(b"cut")
    (folder / "block-00004.parquet").unlink()
    made = []
    original = forecast_files._Folder.add
    monkeypatch.setattr(
        forecast_files._Folder, "add", lambda self, n, t: (made.append(n), original(self, n, t))
    )
    files = ensemble.predict(to=folder)
    assert made == ["block-00001.parquet", "block-00004.parquet"]
    assert len(files) == 5
    assert {file.name: file.read_bytes() for file in folder.glob("*.parquet")} == whole


def test_other_inputs_replace_all_blocks(ensemble, blocks_of_seven, tmp_path):
    ensemble.predict(to=tmp_path / "f")
    newer = panel(9, 50)
    files = ensemble.predict(newer, to=tmp_path / "f")
    assert len([*(tmp_path / "f").glob("*.parquet")]) == len(files) == 2
    pd.testing.assert_frame_equal(joined(files), ensemble.predict(newer), rtol=1e-4)
    more = newer.assign(y=newer["y"] + (newer["ds"] == 49))
    files = ensemble.predict(more, to=tmp_path / "f")
    pd.testing.assert_frame_equal(joined(files), ensemble.predict(more), rtol=1e-4)


def test_folders_that_cannot_be_used(ensemble, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="is a file; pass a folder"):
        ensemble.predict(to=tmp_path / "file")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sales.parquet").touch()
    with pytest.raises(InvalidInputError, match=r"holds 'sales\.parquet'"):
        ensemble.predict(to=tmp_path / "own")
    assert [file.name for file in (tmp_path / "own").iterdir()] == ["sales.parquet"]


def test_one_model_writes_files_too_under_the_users_names(blocks_of_seven, tmp_path):
    df = panel(9).assign(price=lambda d: d["y"] % 3)
    names = {"unique_id": "item", "ds": "month", "y": "sales"}
    model = create_auto_model(
        "MLP",
        4,
        df.rename(columns=names),
        MLP,
        futr_exog_list=["price"],
        id_col="item",
        time_col="month",
        target_col="sales",
        **{**SMALL, "freq": 1},
    )
    future = df[df["ds"] < 4].assign(ds=lambda d: d["ds"] + 40).drop(columns="y")
    future = future.rename(columns=names).sample(frac=1, random_state=0)
    files = model.predict(futr_df=future, level=[80], to=tmp_path / "f")
    expected = model.predict(futr_df=future, level=[80])
    assert expected.columns[:2].tolist() == ["item", "month"]
    pd.testing.assert_frame_equal(joined(files), expected, rtol=1e-4)
    state = json.loads((tmp_path / "f" / "_forecasts.json").read_text())
    assert len(state["files"]) == 2


@PORTFOLIO
def test_the_validator_says_what_several_models_will_do():
    df = panel(4).assign(price=1.0)
    report = validate_all(
        model_class_name=["Naive", "CrostonOptimized", "LightGBM", "DLinear"],
        dataset=df.assign(y=df["y"] - 500),
        h=4,
        futr_exog_list=["price"],
        check_environment=False,
        **{"freq": 1, "time_budget_hours": 0.1},
    )
    assert report.is_valid
    said = report["model"].warnings
    assert "CrostonOptimized is left out: needs values of zero or more" in said
    assert any(line == "Naive, DLinear do not read 'price'" for line in said)
    assert any("planned: Naive, LightGBM, DLinear; 2 members in about" in line for line in said)


def test_the_validator_names_what_auto_leaves_out_and_an_unknown_name():
    arguments = {"dataset": panel(4), "h": 4, "check_environment": False, "freq": 1}
    report = validate_all(model_class_name="auto", strict_mode=True, **arguments)
    assert report.is_valid
    assert any(line.startswith("CrostonOptimized is left out: ") for line in report.warnings)
    assert any(line.startswith("TFT is left out: its attention") for line in report.warnings)
    by_name = "TSB, AutoARIMA, MFLES, Chronos2 are left out: takes part by name only"
    assert by_name in report["model"].warnings
    report = validate_all(model_class_name=["NHITS", "AutoEST"], **arguments)
    assert report["model"].errors == ["unknown model 'AutoEST'; did you mean 'AutoETS'?"]
    for wrong in ({"h": 0}, {"h": None}, {"dataset": 5}, {"h": 100}, {"config": 5}):
        report = validate_all(model_class_name="auto", **{**arguments, **wrong})
        assert not report.is_valid


@pytest.mark.parametrize("names", ["auto", ["NHITS", "MLP"]])
def test_the_validator_takes_text_that_the_search_takes(names):
    df = panel(4)
    df["sky"] = np.where(np.arange(len(df)) % 3 == 0, "rain", "sun")
    arguments = {"model_class_name": names, "h": 4, "check_environment": False, "freq": 1}
    report = validate_all(dataset=df, futr_exog_list=["sky"], **arguments)
    assert report.is_valid, report.errors
    report = validate_all(dataset=df.assign(sky="rain "), futr_exog_list=["wind"], **arguments)
    assert "'wind'" in report["data"].errors[0]


def test_a_plan_is_described_within_its_budget():
    options = OptimizationConfig(cpus=1, use_mlflow=False, study_name="s", time_budget_hours=0.1)
    found = plan_portfolio(UserInput("auto", 4, panel()), options.converted())
    described = describe_plan(found, options)
    assert sum(described.stages.values()) == pytest.approx(360, rel=0.02)
    assert set(described.members) | set(described.networks) == set(found.names)
    assert described.n_series == 30
    assert str(described).endswith("budget 6 min, 1 at a time")


def test_files_of_the_user_are_left_alone(ensemble, tmp_path):
    for name in ("block-party.parquet", "block-00000.parquet"):
        folder = tmp_path / name[:8]
        folder.mkdir()
        (folder / name).write_bytes(b"mine")
        with pytest.raises(InvalidInputError, match=f"holds '{name}'"):
            ensemble.predict(to=folder)
        assert (folder / name).read_bytes() == b"mine"
