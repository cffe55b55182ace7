"""`AutoModel.plot`: the plots of a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.boundary import public
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.predict import stored_history
from automodel_sk.metrics.quantiles import read_levels
from automodel_sk.plots import error_plots, search_plots
from automodel_sk.plots.forecast_plot import forecasts, levels_within_reach, series_to_show
from automodel_sk.plots.study import as_study

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study

    from automodel_sk.auto_model import AutoModel
    from automodel_sk.evaluation.backtest import Backtest

__all__ = ["BACKENDS", "ModelPlots"]

BACKENDS = ("matplotlib", "plotly")


class ModelPlots:
    """The plots of a fitted model, as attribute `plot` of it.

    Each returns one figure: matplotlib's, or plotly's with ``backend="plotly"``. None is
    shown by itself; a notebook shows what a cell returns, `savefig` (`write_html`) writes it.

    Errors are those of a backtest: the best configuration is trained once more
    without the last windows of the data, at the first plot that needs it, and
    forecasts them. They are scaled by each series' mean absolute seasonal
    difference, so that 1 is the size of the change from one season to the next.

    Parameters
    ----------
    model : AutoModel
        Fitted.

    Examples
    --------
    >>> import pandas as pd
    >>> from automodel_sk import create_auto_model
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": [0.0, 1.0, 2.0, 1.0] * 10})
    >>> config = {"max_steps": 2, "input_size": 8}
    >>> model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
    >>> figure = model.plot.forecast(level=[80])
    >>> [axes.get_title("left") for axes in figure.axes]
    ['a']
    """

    def __init__(self, model: AutoModel) -> None:
        self._model = model

    def __repr__(self) -> str:
        names = (name for name in vars(type(self)) if not name.startswith("_"))
        return f"{self._model!r}.plot: {', '.join(names)}"

    @property
    def _columns(self) -> Any:
        """The user's names of columns, where frames have to be renamed."""
        return self._model._columns

    @property
    def study(self) -> Study:
        """The trials as an Optuna study in memory, for all of `optuna.visualization`."""
        return as_study(self._model._records)

    @public()
    def forecast(
        self,
        ids: Sequence[Any] | None = None,
        level: float | Sequence[float] | None = None,
        *,
        max_ids: int = 6,
        history: int | None = None,
        held_out: bool = False,
        actual: pd.DataFrame | None = None,
        dataset: pd.DataFrame | None = None,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        backend: str = "matplotlib",
    ) -> Any:
        """Plot forecasts with their intervals after the series' history.

        Parameters
        ----------
        ids : sequence, optional
            The series to show; the first `max_ids` when None.
        level : float or sequence of float, optional
            Coverages of the intervals in percent; empty for none. 80 and 95 when
            None, as far as the model can give them.
        max_ids : int
            Series to show where `ids` is None.
        history : int, optional
            Past steps to show; four horizons, and two seasons at least, when None.
        held_out : bool
            Also show what would have been forecast for the last steps of the
            history, had they not been known (of the training data).
        actual : DataFrame, optional
            What came true, with `unique_id`, `ds` and `y`, to show beside the forecast.
        dataset, futr_df, static_df : DataFrame, optional
            As in `AutoModel.predict`.
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure
            One panel per series.

        Raises
        ------
        InvalidInputError
            A series is unknown, or what `AutoModel.predict` raises.
        """
        model = self._model
        drawn = _drawer(backend)
        past = self._shown(self._past(dataset))
        names = series_to_show(past["unique_id"], ids, max_ids)
        fitted = model.to_neuralforecast().models[0]
        level = levels_within_reach(model) if level is None else read_levels(level)
        ahead = self._shown(
            model.predict(dataset, futr_df=futr_df, static_df=static_df, level=level or None)
        )
        steps = history or max(4 * model.h, 2 * model._season)
        past = past[past["unique_id"].isin(names)].groupby("unique_id", observed=True).tail(steps)
        test = self._backtest() if held_out else None
        return drawn(forecasts(past, ahead, repr(fitted), names, level, test, actual))

    @public()
    def history(self, *, backend: str = "matplotlib") -> Any:
        """Plot each trial's loss in the order of the search, and the best so far.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            There are no trials.
        """
        return self._draw_search(search_plots.history, backend)

    @public()
    def learning_curves(self, *, backend: str = "matplotlib") -> Any:
        """Plot each trial's validation loss by training step.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            There are no trials.
        """
        return self._draw_search(search_plots.learning_curves, backend)

    @public()
    def importances(self, *, backend: str = "matplotlib") -> Any:
        """Plot how much of the losses' variance each parameter explains.

        By Optuna's functional ANOVA over the complete trials.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            There are no trials, or too few that are complete.
        """
        return self._draw_search(search_plots.importances, backend)

    @public()
    def slices(self, params: Sequence[str] | None = None, *, backend: str = "matplotlib") -> Any:
        """Plot the losses by the values of each tuned parameter.

        Parameters
        ----------
        params : sequence of str, optional
            Parameters to show; all that were tuned when None.
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure
            One panel per parameter.

        Raises
        ------
        InvalidInputError
            There are no trials, or a parameter was not tuned.
        """
        return _drawer(backend)(search_plots.slices(self._model._records, params))

    @public()
    def error_by_step(self, *, backend: str = "matplotlib") -> Any:
        """Plot the error by step ahead, beside that of the seasonal-naive forecast.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            The series are too short to hold out a window.
        """
        return _drawer(backend)(error_plots.error_by_step(self._measured()))

    @public()
    def error_by_series(self, *, max_ids: int = 20, backend: str = "matplotlib") -> Any:
        """Plot the error of each series, beside that of the seasonal-naive forecast.

        Parameters
        ----------
        max_ids : int
            Series to show, those with the largest errors.
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            The series are too short to hold out a window.
        """
        return _drawer(backend)(error_plots.error_by_series(self._measured(), max_ids))

    @public()
    def residuals(self, *, backend: str = "matplotlib") -> Any:
        """Plot the signed errors: how they spread, and how they lie over time.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Library that draws.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            The series are too short to hold out a window.
        """
        return _drawer(backend)(error_plots.residuals(self._measured()))

    def _draw_search(self, sketch: Any, backend: str) -> Any:
        return _drawer(backend)(sketch(self._model._records))

    def _past(self, dataset: pd.DataFrame | None) -> pd.DataFrame:
        if dataset is None:
            return stored_history(self._model.to_neuralforecast())
        return self._model._prepare(dataset)

    def _backtest(self) -> Backtest:
        from automodel_sk.evaluation.backtest import backtest

        test = backtest(self._model)
        return replace(test, forecasts=self._shown(test.forecasts))

    def _measured(self) -> Backtest:
        """Return the backtest, if what it measures are errors."""
        from automodel_sk.evaluation.backtest import measured

        test = measured(self._model)
        return replace(test, forecasts=self._shown(test.forecasts))

    def _inputs(self, future: pd.DataFrame | None) -> dict[str, Any]:
        """Return what `AutoModel.predict` is given to forecast what lies ahead."""
        return {"futr_df": future}

    @property
    def _frequency(self) -> str | int:
        """The step between rows as its owner knows it."""
        return self._model.freq

    def _shown(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a long frame with names and times as its owner knows them."""
        return frame


def _drawer(backend: str) -> Any:
    """Return the function that draws a sketch."""
    if backend == "plotly":
        from automodel_sk.plots.renderers import plotly as with_plotly

        return with_plotly.draw
    if backend != "matplotlib":
        raise InvalidInputError(
            f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}; try 'plotly'"
        )
    from automodel_sk.plots.renderers import matplotlib as with_matplotlib

    return with_matplotlib.draw
