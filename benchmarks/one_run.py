"""Run one benchmark in this process: ``python -m benchmarks.one_run RUN RESULT [DATA]``.

RUN is the run as JSON. RESULT is the file to write: the times, in seconds of the epoch, at which
imports finished, the search was called and the model was fitted; the validation losses; the errors
on the test set.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.datasets import errors, load
from benchmarks.plan import Run


def carry_out(run: Run, folder: Path | None) -> dict[str, Any]:
    contestant = CONTESTANTS[run.contestant]
    contestant.prepare()
    data = load(run.dataset, folder)
    called = time.time()
    fitted = contestant.fit(data, run)
    done = time.time()
    losses = sorted((when, loss) for when, loss in fitted.losses if math.isfinite(loss))
    return {
        "called": called,
        "fitted": done,
        "first_trial": fitted.first_trial,
        "losses": losses,
        "trials": fitted.trials,
        **errors(data, fitted.predict()),
    }


def main(run: str, result: str, folder: str | None = None) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    figures = carry_out(Run(**json.loads(run)), Path(folder) if folder else None)
    Path(result).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
