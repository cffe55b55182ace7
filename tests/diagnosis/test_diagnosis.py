"""The rules of the diagnosis: each fires where it must, and not where it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.data.analysis import analyse_dataset
from automodel_sk.diagnosis import RULES, Diagnosis, Finding, SearchRun, diagnose
from automodel_sk.diagnosis.search_record import OUT_OF_TIME
from automodel_sk.search_algorithm_selector import SearchStrategy
from automodel_sk.search_space import Choice, Computed, Float, Integer, SearchSpace
from automodel_sk.training.reasons import failure_of
from automodel_sk.trials import TrialRecord

STEPS = 100
BEGAN = datetime(2024, 1, 1)


def curve(best: float, best_step: int = 70, end: float | None = None) -> dict[int, float]:
    """Return losses that fall from 2 to a best one, and go on to an end."""
    steps = range(10, STEPS + 1, 10)
    falling = [step for step in steps if step <= best_step]
    losses = dict(zip(falling, np.linspace(2.0, best, len(falling)), strict=True))
    rising = [step for step in steps if step > best_step]
    end = best * 1.001 if end is None else end
    return losses | dict(zip(rising, np.linspace(best, end, len(rising) + 1)[1:], strict=True))


def trial(number: int, loss: float, state: str = "COMPLETE", **changes: Any) -> TrialRecord:
    fields = {
        "value": loss if state == "COMPLETE" else None,
        "params": {"max_steps": STEPS, "input_size": 12, **changes.pop("params", {})},
        "intermediate_values": curve(loss),
        "datetime_start": BEGAN + timedelta(minutes=number),
        "datetime_complete": BEGAN + timedelta(minutes=number + 1),
        "duration_seconds": 60.0,
    }
    if state == "FAIL":
        fields |= {"value": None, "intermediate_values": {}}
    return TrialRecord(number, state, **{**fields, **changes})


HEALTHY_LOSSES = [1.0, 0.5, 0.9, 0.8, 0.7, 1.1, 0.75, 0.95, 1.2, 0.85, 0.6, 1.3]
"""The best of them comes early."""

PROFILE = analyse_dataset(seasonal_panel(length=200))


def healthy(**changes: Any) -> SearchRun:
    """Return a search about which there is nothing to say."""
    records = [
        trial(number, loss, params={"learning_rate": 1e-3 * (1 + number / 10)})
        for number, loss in enumerate(HEALTHY_LOSSES)
    ]
    run = SearchRun(
        records,
        {"max_steps": STEPS, "input_size": 12},
        h=12,
        val_size=12,
        space=SearchSpace.parse({"learning_rate": Float(1e-4, 1e-2, log=True)}),
        strategy=SearchStrategy("TPESampler", num_samples=len(records)),
        profile=PROFILE,
    )
    return replace(run, **changes)


def with_losses(losses: Sequence[float], **changes: Any) -> SearchRun:
    records = [
        trial(number, loss, params={"learning_rate": 1e-3 * (1 + number / 10)})
        for number, loss in enumerate(losses)
    ]
    return healthy(records=records, **changes)


def with_curves(*curves: Mapping[int, float], **params: Any) -> SearchRun:
    """Return the healthy search with other curves for its three best trials."""
    run = healthy()
    losses = [min(losses.values()) for losses in curves]
    assert max(losses) < min(HEALTHY_LOSSES)
    leaders = [
        trial(k, min(c.values()), intermediate_values=c, params=params)
        for k, c in enumerate(curves)
    ]
    return replace(run, records=[*leaders, *run.records[len(leaders) :]])


def tuned(domain: Any, values: Sequence[Any], name: str = "hidden_size") -> SearchRun:
    """Return a search of one parameter, the first value the best, the next behind it."""
    records = [trial(k, 0.5 + 0.1 * k, params={name: value}) for k, value in enumerate(values)]
    return healthy(
        records=records,
        space=SearchSpace.parse({name: domain}),
        strategy=SearchStrategy("TPESampler", num_samples=len(records)),
    )


def found(run: SearchRun, rule: str) -> Finding | None:
    matching = [finding for finding in diagnose(run) if finding.rule == rule]
    assert len(matching) < 2
    return matching[0] if matching else None


def test_a_healthy_search_has_no_findings():
    diagnosis = diagnose(healthy())
    assert not diagnosis, str(diagnosis)
    assert str(diagnosis) == "No findings for this search."
    assert "No findings" in diagnosis._repr_html_()
    assert diagnosis.to_frame().empty


class TestFailures:
    def test_many(self):
        reason = "ValueError: shapes do not match"
        records = [*healthy().records[:8], *(trial(k, 0, "FAIL", reason=reason) for k in (8, 9))]
        finding = found(healthy(records=records), "failures")
        assert finding is not None
        assert reason in finding.text
        assert finding.evidence["reasons"] == {reason: 2}
        assert finding.suggestion == {}

    def test_diverged(self):
        reason = "TrialDivergedError: the validation loss was nan after 10 steps"
        rates = [0.1, 0.5]
        why = {"reason": reason, "failure": "diverged"}
        failed = [
            trial(8 + k, 0, "FAIL", params={"learning_rate": rate}, **why)
            for k, rate in enumerate(rates)
        ]
        finding = found(healthy(records=[*healthy().records[:8], *failed]), "failures")
        assert finding is not None
        assert finding.suggestion == {"learning_rate": 0.01, "scaler_type": "standard"}

    def test_few(self):
        records = [*healthy().records, trial(12, 0, "FAIL", reason="x")]
        assert found(healthy(records=records), "failures") is None

    def test_memory_is_no_other_failure(self):
        failed = [trial(k, 0, "FAIL", failure="out_of_memory") for k in range(8, 12)]
        run = healthy(records=[*healthy().records[:8], *failed])
        assert found(run, "failures") is None
        assert found(run, "memory") is not None


class TestMemory:
    def test_ran_again_with_less(self):
        smaller = trial(3, 0.8, tags={"retried_with": {"windows_batch_size": 128}})
        records = [smaller if r.number == 3 else r for r in healthy().records]
        finding = found(healthy(records=records), "memory")
        assert finding is not None
        assert finding.evidence["trials"] == [3]
        assert finding.suggestion == {"windows_batch_size": 64}

    @pytest.mark.parametrize(
        "error", [RuntimeError("CUDA out of memory. Tried"), MemoryError("unable to allocate")]
    )
    def test_failed_for_it(self, error: Exception):
        failure = failure_of(error)
        ended = trial(12, 0, "FAIL", reason=failure.reason, failure=failure.kind)
        records = [*healthy().records, ended]
        assert found(healthy(records=records), "memory") is not None


class TestTime:
    def stopped(self, number: int, loss: float) -> TrialRecord:
        return trial(number, loss, "PRUNED", reason=OUT_OF_TIME)

    def test_up_before_the_last_trial(self):
        records = [*healthy().records, self.stopped(12, 1.5)]
        strategy = SearchStrategy("TPESampler", num_samples=48)
        finding = found(healthy(records=records, strategy=strategy), "time_budget")
        assert finding is not None
        assert finding.evidence == {"ended": 12, "asked": 48, "best_was_cut_off": False}
        assert finding.suggestion == {"time_budget_hours": 0.87}  # 13 minutes for 12 of 48

    def test_cut_off_the_best(self):
        records = [self.stopped(0, 0.1)]
        strategy = SearchStrategy("TPESampler", num_samples=9)
        finding = found(healthy(records=records, strategy=strategy), "time_budget")
        assert finding is not None
        assert finding.evidence["best_was_cut_off"]

    def test_enough(self):
        assert found(healthy(), "time_budget") is None
        strategy = SearchStrategy("TPESampler", num_samples=48)
        assert found(healthy(strategy=strategy), "time_budget") is None


class TestFewTrials:
    def test_best_found_last(self):
        finding = found(with_losses([1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6]), "few_trials")
        assert finding is not None
        assert "TPESampler" in finding.text
        assert finding.evidence["best"] == 7
        assert finding.suggestion == {"num_samples": 14}

    @pytest.mark.parametrize(
        "losses",
        [
            [0.6, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7],
            [1.2, 0.701, 1.1, 1.0, 0.9, 0.8, 0.7],
            [1.2, 0.6],
        ],
        ids=["found first", "hardly better", "too few to tell"],
    )
    def test_found_early_or_hardly_better(self, losses: list[float]):
        assert found(with_losses(losses), "few_trials") is None

    def test_a_grid_is_complete(self):
        strategy = SearchStrategy("GridSampler", num_samples=7, exhaustive=True)
        run = with_losses([1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6], strategy=strategy)
        assert found(run, "few_trials") is None


FLAT_AT_THE_END = {
    step: 0.2 - step * 1e-6 if step >= 70 else 2.0 - step / 50 for step in range(10, 101, 10)
}


class TestCurves:
    falling = curve(0.2, best_step=STEPS)
    risen = curve(0.2, best_step=30, end=0.8)

    def test_still_falling(self):
        finding = found(with_curves(self.falling, self.falling, curve(0.3)), "underfitting")
        assert finding is not None
        assert finding.evidence["best_steps"] == {0: STEPS, 1: STEPS}
        assert finding.suggestion == {"max_steps": 2 * STEPS}

    def test_one_falling_curve_may_be_chance(self):
        assert found(with_curves(self.falling, curve(0.3), curve(0.3)), "underfitting") is None

    def test_best_at_the_end_but_flat(self):
        run = with_curves(*3 * [FLAT_AT_THE_END])
        assert found(run, "underfitting") is None

    def test_stopped_on_a_plateau_before_the_end(self):
        early = {step: loss for step, loss in self.falling.items() if step <= 60}
        run = with_curves(*3 * [early | {50: 0.1, 60: 0.1}])
        assert found(run, "underfitting") is None

    def test_turned_early(self):
        run = with_curves(self.risen, self.risen, curve(0.3), learning_rate=0.03)
        finding = found(run, "overfitting")
        assert finding is not None
        assert finding.evidence["best_steps"] == {0: 30, 1: 30}
        assert finding.evidence["rise"][0] == pytest.approx(0.6 / 1.8, abs=1e-3)
        assert finding.suggestion == {"learning_rate": pytest.approx(0.01)}

    @pytest.mark.parametrize(
        "shape",
        [curve(0.2, best_step=30, end=0.21), curve(0.2, best_step=80, end=0.8)],
        ids=["hardly risen", "late"],
    )
    def test_not_turned(self, shape: dict[int, float]):
        assert found(with_curves(shape, shape, shape), "overfitting") is None

    def test_losses_below_zero(self):
        below = {step: loss - 10 for step, loss in self.risen.items()}
        records = [trial(k, -9.8, intermediate_values=below) for k in range(3)]
        assert found(healthy(records=records), "overfitting") is not None


class TestEdges:
    @pytest.mark.parametrize(
        ("domain", "values", "suggested"),
        [
            (Float(1e-4, 1e-2, log=True), [0.0099, 0.009, 0.008, 1e-3, 1e-4],
             Float(1e-4, 1e-1, log=True)),
            (Float(1e-4, 1e-2, log=True), [1.01e-4, 1.2e-4, 2e-4, 1e-3, 1e-2],
             Float(1e-5, 1e-2, log=True)),
            (Float(0.0, 10.0), [10.0, 9.0, 8.5, 5.0, 1.0], Float(0.0, 20.0)),
            (Integer(8, 64, step=8), [64, 56, 64, 8, 16], Integer(8, 120, step=8)),
            (Integer(2, 100), [2, 3, 4, 50, 60], Integer(1, 100)),
            (Choice([32, 64, 128]), [128, 128, 64, 32, 32], Choice([32, 64, 128, 256])),
            (Choice([8, 4, 16]), [4, 4, 8, 16, 16], Choice([2, 8, 4, 16])),
            (Choice([None, 24, 48, 96]), [96, 96, 96, 24, 24], Choice([None, 24, 48, 96, 192])),
        ],
        ids=repr,
    )  # fmt: skip
    def test_at_an_edge(self, domain: Any, values: list[Any], suggested: Any):
        finding = found(tuned(domain, values), "edge_of_range")
        assert finding is not None
        assert finding.evidence["best"] == values[0]
        ours = finding.suggestion["hidden_size"]
        assert type(ours) is type(suggested)
        assert ours.bounds == pytest.approx(suggested.bounds)
        if isinstance(suggested, Choice):
            assert ours == suggested

    @pytest.mark.parametrize(
        ("domain", "values"),
        [
            (Float(1e-4, 1e-2, log=True), [1e-3, 1e-2, 1e-2, 1e-2, 1e-2]),
            (Float(1e-4, 1e-2, log=True), [1e-2, 1e-4, 1e-4, 1e-3, 1e-3]),
            (Float(0.0, 1.0), [0.0, 0.01, 0.02, 0.5, 1.0]),
            (Integer(1, 8), [1, 1, 1, 4, 8]),
            (Choice([32, 64]), [64, 64, 64, 32, 32]),
            (Choice(["a", "b", "c"]), ["c", "c", "c", "a", "b"]),
            (Choice([False, True, 3]), [3, 3, 3, True, False]),
            (Choice([1, 2, 4]), [1, 1, 1, 2, 4]),
            (Choice([[8], [16], [32]]), [[32], [32], [32], [8], [16]]),
            (Float(1e-4, 1e-2, log=True), [1e-2, 1e-2, 1e-2]),
            (Computed(lambda config: 3), [3, 3, 3, 3, 3]),
        ],
        ids=[
            *("in the middle", "leaders differ", "nothing below 0", "nothing below 1"),
            *("two values", "words", "truth values", "lowest count", "lists"),
            *("too few trials", "computed"),
        ],
    )
    def test_not_at_an_edge(self, domain: Any, values: list[Any]):
        assert found(tuned(domain, values), "edge_of_range") is None

    def test_shares_stay_shares(self):
        finding = found(tuned(Float(0, 0.5), 5 * [0.5], "dropout"), "edge_of_range")
        assert finding is not None
        assert finding.suggestion["dropout"].bounds == (0, 0.9)
        assert found(tuned(Float(0, 0.99), 5 * [0.99], "dropout"), "edge_of_range") is None

    def test_parameters_within_others(self):
        run = tuned(Integer(2, 8), [8, 8, 8, 2, 3])
        nested = [replace(r, params={"optimizer_kwargs": {"k": r.params["hidden_size"]}})
                  for r in run.records]  # fmt: skip
        space = SearchSpace.parse({"optimizer_kwargs": {"k": Integer(2, 8)}})
        finding = found(replace(run, records=nested, space=space), "edge_of_range")
        assert finding is not None
        assert list(finding.suggestion) == ["optimizer_kwargs/k"]


class TestWidth:
    wide = SearchSpace.parse({f"p{k}": Float(0, 1) for k in range(6)})

    def test_more_parameters_than_trials_can_tell(self):
        finding = found(healthy(space=self.wide), "wide_space")
        assert finding is not None
        assert len(finding.evidence["parameters"]) == 6
        assert finding.suggestion == {"num_samples": 60}

    def test_enough_trials(self):
        space = SearchSpace.parse({f"p{k}": Float(0, 1) for k in range(4)})
        assert found(healthy(space=space), "wide_space") is None

    def test_all_combinations_tried(self):
        space = SearchSpace.parse({f"p{k}": Choice([1, 2]) for k in range(3)} | {"q": 1, "r": 2})
        records = healthy().records[:8]
        assert found(healthy(space=space, records=records), "wide_space") is None

    def test_a_function_does_not_tell(self):
        space = SearchSpace.parse(lambda trial: {})
        assert found(healthy(space=space), "wide_space") is None
        assert found(healthy(space=None), "wide_space") is None


class TestHistory:
    def test_series_shorter_than_a_window(self):
        profile = analyse_dataset(seasonal_panel(length=40))
        run = healthy(profile=profile, config={"input_size": 24})
        finding = found(run, "short_history")
        assert finding is not None
        assert finding.evidence["share_of_short_series"] == 1.0
        assert finding.suggestion == {"input_size": 4}

    def test_few_windows(self):
        profile = analyse_dataset(seasonal_panel(n_series=1, length=80))
        finding = found(healthy(profile=profile, config={"input_size": 30}), "short_history")
        assert finding is not None
        assert finding.evidence["windows"] < 50
        assert finding.evidence["share_of_short_series"] == 0.0

    def test_long_enough(self):
        assert found(healthy(), "short_history") is None
        assert found(healthy(config={}), "short_history") is None
        assert found(healthy(config={"input_size": 900}, profile=None), "short_history") is None


class TestPruning:
    median = SearchStrategy(
        "TPESampler",
        pruner_name="MedianPruner",
        pruner_kwargs={"n_warmup_steps": 10},
        num_samples=25,
    )

    def with_pruned(self, complete: int, pruned: int, loss: float = 1.5) -> SearchRun:
        records = [trial(k, 0.5 + 0.1 * k) for k in range(complete)]
        records += [trial(complete + k, loss, "PRUNED") for k in range(pruned)]
        return healthy(records=records, strategy=self.median)

    def test_nearly_all(self):
        finding = found(self.with_pruned(2, 20), "pruned_too_early")
        assert finding is not None
        assert finding.evidence == {"pruned": 20, "complete": 2, "better": []}
        assert finding.suggestion == {"use_pruning": False}

    def test_better_than_the_best(self):
        finding = found(self.with_pruned(8, 2, loss=0.4), "pruned_too_early")
        assert finding is not None
        assert finding.evidence["better"] == [8, 9]

    def test_as_it_should(self):
        assert found(self.with_pruned(8, 12), "pruned_too_early") is None
        assert found(self.with_pruned(8, 12), "no_pruning") is None

    def test_stopped_by_time_is_not_pruned(self):
        run = self.with_pruned(2, 20)
        timed = [replace(r, reason=OUT_OF_TIME) if r.state == "PRUNED" else r for r in run.records]
        assert found(replace(run, records=timed), "pruned_too_early") is None

    def test_waits_too_long(self):
        strategy = replace(self.median, n_reports=5)
        finding = found(healthy(strategy=strategy), "no_pruning")
        assert finding is not None
        assert "waits for report 10" in finding.text
        assert finding.suggestion == {"val_check_steps": 2}

    def test_nothing_fell_behind(self):
        finding = found(self.with_pruned(25, 0), "no_pruning")
        assert finding is not None
        assert finding.suggestion == {}

    def test_too_few_trials_or_no_pruner(self):
        assert found(self.with_pruned(8, 0), "no_pruning") is None
        many = [trial(k, 0.5 + 0.1 * k) for k in range(25)]
        assert found(healthy(records=many), "no_pruning") is None


class TestFlat:
    def test_alike(self):
        finding = found(with_losses([1.0 + 0.001 * k for k in range(9)]), "flat")
        assert finding is not None
        assert finding.suggestion == {"n_windows": 3}

    def test_alike_on_several_windows(self):
        finding = found(with_losses([1.0 + 0.001 * k for k in range(9)], val_size=36), "flat")
        assert finding is not None
        assert finding.suggestion == {}

    def test_different(self):
        assert found(healthy(), "flat") is None
        assert found(with_losses([1.0, 1.001, 1.002]), "flat") is None


class TestSimpleForecasts:
    def test_beaten(self):
        scores = {"MLP": 1.2, "SeasonalNaive": 1.0, "Naive": 0.9, "RWD": float("nan")}
        finding = found(healthy(scores=scores), "not_better_than_baseline")
        assert finding is not None
        assert "Naive on past windows (MASE 1.2 and 0.9)" in finding.text

    def test_better(self):
        scores = {"MLP": 0.8, "SeasonalNaive": 1.0}
        assert found(healthy(scores=scores), "not_better_than_baseline") is None
        assert found(healthy(scores={}), "not_better_than_baseline") is None
        scores = {"MLP": float("nan"), "SeasonalNaive": 1.0, "Naive": 2.0}
        assert found(healthy(scores=scores), "not_better_than_baseline") is None


def test_the_most_important_comes_first():
    failed = [trial(k, 0, "FAIL", reason="ValueError: <b>") for k in range(8, 12)]
    run = replace(with_losses([1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6]))
    diagnosis = diagnose(replace(run, records=[*run.records, *failed]))
    assert [finding.rule for finding in diagnosis][:2] == ["failures", "few_trials"]
    assert str(diagnosis).startswith("1. failures: 4 of 11 trials failed")
    assert "&lt;b&gt;" in diagnosis._repr_html_()
    frame = diagnosis.to_frame()
    assert frame["rule"].tolist() == [finding.rule for finding in diagnosis]
    assert frame["suggestion"][1] == {"num_samples": 22}
    assert isinstance(diagnosis, Diagnosis)


def test_a_copied_trial_counts_once():
    records = [trial(k, 1.2 - 0.1 * k) for k in range(4)]
    copies = [replace(records[3], number=4 + k, tags={"copy_of": 3}) for k in range(4)]
    assert found(healthy(records=[*records, *copies]), "few_trials") is None


LOSSES = st.floats(-1e6, 1e6)
RECORDS = st.builds(
    TrialRecord,
    number=st.integers(0, 50),
    state=st.sampled_from(["COMPLETE", "PRUNED", "FAIL"]),
    value=st.none() | LOSSES,
    params=st.dictionaries(
        st.sampled_from(["max_steps", "learning_rate", "input_size", "p"]),
        st.none() | st.booleans() | st.integers(1, 100) | st.text(max_size=3)
        | st.lists(st.integers(), max_size=2) | st.floats(1e-6, 1e6),
    ).filter(lambda params: isinstance(params.get("max_steps", 1), (int, float))),
    intermediate_values=st.dictionaries(st.integers(1, 100), LOSSES, max_size=12),
    reason=st.none() | st.just(OUT_OF_TIME) | st.text(max_size=20),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(RECORDS, max_size=15),
    domain=st.sampled_from([Choice([1, 2, 4]), Float(0.1, 1), Integer(1, 9, log=True)]),
)
def test_no_search_is_beyond_the_rules(records: list[TrialRecord], domain: Any):
    space = SearchSpace.parse({"p": domain, "learning_rate": Float(1e-6, 1e6, log=True)})
    run = healthy(records=records, space=space, strategy=TestPruning.median)
    assert len(diagnose(run)) <= len(RULES) + 1
    str(diagnose(run))


@pytest.fixture(scope="module")
def searched() -> AutoModel:
    space = {
        "max_steps": 10,
        "val_check_steps": 1,
        "input_size": 24,
        "learning_rate": Choice([1e-6, 3e-6, 1e-5, 3e-5, 6e-5, 1e-4]),
        "windows_batch_size": 16,
    }
    options: dict[str, Any] = {"use_mlflow": False, "storage": ":memory:", "verbose": False}
    panel = seasonal_panel(length=80)
    return create_auto_model("NLinear", 6, panel, space, num_samples=10, cpus=1, gpus=0, **options)


class TestOfAModel:
    def test_a_search_with_too_low_rates_is_told_so(self, searched: AutoModel):
        rules = {finding.rule: finding for finding in searched.diagnose()}
        assert {"underfitting", "edge_of_range"} <= set(rules)
        assert rules["underfitting"].suggestion == {"max_steps": 20}
        widened = rules["edge_of_range"].suggestion["learning_rate"]
        assert widened.bounds == pytest.approx((1e-6, 1e-4**2 / 6e-5))

    def test_the_seasonal_naive_forecast_is_better(self, searched: AutoModel):
        assert "not_better_than_baseline" not in {f.rule for f in searched.diagnose()}
        findings = {f.rule: f for f in searched.diagnose(baselines=True)}
        evidence = findings["not_better_than_baseline"].evidence
        assert list(evidence)[:2] == ["NLinear", "SeasonalNaive"]
        assert evidence["SeasonalNaive"] < 1e-3 < evidence["NLinear"]

    def test_a_loaded_model_is_diagnosed_the_same(self, searched: AutoModel, tmp_path: Any):
        back = AutoModel.load(searched.save(tmp_path / "model"))
        pd.testing.assert_frame_equal(
            back.diagnose().to_frame(), searched.diagnose().to_frame(), check_dtype=False
        )

    def test_the_summary_ends_with_the_most_important(self, capsys: pytest.CaptureFixture[str]):
        space = {"max_steps": 10, "val_check_steps": 1, "learning_rate": Float(1e-5, 2e-5)}
        space |= {"input_size": 6, "windows_batch_size": 16}
        options: dict[str, Any] = {"use_mlflow": False, "storage": ":memory:", "cpus": 1}
        panel = seasonal_panel(length=80)
        create_auto_model("NLinear", 6, panel, space, num_samples=3, gpus=0, **options)
        said = capsys.readouterr()
        last = (said.out + said.err).strip().splitlines()[-1]
        assert "underfitting" in last or "max_steps=20" in last, said
