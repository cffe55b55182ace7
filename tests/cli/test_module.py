"""The command line where its script is not on the path: `python -m automodel_sk`."""

from __future__ import annotations

import subprocess
import sys


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "automodel_sk", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("automodel-sk 0.")
    wrong = subprocess.run([*command[:3], "forecast"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "Try 'automodel-sk -h' for help." in wrong.stderr
