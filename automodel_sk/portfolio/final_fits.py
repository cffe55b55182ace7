"""Fit one member of an ensemble on all rows, in this process or in another one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from automodel_sk.auto_model import AutoModel
from automodel_sk.exceptions import SearchError
from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.blocks import fit_in_blocks, needs_blocks
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Deadline, FittedMember, Member
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.portfolio.members.table import load_member
from automodel_sk.portfolio.members.tree import FittedTree
from automodel_sk.portfolio.store import kept_member
from automodel_sk.search.final_refit import (
    HOPELESS,
    BestTrial,
    FinalModel,
    final_model_of,
    final_with_weights,
)
from automodel_sk.search.parts import Processes
from automodel_sk.search.planning import SearchPlan
from automodel_sk.search.scratch import scratch_folder
from automodel_sk.training.build import is_padded, module_of
from automodel_sk.training.time_budget import TimeBudget
from automodel_sk.training.trial_files import weights_of
from automodel_sk.trials import TrialRecord

__all__ = ["Fit", "Fitted", "MethodFit", "NetworkFit", "Result", "unzipped", "zipped"]

Fitted = tuple[FittedMember, str | None]
"""A member, and what a reader must know of its fit."""

Result = Fitted | Exception
"""A member, or why it could not be fitted."""

_ABOUT, _WEIGHTS = "about.json", "weights.safetensors"
_LEAST_SECONDS = 1.0


class Fit(Protocol):
    """The final fit of one candidate."""

    @property
    def candidate(self) -> Candidate:
        """What is fitted, without its forecasts."""

    @property
    def expected(self) -> float:
        """Seconds that it will take, roughly."""

    @property
    def is_needed(self) -> bool:
        """Whether the member is lost where the fit has too little time."""

    def is_movable(self, data: PortfolioData, processes: Processes) -> bool:
        """Return whether one of some processes can do it."""

    def run(self, data: PortfolioData, seconds: float, processes: Processes) -> Fitted:
        """Fit the member in some seconds."""

    def packed(self, data: PortfolioData, seconds: float) -> dict[str, bytes]:
        """Fit the member in another process, and return what `unpacked` needs."""

    def unpacked(self, files: Mapping[str, bytes], data: PortfolioData) -> Fitted:
        """Return the member that was fitted in another process."""


@dataclass(frozen=True, eq=False)
class MethodFit:
    """The fit of a member without a training by gradients.

    Parameters
    ----------
    candidate : Candidate
        What is fitted, without its forecasts.
    expected : float
        Seconds that it will take, roughly.
    member : Member
        The member.
    folder : str
        Where the search kept members as trained before the windows.
    is_sample : bool
        Whether the search saw some of the series only.
    """

    candidate: Candidate
    expected: float
    member: Member
    folder: str
    is_sample: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether the member is lost: of trees, those of the trial are kept."""
        return self.candidate.family != "tree"

    def is_movable(self, data: PortfolioData, processes: Processes) -> bool:
        """Return whether one process can do it: naive members take no time, pretrained ones memory.

        Many series are shared by all processes.
        """
        movable = self.candidate.family in ("statistical", "linear", "tree")
        return movable and not needs_blocks(self.member, data, processes)

    def run(self, data: PortfolioData, seconds: float, processes: Processes) -> Fitted:
        """Fit the member to all rows; if time is short, return it as trained before the windows."""
        kept = kept_member(self.folder, self.candidate.name)
        if kept is None or seconds >= HOPELESS * self.expected:
            try:
                deadline = Deadline(max(_LEAST_SECONDS, seconds))
                return fit_in_blocks(self.member, data, deadline, processes), None
            except SearchError:
                if kept is None:
                    raise
        assert kept is not None
        if self.is_sample and isinstance(kept, FittedTree):
            kept = kept.on(data)
        return kept, (
            "the time budget left no time to train on all rows: the member was trained on those"
            " before the validation windows; raise time_budget_hours"
        )

    def packed(self, data: PortfolioData, seconds: float) -> dict[str, bytes]:
        """Return the files of the fitted member."""
        member, note = self.run(data, seconds, Processes())
        with scratch_folder("member") as scratch:
            folder = scratch / "files"
            folder.mkdir()
            member.save(folder)
            files = {file.name: file.read_bytes() for file in folder.iterdir()}
        return {**files, _ABOUT: json.dumps({"note": note}).encode()}

    def unpacked(self, files: Mapping[str, bytes], data: PortfolioData) -> Fitted:
        """Read the files of the fitted member."""
        about = json.loads(files[_ABOUT])
        with scratch_folder("member") as scratch:
            folder = scratch / "files"
            folder.mkdir()
            for name in set(files) - {_ABOUT}:
                (folder / Path(name).name).write_bytes(files[name])
            return load_member(folder), about["note"]


