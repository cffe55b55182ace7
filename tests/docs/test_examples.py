"""The scripts in examples/ run as they are shown, with few trials and steps."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from automodel_sk.training.task import FEWEST_REPORTS, REPORTS_PER_TRIAL, TrainingTask

EXAMPLES = Path(__file__).parents[2] / "examples"
ALL = {path.stem for path in EXAMPLES.glob("*.py")}
SLOW = {"ray_search", "save_and_serve", "sktime_pipeline"}
BY_THEMSELVES = {"sizing"}


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example in a process of its own and return what it prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def printed(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> str:
    """What the example of that name prints, run in this process: imports are paid once."""
    path = EXAMPLES / f"{request.param}.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "--quick"])
    runpy.run_path(str(path), run_name="__main__")
    return capfd.readouterr().out


quick = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def named(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("printed", [name], indirect=True)


@quick
@named("quick_start")
def test_quick_start(printed: str, tmp_path: Path) -> None:
    forecast = pd.read_csv(tmp_path / "forecast.csv")
    assert len(forecast) == 24
    assert (forecast["NHITS-lo-95"] <= forecast["NHITS-lo-80"]).all()
    assert printed.startswith("RandomSampler for fewer than 10 trials")
    assert "'max_steps': 5" in printed


@quick
@named("exogenous")
def test_exogenous(printed: str) -> None:
    more = float(printed.rpartition("half the price:")[2])
    assert more != 0.0
    assert "2024-06-05" in printed


@quick
@named("probabilistic")
def test_probabilistic(printed: str) -> None:
    rows = re.findall(r"coverage_level80 +([\d.]+) +([\d.]+) +([\d.]+)", printed)
    shares = [float(share) for row in rows for share in row]
    assert len(shares) == 6
    assert all(0 <= share <= 1 for share in shares)


@quick
@named("many_series")
def test_many_series(printed: str, tmp_path: Path) -> None:
    assert (tmp_path / "hardest.png").read_bytes().startswith(b"\x89PNG")
    assert printed.count("new shop") == 3
    assert re.search(r"mase +[\d.]+ +[\d.]+", printed)


@pytest.mark.slow
@quick
@named("resume")
def test_resume(printed: str) -> None:
    assert "2 trials, then 4 in all; the first ones kept: True" in printed
    rows = re.search(r"^0 +0 +\S+ +([\d.]+)$", printed, re.MULTILINE)
    assert rows is not None
    assert float(rows[1]) == pytest.approx(float(printed.split()[-1]), rel=1e-3)


@quick
@named("forecast_picture")
def test_forecast_picture(printed: str, tmp_path: Path) -> None:
    assert (tmp_path / "forecast.png").stat().st_size > 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_slow_examples(name: str, tmp_path: Path) -> None:
    shown = {
        "ray_search": r"(?s)BasicVariantGenerator.*COMPLETE.*Airline1",
        "save_and_serve": r"(?s)(1961-01-31.*){4}mlflow models serve -m models:/passengers/1",
        "sktime_pipeline": r"(?s)tuned \[.*naive \[0\.\d+, .*1961-12",
    }
    assert re.search(shown[name], run(name, tmp_path, "--quick"))


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of the sizing example, which reads its arguments when it is imported."""
    monkeypatch.setattr(sys, "argv", ["sizing.py"])
    return runpy.run_path(str(EXAMPLES / "sizing.py"))["Search"]


def test_sizing_reckons_with_the_searchs_own_numbers(search: Any) -> None:
    for series in (1, 500, 1_000, 10_000, 1_000_000):
        interval = TrainingTask("MLP", h=7, val_size=7, n_series=series).check_interval(1000)
        made = 1000 // interval
        assert FEWEST_REPORTS <= made <= REPORTS_PER_TRIAL + 1
        assert search(trials=1, series=series).validations == pytest.approx(made, rel=0.1)


def test_sizing_by_hand(search: Any) -> None:
    # 1000 steps of 0.01 s and 40 validations of 7.68 s each; half of it is done
    given = {"step_seconds": 0.01, "validation_seconds": 0.01, "start_seconds": 36.0}
    one = search(trials=10, series=768_000, cpus=2, efficiency=0.5, ray_gb=0.5, **given)
    assert one.validations == 40
    assert one.trial_hours == pytest.approx((10 + 40 * 7.68) / 3600)
    assert one.cpu_hours == pytest.approx(10 * one.trial_hours / 2)
    assert one.hours == pytest.approx(one.cpu_hours + 0.01)
    assert one.reports_per_second == pytest.approx(10 * 40 / 2 / (one.hours * 3600))
    # 153.6 million rows of 20 bytes, two and a half times, their tensor of 8, three processes, Ray
    assert one.machine_gb == pytest.approx(2.5 * 3.072 + 1.2288 + 1.8 + 0.5)


def test_the_page_shows_what_the_sizing_prints(tmp_path: Path) -> None:
    page = (EXAMPLES.parent / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert run("sizing", tmp_path) in page


def test_every_example_is_run_and_short() -> None:
    tested = set(re.findall(r'@named\("(\w+)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert tested | SLOW | BY_THEMSELVES == ALL
    for name in ALL - BY_THEMSELVES:
        text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) < 60, name
        assert f"python examples/{name}.py" in text, f"{name} doesn't say how it is run"
