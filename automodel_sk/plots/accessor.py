"""`AutoModel.plot`: the plots of a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.kinds import Flag
from automodel_sk.arguments.packages import need
from automodel_sk.data.preparation import observed_values
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.inputs import prepared_history
from automodel_sk.metrics.quantiles import read_levels
from automodel_sk.plots import error_plots, search_plots
from automodel_sk.plots.forecast_plot import forecasts, levels_within_reach, series_to_show
from automodel_sk.plots.study import as_study

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study

    from automodel_sk.auto_model import AutoModel
    from automodel_sk.evaluation.backtest import Backtest

__all__ = ["BACKENDS", "ModelPlots", "drawer"]

BACKENDS = ("matplotlib", "plotly")


class ModelPlots:
    """The plots of a fitted model, available as its attribute `plot`.

    Each method returns one figure: matplotlib's, or plotly's with ``backend="plotly"``. No figure
    is shown automatically; a notebook displays what a cell returns, and `savefig` (`write_html`)
    saves it. The extra ``report`` installs plotly.

    Errors come from a backtest: the first plot that needs it trains the best configuration once
    more without the last windows of the data, and forecasts them. They are scaled by each series'
    mean absolute seasonal difference, so that 1 is the typical change from one season to the next.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

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
        """The user's column names, if frames have to be renamed."""
        return self._model._columns

    @property
    def study(self) -> Study:
        """The trials as an in-memory Optuna study, for use with `optuna.visualization`."""
        return as_study(self._model.state.records)

    @public(members=Flag("members"))
    def forecast(
        self,
        ids: Sequence[Any] | None = None,
        level: float | Sequence[float] | None = None,
        *,
        max_ids: int = 6,
        history: int | None = None,
        held_out: bool = False,
        actual: pd.DataFrame | None = None,
        members: bool = False,
        dataset: pd.DataFrame | None = None,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        backend: str = "matplotlib",
    ) -> Any:
        """Plot forecasts with prediction intervals after the history of each series.

        Parameters
        ----------
        ids : sequence, optional
            The series to show; the first `max_ids` if None.
        level : float or sequence of float, optional
            Interval levels in percent; empty for none. If None, 80 and 95 as far as the model can
            provide them.
        max_ids : int
            Number of series to show if `ids` is None.
        history : int, optional
            Past steps to show; if None, four horizons, and at least two seasons.
        held_out : bool
            Whether to also show a forecast of the last steps of the history, made without knowing
            them (training data only).
        actual : DataFrame, optional
            Observed values with `unique_id`, `ds` and `y`, to show next to the forecast.
        members : bool
            Whether to also show the forecast of each member of an ensemble.
        dataset, futr_df, static_df : DataFrame, optional
            As in `AutoModel.predict`.
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure
            One panel per series.

        Raises
        ------
        InvalidInputError
            If a series is unknown, `AutoModel.predict` raises, or there are no members to show.
        """
        model = self._model
        drawn = drawer(backend)
        inputs: dict[str, Any] = {"dataset": dataset, "futr_df": futr_df, "static_df": static_df}
        alone = self._of_members(inputs) if members else {}
        past = self._observed(dataset)
        names = series_to_show(past["unique_id"], ids, max_ids)
        level = levels_within_reach(model.state) if level is None else read_levels(level)
        ahead = self._shown(model.predict(**inputs, level=level or None))
        steps = history or max(4 * model.h, 2 * model.state.season)
        past = past[past["unique_id"].isin(names)].groupby("unique_id", observed=True).tail(steps)
        test = self._backtest() if held_out else None
        column = model.state.column
        return drawn(forecasts(past, ahead, column, names, level, test, actual, alone))

    @public()
    def history(self, *, backend: str = "matplotlib") -> Any:
        """Plot the score of each trial in the order of the search, and the best so far.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If there are no trials.
        """
        state = self._model.state
        return drawer(backend)(search_plots.history(state.records, state.metric_name))

    @public()
    def learning_curves(self, *, backend: str = "matplotlib") -> Any:
        """Plot each trial's validation loss by training step.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If there are no trials.
        """
        state = self._model.state
        return drawer(backend)(search_plots.learning_curves(state.records, state.metric_name))

    @public()
    def importances(self, *, backend: str = "matplotlib") -> Any:
        """Plot the importance of each parameter: its share of the variance of the losses.

        Computed with Optuna's functional ANOVA over the complete trials.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If there are no trials, or too few complete ones.
        """
        return drawer(backend)(search_plots.importances(self._model.state.records))

    @public()
    def slices(self, params: Sequence[str] | None = None, *, backend: str = "matplotlib") -> Any:
        """Plot the losses against the values of each tuned parameter.

        Parameters
        ----------
        params : sequence of str, optional
            Parameters to show; all tuned parameters if None.
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure
            One panel per parameter.

        Raises
        ------
        InvalidInputError
            If there are no trials, or a parameter was not tuned.
        """
        state = self._model.state
        return drawer(backend)(search_plots.slices(state.records, params, state.metric_name))

    @public()
    def error_by_step(self, *, backend: str = "matplotlib") -> Any:
        """Plot the error by step ahead, next to that of the seasonal-naive forecast.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If the series are too short to hold out a window.
        """
        return drawer(backend)(error_plots.error_by_step(self._measured(), self._frequency))

    @public()
    def error_by_series(self, *, max_ids: int = 20, backend: str = "matplotlib") -> Any:
        """Plot the error of each series, next to that of the seasonal-naive forecast.

        Parameters
        ----------
        max_ids : int
            Number of series to show, those with the largest errors.
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If the series are too short to hold out a window.
        """
        return drawer(backend)(error_plots.error_by_series(self._measured(), max_ids))

    @public()
    def residuals(self, *, backend: str = "matplotlib") -> Any:
        """Plot the signed errors: their distribution, and their course over time.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure

        Raises
        ------
        InvalidInputError
            If the series are too short to hold out a window.
        """
        return drawer(backend)(error_plots.residuals(self._measured()))

    def _of_members(self, inputs: dict[str, Any]) -> dict[str, pd.DataFrame]:
        """Return the forecasts of an ensemble's members, by name."""
        raise InvalidInputError(
            "members=True shows the members of an ensemble, and this is a single model; fit several"
            " with create_auto_model('auto', ...), or leave members out"
        )

    def _past(self, dataset: pd.DataFrame | None) -> pd.DataFrame:
        if dataset is None:
            return self._model.state.history()
        return prepared_history(self._model.state, dataset)

    def _observed(self, dataset: pd.DataFrame | None) -> pd.DataFrame:
        """Return the past to draw: nothing where `available_mask` says that nothing was seen."""
        return self._shown(observed_values(self._past(dataset)))

    def _backtest(self) -> Backtest:
        from automodel_sk.evaluation.backtest import backtest

        test = backtest(self._model)
        return replace(test, forecasts=self._shown(test.forecasts))

    def _measured(self) -> Backtest:
        """Return the backtest, if its values are errors."""
        from automodel_sk.evaluation.backtest import measured

        test = measured(self._model)
        return replace(test, forecasts=self._shown(test.forecasts))

    def _inputs(self, future: pd.DataFrame | None) -> dict[str, Any]:
        """Return the arguments of `AutoModel.predict` for the future."""
        return {"futr_df": future}

    @property
    def _names(self) -> tuple[str, str, str]:
        """The user's names of the columns of series, times and values."""
        return self._model.state.columns.names

    @property
    def _frequency(self) -> str | int:
        """The step between rows in the user's data."""
        return self._model.freq

    def _shown(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a long frame with the user's series ids and times."""
        return frame


def drawer(backend: str) -> Any:
    """Return the function that renders a figure specification.

    Raises
    ------
    MissingDependencyError
        If plotly is asked for and not installed.
    """
    if backend == "plotly":
        need("plotly", "report", user="backend='plotly'")
        from automodel_sk.plots.renderers import plotly as with_plotly

        return with_plotly.draw
    if backend != "matplotlib":
        raise InvalidInputError(
            f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}; try 'plotly'"
        )
    from automodel_sk.plots.renderers import matplotlib as with_matplotlib

    return with_matplotlib.draw
