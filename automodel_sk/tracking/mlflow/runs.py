"""Represent one search as MLflow runs: a parent, and a child for each trial.

The trials of a search over several models are children of a run of their model, and these runs are
the children of the parent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from automodel_sk._utils.versions import installed_version
from automodel_sk.tracking.base import ModelRecord, SearchRecord
from automodel_sk.tracking.mlflow.model import register_model, write_model
from automodel_sk.tracking.mlflow.store import (
    MODEL,
    NUMBER,
    PARENT,
    PREFIX,
    STUDY_ID,
    Point,
    Store,
    source_tags,
)
from automodel_sk.tracking.mlflow.text import file_text, flat_params, safe_key, tag_texts
from automodel_sk.trials import OUT_OF_TIME, TrialRecord

__all__ = ["EndedTrial", "MlflowSearchRun"]

# A pruned trial is not an error, but MLflow's UI displays KILLED like a failure.
_RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}
_PACKAGES = ("automodel_sk", "mlflow", "neuralforecast", "optuna", "ray", "torch")
_SCORE = "best_val_loss"


@dataclass(eq=False)
class EndedTrial:
    """An ended trial with fixed times in ms, so that it can be written repeatedly."""

    record: TrialRecord
    start: int
    end: int
    tried: bool = False

    @classmethod
    def of(cls, record: TrialRecord) -> EndedTrial:
        """Fill in the times that a record lacks."""
        lasted = round(1000 * record.duration_seconds)
        start, end = _milliseconds(record.datetime_start), _milliseconds(record.datetime_complete)
        if end is None:
            end = _now() if start is None else start + lasted
        return cls(record, end - lasted if start is None else start, end)

    @property
    def name(self) -> str:
        """Name of its run, which says so if the trial was stopped early."""
        note = " (pruned)" if self.record.state == "PRUNED" else ""
        if self.record.reason == OUT_OF_TIME:
            note = " (out of time)"
        return f"trial {self.record.number}{note}"

    def points(self, metric: str | None = None) -> list[Point]:
        """Return the metrics; the score has the name of a metric as well, if there is one.

        The times of individual steps are unknown and spaced evenly from start to end.
        """
        losses = sorted(self.record.intermediate_values.items())
        span = (self.end - self.start) / max([step for step, _ in losses] + [1])
        points = [
            Point("val_loss", float(loss), self.start + round(step * span), int(step))
            for step, loss in losses
        ]
        points.append(Point("duration_seconds", float(self.record.duration_seconds), self.end, 0))
        if self.record.value is not None:
            value = float(self.record.value)
            points += [Point(name, value, self.end, 0) for name in _score_names(metric)]
        return points

    def tags(self) -> dict[str, str]:
        """Return the trial's tags with this package's prefix."""
        told = {**self.record.tags, "state": self.record.state, "reason": self.record.reason}
        return {
            **tag_texts({f"{PREFIX}{key.removeprefix(PREFIX)}": told[key] for key in told}),
            NUMBER: str(self.record.number),
        }


class MlflowSearchRun:
    """The parent run of a search in one store, with its child runs."""

    def __init__(self, store: Store, run_id: str, search: SearchRecord) -> None:
        self.run_id = run_id
        self._search = search
        self._store = store
        self._models: dict[str, str] = {}
        self._written: set[int] = set()
        self._half_written: dict[int, str] = {}

    @classmethod
    def begin(
        cls,
        store: Store,
        search: SearchRecord,
        *,
        below: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> MlflowSearchRun:
        """Resume the unfinished run of the same study, or start a new one."""
        study_id = tag_texts({STUDY_ID: search.tags.get(STUDY_ID)}).get(STUDY_ID)
        found = store.unfinished(study_id)
        if found is not None:
            store.reopen(found, below)
            run = cls(store, found, search)
            run._read_children()
            for run_id in run._models.values():
                store.reopen(run_id, None)
            return run
        labels = {**tag_texts({**_search_tags(search), **(tags or {})}), **source_tags()}
        if below is not None:
            labels[PARENT] = below
        run = cls(store, store.create_run(search.name, labels, _now()), search)
        store.write(run.run_id, flat_params({"model": search.model_name, **search.params}), [])
        if search.data is not None:
            store.use_data(run.run_id, search.data)
        return run

    def _read_children(self) -> None:
        """Read which trials the store contains, and which of them are incomplete."""
        if self._search.by is not None:
            self._models |= self._store.models(self.run_id)
        for parent in (self.run_id, *self._models.values()):
            for number, (run_id, complete) in self._store.children(parent).items():
                if complete:
                    self._written.add(number)
                else:
                    self._half_written[number] = run_id

    def add(self, trial: EndedTrial) -> None:
        """Write an ended trial unless it is already in the store."""
        number = trial.record.number
        if trial.tried:
            self._read_children()
        if number in self._written:
            return
        trial.tried = True
        if number not in self._half_written:
            tags = {**trial.tags(), **source_tags(), PARENT: self._parent_of(trial)}
            run_id = self._store.create_run(trial.name, tags, trial.start)
            self._half_written[number] = run_id
        run_id = self._half_written[number]
        points = trial.points(self._search.metric)
        self._store.write(run_id, flat_params(trial.record.params), points)
        self._store.end(run_id, _RUN_STATUS[trial.record.state], trial.end)
        self._written.add(number)
        del self._half_written[number]

    def _parent_of(self, trial: EndedTrial) -> str:
        """Return the run above a trial's: that of its model, if several models are tuned."""
        by = self._search.by
        if by is None or trial.record.params.get(by) is None:
            return self.run_id
        name = tag_texts({MODEL: trial.record.params[by]})[MODEL]
        if name not in self._models:
            tags = {MODEL: name, **source_tags(), PARENT: self.run_id}
            self._models[name] = self._store.create_run(name, tags, trial.start)
            self._store.write(self._models[name], flat_params({by: name}), [])
        return self._models[name]

    def add_model(self, model: ModelRecord) -> str:
        """Store the fitted model as the output of the search; return its id."""
        return write_model(self._store, self.run_id, model)

    def register(self, model_id: str, name: str) -> None:
        """Register a stored model as a new version."""
        register_model(self._store, self.run_id, model_id, name)

    def close(
        self,
        status: str,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, Any],
        model_id: str | None = None,
        by_model: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """Write the search's metrics and files, and end its run even if a file is rejected."""
        now = _now()
        if "best_score" in metrics:
            names = _score_names(self._search.metric)
            metrics = {**metrics, **dict.fromkeys(names, metrics["best_score"])}
        data = self._search.data
        self._store.write(self.run_id, {}, _points(metrics, now), model_id, data)
        try:
            for name, content in artifacts.items():
                self._attach(name, content)
            for name, run_id in self._models.items():
                self._store.write(run_id, {}, _points((by_model or {}).get(name, {}), now))
        finally:
            for name, run_id in self._models.items():
                own = (by_model or {}).get(name, {})
                with suppress(Exception):  # the parent's run must be ended in any case
                    self._store.end(run_id, _status_of(status, own), now)
            self._store.end(self.run_id, status, now)

    def _attach(self, name: str, content: Any) -> None:
        if isinstance(content, Path):
            self._store.attach_file(self.run_id, content)
        else:
            self._store.attach(self.run_id, name, file_text(content))


def _score_names(metric: str | None) -> list[str]:
    """Return the names of a score, which the runs of searches and trials share."""
    return [_SCORE] if metric is None else [_SCORE, safe_key(metric)]


def _points(metrics: Mapping[str, float], now: int) -> list[Point]:
    known = {name: value for name, value in metrics.items() if value is not None}
    return [Point(safe_key(name), float(value), now, 0) for name, value in known.items()]


def _status_of(status: str, metrics: Mapping[str, float]) -> str:
    """Return how the run of a model ends: failed if all its trials did."""
    failed = metrics.get("n_failed", 0)
    all_failed = failed > 0 and failed == metrics.get("n_trials")
    return "FAILED" if status == "FINISHED" and all_failed else status


def _search_tags(search: SearchRecord) -> dict[str, str]:
    """Return a search's tags, including the versions of the packages in use."""
    tags = {f"{PREFIX}study": search.name, f"{PREFIX}model": search.model_name, **search.tags}
    versions = {package: installed_version(package) for package in _PACKAGES}
    return tags | {f"{PREFIX}version.{name}": found for name, found in versions.items() if found}


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(1000 * moment.timestamp())


def _now() -> int:
    return round(1000 * time.time())
