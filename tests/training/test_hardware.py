"""Precision and kernels: what is chosen, that it is used, that it is the same training."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray import tune
from series import seasonal_panel

from automodel_sk import AutoModelFactory, OptimizationConfig, create_auto_model
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.trainer import PortfolioTrainer
from automodel_sk.search import request_builder as search_setup
from automodel_sk.search.planning import UserInput, plan_search
from automodel_sk.training import devices
from automodel_sk.training import precision as hardware
from automodel_sk.training.build import build_model
from automodel_sk.training.devices import tensor_cores
from automodel_sk.training.patches.fused_optimizers import fused_optimizers
from automodel_sk.training.precision import choose_precision
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.train import Decision, train_config
from automodel_sk.training.trainer import SingleModel

CONFIG: dict[str, Any] = {"max_steps": 30, "input_size": 24, "hidden_size": 32, "num_layers": 2}
TASK = TrainingTask(
    "MLP",
    h=12,
    val_size=12,
    n_series=3,
    trainer_options={"accelerator": "cpu", "devices": 1},
)


@pytest.fixture(scope="module")
def dataset() -> Any:
    from neuralforecast.tsdataset import TimeSeriesDataset

    return TimeSeriesDataset.from_df(seasonal_panel())[0]


def train(dataset: Any, task: TrainingTask = TASK) -> list[float]:
    outcome = train_config(task, CONFIG, dataset, lambda *_: Decision.CONTINUE)
    return list(outcome.losses.values())


def with_precision(precision: str) -> TrainingTask:
    return replace(TASK, trainer_options={**TASK.trainer_options, "precision": precision})


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_measured", {})


@pytest.fixture
def bfloat16_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})


class TestPrecision:
    def test_what_is_asked_for_is_taken(self, dataset: Any) -> None:
        assert choose_precision("64-true", TASK, dict, dataset).precision == "64-true"

    def test_without_instructions_nothing_is_measured(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", dict)

        def never() -> dict[str, Any]:
            raise AssertionError("measured")

        choice = choose_precision("auto", TASK, never, dataset)
        assert str(choice) == "32-true: this machine has no bfloat16 instructions"

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_the_same_is_measured_once_in_a_process(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        measured: list[Any] = []

        def seconds(_task: Any, config: Any, _data: Any, precision: str) -> float:
            measured.append((config["hidden_size"], precision))
            return {"32-true": 0.1, "bf16-mixed": 0.05}[precision]

        monkeypatch.setattr(hardware, "_seconds_of_a_step", seconds)
        for size in (32, 32, 64):
            choice = choose_precision(
                "auto", TASK, lambda size=size: {**CONFIG, "hidden_size": size}, dataset
            )
            assert choice.precision == "bf16-mixed"
        assert measured == [(n, p) for n in (32, 64) for p in ("32-true", "bf16-mixed")]

    @pytest.mark.usefixtures("bfloat16_instructions")
    @pytest.mark.parametrize(("half", "chosen"), [(0.5, "bf16-mixed"), (0.95, "32-true")])
    def test_the_faster_one_is_taken(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch, half: float, chosen: str
    ) -> None:
        seconds = {"32-true": 1.0, "bf16-mixed": half}
        monkeypatch.setattr(hardware, "_seconds_of_a_step", lambda *args: seconds[args[-1]])
        choice = choose_precision("auto", TASK, lambda: CONFIG, dataset)
        assert choice.precision == chosen
        assert "a step takes" in choice.reason

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_it_is_measured_by_training_in_both(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hardware, "_SHORT_STEP_SECONDS", 0.0)
        choice = choose_precision("auto", TASK, lambda: CONFIG, dataset)
        assert choice.precision in ("32-true", "bf16-mixed")
        assert re.fullmatch(
            r"a step takes [\d.]+ ms in float32, [\d.]+ ms in bfloat16", choice.reason
        )

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_short_steps_are_not_left_to_noise(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seconds = {"32-true": 0.015, "bf16-mixed": 0.005}
        monkeypatch.setattr(hardware, "_seconds_of_a_step", lambda *args: seconds[args[-1]])
        assert choose_precision("auto", TASK, lambda: CONFIG, dataset).precision == "32-true"
        on_gpu = replace(TASK, trainer_options={"accelerator": "gpu"})
        monkeypatch.setattr(hardware, "_has_bfloat16", lambda _: True)
        assert choose_precision("auto", on_gpu, lambda: CONFIG, dataset).precision == "bf16-mixed"

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_a_space_that_fails_is_for_the_trials_to_show(self, dataset: Any) -> None:
        def config() -> dict[str, Any]:
            raise RuntimeError("no luck")

        choice = choose_precision("auto", TASK, config, dataset)
        assert str(choice) == "32-true: the search space gave no example (no luck)"

    @pytest.mark.usefixtures("bfloat16_instructions")
    @pytest.mark.parametrize(
        "unsuitable",
        [
            {"scaler_type": "unheard-of"},  # an AssertionError
            {"learning_rate": 1e30},  # a bare Exception
            {"accelerator": "gpu" if not torch.cuda.is_available() else "tpu"},
            {"limit_train_batches": 0},  # no step at all
        ],
    )
    def test_an_example_that_fails_is_for_the_trials_to_show(
        self, dataset: Any, unsuitable: dict[str, Any]
    ) -> None:
        choice = choose_precision("auto", TASK, lambda: {**CONFIG, **unsuitable}, dataset)
        assert str(choice) == "32-true: an example of the search space can't be trained"

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_a_failing_trial_never_ends_the_search(self) -> None:
        def space(trial: Any) -> dict[str, Any]:
            scaler = trial.suggest_categorical("scaler_type", ["unheard-of", "standard"])
            return {**CONFIG, "scaler_type": scaler, "max_steps": 2}

        states = create_auto_model(
            "MLP",
            12,
            seasonal_panel(),
            space,
            num_samples=4,
            use_mlflow=False,
            verbose=False,
            cpus=1,
            storage=":memory:",
        ).trials["state"]
        assert set(states) == {"COMPLETE", "FAIL"}

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_no_more_is_measured_than_tells(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept: list[list[float]] = []
        stamper = hardware._stamper

        def watched(stamps: list[float]) -> Any:
            kept.append(stamps)
            return stamper(stamps)

        monkeypatch.setattr(hardware, "_stamper", watched)
        assert 0 < hardware._seconds_of_a_step(TASK, CONFIG, dataset, "32-true") < 60
        monkeypatch.setattr(hardware, "_ENOUGH_SECONDS", 0.0)
        assert 0 < hardware._seconds_of_a_step(TASK, CONFIG, dataset, "32-true") < 60
        assert [len(stamps) for stamps in kept] == [12, 4]

    def test_a_resumed_study_keeps_its_precision(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def search(number: int, chosen: str, **more: Any) -> Any:
            choice = hardware.PrecisionChoice(chosen, "measured")
            monkeypatch.setattr(search_setup, "choose_precision", lambda *_: choice)
            space = {**CONFIG, "learning_rate": tune.loguniform(1e-3, 1e-2)}
            options = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": tmp_path}
            return create_auto_model(
                "MLP", 12, seasonal_panel(), space, num_samples=number, **options, **more
            ).trials["value"]

        whole = search(2, "bf16-mixed", study_name="whole")
        search(1, "bf16-mixed", study_name="stopped")
        assert search(2, "32-true", study_name="stopped").equals(whole)
        other = search(2, "32-true", study_name="stopped", resume="overwrite")
        assert not other.equals(whole)

    @pytest.mark.parametrize(
        ("options", "slower"),
        [
            ({}, 3.0),
            ({"cpus": 4}, 1.5),  # on more threads than a trial
            ({"cpus": 16}, 3 / 8**0.5),
            ({"refit_precision": "bf16-mixed"}, 1.0),
        ],
    )
    def test_the_final_training_has_time_for_its_own_precision(
        self,
        monkeypatch: pytest.MonkeyPatch,
        dataset: Any,
        options: dict[str, Any],
        slower: float,
    ) -> None:
        choice = hardware.PrecisionChoice("bf16-mixed", "measured", speedup=3.0)
        monkeypatch.setattr(search_setup, "choose_precision", lambda *_: choice)
        monkeypatch.setattr("automodel_sk.search.optuna.workers.pool.n_cpus", lambda: 64)
        space = {**CONFIG, "learning_rate": tune.loguniform(1e-3, 1e-2)}
        asked = OptimizationConfig(study_name="a", storage=":memory:", **{"cpus": 1, **options})
        prepared = UserInput("MLP", 12, seasonal_panel()).prepared(asked)
        plan = plan_search(prepared, "MLP", prepared.options, config=space)
        budget = TimeBudget(60.0)
        request = search_setup.search_request(plan, asked, budget, dataset)
        assert request.task.trainer_options["precision"] == "bf16-mixed"
        assert budget.slower_refit == pytest.approx(slower, abs=0.01)

    @pytest.mark.usefixtures("bfloat16_instructions")
    @pytest.mark.parametrize("resumed", [True, False])
    def test_a_precision_that_nothing_measures_has_its_usual_speed(
        self, monkeypatch: pytest.MonkeyPatch, dataset: Any, resumed: bool
    ) -> None:
        asked = "auto" if resumed else "bf16-mixed"
        earlier = "automodel_sk.search.study.search_spec.earlier_precision"
        monkeypatch.setattr(earlier, lambda _: "bf16-mixed")
        space = {**CONFIG, "learning_rate": tune.loguniform(1e-3, 1e-2)}
        options = OptimizationConfig(study_name="a", storage=":memory:", cpus=1, precision=asked)
        prepared = UserInput("MLP", 12, seasonal_panel()).prepared(options)
        plan = plan_search(prepared, "MLP", prepared.options, config=space)
        budget = TimeBudget(60.0)
        request = search_setup.search_request(plan, options, budget, dataset)
        assert request.task.trainer_options["precision"] == "bf16-mixed"
        assert budget.slower_refit == hardware.TYPICAL_SPEEDUP

    def test_half_precision_without_instructions_for_it_is_no_faster(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hardware, "_has_bfloat16", lambda _: False)
        assert hardware.unmeasured("bf16-mixed", "as requested", TASK).speedup == 1

    @pytest.mark.usefixtures("bfloat16_instructions")
    def test_a_model_that_half_precision_breaks_is_trained_in_full(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*args: Any) -> Any:
            raise RuntimeError("not implemented for 'BFloat16'")

        monkeypatch.setattr("automodel_sk.training.build.build_model", broken)
        assert hardware._seconds_of_a_step(TASK, CONFIG, dataset, "bf16-mixed") == float("inf")

    def test_trials_are_trained_in_it_and_the_final_model_in_its_own(self) -> None:
        model = create_auto_model(
            "MLP",
            12,
            seasonal_panel(),
            {**CONFIG, "learning_rate": tune.choice([1e-3, 1e-2])},
            num_samples=1,
            precision="64-true",
            use_mlflow=False,
            verbose=False,
            storage=":memory:",
            cpus=1,
        )
        fitted = model.to_neuralforecast().models[0]
        assert fitted.trainer_kwargs["precision"] == "32-true"
        assert {p.dtype for p in fitted.parameters()} == {torch.float32}

    def test_half_precision_is_another_training(self, dataset: Any) -> None:
        half, full = train(dataset, with_precision("bf16-mixed")), train(dataset)
        assert half != full
        assert min(half) == pytest.approx(min(full), rel=0.2)

    @pytest.mark.parametrize("option", ["precision", "refit_precision", "refit"])
    def test_a_misspelt_one_is_refused(self, option: str) -> None:
        with pytest.raises(InvalidInputError, match=f"{option} must be one of .*, got 'bf16'"):
            create_auto_model(
                "MLP", 12, seasonal_panel(), CONFIG, use_mlflow=False, **{option: "bf16"}
            )


def test_what_was_chosen_stands_in_the_summary() -> None:
    options = OptimizationConfig(
        num_samples=2, cpus=2, use_mlflow=False, verbose=False, storage=":memory:"
    )
    factory = AutoModelFactory("MLP", 12, options)
    space = {**CONFIG, "windows_batch_size": 4096, "learning_rate": tune.loguniform(1e-3, 1e-2)}
    factory.create_auto_model(seasonal_panel(), space)
    summary = factory.get_optimization_summary()
    assert summary["precision"] in ("32-true", "bf16-mixed")
    assert summary["hardware"] == {
        "accelerator": "gpu" if torch.cuda.is_available() else "cpu",
        "workers": 2,
        "windows_per_step": 3 * (120 - 12 - 24),  # no more exist
        "refit_threads": 2,
        "refit_precision": "32-true",
    }


class TestKernels:
    def test_fused_steps_are_the_same_steps(
        self, dataset: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fused = train(dataset)
        monkeypatch.setattr("automodel_sk.training.train.fused_optimizers", nullcontext)
        assert fused == pytest.approx(train(dataset), rel=1e-3)

    def test_adam_is_fused_while_models_are_trained_and_only_then(self) -> None:
        model = build_model(TASK, CONFIG)
        with fused_optimizers():
            inside = model.configure_optimizers()["optimizer"]
        outside = model.configure_optimizers()["optimizer"]
        assert inside.param_groups[0]["fused"] is True
        assert not outside.param_groups[0]["fused"]

    def test_a_user_s_own_choice_of_kernel_stays(self) -> None:
        model = build_model(
            TASK,
            {**CONFIG, "optimizer": torch.optim.Adam, "optimizer_kwargs": {"foreach": True}},
        )
        with fused_optimizers():
            optimizer = model.configure_optimizers()["optimizer"]
        assert not optimizer.param_groups[0]["fused"]

    def test_an_optimizer_without_a_fused_kernel_is_left_alone(self) -> None:
        model = build_model(TASK, {**CONFIG, "optimizer": torch.optim.RMSprop})
        with fused_optimizers():
            assert "fused" not in model.configure_optimizers()["optimizer"].param_groups[0]

    def test_matrix_products_are_as_before_afterwards(self) -> None:
        before = torch.get_float32_matmul_precision()
        with tensor_cores():
            pass
        assert torch.get_float32_matmul_precision() == before


class TestMemory:
    @pytest.mark.parametrize(
        ("name", "config", "length", "smaller"),
        [
            ("NHITS", {}, 3000, {"windows_batch_size": 512}),
            ("NHITS", {"windows_batch_size": 256}, 3000, {"windows_batch_size": 128}),
            ("NHITS", {}, 100, {"windows_batch_size": 64}),  # of 128 that exist
            ("GRU", {}, 3000, {"windows_batch_size": 64}),
            ("TimesNet", {}, 3000, {"windows_batch_size": 32}),
            ("iTransformer", {}, 3000, {"windows_batch_size": 16}),
            ("TSMixer", {"windows_batch_size": 1}, 3000, {"batch_size": 16}),
            ("TSMixer", {"windows_batch_size": 1, "batch_size": 1}, 3000, None),
            ("HINT", {"model": "GRU"}, 3000, {"windows_batch_size": 64}),
        ],
    )
    def test_a_retry_is_smaller_than_what_was_trained(
        self, name: str, config: dict[str, Any], length: int, smaller: dict[str, int] | None
    ) -> None:
        task = TrainingTask(name, 12, 12, n_series=2, lengths=np.full(2, length))
        given = {"max_steps": 100, "input_size": 24, **config}
        assert SingleModel(task).smaller(given) == smaller
        many = PortfolioTrainer({name: task}, {}, None, None, None)  # type: ignore[arg-type]
        if name != "HINT":  # its base model has the name of the models' parameter
            assert many.smaller({**given, "model": name}) == smaller


class TestGpus:
    @pytest.fixture(autouse=True)
    def three_gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")

    @pytest.mark.parametrize(
        ("place", "gpus", "seen"),
        [(0, None, "4"), (1, None, "5"), (5, None, "7"), (1, 2, "5"), (2, 1.5, "4")],
    )
    def test_workers_take_them_in_turn(self, place: int, gpus: float | None, seen: str) -> None:
        devices.take_gpu(place, gpus)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == seen

    def test_one_is_shared_by_all(self) -> None:
        devices.take_gpu(2, 0.5)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5,7"
