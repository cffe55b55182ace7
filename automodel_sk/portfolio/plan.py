"""Plan a search over several models: which take part, on which windows, scored by what."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from automodel_sk.catalog.models import get_characteristics, is_joint
from automodel_sk.data.analysis import DatasetProfile
from automodel_sk.data.categories import vocabulary
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.budget import REFIT_SHARE
from automodel_sk.portfolio.considered import considered, not_considered
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.given_spaces import by_model, check_given
from automodel_sk.portfolio.judging import (
    DEFAULT_METRIC,
    judging_data,
    judging_objective,
    prepared_with_windows,
    text_of,
    validated,
)
from automodel_sk.portfolio.members.base import Member
from automodel_sk.portfolio.members.table import MEMBERS, member_of
from automodel_sk.portfolio.names import read_names
from automodel_sk.portfolio.sample import MOST_JUDGED, SAMPLED, stratified_sample
from automodel_sk.portfolio.space import MODEL, PortfolioSpace
from automodel_sk.search.initial_trials import encoded_parameters
from automodel_sk.search.network_spaces import PanelFacts, first_config, panel_facts
from automodel_sk.search.planning import SearchPlan, UserInput, plan_search
from automodel_sk.search.prepared import PreparedData
from automodel_sk.search.study.identity import loss_identity, metric_identity
from automodel_sk.search_space import SearchSpace
from automodel_sk.selection.requested import check_backend_of
from automodel_sk.training.objective import Objective
from automodel_sk.validation import ValidationResult
from automodel_sk.validation.data.categories import (
    named_categories,
    text_categories,
)

__all__ = ["PortfolioPlan", "plan_portfolio"]

logger = logging.getLogger(__name__)

SAMPLED_REFIT_SHARE = 0.5
"""Share of the time for the final models where they have many more series than the trials."""


@dataclass(frozen=True)
class PortfolioPlan:
    """Everything that is decided before the first trial of several models.

    Parameters
    ----------
    data : PortfolioData
        The rows, and the windows that candidates are judged on.
    networks : mapping of str to SearchPlan
        The plan of each network, in the order of their first trials.
    members : mapping of str to Member
        The other members.
    left_out : mapping of str to str
        Why models take no part.
    spaces : PortfolioSpace
        Which models and parameters a trial may have.
    initial : sequence of mappings
        Configurations of the first trials.
    objective : Objective
        Scores forecasts of the windows.
    profile : DatasetProfile
        Characteristics of the data.
    validation : ValidationResult
        Findings of the validator.
    prepared : PreparedData
        The data as prepared.
    is_auto : bool
        Whether the models were chosen by "auto" rather than by name.
    whole : PreparedData, optional
        All series, which the final members are fitted to, if `data` and `prepared` are a sample.
    of_trials : bool
        Whether the candidates are the trials of an ordinary search over one network.
    unused_spaces : tuple of str
        The models with a search space of the user's that take no part.
    """

    data: PortfolioData
    networks: Mapping[str, SearchPlan]
    members: Mapping[str, Member]
    left_out: Mapping[str, str]
    spaces: PortfolioSpace
    initial: Sequence[Mapping[str, Any]]
    objective: Objective
    profile: DatasetProfile
    validation: ValidationResult
    prepared: PreparedData
    is_auto: bool = False
    whole: PreparedData | None = None
    of_trials: bool = False
    unused_spaces: tuple[str, ...] = ()

    @property
    def alone(self) -> SearchPlan | None:
        """The plan of the network whose trials are the candidates; None for several models."""
        return next(iter(self.networks.values())) if self.of_trials else None

    @cached_property
    def final_data(self) -> PortfolioData:
        """The rows that the final members are fitted to."""
        return self.data if self.whole is None else judging_data(self.whole)

    def final_plan(self, name: str) -> SearchPlan:
        """Return the plan of a network on the rows that it is finally fitted to."""
        network = self.networks[name]
        if self.whole is None:
            return network
        data, task = self.whole.data, network.task
        kept = [c for c in ("unique_id", "ds", "y", MASK, WEIGHT) if c in data.frame.columns]
        frame = data.frame[[*kept, *task.futr_exog, *task.hist_exog]]
        lengths = self.final_data.lengths
        task = replace(
            task, n_series=len(lengths), lengths=lengths, has_mask=MASK in frame, objective=None
        )
        static = None if data.static_df is None else data.static_df[["unique_id", *task.stat_exog]]
        own = replace(data, frame=frame, static_df=static if task.stat_exog else None)
        return replace(network, data=own, task=task, objective=None)

    def category_codes(self) -> dict[str, dict[Any, int]]:
        """Return the codes of the categories that networks embed, as in their final data.

        Text that none of them embeds has no codes.
        """
        all_series = self.whole or self.prepared
        data = all_series.data
        embedded = (name for plan in self.networks.values() for name in plan.task.cat_exog)
        known = vocabulary([*dict.fromkeys(embedded)], data.frame, data.static_df)
        return {**{name: {} for name in text_of(all_series)}, **known}

    @property
    def sample_note(self) -> str | None:
        """What candidates are judged on, if that is a sample; in one line."""
        if self.whole is None:
            return None
        found, all_series = len(self.data.lengths), len(self.final_data.lengths)
        return (
            f"members and weights are chosen on {found:,} of {all_series:,} series, a sample by"
            " length, share of zeros and scale; the members are then fitted to all of them"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All models that take part."""
        return (*self.members, *self.networks)

    def refit_shares(self, workers: int = 1) -> dict[str, float]:
        """Return the seconds of each final model as a share of its trial's.

        A local model forecasts each window anew, and its final fit is one more; others train once.
        After a search on a sample, local models forecast all series, shared by the workers.
        """
        windows = 1 / self.data.n_windows
        if self.whole is not None:
            judged = int(self.data.is_judged.sum())
            windows *= len(self.final_data.lengths) / judged / workers
        return {name: self._refit_share(name, windows) for name in self.names}

    def _refit_share(self, name: str, of_local: float) -> float:
        if name not in MEMBERS:
            return 1.0
        row = MEMBERS[name]
        if row.family in ("linear", "tree"):  # trained once, before all windows
            return row.seconds(self.final_data) / row.seconds(self.data)
        return of_local

    @property
    def refits_most(self) -> float:
        """The share of the time budget that is set aside for the final models at most."""
        return REFIT_SHARE if self.whole is None else SAMPLED_REFIT_SHARE

    def refits_at_a_time(self, workers: int) -> int:
        """Return how many final models are fitted side by side: one if each has many series."""
        return workers if self.whole is None else 1

    def identity(self) -> dict[str, str]:
        """Return what must be unchanged for a stopped search to resume."""
        prepared, frame = self.prepared, self.data.frame
        columns = {
            "columns known ahead": prepared.futr_exog,
            "historic columns": prepared.hist_exog,
            "static columns": prepared.stat_exog,
            "mask and weights": [name for name in (MASK, WEIGHT) if name in frame],
        }
        asked, label = prepared.options.metric or DEFAULT_METRIC, self.objective.metric.label
        losses = [plan.task.loss for plan in self.networks.values()]
        return {
            "model": ", ".join(sorted(self.names)),
            "horizon": str(self.data.h),
            "search space": self.spaces.fingerprint(),
            **{kind: ", ".join(map(str, names)) or "none" for kind, names in columns.items()},
            "loss": loss_identity(losses[0]) if losses else "none",
            "metric": metric_identity(asked, label),
            "season": str(self.data.season),
            "validation windows": f"{self.data.n_windows} in {self.data.held_out} steps",
            **self.prepared.data.facts,
        }


