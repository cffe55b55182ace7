"""One model asked by many threads, and searches in threads: each gets what it gets alone."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import random
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from neuralforecast.losses.pytorch import GMM, DistributionLoss, IQLoss, MQLoss
from series import seasonal_panel
from small_models import QUICK, SIZES, TINY, marked

from automodel_sk import AutoModel, AutoNeuralForecaster, create_auto_model
from automodel_sk._utils.muting import muted_warnings
from automodel_sk.search.study.study import muted
from automodel_sk.search_space import Float
from automodel_sk.training import inference
from automodel_sk.training.inference import private_copy, to_forecast_with, without_a_trainer
from automodel_sk.training.train import training
from automodel_sk.training.turns import search_turn, training_turn

QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
}
SMALL: dict[str, Any] = {"input_size": 7, "max_steps": 20, "hidden_size": 8, "num_layers": 1}
H = 3
DATA = seasonal_panel(n_series=2, length=60)
PASTS = [DATA[DATA["ds"] <= end] for end in DATA["ds"].unique()[20:40]]
CLIENTS = (4, 16)


def fit(model: str = "MLP", config: Any = None, loss: Any = None, **options: Any) -> AutoModel:
    return create_auto_model(model, H, DATA, config or SMALL, loss, **{**QUIET, **options})


def answers(ask: Callable[[int], Any], clients: int, number: int = 20) -> list[Any]:
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, range(number)))


def assert_equal(got: Sequence[Any], expected: Sequence[Any]) -> None:
    for one, other in zip(got, expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.fixture(scope="module")
def point() -> AutoModel:
    return fit().calibrate()


@pytest.fixture(scope="module")
def normal() -> AutoModel:
    return fit(loss="normal")


@pytest.mark.parametrize("clients", CLIENTS)
@pytest.mark.parametrize("kind", ["point", "normal"])
def test_each_client_gets_its_own_answer(kind: str, clients: int, request: pytest.FixtureRequest):
    model: AutoModel = request.getfixturevalue(kind)
    wishes: list[dict[str, Any]] = [{}, {"level": [80]}, {"quantiles": [0.1, 0.5, 0.7]}, {"h": 5}]

    def ask(number: int) -> pd.DataFrame:
        past = None if number % 7 == 0 else PASTS[number % len(PASTS)]
        return model.predict(past, **wishes[number % len(wishes)])

    alone, before = [ask(number) for number in range(20)], process_state()
    assert_equal(answers(ask, clients), alone)
    assert process_state() == before


@pytest.mark.parametrize("kind", ["point", "normal"])
def test_each_client_gets_its_own_answer_where_a_trainer_forecasts(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    """As on a GPU: one at a time, each on a full copy."""
    monkeypatch.setattr(inference, "without_a_trainer", lambda model: False)
    model: AutoModel = request.getfixturevalue(kind)

    def ask(number: int) -> pd.DataFrame:
        return model.predict(PASTS[number], **[{}, {"level": [80]}][number % 2])

    alone, before = [ask(number) for number in range(8)], process_state()
    assert_equal(answers(ask, 4, 8), alone)
    assert process_state() == before


def test_reconciled_forecasts_in_threads():
    levels = [DATA, DATA.groupby("ds", as_index=False)["y"].sum().assign(unique_id="total")]
    panel = pd.concat([levels[1], levels[0]], ignore_index=True)
    summing = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    config = {**SMALL, "model": "MLP", "S": summing, "reconciliation": "BottomUp"}
    model = create_auto_model("HINT", H, panel, config, "normal", **QUIET)

    def ask(number: int) -> pd.DataFrame:
        return model.predict(panel, quantiles=[0.1, 0.5, 0.8 + number / 50])

    alone = [ask(number) for number in range(6)]
    assert_equal(answers(ask, 4, 6), alone)


@pytest.mark.parametrize("kind", ["point", "normal"])
def test_paths_of_many_threads(kind: str, request: pytest.FixtureRequest):
    model: AutoModel = request.getfixturevalue(kind)

    def ask(number: int) -> pd.DataFrame:
        return model.simulate(PASTS[number], n_paths=5, seed=number)

    alone = [ask(number) for number in range(8)]
    assert_equal(answers(ask, 4, 8), alone)


def test_all_that_a_model_is_asked_at_the_same_time(point: AutoModel):
    ways: list[Callable[[pd.DataFrame], pd.DataFrame]] = [
        lambda past: point.predict(past, level=[90]),
        lambda past: point.cross_validation(past),
        lambda past: point.refit(past).predict(),
        lambda past: point.update(past, max_steps=3).predict(),
        lambda past: copy.deepcopy(point).predict(past),
        lambda past: pickle.loads(pickle.dumps(point)).predict(past),
    ]
    if find_spec("captum"):
        ways.append(lambda past: point.explain(past, steps=[1]).attributions)

    def ask(number: int) -> pd.DataFrame:
        return ways[number % len(ways)](PASTS[number % 3])

    number = 2 * len(ways)
    alone = [ask(k) for k in range(number)]
    assert_equal(answers(ask, 4, number), alone)


def test_threads_that_all_want_intervals_calibrate_once():
    model = fit()
    expected = fit().predict(level=[80])
    assert_equal(answers(lambda _: model.predict(level=[80]), 4, 4), 4 * [expected])


def test_scores_on_validation_windows_in_threads():
    model = fit()
    expected = fit().validation_scores()
    assert_equal(answers(lambda _: model.validation_scores(), 4, 4), 4 * [expected])


@pytest.mark.parametrize("clients", CLIENTS)
def test_the_estimator_in_threads(clients: int):
    y = pd.Series(10 * np.sin(np.arange(60.0)), index=pd.period_range("2020-01", periods=60))
    forecaster = AutoNeuralForecaster("MLP", SMALL, h=5, **{k: QUIET[k] for k in ("cpus", "gpus")})
    forecaster.fit(y)
    horizons = [[1], [2, 3], [1, 2, 3, 4, 5], [5]]

    def ask(number: int) -> pd.DataFrame:
        fh = horizons[number % 4]
        if number % 3 == 0:
            return forecaster.predict_interval(fh, coverage=0.8)
        return forecaster.predict(fh).to_frame()

    alone = [ask(number) for number in range(16)]
    assert_equal(answers(ask, clients, 16), alone)


def test_models_of_threads_of_their_own(point: AutoModel, normal: AutoModel):
    models = [point, normal, fit(loss=GMM(n_components=2)), fit(loss=MQLoss(level=[80]))]

    def ask(number: int) -> pd.DataFrame:
        return models[number % 4].predict(PASTS[number % 5], level=[80])

    alone = [ask(number) for number in range(20)]
    assert_equal(answers(ask, 4, 20), alone)


SOME = [
    marked(name, *([] if name in (*QUICK, "Informer") else [pytest.mark.slow])) for name in SIZES
]


def process_state() -> dict[str, Any]:
    """Return what forecasts and trainings of any number of threads have to leave as it was."""
    from neuralforecast.common._base_model import BaseModel
    from pytorch_lightning.trainer.connectors import callback_connector

    loggers = ("lightning", "lightning_fabric", "optuna", "pytorch_lightning")
    in_a_new_thread: list[int] = []
    thread = threading.Thread(target=lambda: in_a_new_thread.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return {
        "filters": list(warnings.filters),
        "levels": [logging.getLogger(name).level for name in loggers],
        "look-up": callback_connector._load_external_callbacks,
        "patched": [BaseModel.configure_optimizers, BaseModel._create_windows],
        "environment": dict(os.environ),
        "threads": (torch.get_num_threads(), in_a_new_thread),
        "torch": torch.get_rng_state().tolist(),
        "numpy": repr(np.random.get_state()),  # noqa: NPY002
        "python": random.getstate(),
        "dtype": torch.get_default_dtype(),
    }


def test_nothing_is_left_of_fits_and_forecasts_in_threads(normal: AutoModel):
    before = process_state()
    answers(lambda number: fit() if number % 2 else normal.predict(level=[80]), 4, 12)
    assert process_state() == before


def test_a_forecast_does_not_wait_for_a_training(point: AutoModel, normal: AutoModel):
    expected = [point.predict(PASTS[0]), normal.predict(PASTS[0], level=[80])]
    with ThreadPoolExecutor(1) as elsewhere, training_turn(), search_turn():
        asked = [
            elsewhere.submit(point.predict, PASTS[0]),
            elsewhere.submit(normal.predict, PASTS[0], level=[80]),
        ]
        assert_equal([answer.result(timeout=600) for answer in asked], expected)


def test_forecasts_leave_a_training_in_another_thread_alone(normal: AutoModel):
    expected = fit(loss="normal").predict()
    stop = threading.Event()

    def ask_on() -> None:
        while not stop.is_set():
            normal.predict(level=[80])

    client = threading.Thread(target=ask_on)
    client.start()
    try:
        again = fit(loss="normal").predict()
    finally:
        stop.set()
        client.join()
    assert_equal([again], [expected])


def test_warnings_of_other_threads_are_shown():
    with training(), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with training():
            warnings.warn("of the training", stacklevel=1)
            with ThreadPoolExecutor(1) as elsewhere:
                elsewhere.submit(warnings.warn, "of the user").result()
    assert [str(warning.message) for warning in seen] == ["of the user"]


def test_filters_of_other_threads_set_during_a_search_stay():
    before = list(warnings.filters)
    try:
        with ThreadPoolExecutor(1) as elsewhere, muted():
            elsewhere.submit(warnings.simplefilter, "ignore", BytesWarning).result()
        assert ("ignore", None, BytesWarning, None, 0) in warnings.filters
    finally:
        warnings.filters[:] = before  # type: ignore[index]


def test_named_warnings_of_this_thread_alone_are_muted():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with muted_warnings(FutureWarning), ThreadPoolExecutor(1) as elsewhere:
            with muted_warnings(BytesWarning):
                warnings.warn("muted", FutureWarning, stacklevel=1)
            warnings.warn("shown", BytesWarning, stacklevel=1)
            elsewhere.submit(warnings.warn, "of the user", FutureWarning).result()
        warnings.warn("afterwards", FutureWarning, stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["shown", "of the user", "afterwards"]


def search(seed: int, **options: Any) -> pd.DataFrame:
    space = {**SMALL, "max_steps": 10, "learning_rate": Float(1e-4, 1e-1, log=True)}
    model = fit(config=space, num_samples=3, random_seed=seed, **options)
    return model.trials[["number", "state", "value", "params_learning_rate"]]


@pytest.mark.parametrize("cpus", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_searches_in_threads_find_what_they_find_alone(cpus: int):
    def ask(seed: int) -> pd.DataFrame:
        found = search(seed, cpus=cpus, use_pruning=False)
        return found.sort_values("number", ignore_index=True)

    alone = [ask(seed) for seed in range(3)]
    together = answers(ask, 3, 3)
    assert [t["state"].tolist() for t in together] == 3 * [3 * ["COMPLETE"]]
    for one, other in zip(together, alone, strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-6)


@pytest.mark.slow
def test_a_grid_search_in_threads_scores_as_one_in_turn():
    from sktime.forecasting.model_selection import ForecastingGridSearchCV
    from sktime.split import ExpandingWindowSplitter

    y = pd.Series(10 * np.sin(np.arange(60.0)), index=pd.period_range("2020-01", periods=60))
    cv = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=40, step_length=8)

    def scores(**backend: Any) -> pd.Series:
        forecaster = AutoNeuralForecaster("MLP", SMALL, cpus=1, gpus=0, random_state=1)
        grid = {"config": [{**SMALL, "max_steps": steps} for steps in (5, 10, 15, 20)]}
        search = ForecastingGridSearchCV(forecaster, cv, grid, error_score="raise", **backend)
        results = search.fit(y, fh=[1, 2, 3]).cv_results_
        return results[next(c for c in results if c.startswith("mean_test"))]

    in_threads = scores(backend="threading", backend_params={"n_jobs": 4})
    pd.testing.assert_series_equal(in_threads, scores(), rtol=1e-6)


def test_the_second_search_says_that_it_waits(capsys: pytest.CaptureFixture[str]):
    said = ""
    with ThreadPoolExecutor(1) as elsewhere, search_turn():
        waiting = elsewhere.submit(fit, verbose=True)
        while "Another search runs in this process" not in said:
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
            said += capsys.readouterr().err
    assert waiting.result().best_config["max_steps"] == SMALL["max_steps"]


@pytest.mark.slow
def test_waiting_takes_nothing_of_the_time_budget():
    with ThreadPoolExecutor(1) as elsewhere, search_turn():
        waiting = elsewhere.submit(search, 1, time_budget_hours=4 / 3600)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=5)
    assert "COMPLETE" in set(waiting.result(timeout=600)["state"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_another_thread_trains(point: AutoModel):
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with training_turn(), search_turn():
            held.set()
            release.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    try:
        child = os.fork()
        if child == 0:
            with training_turn(), search_turn():
                os._exit(0 if len(point.predict()) == 2 * H else 1)
        ended = ThreadPoolExecutor(1).submit(os.waitpid, child, 0)
        assert ended.result(timeout=600)[1] == 0
    finally:
        release.set()
        other.join()


@pytest.mark.parametrize("model", SOME)
def test_every_model_forecasts_without_a_trainer_as_with_one(model: str):
    """The plain loop gives the trainer's very figures, and leaves model and process alone."""
    config = {name: value for name, value in TINY.items() if name != "learning_rate"}
    data = seasonal_panel(n_series=3, length=60)
    fitted = create_auto_model(model, 6, data, {**config, **SIZES[model]}, **QUIET)
    check_against_a_trainer(fitted, data)


