"""`AutoEnsemble.plot`: the plots of a fitted ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.arguments.boundary import public
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import display_name
from automodel_sk.plots import ModelPlots, leaderboard_plots
from automodel_sk.plots.accessor import drawer

if TYPE_CHECKING:
    from automodel_sk.portfolio.ensemble import AutoEnsemble

__all__ = ["EnsemblePlots"]


class EnsemblePlots(ModelPlots):
    """The plots of a fitted ensemble, available as its attribute `plot`.

    Those of `ModelPlots`, and those of several models. Errors are those of the validation windows
    of the search; nothing is trained.

    Parameters
    ----------
    model : AutoEnsemble
        A fitted ensemble.

    Examples
    --------
    >>> from automodel_sk import create_auto_model
    >>> values = [step % 4 + 0.5 * (step % 3) for step in range(40)]
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    >>> options = {"season_length": 4, "use_mlflow": False, "verbose": False}
    >>> model = create_auto_model(["SeasonalNaive", "Naive"], 4, df, **options)
    >>> figure = model.plot.leaderboard()
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['Naive', 'SeasonalNaive', 'AutoEnsemble']
    """

    _model: AutoEnsemble

    @public()
    def leaderboard(self, *, max_rows: int = 20, backend: str = "matplotlib") -> Any:
        """Plot the scores of the ensemble and the best candidates, coloured by family.

        Parameters
        ----------
        max_rows : int
            Number of rows to show. Scores of more than ten times the best are left out.
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure
        """
        table, metric = self._model.leaderboard(), display_name(self._model.state.metric_name)
        return drawer(backend)(leaderboard_plots.leaderboard(table, metric, max_rows))

    @public()
    def weights(self, *, backend: str = "matplotlib") -> Any:
        """Plot the weight of each member of the ensemble, coloured by family.

        Parameters
        ----------
        backend : {"matplotlib", "plotly"}
            Plotting library.

        Returns
        -------
        matplotlib or plotly Figure
        """
        team = self._model.state.team
        rows = [(name, part.member.family, part.weight) for name, part in team.by_name.items()]
        table = pd.DataFrame(rows, columns=["label", "family", "weight"])
        return drawer(backend)(leaderboard_plots.weights(table, team.kind))

    @public()
    def score_over_time(self, *, backend: str = "matplotlib") -> Any:
        """Plot each candidate's score against the seconds of search, and the best score so far.

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
            If the times of the trials are unknown.
        """
        model, state = self._model, self._model.state
        table, metric = model.leaderboard(), display_name(state.metric_name)
        return drawer(backend)(
            leaderboard_plots.score_over_time(table, state.records, metric, model.best_score)
        )

    def _of_members(self, inputs: dict[str, Any]) -> dict[str, pd.DataFrame]:
        """Return the forecasts of the members; of those that can make them."""
        found: dict[str, pd.DataFrame] = {}
        for name in self._model.members:
            try:
                found[name] = self._shown(self._model.predict(**inputs, member=name))
            except InvalidInputError:
                if len(self._model.members) == 1:
                    raise
        return found
