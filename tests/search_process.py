"""Small searches in processes of their own, forked from one that has imported all they need.

Importing torch takes seconds, a search of this size less than one: only so can a
test start and kill a hundred of them.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import IO, Any

import pytest
from neuralforecast.tsdataset import TimeSeriesDataset
from series import seasonal_panel

from automodel_sk.catalog.scales import DatasetSize, ModelComplexity
from automodel_sk.search.backends import make_backend
from automodel_sk.search.optuna.workers import fork_server as worker_host
from automodel_sk.search.optuna.workers import pool as worker_pool
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.search_algorithm_selector import SearchAlgorithmSelector
from automodel_sk.search_space import Choice, Float, SearchSpace
from automodel_sk.training.task import TrainingTask
from automodel_sk.trials import TrialRecord

SPACE: dict[str, Any] = {
    "max_steps": 10,
    "input_size": Choice([12, 24]),
    "hidden_size": 8,
    "num_layers": 1,
    "windows_batch_size": 8,
    "scaler_type": "standard",
    "learning_rate": Float(1e-5, 1e-1, log=True),
}


class Silent:
    """A listener that keeps to itself."""

    def on_report(self, number: int, step: int, loss: float) -> None: ...

    def on_trial_end(self, record: TrialRecord) -> None: ...


def small_request(
    location: StudyLocation,
    num_samples: int = 6,
    max_steps: int = 10,
    backend: str = "optuna",
    **more: Any,
) -> SearchRequest:
    """Return a search whose trials take a fraction of a second."""
    space = SearchSpace.parse({**SPACE, "max_steps": max_steps})
    strategy = SearchAlgorithmSelector(backend).select_algorithm(
        ModelComplexity.SIMPLE,
        DatasetSize.SMALL,
        num_samples,
        space,
        use_pruning=False,  # what is pruned hangs on what ended before
        random_seed=1,
    )
    task = TrainingTask("MLP", h=12, val_size=12, n_series=2, random_seed=1)
    return SearchRequest(task, space, strategy, num_samples, location, random_seed=1, **more)


def small_dataset() -> Any:
    """Return two short series."""
    return TimeSeriesDataset.from_df(seasonal_panel(n_series=2, length=72))[0]


def essence(records: Any) -> dict[int, tuple[Any, ...]]:
    """Return what must come out the same however often a search was cut off."""
    return {
        r.number: (r.state, r.value, dict(r.params), dict(r.intermediate_values)) for r in records
    }


def search(
    place: str | Path,
    name: str = "study",
    num_samples: int = 6,
    max_steps: int = 10,
    backend: str = "optuna",
    **more: Any,
) -> None:
    """Run a search to its end, in a process made by `start`."""
    worker_pool.start_host = _forked_host
    location = StudyLocation(name, place)
    request = small_request(location, num_samples, max_steps, backend, **more)
    make_backend(backend).run(request, small_dataset(), Silent())


def start(function: Any, *arguments: Any, **options: Any) -> ForkServerProcess:
    """Run a function in a process of its own, forked with the imports of this module done."""
    process = _context().Process(target=function, args=arguments, kwargs=options)
    process.start()
    return process


@functools.cache
def _context() -> ForkServerContext:
    """Return what forks; its server looks for this module where this process has found it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        forkserver.ensure_running()
    return context


def _forked_host(errors: IO[bytes], *, may_fork: bool = False) -> worker_host.Host:
    """Return a host that is a fork: this process is one of a fork server, and has no threads."""
    return worker_host._ForkedHost(errors)