LOSSES = {
    "normal": "normal",
    "quantiles": MQLoss(level=[80]),
    "implicit quantiles": IQLoss(),
    "mixture": GMM(n_components=2),
    **{name: DistributionLoss(name) for name in ("Poisson", "StudentT", "NegativeBinomial")},
    "Tweedie": DistributionLoss("Tweedie", rho=1.5),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_forecasts_without_a_trainer_as_with_one(name: str):
    check_against_a_trainer(fit(loss=LOSSES[name]), DATA)


def check_against_a_trainer(model: AutoModel, data: pd.DataFrame) -> None:
    fitted = model.to_neuralforecast()
    module = fitted.models[0]
    assert without_a_trainer(module)
    past = data[data["ds"] <= data["ds"].unique()[40]]
    with training():
        torch.manual_seed(model._task.random_seed)
        expected = [private_copy(fitted).predict(df=None), private_copy(fitted).predict(df=past)]
    before, process = fingerprint(module), process_state()
    got = []
    for history in (None, past):
        with to_forecast_with(fitted, seed=1) as own:
            got.append(own.predict(df=history))
    for frame, other in zip(got, expected, strict=True):
        pd.testing.assert_frame_equal(frame, other, rtol=1e-6)
    assert fingerprint(module) == before
    assert process_state() == process
    copy.deepcopy(model)


def fingerprint(module: Any) -> Any:
    """Return what shows whether anything has been written to a model."""
    tensors = [(t.data_ptr(), t._version) for t in (*module.parameters(), *module.buffers())]
    registered = ("_parameters", "_buffers", "_modules")
    parts = [
        {name: id(value) for name, value in vars(part).items() if name not in registered}
        for part in module.modules()
    ]
    return tensors, parts
