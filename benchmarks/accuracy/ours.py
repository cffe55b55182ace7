"""automodel_sk, called as a user calls it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import yaml

from benchmarks.accuracy.exchange import Request
from benchmarks.accuracy.task import KEYS, QUANTILES, Dataset
from benchmarks.running import ROOT


@dataclass(frozen=True)
class Ours:
    """``ours:MODEL``, ``ours:MODEL:PRESET`` or ``ours:MODEL:OPTION=VALUE,...``.

    Several models are joined by ``+``. All other arguments are defaults, and the budget covers the
    search and the refit. Quantiles of a single model need a training more, which counts in its
    seconds.
    """

    name: str
    has_budget = True
    has_seed = True
    modules = ("neuralforecast", "automodel_sk.auto_model_factory")
    package = "automodel_sk"

    @cached_property
    def model(self) -> str | list[str]:
        """The model, or the list of models."""
        names = self.name.split(":")[1].split("+")
        return names[0] if len(names) == 1 else names

    @cached_property
    def options(self) -> dict[str, Any]:
        """The preset or the options, if any are named."""
        given = ":".join(self.name.split(":")[2:])
        if "=" not in given:
            return {"preset": given} if given else {}
        pairs = (pair.partition("=") for pair in given.split(","))
        return {name: yaml.safe_load(value) for name, _, value in pairs}

    def run(self, data: Dataset, request: Request) -> pd.DataFrame:
        """Fit and forecast."""
        from automodel_sk import create_auto_model

        budget = {} if request.seconds is None else {"time_budget_hours": request.seconds / 3600}
        fitted = create_auto_model(
            self.model,
            h=data.h,
            dataset=data.train,
            futr_exog_list=list(data.futr_exog) or None,
            freq=data.freq,
            season_length=data.season,
            random_seed=request.seed,
            verbose=False,
            **budget,
            **self.options,
        )
        known = data.future if data.futr_exog else None
        return as_quantiles(fitted.predict(futr_df=known, quantiles=QUANTILES))


def as_quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Rename the columns of one model and its quantiles."""
    [name] = [column for column in frame.columns.difference(KEYS) if "_ql" not in column]
    quantiles = {str(q): frame[f"{name}_ql{q}"] for q in QUANTILES}
    return frame[KEYS].assign(point=frame[name], **quantiles)


def source() -> str:
    """Return a short hash of the package's source, with ``+`` if it has uncommitted changes."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "automodel_sk")
        return git("rev-parse", "--short", "HEAD:automodel_sk") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return "installed"
