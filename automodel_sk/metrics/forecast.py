"""Point and quantile forecasts of held-out windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.held_out import HeldOutWindows
from automodel_sk.metrics.quantiles import quantile_of

__all__ = ["MODEL", "Forecast", "column_of_quantile"]

Array = npt.NDArray[np.float64]
MODEL = "model"


@dataclass(frozen=True)
class Forecast:
    """A forecast of held-out windows.

    Parameters
    ----------
    point : array of float, shape (n_rows,)
        Point forecasts.
    quantiles : mapping of float to array
        Quantile forecasts.
    """

    point: Array
    quantiles: Mapping[float, Array]

    @classmethod
    def of_outputs(cls, values: Array, endings: list[str]) -> Forecast:
        """Build a forecast from a model's outputs and their neuralforecast column endings.

        Parameters
        ----------
        values : array of float, shape (n_rows, n_outputs)
            The model's outputs.
        endings : list of str
            Endings such as ``["-median", "-lo-80", "-hi-80"]``.

        Returns
        -------
        Forecast
            Its point forecast is the mean, or the median, or the quantile closest to it.

        Examples
        --------
        >>> forecast = Forecast.of_outputs(np.array([[5.0, 1.0]]), ["-median", "-lo-80"])
        >>> forecast.point.tolist(), list(forecast.quantiles)
        ([5.0], [0.5, 0.1])
        """
        found = {ending: quantile_of(ending) for ending in endings}
        places = {round(q, 6): i for i, q in enumerate(found.values()) if q is not None}
        point = endings.index("") if "" in endings else 0
        if "" not in endings and len(endings) > 1:
            point = places[min(places, key=lambda q: abs(q - 0.5))]
        return cls(values[:, point], {q: values[:, i] for q, i in places.items()})

    @property
    def levels(self) -> dict[float, tuple[float, float]]:
        """Return the bounds of each central prediction interval, by level."""
        pairs = {q: round(1 - q, 6) for q in self.quantiles if q < 0.5}
        return {
            round(100 * (high - low), 4): (low, high)
            for low, high in pairs.items()
            if high in self.quantiles
        }

    def frame(self, windows: HeldOutWindows) -> pd.DataFrame:
        """Return a frame like that of neuralforecast's cross-validation."""
        columns = {MODEL: self.point}
        columns |= {column_of_quantile(q): values for q, values in self.quantiles.items()}
        for level, (low, high) in self.levels.items():
            columns[f"{MODEL}-lo-{level:g}"] = self.quantiles[low]
            columns[f"{MODEL}-hi-{level:g}"] = self.quantiles[high]
        return windows.frame.assign(**columns)


def column_of_quantile(quantile: float) -> str:
    """Return the column name of a quantile in that frame.

    Examples
    --------
    >>> column_of_quantile(0.05)
    'model_ql0.05'
    """
    return f"{MODEL}_ql{quantile:g}"
