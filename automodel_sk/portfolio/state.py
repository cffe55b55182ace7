"""What is known about an ensemble: its members, their data, and how they were judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from automodel_sk.data.preparation import MASK
from automodel_sk.data.times.wall_dates import in_zone
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.forecasting.digests import digest_of
from automodel_sk.forecasting.state import ModelState
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.leaderboard import ENSEMBLE
from automodel_sk.portfolio.members.lightgbm_text import text_of
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.team import Team, WeightedMember
from automodel_sk.portfolio.window_record import WindowRecord
from automodel_sk.training.task import TrainingTask

if TYPE_CHECKING:
    from automodel_sk.portfolio.combiners import Combination

__all__ = ["NAME", "EnsembleState", "configurations", "identity_of", "task_of"]

NAME = ENSEMBLE

_WITHOUT_COLUMNS = ("naive", "statistical", "linear", "pretrained")
"""Families that read no exogenous columns."""

_LOCAL_SEASONS, _LOCAL_ROWS = 3, 30
"""What statistical members are fitted to for observed points, without a season too."""

_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "statistical": ("statsforecast",),
    "tree": ("lightgbm",),
    "pretrained": ("chronos-forecasting",),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class EnsembleState(ModelState):
    """All that is known about an ensemble; `fitted` is None.

    Parameters
    ----------
    team : Team
        The fitted members and their weights.
    data : PortfolioData
        The data that they were fitted to.
    record : WindowRecord
        The windows that they were judged on, and all candidates.
    combination : Combination
        How the candidates were combined.
    zone : tzinfo, optional
        Time zone of `data`, which has wall-clock times.
    left_out : mapping of str to str
        The models that took no part in the search, and why.
    renewed : bool
        Whether the members were fitted to other data since they were judged.
    """

    team: Team
    data: PortfolioData
    record: WindowRecord
    combination: Combination
    zone: Any = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    renewed: bool = False

    @property
    def network(self) -> Any:
        """Raise: there is no single network."""
        advice = self.network_instead()
        raise InvalidInputError(f"an ensemble has no single network; {advice}")

    def network_instead(self, then: str = "") -> str:
        """Return the advice to use the network of most weight, and what to do with it."""
        networks = [n for n, part in self.by_weight.items() if hasattr(part.member, "model")]
        if not networks:
            return "it has no network"
        return f"use ensemble.members[{networks[0]!r}].model{then}"

    @property
    def by_weight(self) -> dict[str, WeightedMember]:
        """The members and their weights by name, those of most weight first."""
        return dict(sorted(self.team.by_name.items(), key=lambda item: -item[1].weight))

    @property
    def freq(self) -> str | int:
        """Frequency of the data."""
        return self.data.freq

    @property
    def ids(self) -> Any:
        """The ids of the training series, in order."""
        return pd.Index(self.data.frame["unique_id"].unique())

    @property
    def column(self) -> str:
        """The name of the column of point forecasts."""
        return NAME

    @property
    def loss(self) -> Any:
        """A point loss, since the intervals come from errors."""
        from neuralforecast.losses.pytorch import MAE

        return MAE()

    @property
    def network_loss(self) -> Any:
        """Loss that the networks among the members are trained with; None without networks."""
        members = (part.member for part in self.team.parts)
        networks = (one for one in members if isinstance(one, NeuralMember))
        return next((one.model.state.loss for one in networks), None)

    @property
    def categories(self) -> Mapping[str, Mapping[Any, int]]:
        """None: each network knows its own."""
        return {}

    @property
    def past_rows(self) -> int:
        """Number of past rows that a forecast of observed points reads."""
        # Members that forecast each series from its own values read all that they get.
        sizes = (getattr(part.member, "past_rows", 0) for part in self.team.parts)
        return max(_LOCAL_ROWS, _LOCAL_SEASONS * self.season, *sizes)

    @property
    def padded_rows(self) -> int:
        """Number of past rows that networks need."""
        members = (part.member for part in self.team.parts)
        return max([2, *(one.past_rows for one in members if isinstance(one, NeuralMember))])

    @property
    def packages(self) -> tuple[str, ...]:
        """The optional packages that the members' forecasts need."""
        families = {part.member.family for part in self.team.parts}
        found = (_PACKAGES.get(family, ()) for family in sorted(families))
        return tuple(name for names in found for name in names)

    @property
    def forecasts_blocks(self) -> bool:
        """Whether forecasts are made a horizon at a time; some member may do so."""
        return True

    def fingerprint(self) -> str:
        """Return a digest of the members and their weights."""
        parts = [
            part
            for name, one in self.team.by_name.items()
            for part in (name, one.weight, *identity_of(one.member))
        ]
        return digest_of(NAME, self.team.kind, self.h, *parts)

    @property
    def columns_read(self) -> dict[str, Any]:
        """The exogenous columns by kind that some member reads; prepared frames have no others."""
        kinds = ("futr_exog", "hist_exog", "stat_exog")
        return {kind: getattr(self.task, kind) for kind in kinds}

    def history(self) -> pd.DataFrame:
        """Return the prepared training data."""
        return in_zone(self.data.frame, self.zone)

    def ends(self) -> pd.DataFrame:
        """Return the last time of each training series."""
        ends = self.data.frame.drop_duplicates("unique_id", keep="last")[["unique_id", "ds"]]
        return in_zone(ends.reset_index(drop=True), self.zone)

    def stored_static(self) -> pd.DataFrame:
        """Return the static values of the training series."""
        if self.data.static_df is None:  # pragma: no cover - no search starts without them
            raise InvalidInputError("static_df is missing; pass one row per series")
        return self.data.static_df

    def kept_forecasts(self) -> tuple[Windows, pd.DataFrame, pd.DataFrame]:
        """Return the validation windows, the combination's forecasts of them, and their data."""
        record = self.record
        table = self.coherent(record.table(**{NAME: record.combined}))
        return record.windows(), table, in_zone(record.data.frame, record.zone)

    @property
    def best_score(self) -> float | None:
        """The cross-validated score of the combination; None if it has none."""
        score = float(self.combination.score)
        return score if np.isfinite(score) else None

    @property
    def metric_name(self) -> str:
        """Name of the metric that `best_score` is a value of."""
        return self.record.metric_name

    @property
    def score(self) -> float:
        """The cross-validated score; NaN if there is none."""
        return float("nan") if self.best_score is None else self.best_score

    @property
    def weights_by_number(self) -> dict[int, float]:
        """The members' weights by number of the candidate."""
        return {p.number: p.weight for p in self.team.parts if p.number is not None}


