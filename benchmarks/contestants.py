"""Who takes part: each fits a model and says how its best validation loss fell."""

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

    `losses` are validation losses with the second of the epoch at which they
    were known; `first_trial` is when the first trial began, where it is known.
    """

    predict: Callable[[], pd.DataFrame]
    losses: Sequence[tuple[float, float]]
    trials: int
    first_trial: float | None = None


@dataclass(frozen=True)
class Contestant:
    """A way to search; `modules` are imported before the clock starts."""

    modules: tuple[str, ...]
    search: Callable[[Dataset, Run], dict[str, Any]]

    def prepare(self) -> None:
        """Import what a search imports."""
        for module in self.modules:
            importlib.import_module(module)

    def fit(self, data: Dataset, run: Run) -> Fitted:
        """Search and refit as the run says."""
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
