"""Carry out the task in a folder: ``python -m benchmarks.accuracy.one_run FOLDER``."""

from __future__ import annotations

import importlib
import logging
import sys
import time
import warnings
from pathlib import Path

from benchmarks.accuracy.autogluon import AutoGluon
from benchmarks.accuracy.contestants import Median, contestant
from benchmarks.accuracy.exchange import read_task, write_result


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    data, request = read_task(folder)
    chosen = contestant(request.contestant)
    if isinstance(chosen, (AutoGluon, Median)):
        raise SystemExit(f"{chosen.name} does not run in this environment")
    for module in chosen.modules:
        importlib.import_module(module)
    started = time.time()
    forecast = chosen.run(data, request)
    write_result(folder, forecast, time.time() - started)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
