"""`AutoNeuralForecaster.plot`: the model's plots, with the ids and times of the data of `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.data.wording import worded
from automodel_sk.frames.layout import Layout
from automodel_sk.frames.rows import Rows
from automodel_sk.plots import ModelPlots
from automodel_sk.portfolio.plots import EnsemblePlots

if TYPE_CHECKING:
    from automodel_sk.forecaster import AutoNeuralForecaster

__all__ = ["EnsembleForecasterPlots", "ForecasterPlots", "readable"]


class ForecasterPlots(ModelPlots):
    """The plots of a fitted forecaster; see `ModelPlots`.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        A fitted forecaster.
    """

    def __init__(self, forecaster: AutoNeuralForecaster) -> None:
        super().__init__(forecaster.auto_model_)
        self._forecaster = forecaster

    def forecast(  # type: ignore[override]  # X replaces the frames of the base class
        self,
        ids: Sequence[Any] | None = None,
        level: float | Sequence[float] | None = None,
        *,
        max_ids: int = 6,
        history: int | None = None,
        held_out: bool = False,
        members: bool = False,
        X: pd.DataFrame | None = None,
        backend: str = "matplotlib",
    ) -> Any:
        """Plot forecasts with prediction intervals after the history of each series.

        Parameters
        ----------
        ids : sequence, optional
            The series to show, by instance (a tuple if there are several levels); the first
            `max_ids` if None.
        level, max_ids, history, held_out, members
            As in `ModelPlots.forecast`.
        X : pandas.DataFrame, optional
            Future exogenous data, as in `predict`.
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure
            One panel per series.
        """
        with worded(self._forecaster._context.words):
            return super().forecast(
                None if ids is None else [_name(instance) for instance in ids],
                level,
                max_ids=max_ids,
                history=history,
                held_out=held_out,
                members=members,
                backend=backend,
                **self._inputs(X),
            )

    def _inputs(self, future: pd.DataFrame | None) -> dict[str, Any]:
        context = self._forecaster._context
        reads_future = bool(self._model.state.task.futr_exog)
        ahead = context.future(future, self._model.h) if reads_future else None
        return {**self._forecaster._past(context), "futr_df": ahead}

    @property
    def _names(self) -> tuple[str, str, str]:
        target = str(self._forecaster._context.y.columns[0])
        return ("series", "time", target if target not in ("0", "None") else "y")

    @property
    def _frequency(self) -> str | int:
        return self._forecaster._context.layout.clock.step

    def _shown(self, frame: pd.DataFrame) -> pd.DataFrame:
        context = self._forecaster._context
        return readable(frame, context.layout, str(context.y.columns[0]))


class EnsembleForecasterPlots(ForecasterPlots, EnsemblePlots):
    """The plots of a fitted forecaster of several models; see `EnsemblePlots`.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        A fitted forecaster.
    """


def readable(frame: pd.DataFrame, layout: Layout, target: str) -> pd.DataFrame:
    """Replace the numbers in a long frame by series ids and times.

    Parameters
    ----------
    frame : DataFrame
        Frame with numbers as `unique_id` and `ds`.
    layout : Layout
        The layout that defines the numbers.
    target : str
        Name of the series if there is only one.

    Returns
    -------
    DataFrame
        Periods are represented by their start time.

    Examples
    --------
    >>> y = pd.DataFrame({"sales": [1.0, 2.0]}, index=pd.period_range("2024-01", periods=2))
    >>> frame = pd.DataFrame({"unique_id": [0], "ds": [2]})
    >>> readable(frame, Layout.learn(y), "sales").astype(str).values.tolist()
    [['sales', '2024-01-03']]
    """
    series = frame["unique_id"].to_numpy(dtype="int64")
    times = layout.index_of(Rows(series, frame["ds"].to_numpy(dtype="int64")))
    times = times.get_level_values(-1)
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    names = [target] if layout.instances is None else [_name(i) for i in layout.instances]
    return frame.assign(unique_id=[names[number] for number in series], ds=times)


def _name(instance: Any) -> Any:
    """Return a series id as a single value."""
    return " / ".join(map(str, instance)) if isinstance(instance, tuple) else instance