@dataclass(frozen=True, eq=False)
class NetworkFit:
    """The refit of a network.

    Parameters
    ----------
    candidate, expected
        As in `MethodFit`.
    best : BestTrial
        The trial that the final model is made from.
    plan : SearchPlan
        The network's plan on the rows that it is fitted to.
    options : OptimizationConfig
        How to refit.
    record : TrialRecord
        The trial, as one of a search over this model alone.
    season : int
        Steps of one season.
    dataset : neuralforecast.tsdataset.TimeSeriesDataset, optional
        What trials are trained on, to repeat one whose weights are asked for and were not kept.
    """

    candidate: Candidate
    expected: float
    best: BestTrial
    plan: SearchPlan
    options: OptimizationConfig
    record: TrialRecord
    season: int
    dataset: Any = None

    @property
    def is_needed(self) -> bool:
        """Whether the network is lost: never, since the weights of its trial are kept."""
        return False

    def is_movable(self, data: PortfolioData, processes: Processes) -> bool:
        """Return whether one process can do it: kept weights need none, and Ray's have no GPU."""
        on_gpu = self.best.task.trainer_options.get("accelerator") == "gpu"
        trains = self.options.refit != "best_weights" or self.best.step is None
        return trains and not (on_gpu and processes.on_ray)

    def run(self, data: PortfolioData, seconds: float, processes: Processes) -> Fitted:
        """Refit the network in some seconds."""
        return self._member(self._final(seconds, self.options))

    def packed(self, data: PortfolioData, seconds: float) -> dict[str, bytes]:
        """Refit the network on one thread, as others are refitted beside it; return its weights."""
        from safetensors.torch import save

        final = self._final(seconds, replace(self.options, cpus=1))
        about = {"steps": final.steps, "note": final.note}
        weights = save(weights_of(module_of(final.fitted)))
        return {_WEIGHTS: weights, _ABOUT: json.dumps(about).encode()}

    def unpacked(self, files: Mapping[str, bytes], data: PortfolioData) -> Fitted:
        """Return the network with the weights from another process."""
        from safetensors.torch import load

        about = json.loads(files[_ABOUT])
        weights = load(files[_WEIGHTS])
        fitted = final_with_weights(self.best, self.plan, self.options, weights)
        return self._member(FinalModel(fitted, about["steps"], about["note"]))

    def _final(self, seconds: float, options: OptimizationConfig) -> FinalModel:
        budget = TimeBudget(None if seconds == float("inf") else seconds)
        budget.note(self.record)
        return final_model_of(
            self.best, self.plan, options, lambda: self.dataset, budget, lambda _share: None
        )

    def _member(self, final: FinalModel) -> Fitted:
        network, config = self.plan, self.candidate.config
        padded = is_padded(network.task, config)
        model = AutoModel(
            final.fitted,
            replace(network.task, objective=None, pad_short_series=padded),
            config,
            best_step=self.record.best_step,
            trained_steps=final.steps,
            training_note=final.note,
            records=[self.record],
            profile=network.profile,
            season=self.season,
            space=network.space,
        )
        return NeuralMember(model), final.note


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as one text of bytes.

    Examples
    --------
    >>> unzipped(zipped({"a": b"1", "b": b""}))
    {'a': b'1', 'b': b''}
    """
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """Return the files that `zipped` joined."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
