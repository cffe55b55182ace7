"""Results are kept, resumed and compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import compare, guard, published, report
from benchmarks.accuracy.results import Job, Results
from benchmarks.accuracy.task import Forecast

JOB = Job("m1-yearly", 0, "ours:NHITS", 60.0, 1, "automodel_sk 0.1 abc")
FORECAST = Forecast(np.ones((2, 3)), np.ones((2, 3, 9)))


def test_results_are_found_again(tmp_path: Path) -> None:
    Results(tmp_path).put(JOB, {"state": "done", "mase": 2.0}, FORECAST)
    again = Results(tmp_path)
    assert again.get(JOB) == {"job": vars(JOB), "state": "done", "mase": 2.0}
    kept = again.forecast(JOB)
    assert kept is not None
    assert kept.quantiles.shape == (2, 3, 9)
    for other in ({"seed": 2}, {"origin": 1}, {"budget": None}, {"version": "automodel_sk 0.2"}):
        assert again.get(replace(JOB, **other)) is None
        assert again.forecast(replace(JOB, **other)) is None


def test_a_line_cut_short_is_run_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put(JOB, {"state": "done", "mase": 2.0})
    with results.path.open("a", encoding="utf-8") as file:
        file.write('{"job": {"dataset": "m1-ye')
    again = Results(tmp_path)
    other = replace(JOB, seed=2)
    assert again.get(JOB) is not None
    assert again.get(other) is None
    again.put(other, {"state": "done", "mase": 3.0})
    lines = results.path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["mase"] for line in lines] == [2.0, 3.0]


def test_the_newest_version_counts(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put(JOB, {"state": "done", "mase": 2.0})
    newer = replace(JOB, version="automodel_sk 0.1 def")
    results.put(newer, {"state": "done", "mase": 1.5})
    assert [line["mase"] for line in results.newest()] == [1.5]
    assert [line["mase"] for line in results.newest([JOB])] == [2.0]


def lines(errors: dict[str, dict[str, float | None]]) -> list[dict[str, Any]]:
    """Return runs of a table of errors by contestant and data set; None is a failed run."""
    return [
        {
            "dataset": dataset,
            "origin": 0,
            "contestant": name,
            "budget": 60.0 if name.startswith("ours") else None,
            "seed": 1,
            "state": "failed" if error is None else "done",
            "seconds": 1.0,
            **dict.fromkeys(("mase", "wql", "wape", "smape", "coverage80"), error),
        }
        for name, row in errors.items()
        for dataset, error in row.items()
    ]


TABLE: dict[str, dict[str, float | None]] = {
    "SeasonalNaive": {"a": 2.0, "b": 1.0, "c": 4.0},
    "DOT": {"a": 1.0, "b": 2.0, "c": 4.0},
    "ours:auto": {"a": 0.5, "b": None, "c": 2.0},
}


def test_errors_are_relative_and_failures_are_the_baseline() -> None:
    ratios = compare.relative(compare.labelled(lines(TABLE)), "mase")
    assert ratios["DOT"].tolist() == [0.5, 2.0, 1.0]
    assert ratios["ours:auto 60 s"].tolist() == [0.25, 1.0, 0.5]
    table = compare.summary(compare.labelled(lines(TABLE)))
    assert table.index.tolist()[0] == "ours:auto 60 s"
    ours = table.loc["ours:auto 60 s"]
    assert ours["MASE"] == pytest.approx(0.5)  # (0.25 * 1 * 0.5) ** (1/3)
    assert ours["win rate"] == pytest.approx((3 + 2.5) / 6)  # of DOT 3, of the baseline 2 and a tie
    assert ours["failed"] == 1
    assert 0.25 <= ours["MASE low"] < 0.5 < ours["MASE high"] <= 1.0


def test_only_data_that_all_ran_on_are_compared() -> None:
    table = {**TABLE, "DOT": {"a": 1.0, "b": 2.0}}
    ratios = compare.relative(compare.labelled(lines(table)), "mase")
    assert ratios.index.tolist() == ["a", "b"]


def test_seeds_and_origins_are_averaged_geometrically() -> None:
    runs = lines({"SeasonalNaive": {"a": 1.0}, "ours:auto": {"a": 0.5}})
    runs.append({**runs[1], "seed": 2, "mase": 2.0})
    ratios = compare.relative(compare.labelled(runs), "mase")
    assert ratios.loc["a", "ours:auto 60 s"] == pytest.approx(1.0)


def test_ours_against_a_peer() -> None:
    found = compare.against(compare.labelled(lines(TABLE)), "ours:auto 60 s", "DOT")
    assert found["ratio"] == pytest.approx(0.5)
    assert found["won"] == 1.0
    assert found["data sets"] == 3


def test_published_figures_have_their_published_means() -> None:
    runs = compare.labelled(lines({"SeasonalNaive": {"m1-yearly": 4.9}}))
    mase = published.beside(runs, "mase").droplevel("source")["all eight"].round(3)
    wql = published.beside(runs, "wql").droplevel("source")["all eight"].round(3)
    assert (mase["TiRex"], wql["TiRex"]) == (0.821, 0.652)
    assert (mase["AutoTheta"], wql["AutoTheta"]) == (0.836, 0.679)
    assert mase["SeasonalNaive"] == 1.0


def test_the_report_holds_tables_and_pictures(tmp_path: Path) -> None:
    path = report.write(tmp_path, lines(TABLE), {"a"}, {"CPU": "a fast one"})
    text = path.read_text(encoding="utf-8")
    assert "## All data (3 data sets)" in text
    assert "| ours:auto 60 s | DOT | 0.500 |" in text
    assert "without its pretrained models" in text
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert told["groups"]["development data"][0]["contestant"] == "ours:auto 60 s"
    for name in ("skill.png", "by-data.png", "seconds.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


# The guard


def test_without_a_record_the_guard_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"record it first: python -m .*guard --record"):
        guard.read(tmp_path / "record.json")


def test_the_guard_fails_outside_the_noise(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = guard.Record({"a": [0.80, 0.82, 0.81], "b": [0.90, 0.90, 0.90]}, "ours:auto", 30.0)
    noise = np.log(recorded.means).std(ddof=1)
    mean = np.exp(np.log(recorded.means).mean())
    assert recorded.limit == pytest.approx(mean * np.exp(3 * noise))
    assert guard.judged(recorded, {"a": [0.81], "b": [0.91]}) == 0
    assert guard.judged(recorded, {"a": [0.85], "b": [0.91]}) == 1
    assert "WORSE" in capsys.readouterr().out


def test_a_record_of_one_seed_allows_a_percent() -> None:
    recorded = guard.Record({"a": [0.8]}, "ours:auto", 30.0)
    assert recorded.limit == pytest.approx(0.808)


def test_the_repository_has_a_record_of_what_is_measured() -> None:
    record = guard.read()
    assert set(record.errors) == set(guard.SETS)
    assert {len(errors) for errors in record.errors.values()} == {len(guard.SEEDS)}
    assert (record.contestant, record.seconds) == (guard.CONTESTANT, guard.SECONDS)
    assert record.means.max() < record.limit < 1.0


def test_the_guard_reads_errors_by_seed() -> None:
    runs = lines({"SeasonalNaive": {"a": 2.0, "b": 1.0}, "ours:auto": {"a": 1.0, "b": 0.5}})
    runs += [{**run, "seed": 2, "mase": run["mase"] * 2} for run in runs[2:]]
    found = guard.relative_errors(pd.DataFrame(compare.labelled(runs)), "ours:auto", (1, 2))
    assert found == {"a": [0.5, 1.0], "b": [0.5, 1.0]}
