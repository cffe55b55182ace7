"""The contestants: each fits a model and records its validation losses over time."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from benchmarks import nixtla_peer, ours, sktime_peer
from benchmarks.datasets import Dataset
from benchmarks.plan import Run


@dataclass(frozen=True)
class Fitted:
    """A fitted contestant.

    `losses` are validation losses with the time, in seconds of the epoch, at which they became
    known; `first_trial` is the start of the first trial, if known.
    """

    predict: Callable[[], pd.DataFrame]
    losses: Sequence[tuple[float, float]]
    trials: int
    first_trial: float | None = None


@dataclass(frozen=True)
class Contestant:
    """A search method; `modules` are imported before the clock starts."""

    modules: tuple[str, ...]
    search: Callable[[Dataset, Run], dict[str, Any]]

    def prepare(self) -> None:
        """Import the modules of a search."""
        for module in self.modules:
            importlib.import_module(module)

    def fit(self, data: Dataset, run: Run) -> Fitted:
        """Search and refit as the run specifies."""
        return Fitted(**self.search(data, run))


def _nixtla(model: str, backend: str) -> Contestant:
    return Contestant(nixtla_peer.MODULES, partial(nixtla_peer.search, model, backend))


CONTESTANTS = {
    **{
        f"ours-{model}": Contestant(ours.MODULES, partial(ours.search, model))
        for model in ("NHITS", "MLP", "GRU")
    },
    **{
        f"Auto{model}-{backend}": _nixtla(model, backend)
        for model in ("NHITS", "MLP")
        for backend in ("optuna", "ray")
    },
    "sktime-GRU": Contestant(sktime_peer.MODULES, sktime_peer.search),
}
