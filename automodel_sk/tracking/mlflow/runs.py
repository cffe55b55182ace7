"""Represent one search as MLflow runs: a parent, and a child for each trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automodel_sk._utils.versions import installed_version
from automodel_sk.tracking.base import DataRecord, ModelRecord, SearchRecord
from automodel_sk.tracking.mlflow.model import register_model, write_model
from automodel_sk.tracking.mlflow.store import (
    NUMBER,
    PARENT,
    PREFIX,
    STUDY_ID,
    Point,
    Store,
    source_tags,
)
from automodel_sk.tracking.mlflow.text import file_text, flat_params, safe_key, tag_texts
from automodel_sk.trials import TrialRecord

__all__ = ["EndedTrial", "MlflowSearchRun"]

# A pruned trial is not an error, but MLflow's UI displays KILLED like a failure.
_RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}
_PACKAGES = ("automodel_sk", "mlflow", "neuralforecast", "optuna", "ray", "torch")


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

    def points(self) -> list[Point]:
        """Return the metrics.

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
            points.append(Point("best_val_loss", float(self.record.value), self.end, 0))
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

    def __init__(self, store: Store, run_id: str, data: DataRecord | None = None) -> None:
        self.run_id = run_id
        self._data = data
        self._store = store
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
            run = cls(store, found, search.data)
            run._read_children()
            return run
        labels = {**tag_texts({**_search_tags(search), **(tags or {})}), **source_tags()}
        if below is not None:
            labels[PARENT] = below
        run = cls(store, store.create_run(search.name, labels, _now()), search.data)
        store.write(run.run_id, flat_params({"model": search.model_name, **search.params}), [])
        if search.data is not None:
            store.use_data(run.run_id, search.data)
        return run

    def _read_children(self) -> None:
        """Read which trials the store contains, and which of them are incomplete."""
        for number, (run_id, complete) in self._store.children(self.run_id).items():
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
            tags = {**trial.tags(), **source_tags(), PARENT: self.run_id}
            run_id = self._store.create_run(f"trial {number}", tags, trial.start)
            self._half_written[number] = run_id
        run_id = self._half_written[number]
        self._store.write(run_id, flat_params(trial.record.params), trial.points())
        self._store.end(run_id, _RUN_STATUS[trial.record.state], trial.end)
        self._written.add(number)
        del self._half_written[number]

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
    ) -> None:
        """Write the search's metrics and files, and end its run even if a file is rejected."""
        now = _now()
        points = [
            Point(safe_key(name), float(value), now, 0)
            for name, value in metrics.items()
            if value is not None
        ]
        self._store.write(self.run_id, {}, points, model_id, self._data)
        try:
            for name, content in artifacts.items():
                self._store.attach(self.run_id, name, file_text(content))
        finally:
            self._store.end(self.run_id, status, now)


def _search_tags(search: SearchRecord) -> dict[str, str]:
    """Return a search's tags, including the versions of the packages in use."""
    tags = {f"{PREFIX}study": search.name, f"{PREFIX}model": search.model_name, **search.tags}
    versions = {package: installed_version(package) for package in _PACKAGES}
    return tags | {f"{PREFIX}version.{name}": found for name, found in versions.items() if found}


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(1000 * moment.timestamp())


def _now() -> int:
    return round(1000 * time.time())
