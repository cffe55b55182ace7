"""Pretrained members: models that users have installed, with weights that are on their disk.

Nothing is ever downloaded, and weights are read from safetensors files only.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk._utils.muting import muted_warnings
from automodel_sk.exceptions import MissingDependencyError, SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.local import LocalForecasts, LocalMember
from automodel_sk.portfolio.members.series import SeriesValues

__all__ = ["WEIGHTS_VARIABLE", "chronos_member", "chronos_seconds"]

WEIGHTS_VARIABLE = "AUTOMODEL_SK_CHRONOS2"
"""Environment variable with the folder of Chronos-2's weights."""

_REPOSITORY = "amazon/chronos-2"
_CONTEXT, _BATCH = 2_048, 64


def _weights() -> Path | None:
    """Return the folder of the weights, if they are on this machine."""
    if given := os.environ.get(WEIGHTS_VARIABLE):
        folder = Path(given)
        return folder if (folder / "config.json").is_file() else None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(_REPOSITORY, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None


@lru_cache(maxsize=1)
def _pipeline(folder: Path) -> Any:
    from chronos import Chronos2Pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    return Chronos2Pipeline.from_pretrained(
        str(folder), device_map="cpu", local_files_only=True, use_safetensors=True
    )


@dataclass(frozen=True)
class _Chronos:
    """Chronos-2 without training: each series is forecast from its own values."""

    name: str

    def __call__(
        self, series: SeriesValues, h: int, season: int, deadline: Deadline
    ) -> LocalForecasts:
        """Forecast the steps after the end of each series, as many as time suffices for.

        Raises
        ------
        MissingDependencyError
            The package or the weights are not on this machine.
        SearchError
            Time does not suffice for half of the series.
        """
        if (missing := self._missing()) is not None:
            raise MissingDependencyError(f"{self.name}: {missing}")
        point = series.seasonal_naive(h, season)
        order = np.random.default_rng(0).permutation(len(series))
        done = 0
        with muted_warnings():
            pipeline = _pipeline(_weights() or Path())
            while done < len(order) and deadline.left() > 0:
                batch = order[done : done + _BATCH]
                point[batch] = _medians(pipeline, [series[int(i)] for i in batch], h)
                done += len(batch)
        late = len(order) - done
        if 2 * late > len(order):
            raise SearchError(
                f"{self.name} forecast {done} of {len(order)} series and windows in its time; give"
                " it more time, or leave it out"
            )
        return LocalForecasts(point, late, f"no time left for {late}" if late else None)

    def refusal(self, data: PortfolioData) -> str | None:
        """Return what to install, or None if all is on this machine."""
        return self._missing()

    def _missing(self) -> str | None:
        if importlib.util.find_spec("chronos") is None:
            return "chronos is not installed: pip install chronos-forecasting"
        if _weights() is None:
            return (
                f"no weights of {_REPOSITORY} on this machine, and none are downloaded; run"
                f" `hf download {_REPOSITORY}`, or set {WEIGHTS_VARIABLE} to their folder"
            )
        return None


def _medians(pipeline: Any, histories: list[npt.NDArray[Any]], h: int) -> npt.NDArray[Any]:
    inputs = [y[-_CONTEXT:].astype(np.float32) for y in histories]
    _, medians = pipeline.predict_quantiles(inputs, prediction_length=h, quantile_levels=[0.5])
    found = np.stack([np.asarray(median, dtype=float).reshape(h) for median in medians])
    last = np.array([y[-1] for y in histories])
    return np.where(np.isfinite(found), found, last[:, None])


def chronos_member(name: str) -> LocalMember:
    """Return the member of Chronos-2.

    Examples
    --------
    >>> chronos_member("Chronos2").family
    'pretrained'
    """
    return LocalMember(name, "pretrained", _Chronos(name))


def chronos_seconds(_name: str, data: PortfolioData) -> float:
    """Return roughly how long the windows and the fit take on one core of a laptop."""
    rows = np.minimum(data.lengths, _CONTEXT).sum() * (data.n_windows + 1)
    return float(5.0 + 1e-4 * rows)
