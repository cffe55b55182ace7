"""sktime's own tests of composition, evaluation, tuning and wrappers, with this forecaster."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "fixtures"
FILES = {
    "composition": [
        f"compose/tests/test_{name}.py"
        for name in (
            "bagging",
            "column_ensemble",
            "ensemble",
            "fallback",
            "forecastx",
            "groupbycategoryforecaster",
            "hierarchy_ensemble",
            "multiplex",
            "pipeline",
            "transformer_select_forecaster",
        )
    ],
    "reconciliation": ["tests/test_reconcile.py"],
    "evaluation": ["model_evaluation/tests/test_evaluate.py"],
    "tuning": ["model_selection/tests/test_tune.py"],
    "wrappers": ["tests/test_conformal.py", "tests/test_interval_wrappers.py"],
    "base": [f"base/tests/test_{name}.py" for name in ("base", "base_bugs", "state_at")],
}
FEWEST = {  # that pass: the others lack one of sktime's optional packages
    "composition": 60,
    "reconciliation": 5,
    "evaluation": 12,
    "tuning": 25,
    "wrappers": 10,
    "base": 15,
}
SECONDS = 1_500


def run_own_tests(files: list[str], folder: Path) -> tuple[str, dict[str, int]]:
    """Run test files of sktime in a process of its own; return what it says and the counts."""
    spec = importlib.util.find_spec("sktime.forecasting")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    result = folder / "result.xml"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-ra", "-p", "sktime_stand_in"),
        *("-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={root}", "-W", "ignore"),
        *("--timeout=600", f"--junitxml={result}", *(str(root / file) for file in files)),
    ]
    paths = [str(HERE.parents[1]), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    suite = next(ET.parse(result).iter("testsuite"))
    counts = {key: int(suite.attrib[key]) for key in ("tests", "skipped", "failures", "errors")}
    return done.stdout[-20_000:], counts


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("subject", FILES)
def test_sktimes_own_tests(subject: str, tmp_path: Path) -> None:
    said, counts = run_own_tests(FILES[subject], tmp_path)
    assert counts["failures"] == counts["errors"] == 0, said
    assert counts["tests"] - counts["skipped"] >= FEWEST[subject], said
