"""`AutoEnsemble`: the fitted result of a search over several models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.arguments.kinds import Choices, Text
from automodel_sk.auto_model import AutoModel, scored
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.preparation import read_times
from automodel_sk.data.times.wall_dates import day_zone, on_wall
from automodel_sk.data.treatment import Treatment
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.explanation import METHODS
from automodel_sk.forecasting.forecast_files import TO, forecasts_to
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.inputs import (
    first_steps,
    forecast_inputs,
    prepared_history,
    prepared_static,
    steps_to_compute,
)
from automodel_sk.forecasting.retrain import profile_of
from automodel_sk.forecasting.simulation import GRID, paths_between
from automodel_sk.metrics.quantiles import quantile_columns
from automodel_sk.persistence.models import load_any_model
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.forecasts import forecast_ahead, forecast_past
from automodel_sk.portfolio.members.base import FittedMember
from automodel_sk.portfolio.persistence import save_ensemble
from automodel_sk.portfolio.refits import refitted
from automodel_sk.portfolio.reweighting import reweighted
from automodel_sk.portfolio.state import NAME, EnsembleState, configurations, task_of
from automodel_sk.portfolio.team import Team, WeightedMember
from automodel_sk.portfolio.window_record import WindowRecord
from automodel_sk.trials import TrialRecord

if TYPE_CHECKING:
    from automodel_sk.data.analysis import DatasetProfile
    from automodel_sk.diagnosis import Diagnosis
    from automodel_sk.forecasting.explanation import Explanation
    from automodel_sk.portfolio.combiners import Combination
    from automodel_sk.portfolio.plots import EnsemblePlots
    from automodel_sk.validation import ValidationResult

__all__ = ["AutoEnsemble"]

_MEMBER = Text("member", "NHITS", optional=True)


class AutoEnsemble(AutoModel):
    """Several fitted models that forecast together.

    Returned by `create_auto_model` for ``"auto"`` or several names, and by `AutoModel.load`.

    Attributes
    ----------
    best_score : float or None
        The cross-validated score of the combination.
    weights : dict of str to float
        Weight of each member.
    members : dict of str to FittedMember
        The fitted members by name.
    left_out : dict of str to str
        The models that took no part in the search, and why.

    Notes
    -----
    Methods of `AutoModel` treat the members together:

    - `calibrate` takes the errors on the validation windows of the search and trains nothing; for
      other data or other windows, and after a refit, all members are trained once more.
    - `cross_validation` trains each member on the rows before the windows. The weights are those of
      the ensemble, which were chosen on the validation windows.
    - `validation_scores` and `evaluate` have a column for each member too. In the former, forecasts
      of the ensemble are made with weights that were chosen without the window, if there are
      several. `leaderboard` takes more than `h` later rows.
    - `refit` fits the same members, with the same weights, to other data; `update` trains networks
      further, and fits other members to old and new data. Leaderboard and intervals remain those of
      the search; `calibrate` renews the intervals.
    - Members that cannot be fitted again are left out with a warning; others share their weight.

    Examples
    --------
    >>> from automodel_sk import create_auto_model
    >>> values = [float(step % 4) for step in range(40)]
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    >>> options = {"season_length": 4, "metric": "mae", "use_mlflow": False, "verbose": False}
    >>> options |= {"cpus": 1, "storage": ":memory:"}
    >>> ensemble = create_auto_model(["Naive", "SeasonalNaive"], 2, frame, **options)
    >>> ensemble
    AutoEnsemble(SeasonalNaive, h=2, best_mae=0)
    >>> ensemble.predict()["AutoEnsemble"].tolist()
    [0.0, 1.0]
    >>> ensemble.leaderboard()[["model", "score", "weight"]].values.tolist()
    [['AutoEnsemble', 0.0, 1.0], ['SeasonalNaive', 0.0, 1.0], ['Naive', 1.9, 0.0]]
    """

    def __init__(
        self,
        members: Sequence[WeightedMember],
        data: PortfolioData,
        combination: Combination,
        *,
        candidates: Sequence[Candidate] = (),
        judged: PortfolioData | None = None,
        metric: Any = "mase",
        zone: Any = None,
        random_seed: int = 42,
        records: Sequence[TrialRecord] = (),
        profile: DatasetProfile | None = None,
        validation: ValidationResult | None = None,
        scores: ConformalScores | None = None,
        training_note: str | None = None,
        columns: ColumnNames | None = None,
        left_out: Mapping[str, str] | None = None,
        treatment: Treatment | None = None,
    ) -> None:
        """Keep what a search found.

        Parameters
        ----------
        members : sequence of WeightedMember
            The fitted members and their weights, which sum to one.
        data : PortfolioData
            The data that the members were fitted to and judged on.
        combination : Combination
            How the candidates were combined: mean or median, the cross-validated score, and the
            forecasts of the validation windows that it is the error of. Its weights are those of
            the candidates by position; the members have their own.
        candidates : sequence of Candidate
            Everything that was tried, for the leaderboard.
        judged : PortfolioData, optional
            The data that the members were judged on, if these are others than `data`.
        metric : str or callable
            Metric of the leaderboard and of the score.
        zone : tzinfo or str, optional
            Time zone of the data if `data` has wall-clock times, see `day_zone`.
        random_seed : int
            Seed of sampled paths.
        records : sequence of TrialRecord
            The trials of the search.
        profile : DatasetProfile, optional
            Characteristics of the training data.
        validation : ValidationResult, optional
            Findings of the validator.
        scores : ConformalScores, optional
            Calibration of the intervals. If None, computed from the errors of the combination on
            the validation windows.
        training_note : str, optional
            How a time budget shortened the refit.
        columns : ColumnNames, optional
            The user's names for the columns of series, times and values.
        left_out : mapping of str to str, optional
            The models that took no part in the search, and why.
        treatment : Treatment, optional
            What is done to data before members see them, and to forecasts.
        """
        team = Team(tuple(members), combination.kind)
        self._state = EnsembleState(
            None,
            task_of(team, data, random_seed, metric),
            configurations(team),
            note=training_note,
            records=list(records),
            season=data.season,
            profile=profile,
            validation=validation,
            scores=scores,
            columns=columns or ColumnNames(),
            treatment=treatment or Treatment(),
            team=team,
            data=data,
            record=WindowRecord(
                judged or data, tuple(candidates), combination.forecasts, metric, zone
            ),
            combination=combination,
            zone=zone,
            left_out=dict(left_out or {}),
        )

    @property
    def state(self) -> EnsembleState:
        """All that is known about the ensemble, frozen."""
        return cast(EnsembleState, self._state)

    @property
    def combination(self) -> Combination:
        """How the candidates were combined."""
        return self.state.combination

    @property
    def members(self) -> dict[str, FittedMember]:
        """The fitted members by name, those of most weight first."""
        return {name: part.member for name, part in self.state.by_weight.items()}

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each member, the largest first; equal ones for a median."""
        return {name: part.weight for name, part in self.state.by_weight.items()}

    @property
    def left_out(self) -> dict[str, str]:
        """The models that took no part in the search, by name, and why."""
        return dict(self.state.left_out)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Everything that was tried, with its forecasts of the validation windows."""
        return self.state.record.candidates

    @public(member=_MEMBER, to=TO)
    def predict(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        level: float | Sequence[float] | None = None,
        quantiles: float | Sequence[float] | None = None,
        h: int | None = None,
        to: str | Path | None = None,
        member: str | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        dataset, futr_df, static_df, level, quantiles : optional
            As in `AutoModel.predict`. Intervals come from errors on validation windows.
        h : int, optional
            Number of steps, as in `AutoModel.predict`. Members that cannot forecast more than their
            own horizon, or series that they were not trained on, are left out with a warning.
        to : str or Path, optional
            Folder for the forecasts of very many series, as in `AutoModel.predict`.
        member : str, optional
            Name of the one member to forecast with. If None, all of them together.

        Returns
        -------
        DataFrame
            As in `AutoModel.predict`; the column of forecasts is named ``AutoEnsemble``, or like
            the member.

        Raises
        ------
        InvalidInputError
            As in `AutoModel.predict`; or no member of that name exists or can make the forecast.
        """
        state = self.state
        name = state.column if member is None else member
        team = state.team if member is None else state.team.alone(member)
        columns = quantile_columns(name, level, quantiles)
        steps = steps_to_compute(state, h)
        inputs = forecast_inputs(state, dataset, futr_df, static_df, steps)
        scores = self._calibrated if member is None else lambda: _scores_of(state, member)

        def ahead(own_team: Team, own: Mapping[str, pd.DataFrame | None]) -> pd.DataFrame:
            table = forecast_ahead(state, own_team, name, own, steps, columns, scores)
            return first_steps(state.treatment.of_forecast(table), ["unique_id"], h)

        if to is None:
            return ahead(team, inputs)
        keeps = inputs["history"] is None and steps <= state.h

        def ahead_of(rows: slice, own: Mapping[str, pd.DataFrame | None]) -> pd.DataFrame:
            return ahead(team.of_series(rows) if keeps else team, own)

        errors = scores().errors if columns else None
        asked = [columns, h, member, errors, state.treatment.non_negative]
        return forecasts_to(state, Path(to), inputs, asked, ahead_of)

    def _new_scores(
        self, dataset: pd.DataFrame | None, n_windows: int | None, static_df: pd.DataFrame | None
    ) -> ConformalScores | None:
        state, record = self.state, self.state.record
        is_own = dataset is None and n_windows in (None, record.data.n_windows)
        if is_own and not state.renewed:
            return _scores_from(state, record.combined)
        return super()._new_scores(dataset, n_windows, static_df)

    def _calibrated(self) -> ConformalScores:
        if self.state.scores is None:  # those of the search, also after a refit
            self._scores = _scores_from(self.state, self.state.record.combined)
        return super()._calibrated()

    def _past_windows(self, dataset: pd.DataFrame | None, **windows: Any) -> pd.DataFrame:
        return forecast_past(self.state, dataset, **windows)

    def _window_scores(self, metrics: Sequence[Any] | None) -> pd.DataFrame:
        from automodel_sk.portfolio.window_scores import scores_of_windows

        return scores_of_windows(self.state, metrics)

    def _forecasters(self) -> dict[str, Callable[..., pd.DataFrame]]:
        own = super()._forecasters()
        if len(self.state.team.parts) == 1:
            return own
        return own | {name: partial(self.predict, member=name) for name in self.members}

    @public(test_df=Frame("test_df", columns=("unique_id", "ds", "y")))
    def leaderboard(
        self,
        test_df: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Return every model that was tried beside the ensemble, the best first.

        Parameters
        ----------
        test_df : DataFrame, optional
            Rows that came after the training data, with the exogenous columns; earlier rows are
            ignored. Adds the errors of members, ensemble and baselines on them, of forecasts a
            horizon at a time from the end of the training data on, without training; NaN for
            members that cannot forecast all of them.
        futr_df : DataFrame, optional
            Future values of the steps after `test_df`, if its last rows are less than a horizon.
        static_df : DataFrame, optional
            Static values of its series. If None, those of the training data.

        Returns
        -------
        DataFrame
            The columns of `LEADERBOARD_COLUMNS`: among others `model`, `family`, `score` (of the
            ensemble, the cross-validated one), `skill`, `weight`, `seconds`, `state`, `member` and
            `score_1` for the first window; with `test_df`, also `mae`, `rmse`, `mase`, `smape` and
            `skill_later`.
        """
        from automodel_sk.portfolio.standings import standings

        return standings(self.state, test_df, futr_df, static_df)

    @public(dataset=Frame("dataset", optional=False))
    def reweight(
        self,
        dataset: pd.DataFrame,
        *,
        static_df: pd.DataFrame | None = None,
        n_windows: int | None = None,
    ) -> AutoEnsemble:
        """Return the same members with weights chosen on newer rows, without any training.

        They are combined as the option `ensemble` of the search says. Members that cannot forecast
        the newer rows get no weight.

        Parameters
        ----------
        dataset : DataFrame
            Long frame with rows after the end of the training data, at least `h` of a series.
            Those before them are the training data's, unless the frame has its own. Series not
            seen in training are allowed.
        static_df : DataFrame, optional
            Static values of its series.
        n_windows : int, optional
            Number of windows at the end of the series. If None, as many as fit in the newer rows,
            at most those of the search.

        Returns
        -------
        AutoEnsemble
            A new model, of which leaderboard and intervals are those of the newer windows. This one
            is not changed.
        """
        state = self.state
        frame = prepared_history(state, dataset)
        static = prepared_static(state, static_df, frame)
        return self._with(reweighted(state, frame, static, n_windows))

    @public(method=Choices("method", METHODS, optional=True), member=_MEMBER)
    def explain(
        self,
        dataset: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        steps: Sequence[int] | None = None,
        method: str | None = None,
        member: str | None = None,
    ) -> Explanation:
        """Compute how much each value contributes to the forecast of a neural member.

        Parameters
        ----------
        dataset, futr_df, static_df, steps, method : optional
            As in `AutoModel.explain`.
        member : str, optional
            Name of a neural member. If None, the one of most weight.

        Returns
        -------
        Explanation

        Raises
        ------
        InvalidInputError
            As in `AutoModel.explain`; or the member is no network.
        """
        network, order = self._network(member), self.state.date_order
        return network.explain(
            read_times(dataset, order),
            futr_df=read_times(futr_df, order),
            static_df=static_df,
            steps=steps,
            method=method,
        )

    def _network(self, member: str | None) -> AutoModel:
        """Return the model of a neural member."""
        networks = {n: m.model for n, m in self.members.items() if hasattr(m, "model")}
        chosen = member or next(iter(networks), None)
        if chosen is not None:
            self.state.team.alone(chosen)
        if chosen not in networks:
            found = f"member={chosen!r} is none" if chosen else "the ensemble has none"
            names = ", ".join(map(repr, networks))
            advice = f"try member={names}" if names else "fit a network, e.g. model='NHITS'"
            raise InvalidInputError(f"only networks can be explained, {found}; {advice}")
        network: AutoModel = networks[chosen]
        return network

    def _paths(
        self, inputs: Mapping[str, pd.DataFrame | None], steps: int, **sampling: Any
    ) -> pd.DataFrame:
        state = self.state
        columns = {f"q{place}": quantile for place, quantile in enumerate(GRID)}
        table = forecast_ahead(state, state.team, NAME, inputs, steps, columns, self._calibrated)
        past = state.history() if inputs["history"] is None else inputs["history"]
        return paths_between(table, NAME, columns, past, **sampling)

    @public()
    def diagnose(self, *, baselines: bool = False) -> Diagnosis:
        """Analyse the search and suggest what to try next; as `AutoModel.diagnose`."""
        from automodel_sk.portfolio.findings import diagnose_portfolio

        return diagnose_portfolio(self.state)

    def _refitted(self, dataset: pd.DataFrame, static_df: pd.DataFrame | None) -> EnsembleState:
        state = self.state
        order, treatment = state.date_order, state.treatment
        frame = usable_history(dataset, state.task, state.freq, order, treatment=treatment)
        data = _data_of(state, frame, static_df, trains_anew=True)
        return _renewed(state, refitted(state.team, data), data, frame, dataset)

    def _updated(
        self, dataset: pd.DataFrame, static_df: pd.DataFrame | None, max_steps: int | None
    ) -> EnsembleState:
        state = self.state
        frame = prepared_history(state, dataset)
        data = _data_of(state, frame, static_df)
        return _renewed(state, state.team.update(data, max_steps), data, frame, dataset)

    def to_neuralforecast(self) -> Any:
        """Raise: an ensemble is no single `NeuralForecast` object; its neural members are."""
        advice = self.state.network_instead(".to_neuralforecast()")
        raise InvalidInputError(f"an ensemble is no single NeuralForecast object; {advice}")

    @public()
    def to_onnx(self, path: str | Path) -> Path:
        """Raise: an ensemble is no single network; its neural members are."""
        advice = self.state.network_instead(".to_onnx(path)")
        raise InvalidInputError(f"an ensemble can't be exported to ONNX; {advice}")

    @public()
    def save(self, path: str | Path) -> Path:
        """Write the ensemble to a folder, without pickle; as `AutoModel.save`."""
        return save_ensemble(self.state, Path(path))

    @classmethod
    @public()
    def load(cls, path: str | Path) -> AutoEnsemble:
        """Read a saved ensemble; as `AutoModel.load`, but a single model is an error."""
        found = load_any_model(Path(path), AutoModel)
        if not isinstance(found, cls):
            raise ModelFileError(f"{path} holds a single model; load it with AutoModel.load")
        return found

    def _code(self) -> str:
        from automodel_sk.report import search_code

        models = list(dict.fromkeys(part.member.name for part in self.state.team.parts))
        state = self.state
        return search_code(models, state.task, state.treatment, state.network_loss)

    def summary(self) -> str:
        """Return the members, their weights, the score and what was left out, in a few lines.

        Returns
        -------
        str
        """
        from automodel_sk.portfolio.card import ensemble_summary

        return ensemble_summary(self.state)

    @property
    def plot(self) -> EnsemblePlots:
        """Plots of forecasts, errors, members and the search, such as ``model.plot.weights()``."""
        from automodel_sk.portfolio.plots import EnsemblePlots

        return EnsemblePlots(self)

    def _repr_html_(self) -> str:
        """Return a card for notebooks."""
        from automodel_sk.portfolio.card import ensemble_card

        return ensemble_card(self)

    def __repr__(self) -> str:
        score = "" if self.best_score is None else f", {scored(self)}"
        return f"{NAME}({', '.join(self.weights)}, h={self.h}{score})"


def _scores_of(state: EnsembleState, member: str) -> ConformalScores:
    """Return the scores that calibrate the intervals of one member."""
    number = state.team.by_name[member].number
    candidate = state.record.of_number(number)
    if candidate is None or candidate.forecasts is None:
        raise InvalidInputError(
            f"the errors of {member!r} on past windows are not known, which intervals need; leave"
            " out member, or level and quantiles"
        )
    return _scores_from(state, candidate.forecasts)


def _scores_from(state: EnsembleState, point: Any) -> ConformalScores:
    """Return the scores that calibrate intervals around forecasts like these of the windows."""
    record = state.record
    return record.conformal(state.coherent_windows(point, record.windows().ids))


def _data_of(
    state: EnsembleState,
    frame: pd.DataFrame,
    static_df: pd.DataFrame | None,
    *,
    trains_anew: bool = False,
) -> PortfolioData:
    """Return data that replace those of an ensemble."""
    static = prepared_static(state, static_df, frame, trains_anew=trains_anew)
    frame = on_wall(frame, state.freq)
    return replace(state.data, frame=frame, static_df=static, **state.columns_read)


def _renewed(
    state: EnsembleState,
    team: Team,
    data: PortfolioData,
    frame: pd.DataFrame,
    dataset: pd.DataFrame,
) -> EnsembleState:
    """Return the state of members that were fitted to other data."""
    profile = profile_of(state, dataset)
    return replace(
        state,
        team=team,
        data=data,
        renewed=True,
        zone=day_zone(frame["ds"], state.freq),
        task=task_of(team, data, state.task.random_seed, state.task.metric),
        config=configurations(team),
        note=None,
        profile=profile,
        treatment=state.treatment.trained_on(profile.has_negatives),
    )
