"""AutoGluon-TimeSeries in an environment of its own, since its pins exclude this package's."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.running import ROOT

FOLDER = ROOT / "benchmarks" / "peers" / "autogluon"
REQUIREMENTS = FOLDER / "requirements.txt"
SCRIPT = FOLDER / "forecast.py"
PRESETS = ("medium_quality", "high_quality", "best_quality")


@dataclass(frozen=True)
class AutoGluon:
    """``AutoGluon`` or ``AutoGluon:PRESET``, where ``+refit`` adds ``refit_full=True``.

    It runs without its pretrained models, which would have to be downloaded.
    """

    name: str = "AutoGluon"
    has_budget = True
    has_seed = True
    package = "autogluon"


def version() -> str:
    return REQUIREMENTS.read_text(encoding="utf-8").strip().rpartition("==")[-1]


def command(folder: Path, cache: Path) -> list[str]:
    """Return the command that carries out the task in a folder; install AutoGluon if needed."""
    return [str(environment(cache)), str(SCRIPT), str(folder)]


def environment(cache: Path) -> Path:
    """Return the Python of AutoGluon's environment, which is set up on first use."""
    home = (cache / "autogluon").resolve()
    python, marker = home / "bin" / "python", home / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if marker.exists() and marker.read_text(encoding="utf-8") == wanted:
        return python
    print(f"installing AutoGluon into {home} ...", flush=True)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)]
    subprocess.run(install, check=True)
    subprocess.run([str(python), str(SCRIPT), "--warm-up"], check=True)
    marker.write_text(wanted, encoding="utf-8")
    return python
