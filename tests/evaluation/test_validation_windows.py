"""Trials judged on several windows: as a cross-validation of the same configuration would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import IQLoss
from neuralforecast.tsdataset import TimeSeriesDataset
from ray import tune
from utilsforecast import losses

from automodel_sk import AutoModel, AutoNeuralForecaster, OptimizationConfig, create_auto_model
from automodel_sk.auto_model_factory import _search_record
from automodel_sk.catalog.losses import resolve_loss
from automodel_sk.data.baselines import baseline_forecasts
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.held_out import held_out_steps, hold_out
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import resolve_metric
from automodel_sk.search.planning import UserInput, make_plan
from automodel_sk.training import train as training
from automodel_sk.training.build import build_model, trained_module
from automodel_sk.training.objective import make_objective, outputs_of, validation_callbacks
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, Outcome, train_config

H, N_WINDOWS, SEASON = 4, 3, 12
CONFIG: dict[str, Any] = {
    "input_size": 8,
    "max_steps": 4,
    "val_check_steps": 2,
    "windows_batch_size": 16,
    "learning_rate": 5e-3,
    "scaler_type": "standard",
}
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
    "precision": "32-true",  # "auto" measures, and so depends on what else the machine does
}


def noisy_panel() -> pd.DataFrame:
    """Return noisy seasonal series of unequal length and end, with other columns."""
    random = np.random.default_rng(0)
    frames = []
    for number, length in enumerate((50, 41, 63)):
        ds = pd.date_range("2010-01-31", periods=length + 2 * number, freq="ME")[2 * number :]
        season = 10 * np.sin(2 * np.pi * np.arange(length) / SEASON)
        y = 100.0 * (number + 1) + season + random.normal(0, 2, length)
        more = {"price": random.normal(0, 1, length), "visits": random.normal(0, 1, length)}
        frames.append(pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": y, **more}))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return noisy_panel()


@pytest.fixture(scope="module")
def data(panel: pd.DataFrame) -> pd.DataFrame:
    return panel[["unique_id", "ds", "y"]]


def task_of(
    data: pd.DataFrame, model: str, metric: Any, step: int, loss: Any = None, **more: Any
) -> TrainingTask:
    """Return a task whose trials are judged on three windows so far apart."""
    task = TrainingTask(
        model,
        h=H,
        val_size=held_out_steps(H, N_WINDOWS, step),
        n_series=data["unique_id"].nunique(),
        loss=resolve_loss(loss),
        step_size=step,
        lengths=data.groupby("unique_id").size().to_numpy(),
        trainer_options={"accelerator": "cpu", "devices": 1},
        **more,
    )
    found = resolve_metric(metric, SEASON)
    if found is None:
        return task
    objective = make_objective(found, hold_out(data, H, N_WINDOWS, step, season=SEASON), data)
    objective.check(outputs_of(task))
    return replace(task, objective=objective)


def train(
    task: TrainingTask, data: pd.DataFrame, static: Any = None, config: Mapping[str, Any] = CONFIG
) -> Outcome:
    dataset, *_ = TimeSeriesDataset.from_df(data, static_df=static)
    return train_config(task, config, dataset, lambda number, loss: Decision.CONTINUE)


def cross_validated(
    task: TrainingTask,
    data: pd.DataFrame,
    steps: int,
    static: Any = None,
    config: Mapping[str, Any] = CONFIG,
) -> pd.DataFrame:
    """Return what neuralforecast's own cross-validation forecasts after so many steps."""
    with training.training():
        model = build_model(task, config)
        trained_module(model).trainer_kwargs["max_steps"] = steps
        table = NeuralForecast([model], freq="ME").cross_validation(
            data, static_df=static, n_windows=N_WINDOWS, step_size=task.step_size
        )
    if task.model_name in table.columns:
        return table
    return table.rename(columns={f"{task.model_name}-median": task.model_name})


def by_hand(table: pd.DataFrame, model: str, name: str, data: pd.DataFrame) -> float:
    more = {"seasonality": SEASON, "train_df": data} if name == "mase" else {}
    return float(getattr(losses, name)(table, [model], **more)[model].mean())


RECURRENT = {"recurrent": True, "encoder_hidden_size": 8, "inference_input_size": 20}
CASES = [
    ("NLinear", None, 1, "mae", {}),
    ("NLinear", None, 2, "mase", {}),
    ("NLinear", None, H, "rmse", {}),
    ("NLinear", None, 7, "smape", {"step_size": 3}),
    ("TSMixer", None, 2, "mase", {"ff_dim": 8}),
    ("LSTM", None, 2, "mape", RECURRENT),
    ("DeepAR", "normal", 2, "mae", {"lstm_hidden_size": 8}),
    ("MLP", "mqloss", 2, "mae", {"hidden_size": 8}),
]


