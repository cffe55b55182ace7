"""The benchmarks: what is run, what is measured, and what is reckoned from it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil
import pytest

from benchmarks import __main__ as command
from benchmarks import batched, datasets, measuring, ours, plots, tables, targets
from benchmarks.memory import panel, roles
from benchmarks.plan import COMPARISONS, GPU, QUICK, Run, Size, all_runs, chosen
from benchmarks.pruners import RULES, Rule, played_back, rows
from benchmarks.ratios import Pairs, geometric, reached_after
from benchmarks.running import RunFailedError, figures, run_module
from benchmarks.sizing import model_of_costs
from benchmarks.steps import profiled, timed
from benchmarks.store import Store

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n"


def figures_of(
    contestant: str, seed: int, wall: float, curve: list[list[float]], mae: float, **more: Any
) -> dict[str, Any]:
    """Return a finished run as the store gives it back."""
    run = Run(more.pop("comparison", "search"), contestant, "air-passengers", seed, 10, 300)
    measured = {
        "wall": wall,
        "wall_with_imports": wall + 5,
        "cpu": 2 * wall,
        "others_cpu": 0.5,
        "cpu_with_imports": 2 * wall + 5,
        "peak_pss_mb": 800.0,
        "peak_uss_mb": 700.0,
        "peak_rss_mb": 900.0,
        "first_trial_after": 3.0,
        "trials_done": 10,
        "best_loss": curve[-1][1] if curve else None,
        "curve": curve,
        "test_mae": mae,
        "test_mase": mae / 20,
    }
    return {**run.to_dict(), **measured, **more}


PEER = [[20.0, 30.0], [90.0, 18.0]]
RUNS = [
    figures_of("ours-NHITS", 1, 10.0, [[2.0, 25.0], [5.0, 17.0]], 20.0),
    figures_of("AutoNHITS-optuna", 1, 120.0, PEER, 21.0),
    figures_of("ours-NHITS", 2, 20.0, [[2.0, 25.0], [9.0, 18.0]], 22.0),
    figures_of("AutoNHITS-optuna", 2, 100.0, PEER, 20.0),
    figures_of("ours-NHITS", 3, 10.0, [[2.0, 25.0]], 18.0),
    figures_of("AutoNHITS-optuna", 3, 110.0, PEER, 20.0),
    figures_of("ours-NHITS", 4, 1.0, [[0.5, 1.0]], 1.0),  # without its peer: left out
]


def search_pairs() -> Pairs:
    return Pairs.of(RUNS, "search", "air-passengers", "ours-NHITS", "AutoNHITS-optuna")


def test_ratios_are_medians_of_pairs_of_one_seed() -> None:
    pairs = search_pairs()
    assert len(pairs) == 3
    assert pairs.times_faster() == 11.0  # of 12, 5 and 11
    assert pairs.relative("test_mae") == pytest.approx(20 / 21)  # of .952, 1.1 and .9
    assert pairs.times_sooner() == 10.0  # of 90/5, 90/9 and never


def test_a_loss_that_is_never_reached() -> None:
    assert reached_after([[1.0, 9.0], [2.0, 5.0]], 5.0) == 2.0
    assert reached_after([[1.0, 9.0]], 5.0) is None
    never = Pairs(RUNS[4:5], RUNS[5:6])
    assert never.times_sooner() == 0.0
    assert math.isnan(Pairs([], []).times_faster())


def test_geometric_mean_wants_every_dataset() -> None:
    assert geometric([0.5, 2.0, 1.0]) == pytest.approx(1.0)
    assert math.isnan(geometric([0.5, math.nan]))
    assert math.isnan(geometric([]))


def row(rows: list[targets.Row], start: str) -> targets.Row:
    return next(r for r in rows if r.what.startswith(start))


def test_targets_hold_or_not() -> None:
    own = {"overhead_ms": 51.0, "import_seconds": 0.04}
    rows = targets.rows(RUNS, ["air-passengers"], own, gpu=False)
    faster = row(rows, "wall time of AutoNHITS on Optuna")
    assert (faster.target, faster.reached, faster.holds) == ("at least 12x", 11.0, False)
    assert faster.seeds == 3
    memory = row(rows, "peak memory")
    assert (memory.target, memory.reached, memory.holds) == ("at most 1.3", 1.0, True)
    assert row(rows, "test MAE").holds
    assert row(rows, "its best validation loss").holds
    assert row(rows, "own cost").holds is False
    assert row(rows, "`import automodel_sk`").holds
    on_ray = row(rows, "wall time of AutoNHITS on Ray")
    assert (on_ray.target, on_ray.holds) == ("at least 11x", None)
    assert row(rows, "from the call").reached == 3.0
    assert row(rows, "trials per hour").note == "no GPU here"


def test_equal_time_is_a_geometric_mean_of_the_datasets() -> None:
    runs = [
        figures_of(name, 1, 60.0, PEER, mae, comparison="equal-time", dataset=dataset)
        for dataset, own in (("air-passengers", 16.0), ("ETTh1", 25.0))
        for name, mae in (("ours-NHITS", own), ("AutoNHITS-optuna", 20.0))
    ]
    rows = targets.rows(runs, ["air-passengers", "ETTh1"], {}, gpu=False)
    equal = row(rows, "test MASE after equal time")
    assert (equal.reached, equal.holds) == (pytest.approx(1.0), False)
    wanting = targets.rows(runs, ["air-passengers", "M4-hourly"], {}, gpu=False)
    assert row(wanting, "test MASE after equal time").holds is None


def test_trials_per_hour_on_a_gpu() -> None:
    runs = [
        figures_of("ours-NHITS", 1, 36.0, PEER, 1.0, comparison=GPU.name, trials_done=40),
        figures_of("AutoNHITS-optuna", 1, 360.0, PEER, 1.0, comparison=GPU.name, trials_done=40),
    ]
    assert targets.trials_per_hour(runs[0]) == 4_000
    on_gpu = row(targets.rows(runs, ["air-passengers"], {}, gpu=True), "trials per hour")
    assert (on_gpu.reached, on_gpu.holds, on_gpu.note) == (10.0, True, "")


def test_report_and_pictures(tmp_path: Path) -> None:
    rows = targets.rows(RUNS, ["air-passengers"], {}, gpu=False)
    report = tables.write(tmp_path, RUNS, rows, {"CPU": "a fast one"}, Size())
    text = report.read_text(encoding="utf-8")
    assert "| at least 12x | 11x | no | 3 |" in text
    assert "| no GPU here | - |" in text
    assert "| CPU | a fast one |" in text
    ratios = pd.read_csv(tmp_path / "ratios.csv").iloc[0]
    assert (ratios["peer"], ratios["wall, peer / ours"]) == ("AutoNHITS-optuna", 11.0)
    medians = pd.read_csv(tmp_path / "figures.csv").set_index("contestant")
    assert medians.loc["AutoNHITS-optuna", "wall, s"] == 110.0
    pictures = plots.draw(tmp_path, RUNS)
    assert {p.name for p in pictures} == {"loss-over-time.png", "ratios.png"}
    assert all(picture.read_bytes().startswith(PNG) for picture in pictures)


def test_report_without_any_run(tmp_path: Path) -> None:
    rows = targets.rows([], ["air-passengers"], {}, gpu=False)
    text = tables.write(tmp_path, [], rows, {}, Size()).read_text(encoding="utf-8")
    assert text.count("not measured") == 10
    assert plots.draw(tmp_path, []) == []


def test_contestants_take_turns() -> None:
    runs = all_runs(Size(seeds=3), datasets.NAMES, gpu=False)
    first = [(r.contestant, r.dataset, r.seed) for r in runs[:3]]
    assert first == [
        ("ours-NHITS", "air-passengers", 1),
        ("AutoNHITS-optuna", "air-passengers", 1),
        ("ours-NHITS", "ETTh1", 1),
    ]
    assert len({run.key for run in runs}) == len(runs) == 3 * 2 * 3 + 3 * 2 + 2 + 3 + 2
    assert {r.seconds for r in runs if r.comparison == "equal-time"} == {60.0}
    assert not [r for r in runs if r.comparison == GPU.name]
    on_gpu = [r for r in all_runs(Size(), datasets.NAMES, gpu=True) if r.comparison == GPU.name]
    assert [(r.dataset, r.trials) for r in on_gpu] == [("M4-hourly", 40)] * 2


def test_a_thorough_run_has_every_dataset_and_seed_of_every_comparison() -> None:
    runs = all_runs(Size(seeds=2, thorough=True), datasets.NAMES, gpu=True)
    contestants = sum(len(c.contestants) for c in (*COMPARISONS.values(), GPU))
    assert len({run.key for run in runs}) == len(runs) == contestants * 3 * 2


def test_only_some() -> None:
    runs = all_runs(Size(), datasets.NAMES, gpu=False)
    assert chosen(runs, []) == runs
    some = chosen(runs, ["search.ETTh1", "sktime.air"])
    assert {(r.comparison, r.dataset) for r in some} == {
        ("search", "ETTh1"),
        ("sktime", "air-passengers"),
    }


def test_a_half_written_run_is_none(tmp_path: Path) -> None:
    store, run = Store(tmp_path), Run("search", "ours-NHITS", "air-passengers", 1, 2, 20)
    store.path(run.key).with_suffix(".draft").write_text('{"wall": 1', encoding="utf-8")
    assert not store.has(run.key)
    store.put(run.key, {"wall": 2.0})
    [finished] = Store(tmp_path).finished([run])
    assert (finished["wall"], finished["seed"]) == (2.0, 1)
    other = Run("search", "ours-NHITS", "air-passengers", 1, 3, 20)
    assert not store.has(other.key)  # other work is another run
    store.clear()
    assert not store.has(run.key)


def test_own_losses_are_known_at_even_distances() -> None:
    start = pd.Timestamp("2026-01-01")
    record = SimpleNamespace(
        state="PRUNED",
        intermediate_values={10: 3.0, 20: 2.0},
        datetime_start=start,
        duration_seconds=4.0,
    )
    t0 = start.timestamp()
    assert list(ours.learning_curve(record)) == [(t0 + 2, 3.0), (t0 + 4, 2.0)]
    record.state = "FAIL"
    assert not list(ours.learning_curve(record))


TREE = """
import subprocess, sys, time
code = '''
import time
held = bytearray(150_000_000)
end = time.process_time() + 0.6
while time.process_time() < end: pass
print(time.process_time(), flush=True)
time.sleep(0.7)
'''
subprocess.run([sys.executable, "-c", code])
subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=subprocess.DEVNULL)
print(time.process_time(), flush=True)
time.sleep(0.3)
"""


class Watched(NamedTuple):
    """A tree that was watched, and the CPU seconds that its processes count themselves."""

    watch: measuring.TreeWatch
    told: float


@pytest.fixture(scope="module")
def tree() -> Watched:
    process = subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE)
    seen = measuring.watched(process, timeout=60)
    assert process.stdout is not None
    with process.stdout as lines:
        return Watched(seen, sum(map(float, lines)))


@pytest.fixture
def watch(tree: Watched) -> measuring.TreeWatch:
    return tree.watch


def test_cpu_is_what_the_processes_count_themselves(tree: Watched) -> None:
    times = tree.watch.times
    whole = sum(member.cpu for member in tree.watch.members)
    assert tree.told > 0.6
    assert whole == pytest.approx(tree.told, abs=0.15)  # start and end of three processes
    assert 0.55 < tree.watch.cpu_between(times[0], times[-1]) <= whole
    assert tree.watch.cpu_between(times[0], times[0]) == 0.0


def test_the_cost_model_is_that_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    search = model_of_costs()(trials=4, series=50_000, steps=300, step_seconds=0.01, kept=1.0)
    assert search.validations == 40  # the fewest: each costs as much as 65 steps
    assert search.trial_hours * 3600 == pytest.approx(0.01 * 300 + 0.026 * 40 * 50)
    assert capsys.readouterr().out == ""


def test_memory_is_of_the_whole_tree(watch: measuring.TreeWatch) -> None:
    start, end = watch.times[0], watch.times[-1]
    assert 150 < watch.peak_between(start, end, "uss") < 300
    assert watch.peak_between(start, end, "pss") <= watch.peak_between(start, end, "rss")
    assert watch.others_between(start, end) >= -0.5
    assert sum("sleep 60" in member.command for member in watch.members) == 1


def test_nothing_of_a_watched_tree_is_left(watch: measuring.TreeWatch) -> None:
    for member in watch.members:
        gone = not member.process.is_running()
        assert gone or member.process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("worker", ["python -m automodel_sk.search.optuna.workers.main", "python"])
def test_workers_are_told_from_their_host(worker: str) -> None:
    def member(pid: int, parent: int, text: str) -> Any:
        process = SimpleNamespace(pid=pid)
        return SimpleNamespace(process=process, parent=parent, command=text, peak={"pss": 1.0})

    members = [member(1, 0, "python"), member(2, 1, worker), member(3, 2, worker)]
    members += [member(4, 2, worker), member(5, 1, "uname")]
    found = {role: [m.process.pid for m in those] for role, those in roles(members).items()}
    assert found == {"parent": [1], "host": [2], "worker": [3, 4], "other": [5]}


def test_figures_of_a_run() -> None:
    seen = measuring.TreeWatch(psutil.Process().pid)
    seen.times, seen._cpu, seen._others = [100.0, 110.0, 130.0], [0.0, 5.0, 45.0], [0.0, 1.0, 2.0]
    seen._memory = [{"pss": m, "uss": m, "rss": m} for m in (100.0, 300.0, 200.0)]
    losses = [[112.0, 9.0], [115.0, 9.5], [120.0, 7.0]]
    told = {"started": 100.0, "called": 110.0, "fitted": 130.0, "first_trial": 111.0}
    told |= {"losses": losses, "trials": 2, "test_mae": 1.0, "test_mase": 0.5}
    measured = figures(told, seen)
    assert (measured["wall"], measured["wall_with_imports"]) == (20.0, 30.0)
    assert (measured["cpu"], measured["cpu_with_imports"]) == (40.0, 45.0)
    assert (measured["others_cpu"], measured["peak_pss_mb"]) == (1.0, 300.0)
    assert (measured["best_loss"], measured["first_trial_after"]) == (7.0, 1.0)
    assert measured["curve"] == [[2.0, 9.0], [10.0, 7.0]]


def test_a_failing_run_names_its_output(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match=r"exit code 1; its output is in .*log"):
        run_module(["benchmarks.nothing"], tmp_path / "log")
    assert "No module named benchmarks.nothing" in (tmp_path / "log").read_text(encoding="utf-8")


def test_test_rows_are_the_last_of_each_series() -> None:
    data = datasets.load("air-passengers", None)
    assert (data.h, len(data.train), len(data.test)) == (12, 2 * 132, 2 * 12)
    assert data.train.groupby("unique_id")["ds"].max().max() < data.test["ds"].min()


def test_errors_by_value() -> None:
    y = np.array([1.0, 3.0, 2.0, 4.0, 3.0, 5.0])
    frame = pd.DataFrame({"unique_id": "a", "ds": range(6), "y": y})
    data = datasets.Dataset("small", 2, 1, 2, *datasets.split(frame, 2))
    forecast = data.test.rename(columns={"y": "m"}).assign(m=lambda f: f["m"] + [1.0, -3.0])
    assert datasets.errors(data, forecast) == {"test_mae": 2.0, "test_mase": 2.0}
    with pytest.raises(ValueError, match="1 of 2 steps lack a forecast"):
        datasets.errors(data, forecast.head(1))


def test_files_become_panels(tmp_path: Path) -> None:
    hours = pd.date_range("2020-01-01", periods=3_000, freq="h")
    wide = pd.DataFrame({"date": hours, "OT": np.arange(3_000.0), "HUFL": 1.0})
    wide.to_csv(tmp_path / "ETTh1.csv", index=False)
    ett = datasets.load("ETTh1", tmp_path)
    lengths = ett.train.groupby("unique_id").size()
    assert lengths.to_dict() == {"HUFL": 2_404, "OT": 2_404}
    oil = ett.test[ett.test["unique_id"] == "OT"]["y"]
    assert (len(oil), oil.iloc[0], oil.iloc[-1]) == (96, 2_904.0, 2_999.0)
    parts = ["train"] * 4 + ["test"] * 2
    m4 = pd.DataFrame({"unique_id": "H1", "ds": range(1, 7), "y": 5, "split": parts})
    m4.to_csv(tmp_path / "m4_hourly_100.csv", index=False)
    hourly = datasets.load("M4-hourly", tmp_path)
    assert (hourly.train["ds"].tolist(), hourly.test["ds"].tolist()) == ([1, 2, 3, 4], [5, 6])
    with pytest.raises(SystemExit, match=r"needs --data DIR with ETTh1\.csv"):
        datasets.load("ETTh1", None)


def test_the_large_panel() -> None:
    frame = panel(3, 5)
    assert frame.groupby("unique_id", observed=True).size().tolist() == [5, 5, 5]
    assert frame["y"].nunique() == 15


@pytest.mark.filterwarnings("ignore")
def test_ours_and_the_peer_are_judged_by_the_same_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One configuration: the same validation window and metric, refitted on all rows."""
    from neuralforecast import NeuralForecast
    from neuralforecast.auto import AutoMLP
    from ray import tune

    from automodel_sk import create_auto_model
    from benchmarks.nixtla_peer import _study_losses
    from benchmarks.spaces import QUIET_TRAINER

    monkeypatch.chdir(tmp_path)
    data = datasets.air_passengers()
    space = {"input_size": 24, "hidden_size": 32, "num_layers": 2, "windows_batch_size": 64}
    space |= {"max_steps": 30, "val_check_steps": 30, "learning_rate": tune.choice([0.005])}
    space["scaler_type"] = "standard"
    own = create_auto_model(
        "MLP",
        h=12,
        dataset=data.train,
        config=space,
        num_samples=1,
        random_seed=7,
        cpus=1,
        gpus=0,
        precision="32-true",
        storage=":memory:",
        use_mlflow=False,
        verbose=False,
    )
    fixed = {**QUIET_TRAINER, "random_seed": 7, "accelerator": "cpu"}
    config = AutoMLP._ray_config_to_optuna({**space, **fixed})
    peer = NeuralForecast([AutoMLP(12, config=config, num_samples=1, backend="optuna")], "ME")
    peer.fit(data.train)
    [(_, loss)] = _study_losses(peer.models[0].results)
    assert own.best_score == pytest.approx(loss, rel=1e-3)
    errors = [datasets.errors(data, fitted.predict())["test_mae"] for fitted in (own, peer)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_quick_benchmark_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["--quick", "--out", str(tmp_path)]
    assert command.main(quick) == 0
    text = capsys.readouterr().out
    assert "| wall time of AutoNHITS on Optuna / ours | air-passengers | at least 12x |" in text
    assert "not measured" not in text
    runs = all_runs(QUICK, ["air-passengers"], gpu=False)
    assert len(runs) == sum(len(c.contestants) for c in COMPARISONS.values())
    for run in runs:
        kept = json.loads((tmp_path / "runs" / f"{run.key}.json").read_text(encoding="utf-8"))
        assert kept["wall"] > 0
        assert kept["cpu"] > 0
        assert 200 < kept["peak_pss_mb"] < 10_000
        assert 0 < kept["test_mase"] < (100 if run.contestant.startswith("ours") else math.inf)
        assert kept["curve"][-1][1] == kept["best_loss"]
        assert 0 < kept["curve"][-1][0] <= kept["wall"] + 1  # Ray tells whole seconds
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    lost = tmp_path / "runs" / f"{runs[0].key}.json"
    lost.unlink()
    assert command.main(quick) == 0
    assert capsys.readouterr().out.count(" ... ") == 1
    for path, when in written.items():
        assert (path.stat().st_mtime_ns == when) == (path != lost)


@pytest.mark.slow
def test_budgets_are_kept_with_a_model_to_show_for_it() -> None:
    command = [sys.executable, "-m", "benchmarks.budgets", "--seconds", "4", "6", "--steps", "20"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in told.strip().splitlines()]
    assert [row[2] for row in rows[2:]] == ["4", "6"]
    assert all(int(row[5]) >= 1 for row in rows[2:])


# Pruners


def falling(best: float, reports: int = 100, until: int = 100) -> list[float]:
    """Return a curve that falls evenly to its best loss and stays there."""
    down = np.linspace(best + 1.0, best, until)
    return [*down, *np.full(reports - until, best)]


def test_what_a_rule_saves_and_what_it_costs() -> None:
    good, bad = falling(1.0), falling(5.0)
    median = next(rule for rule in RULES if rule.name == "median from 10")
    assert played_back(Rule("none"), [good, bad]) == (1.0, 1.0)
    share, best = played_back(median, [good] * 5 + [bad] * 5)
    assert (share, best) == ((5 * 100 + 5 * 10) / 1000, 1.0)


def test_a_plateau_ends_a_trial_that_was_done() -> None:
    late = [*falling(2.0, 60, 30), *falling(1.0, 40, 40)]
    share, best = played_back(Rule("plateau", plateau=0.2), [late])
    assert (share, best) == (0.5, 2.0)  # 30 reports down, 20 without a better one


def test_rules_are_held_against_each_other() -> None:
    found = [falling(best) for best in (3.0, 1.0, 2.0, 1.5, 4.0, 5.0, 1.2)]
    table = pd.DataFrame(rows("made up", found, draws=3))
    assert table["rule"].tolist() == [rule.name for rule in RULES]
    assert table.loc[0, "steps trained"] == "100%"
    assert (table["best loss / best of all"].astype(float) >= 1.0).all()


@pytest.mark.slow
def test_products_are_a_share_of_a_step() -> None:
    work = (datasets.air_passengers(), 64, "float32", 1, True, 6)
    share, rate = profiled(work)
    assert 0.1 < share < 1.0
    assert rate > 1.0
    assert timed(work) > 1.0


TINY = batched.Case("tiny", "MLP", 2, 4, 8, {"hidden_size": 4})


def test_networks_are_trained_alike_one_by_one_and_batched() -> None:
    row = batched.compare(TINY, 2, steps=1)
    assert row["networks"] == "2 MLP, tiny"
    assert row["times faster"] > 0


def test_a_batched_training_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_other_values(networks: list[Any], inputs: dict[str, Any], y: Any) -> batched.Way:
        return batched.one_after_another(networks, inputs, y + 5)

    monkeypatch.setattr(batched, "batched", on_other_values)
    with pytest.raises(AssertionError, match="differs by"):
        batched.compare(TINY, 2, steps=1)
