"""Keep a trial's forecasts of the validation windows, for ensembles and for intervals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from automodel_sk.metrics import Forecast
from automodel_sk.training.task import TrainingTask
from automodel_sk.training.trial_files import best_file, is_complete, loss_of, write_ranked

__all__ = [
    "BestForecasts",
    "KeptForecasts",
    "by_window",
    "kept_forecasts",
    "store_forecasts",
    "stored_forecasts",
]

logger = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]

_ENDING = ".forecasts"
_POINT = "point"


@dataclass(frozen=True)
class KeptForecasts:
    """A trial's forecasts of the validation windows at its best validation.

    Each array has the shape (n_judged, n_windows, h), in the order of `HeldOutWindows`: series,
    window, step.

    Parameters
    ----------
    point : array of float32
        Point forecasts.
    quantiles : mapping of float to array of float32
        Quantile forecasts; empty if the loss has none.
    loss : float
        The best validation loss.
    complete : bool
        Whether the trial ran to its end; False if it was pruned or ran out of time.
    """

    point: Array
    quantiles: Mapping[float, Array]
    loss: float
    complete: bool = True

    @property
    def forecast(self) -> Forecast:
        """The same values with one row per series, window and step."""
        rows = {q: values.ravel().astype(float) for q, values in self.quantiles.items()}
        return Forecast(self.point.ravel().astype(float), rows)


class BestForecasts:
    """The forecasts of a training's best validation.

    Parameters
    ----------
    task : TrainingTask
        Its `forecasts` names the folder; if None, nothing is kept.
    """

    def __init__(self, task: TrainingTask) -> None:
        self._task = task
        self._loss = float("inf")
        self._latest: Forecast | None = None
        self._best: Forecast | None = None

    @property
    def needs_a_pass(self) -> bool:
        """Whether the windows have to be forecast after the training, for lack of a metric."""
        return self._task.forecasts is not None and self._task.objective is None

    def take(self, forecast: Forecast) -> None:
        """Take the forecasts of the validation whose loss follows."""
        self._latest = forecast if self._task.forecasts is not None else None

    def note(self, loss: float) -> None:
        """Keep the forecasts of this validation if it is the best so far."""
        if loss < self._loss:
            self._loss, self._best = loss, self._latest

    def write(
        self, config: Mapping[str, Any], forecast: Callable[[], Forecast], *, complete: bool
    ) -> None:
        """Write the best forecasts.

        Parameters
        ----------
        config : mapping
            The trained configuration.
        forecast : callable
            Forecasts the windows with the best weights; called if `needs_a_pass`, unless enough
            better forecasts are kept already.
        complete : bool
            Whether the training ran to its end.
        """
        if self._task.forecasts is None or self._loss == float("inf"):
            return
        try:
            write_ranked(
                self._task.forecasts,
                config,
                self._loss,
                lambda path: _save(path, self._best or forecast(), self._task),
                ending=_ENDING,
                complete=complete,
                keep=self._task.keep_forecasts,
            )
        except Exception as exc:  # the trial is of use without them
            logger.warning(
                "a trial's forecasts of the validation windows are not kept (%s: %s)",
                type(exc).__name__,
                str(exc)[:200],
            )


def store_forecasts(folder: str, config: Mapping[str, Any], loss: float, point: Array) -> None:
    """Keep point forecasts that come from no training.

    Parameters
    ----------
    folder, config
        As in `stored_forecasts`.
    loss : float
        Their error.
    point : array of float32, shape (n_judged, n_windows, h)
        The forecasts.
    """
    from safetensors.numpy import save_file

    arrays = {_POINT: np.ascontiguousarray(point, dtype=np.float32)}
    write_ranked(folder, config, loss, lambda path: save_file(arrays, path), ending=_ENDING)


def stored_forecasts(folder: str, config: Mapping[str, Any]) -> Array | None:
    """Return the point forecasts that a configuration left in a folder, or None.

    Parameters
    ----------
    folder : str
        Folder where the search keeps forecasts.
    config : mapping
        The trained configuration, as in its `TrialRecord`.

    Returns
    -------
    array of float32, shape (n_judged, n_windows, h), or None
        In the order of series, window and step.
    """
    kept = kept_forecasts(folder, config)
    return None if kept is None else kept.point


def kept_forecasts(folder: str, config: Mapping[str, Any]) -> KeptForecasts | None:
    """Return everything that a configuration left in a folder, or None if there is nothing.

    A file that cannot be read counts as none: the forecasts can be made again.

    Parameters
    ----------
    folder, config
        As in `stored_forecasts`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = best_file(folder, config, _ENDING)
    if file is None:
        return None
    try:
        arrays = load_file(file)
        point = arrays.pop(_POINT)
        quantiles = {float(name): values for name, values in arrays.items()}
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return KeptForecasts(point, quantiles, loss_of(file), is_complete(file))


def by_window(values: npt.NDArray[np.float64], task: TrainingTask) -> Array:
    """Return forecasts as an array of shape (n_judged, n_windows, h).

    Examples
    --------
    >>> task = TrainingTask("NHITS", h=2, val_size=4)
    >>> by_window(np.array([1.0, 2.0, 3.0, 4.0]), task).tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1, task.n_windows, task.h)


def _save(path: Path, forecast: Forecast, task: TrainingTask) -> None:
    from safetensors.numpy import save_file

    outputs = {_POINT: forecast.point, **{repr(q): v for q, v in forecast.quantiles.items()}}
    save_file({name: by_window(values, task) for name, values in outputs.items()}, path)