@pytest.mark.parametrize(("model", "loss", "step", "name", "more"), CASES)
def test_a_score_is_that_of_a_cross_validation(
    model: str, loss: Any, step: int, name: str, more: dict[str, Any], data: pd.DataFrame
):
    config = {**CONFIG, **more}
    task = task_of(data, model, name, step, loss)
    outcome = train(task, data, config=config)
    assert list(outcome.losses) == [2, 4]
    assert outcome.score == min(outcome.losses.values()) == outcome.losses[outcome.best_step]
    table = cross_validated(task, data, outcome.best_step, config=config)
    assert len(table) == 3 * N_WINDOWS * H
    assert outcome.score == pytest.approx(by_hand(table, model, name, data), rel=1e-5)


def test_a_sampled_forecast_is_judged_near_that_of_a_cross_validation(data: pd.DataFrame):
    task = task_of(data, "MLP", "mae", 2, "normal")
    config = {**CONFIG, "hidden_size": 8}
    outcome = train(task, data, config=config)
    expected = by_hand(
        cross_validated(task, data, outcome.best_step, config=config), "MLP", "mae", data
    )
    assert outcome.score == pytest.approx(expected, rel=0.1)
    assert outcome.losses == train(task, data, config=config).losses


def test_exogenous_columns_are_forecast_with(panel: pd.DataFrame):
    static = pd.DataFrame({"unique_id": ["s0", "s1", "s2"], "size": [1.0, 5.0, 2.0]})
    columns = {"futr_exog": ("price",), "hist_exog": ("visits",), "stat_exog": ("size",)}
    task = task_of(panel, "MLP", "mae", 2, **columns)
    config = {**CONFIG, "hidden_size": 8}
    outcome = train(task, panel, static, config)
    table = cross_validated(task, panel, outcome.best_step, static, config)
    assert outcome.score == pytest.approx(by_hand(table, "MLP", "mae", panel), rel=1e-5)
    assert outcome.score != pytest.approx(
        train(task, panel.assign(price=1.0), static, config).score
    )


@pytest.mark.parametrize("step", [1, 2, H])
def test_the_training_loss_is_taken_of_the_same_windows(step: int, data: pd.DataFrame):
    config = {**CONFIG, "step_size": 3}  # of training: windows start three steps apart
    task = task_of(data, "NLinear", None, step)
    outcome = train(task, data, config=config)
    table = cross_validated(task, data, outcome.best_step, config=config)
    assert outcome.score == pytest.approx(by_hand(table, "NLinear", "mae", data), rel=1e-5)


def test_one_window_and_the_training_loss_are_left_to_neuralforecast(data: pd.DataFrame):
    task = replace(task_of(data, "NLinear", None, 2), val_size=H)
    assert task.n_windows == 1
    assert validation_callbacks(build_model(task, CONFIG), task) == []
    assert len(validation_callbacks(build_model(task, CONFIG), replace(task, val_size=6))) == 1


def test_hierarchies_are_judged_reconciled(data: pd.DataFrame):
    wide = data[data["unique_id"] != "s2"].groupby("unique_id").tail(40)
    ends = pd.date_range("2010-01-31", periods=40, freq="ME")
    wide = wide.assign(ds=np.tile(ends, 2), y=np.round(wide["y"]))
    total = wide.groupby("ds", as_index=False)["y"].sum().assign(unique_id="a_total")
    frame = pd.concat([total[wide.columns], wide], ignore_index=True)
    summing = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    config = {
        **CONFIG,
        "model": "MLP",
        "S": summing,
        "reconciliation": "BottomUp",
        "hidden_size": 8,
    }
    coherent: list[np.ndarray] = []

    def keep(df: pd.DataFrame, models: list[str]) -> pd.DataFrame:
        coherent.append(df[models[0]].to_numpy().reshape(3, -1))
        return losses.mae(df, models)

    outcome = train(task_of(frame, "HINT", keep, 2, "normal"), frame, config=config)
    base = train(
        task_of(frame, "MLP", keep, 2, "normal"), frame, config={**CONFIG, "hidden_size": 8}
    )
    tried, *judged, _, first, second = coherent
    assert len(judged) == len(outcome.losses) == len(base.losses) == 2
    for reconciled, raw in zip(judged, (first, second), strict=True):
        assert np.allclose(reconciled[0], reconciled[1] + reconciled[2])
        assert np.allclose(reconciled[1:], raw[1:])
    assert tried.shape == (3, N_WINDOWS * H)