def _check_options(options: OptimizationConfig) -> None:
    """Raise if what the search of one model takes was passed, or a pruner for another backend."""
    if options.sampler is not None:
        raise InvalidInputError(
            "sampler is for the search of one model, and several are drawn by a sampler of their"
            " own; leave it out, or name one network, e.g. 'NHITS'"
        )
    if options.warm_start is not None:
        raise InvalidInputError(
            "warm_start is for the search of one model, and the trials of several begin with a"
            " configuration of each; leave it out, or name one network, e.g. 'NHITS'"
        )
    check_backend_of(options.backend, None, options.pruner)


def plan_portfolio(given: UserInput, options: OptimizationConfig) -> PortfolioPlan:
    """Decide which models take part, and how they are judged.

    Parameters
    ----------
    given : UserInput
        Its `model_name` is "auto" or a list of names; its `config` may hold a search space by name.
    options : OptimizationConfig
        How to search.

    Returns
    -------
    PortfolioPlan

    Raises
    ------
    InvalidInputError
        The data are invalid, a name is unknown, or no model can forecast the data.
    """
    _check_options(options)
    categories = named_categories(given.config)
    whole = prepared_with_windows(given, options, categories)
    report = validated(whole, categories)
    prepared = _sampled(whole)
    is_sample = prepared is not whole
    data = judging_data(prepared)
    objective = judging_objective(options, data)
    given = replace(given, config=by_model(given.config))
    asked = considered(given.model_name, data, options.exclude or ())
    if is_sample:
        asked = _without_joint(asked, len(whole.profile.lengths))
    others = not_considered(given.model_name, data, options.exclude or ())
    check_given(given.config, list(asked), others)
    left_out = {name: reason for name, reason in asked.items() if reason is not None}
    taking_part = [name for name in asked if name not in left_out]
    members = {name: member_of(name) for name in taking_part if name in MEMBERS}
    own = {n: c for n, c in (given.config or {}).items() if n in taking_part}
    embedded = named_categories(own)
    networks = {
        name: _network(name, given, prepared, whole, objective, embedded)
        for name in taking_part
        if name not in members
    }
    if not members and not networks:
        raise InvalidInputError(
            "none of the models can forecast these data: "
            + "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        )
    left_out |= others
    spaces = {name: SearchSpace() for name in members}
    spaces |= {name: plan.space for name, plan in networks.items()}
    space = PortfolioSpace(spaces)
    initial: list[Mapping[str, Any]] = [{MODEL: name} for name in members]
    initial += [_first(name, space, panel_facts(data)) for name in networks]
    plans = [plan for plan in networks.values() if _reads_all(plan, whole)]
    if plans and not is_sample:
        report = plans[0].validation
    return PortfolioPlan(
        data,
        networks,
        members,
        left_out,
        space,
        initial,
        objective,
        whole.data.profile,
        report,
        prepared,
        read_names(given.model_name) is None,
        whole if is_sample else None,
        unused_spaces=tuple(name for name in given.config or () if name in left_out),
    )


def _without_joint(asked: Mapping[str, str | None], n_series: int) -> dict[str, str | None]:
    """Leave out the models that forecast all series jointly, which a sample can't judge."""
    reason = f"it forecasts all series jointly, too many with {n_series}"
    return {
        name: reason if why is None and name not in MEMBERS and is_joint(name) else why
        for name, why in asked.items()
    }


def _sampled(prepared: PreparedData) -> PreparedData:
    """Return a sample of very many series, which say as much about the candidates as all."""
    if prepared.profile.n_series <= MOST_JUDGED:
        return prepared
    # The same one in every process that joins the search, whatever its own seed.
    return prepared.of_series(stratified_sample(judging_data(prepared), SAMPLED, seed=0))


def _network(
    name: str,
    given: UserInput,
    prepared: PreparedData,
    whole: PreparedData,
    objective: Objective,
    embedded: Sequence[str],
) -> SearchPlan:
    """Plan one network on the columns that it can use; all series say what is a category.

    Networks share the data of the trials, so that what one embeds is no number for the others.
    """
    config = (given.config or {}).get(name)
    text, frames = text_of(whole), (whole.dataset, whole.static_df)
    read = {*text_categories(config, name, text, *frames).get("cat_exog_list", ())}
    unread = {*embedded, *text} - read - {*named_categories(config)}
    columns = _columns_of(name, prepared, unread)
    if any(columns[name] is not getattr(prepared, name) for name in columns):
        own = replace(prepared, **columns)
    else:
        own = prepared  # with its checks, which take long with many series
    plan = plan_search(
        own,
        name,
        replace(own.options, metric=None),
        config=config,
        loss=given.loss,
        category_frames=frames,
    )
    scored = replace(objective, series=prepared.data.is_judged) if is_joint(name) else objective
    task = replace(plan.task, metric=objective.metric.name, objective=scored)
    return replace(plan, task=task, objective=scored)


def _reads_all(plan: SearchPlan, prepared: PreparedData) -> bool:
    """Return whether a network reads all columns; the checks of others call some unused."""
    kinds = ("futr_exog", "hist_exog", "stat_exog")
    return all(
        set(getattr(plan.task, kind)) >= set(getattr(prepared, kind) or ()) for kind in kinds
    )


def _columns_of(name: str, prepared: PreparedData, unread: Collection[str]) -> dict[str, Any]:
    """Return the exogenous columns that a network reads, by kind."""
    traits = get_characteristics(name)
    kinds = {
        "futr_exog": traits.supports_future_exogenous,
        "hist_exog": traits.supports_historic_exogenous,
        "stat_exog": traits.supports_static,
    }
    columns: dict[str, Any] = {
        kind: getattr(prepared, kind) if takes else () for kind, takes in kinds.items()
    }
    if unread:
        columns = {
            kind: tuple(column for column in names if column not in unread)
            for kind, names in columns.items()
        }
    return columns | {"static_df": prepared.static_df if traits.supports_static else None}


def _first(name: str, space: PortfolioSpace, facts: PanelFacts) -> Mapping[str, Any]:
    """Return the parameters of a network's first trial, as the study stores them."""
    first = encoded_parameters(space.spaces[name], first_config(name, facts))
    return {MODEL: name} | {f"{name}/{key}": value for key, value in first.items()}