def identity_of(member: Any) -> tuple[Any, ...]:
    """Return what a member's forecasts depend on beside the data."""
    if hasattr(member, "model"):
        return (member.model.state.fingerprint(),)
    if hasattr(member, "booster"):
        return member.settings, text_of(member.booster)
    if hasattr(member, "ridge"):
        return member.season, member.ridge.shape, member.ridge.coefficients
    return member.describe(), *([member.kept.point] if hasattr(member, "kept") else [])


def configurations(team: Team) -> dict[str, Any]:
    """Return the configuration of each member by name."""
    return {name: part.member.describe() for name, part in team.by_name.items()}


def task_of(team: Team, data: PortfolioData, random_seed: int, metric: Any) -> TrainingTask:
    """Return what the checks of inputs need to know about an ensemble.

    Its exogenous columns are those that some member reads.
    """
    return TrainingTask(
        NAME,
        data.h,
        data.held_out,
        n_series=len(data.lengths),
        random_seed=random_seed,
        futr_exog=_used(team, data, "futr_exog"),
        hist_exog=_used(team, data, "hist_exog"),
        stat_exog=_used(team, data, "stat_exog"),
        cat_exog=_read_by_members(team, "cat_exog"),
        has_mask=MASK in data.frame.columns,
        lengths=data.lengths,
        step_size=data.step_size,
        metric=metric,
    )


def _used(team: Team, data: PortfolioData, kind: str) -> tuple[str, ...]:
    """Return the exogenous columns of a kind that some member reads."""
    columns: tuple[str, ...] = getattr(data, kind)
    members = [part.member for part in team.parts if part.member.family not in _WITHOUT_COLUMNS]
    if any(not hasattr(member, kind) for member in members):
        return columns  # a member that does not say which columns it reads may read all
    own = _read_by_members(team, kind)
    return tuple(name for name in columns if name in own)


def _read_by_members(team: Team, kind: str) -> tuple[str, ...]:
    """Return the columns that members say they read, each once."""
    found = (getattr(part.member, kind, ()) for part in team.parts)
    return tuple(dict.fromkeys(name for names in found for name in names))