# What validation must not touch


def weights_of(
    task: TrainingTask,
    data: pd.DataFrame,
    patch: pytest.MonkeyPatch,
    config: Mapping[str, Any] = CONFIG,
) -> tuple[list[np.ndarray], Outcome]:
    built: list[Any] = []
    build = training.build_model
    with patch.context() as patched:
        patched.setattr(training, "build_model", lambda *a: built.append(build(*a)) or built[-1])
        outcome = train(task, data, config=config)
    return [p.detach().numpy() for p in built[0].parameters()], outcome


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("metric", ["mae", None])
@pytest.mark.parametrize("step", [1, H])
def test_training_sees_what_comes_before_the_windows_alone(
    metric: str | None, step: int, data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    left = data.groupby("unique_id").cumcount(ascending=False)
    held_out = held_out_steps(H, N_WINDOWS, step)
    honest, outcome = weights_of(task_of(data, "NLinear", metric, step), data, monkeypatch)
    poisoned = data.assign(y=data["y"].where(left >= held_out, 1e6))
    tempted, poor = weights_of(task_of(poisoned, "NLinear", metric, step), poisoned, monkeypatch)
    assert same(honest, tempted)
    assert poor.score > 1e5 > 1e3 > outcome.score
    before = left.between(held_out, held_out + H)
    earlier = data.assign(y=data["y"].where(~before, data["y"] + 50))
    moved, _ = weights_of(task_of(earlier, "NLinear", metric, step), earlier, monkeypatch)
    assert not same(honest, moved)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [(None, "mase"), ("normal", "scaled_crps"), ("mqloss", "mqloss"), (IQLoss(), "mae")],
    ids=["point", "distribution", "quantiles", "implicit"],
)
def test_training_goes_on_as_if_it_had_not_been_judged(
    loss: Any, metric: str, data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    config = {**CONFIG, "hidden_size": 8}
    task = task_of(data, "MLP", metric, 2, loss)
    judged, outcome = weights_of(task, data, monkeypatch, config)
    plain, _ = weights_of(replace(task, objective=None), data, monkeypatch, config)
    assert np.isfinite(outcome.score)
    if not isinstance(loss, IQLoss):  # its own validation draws quantiles from the same stream
        assert same(judged, plain)
    assert same(judged, weights_of(task, data, monkeypatch, config)[0])


def test_early_stopping_follows_the_metric(data: pd.DataFrame):
    config = {**CONFIG, "max_steps": 12, "early_stop_patience_steps": 2}
    falling = train(task_of(data, "NLinear", "mae", 2), data, config=config)
    assert list(falling.losses) == [2, 4, 6, 8, 10, 12]
    assert sorted(falling.losses.values(), reverse=True) == list(falling.losses.values())

    def rising(y: np.ndarray, forecast: np.ndarray) -> float:
        return -float(np.abs(y - forecast).mean())

    stopped = train(task_of(data, "NLinear", rising, 2), data, config=config)
    assert list(stopped.losses) == [2, 4, 6]
    assert stopped.best_step == 2
    for step, loss in stopped.losses.items():
        assert loss == pytest.approx(-falling.losses[step])


# A whole search


def worst(y: np.ndarray, forecast: np.ndarray) -> float:
    """Return the largest error of a window."""
    return float(np.abs(y - forecast).max())


SPACE = {**CONFIG, "learning_rate": tune.loguniform(1e-3, 1e-1)}


@pytest.fixture(scope="module")
def searched(data: pd.DataFrame) -> AutoModel:
    """Return a model judged by a function."""
    options = {**QUIET, "num_samples": 3, "n_windows": N_WINDOWS, "step_size": 2}
    return create_auto_model("NLinear", H, data, SPACE, metric=worst, **options)


@pytest.mark.slow
def test_workers_judge_by_a_function_too(searched: AutoModel, data: pd.DataFrame):
    options = {**QUIET, "cpus": 2, "num_samples": 3, "n_windows": N_WINDOWS, "step_size": 2}
    metric = lambda y, forecast: worst(y, forecast)  # noqa: E731 - nowhere to import it from
    elsewhere = create_auto_model("NLinear", H, data, SPACE, metric=metric, **options)
    assert elsewhere.trials["value"].tolist() == searched.trials["value"].tolist()


def test_a_searchs_score_is_that_of_its_validation_scores(searched: AutoModel):
    scores = searched.validation_scores()
    name = f"{__name__}.worst"
    assert scores["metric"].tolist() == [name, "mae", "rmse", "smape", "mase"] * N_WINDOWS
    own = scores.loc[scores["metric"] == name, "NLinear"]
    assert own.mean() == pytest.approx(searched.best_score, rel=1e-5)
    assert searched.best_score == searched.trials["value"].min()


def test_each_window_is_scored_beside_simple_forecasts(searched: AutoModel, data: pd.DataFrame):
    scores = searched.validation_scores(["mae", "mase"]).set_index(["window", "metric"])
    left = data.groupby("unique_id").cumcount(ascending=False)
    for window in range(1, N_WINDOWS + 1):
        past = data[left >= H + (N_WINDOWS - window) * 2]
        table = baseline_forecasts(past, H, "ME", SEASON).merge(data)
        cutoffs = past.groupby("unique_id")["ds"].max()
        table["cutoff"] = table["unique_id"].map(cutoffs)
        for name in ("SeasonalNaive", "Naive", "WindowAverage", "RWD"):
            for metric in ("mae", "mase"):
                expected = by_hand(table, name, metric, data)
                assert scores.loc[(window, metric), name] == pytest.approx(expected, rel=1e-5)
        assert scores.loc[(window, "mae"), "cutoff"] == cutoffs.max()


def test_a_saved_model_scores_the_same(searched: AutoModel, tmp_path: Path):
    loaded = AutoModel.load(searched.save(tmp_path / "model"))
    before = searched.validation_scores(["mae", "smape"])
    pd.testing.assert_frame_equal(loaded.validation_scores(["mae", "smape"]), before)


def test_order_and_names_of_series_are_of_no_account(searched: AutoModel, data: pd.DataFrame):
    names = {"s0": "z", "s1": "b", "s2": "c"}
    renamed = data.assign(unique_id=data["unique_id"].map(names)).sample(frac=1, random_state=0)
    options = {**QUIET, "num_samples": 1, "n_windows": N_WINDOWS, "step_size": 2, "metric": worst}
    first = create_auto_model("NLinear", H, data, SPACE, **options)
    config = {**CONFIG, "learning_rate": tune.choice([first.best_config["learning_rate"]])}
    other = create_auto_model("NLinear", H, renamed, {**config, "max_steps": 4}, **options)
    assert first.best_score == searched.trials["value"].iloc[0]
    # Other batches are drawn, as the series come in another order: four steps move little.
    assert other.best_score == pytest.approx(first.best_score, rel=0.02)
    scores = other.validation_scores(["mae"]), first.validation_scores(["mae"])
    for baseline in ("SeasonalNaive", "Naive", "WindowAverage", "RWD"):
        assert np.allclose(scores[0][baseline], scores[1][baseline])


def test_a_fixed_configuration_is_scored_without_a_search(data: pd.DataFrame):
    model = create_auto_model("NLinear", H, data, CONFIG, n_windows=2, step_size=1, **QUIET)
    assert model.best_score is None
    task = replace(task_of(data, "NLinear", None, 1), val_size=H + 1)
    with training.training():
        table = NeuralForecast([build_model(task, CONFIG)], freq="ME").cross_validation(
            data, n_windows=2, step_size=1
        )
    assert model.validation_scores(["mae"])["NLinear"].mean() == pytest.approx(
        by_hand(table, "NLinear", "mae", data), rel=1e-5
    )


def test_a_point_forecast_has_no_quantiles_to_score(data: pd.DataFrame):
    model = create_auto_model("NLinear", H, data, CONFIG, "mqloss", **QUIET)
    scores = model.validation_scores(["scaled_crps"]).iloc[0]
    assert 0 < scores["NLinear"] < 1
    assert np.isnan(scores["SeasonalNaive"])


# What surrounds it


def plan_of(data: pd.DataFrame, **options: Any) -> Any:
    given = UserInput("NLinear", H, data, SPACE)
    return make_plan(given, OptimizationConfig(num_samples=2, gpus=0, **options))


def test_a_plan_holds_out_as_many_steps_as_the_windows_take(data: pd.DataFrame):
    sizes = {s: plan_of(data, n_windows=N_WINDOWS, step_size=s).task.val_size for s in (None, 1, 2)}
    assert sizes == {None: 12, 1: 6, 2: 8}


def test_another_metric_season_or_step_is_another_search(data: pd.DataFrame):
    options: list[dict[str, Any]] = [
        {},
        {"metric": "mae"},
        {"metric": worst},
        {"metric": "mase"},
        {"metric": "mase", "season_length": 7},
        {"n_windows": 3},
        {"n_windows": 3, "step_size": 1},
    ]
    identities = [tuple(plan_of(data, **o).identity().items()) for o in options]
    assert len(set(identities)) == len(options)
    assert dict(identities[2])["metric"].startswith(f"{__name__}.worst ")  # and what its code is


def test_a_tracker_is_told_the_metrics_name(data: pd.DataFrame):
    for metric, name in ((worst, f"{__name__}.worst"), ("MASE", "mase"), (None, "loss")):
        options = OptimizationConfig(num_samples=2, gpus=0, metric=metric, study_name="s")
        plan = make_plan(UserInput("NLinear", H, data, SPACE), options)
        record = _search_record(plan, options, ColumnNames(), "s in memory")
        assert record.params["metric"] == name
        assert record.metric == (None if metric is None else name)  # the name of its scores


def test_a_metric_is_refused_before_any_training(data: pd.DataFrame):
    with pytest.raises(InvalidInputError, match="scores quantiles, but the loss gives none"):
        plan_of(data, metric="scaled_crps")
    with pytest.raises(InvalidInputError, match=r"step_size must be a whole number .* got 0"):
        plan_of(data, step_size=0)
    with pytest.raises(InvalidInputError, match="n_windows=3 with h=4 holds out 36 rows"):
        plan_of(data[data["ds"] < "2012-12-01"], n_windows=3, step_size=16)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_estimator_takes_a_function(precision: str):
    y = pd.Series(100 + 10 * np.sin(np.arange(48.0)), pd.period_range("2020-01", periods=48))
    options = {**QUIET, "num_samples": 1, "n_windows": 2, "step_size": 1, "precision": precision}
    forecaster = AutoNeuralForecaster("NLinear", config=SPACE, metric=worst, **options)
    forecaster.fit(y, fh=range(1, H + 1))
    scores = forecaster.auto_model_.validation_scores([worst])
    assert scores["NLinear"].mean() == pytest.approx(forecaster.auto_model_.best_score, rel=1e-5)
    assert forecaster.clone().metric is worst


def of_three_levels(order: str) -> pd.DataFrame:
    """Return series of three lengths and levels, of which m is too short for validation."""
    random = np.random.default_rng(0)
    parts = {
        name: pd.DataFrame(
            {"unique_id": name, "ds": np.arange(100 - n, 100), "y": level + random.normal(size=n)}
        )
        for name, n, level in (("a", 60, 10.0), ("m", 8, -500.0), ("z", 90, 1000.0))
    }
    return pd.concat([parts[name] for name in order], ignore_index=True)


def test_joint_forecasts_are_those_of_their_series_in_any_order_of_the_frame(tmp_path: Path):
    space = {
        "input_size": 8,
        "n_block": 1,
        "ff_dim": 4,
        "max_steps": 5,
        "scaler_type": "standard",
        "learning_rate": tune.loguniform(1e-4, 1e-2),
    }
    kept = []
    for order in ("amz", "zam"):
        options = {**QUIET, "num_samples": 1, "n_windows": 2}
        model = create_auto_model("TSMixer", 4, of_three_levels(order), space, **options)
        assert model.state.windows is not None
        kept.append(model.state.windows.point)
        assert model.state.task.lengths.tolist() == [60, 8, 90]
        loaded = AutoModel.load(model.save(tmp_path / order))
        assert loaded.state.task.lengths.tolist() == [60, 8, 90]
    np.testing.assert_allclose(*kept)
    assert np.abs(kept[0].mean(axis=(1, 2)) - [10, 1000]).max() < 5


def test_each_window_is_trained_anew_with_refit():
    frame = noisy_panel()[["unique_id", "ds", "y"]]
    model = create_auto_model("MLP", H, frame, {**CONFIG, "hidden_size": 8}, **QUIET)
    several = model.cross_validation(n_windows=3, refit=True)
    for window, left in enumerate((8, 4, 0)):
        cut = frame[frame.groupby("unique_id").cumcount(ascending=False) >= left]
        alone = model.cross_validation(cut, n_windows=1)
        cutoffs = (
            several["cutoff"]
            .groupby(several["unique_id"])
            .transform(lambda c: c.rank(method="dense"))
        )
        own = several[cutoffs == window + 1].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone)
