"""Store finished runs on disk, one file each, so that a benchmark can be resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.plan import Run


class Store:
    """The folder with the results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.logs = folder / "logs"
        for needed in (self.runs, self.logs):
            needed.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Return the file of a finished run."""
        return self.runs / f"{key}.json"

    def log(self, key: str) -> Path:
        """Return the log file of a run."""
        return self.logs / f"{key}.txt"

    def has(self, key: str) -> bool:
        """Return whether a run is finished."""
        return self.path(key).exists()

    def put(self, key: str, figures: dict[str, Any]) -> None:
        """Write a finished run atomically."""
        path = self.path(key)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(figures, indent=1), encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - says that it replaces

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a finished run; None if it is not stored."""
        path = self.path(key)
        if not path.exists():
            return None
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures

    def finished(self, runs: list[Run]) -> list[dict[str, Any]]:
        """Return the finished ones of some runs, each with its description."""
        known = [(run, self.get(run.key)) for run in runs]
        return [{**run.to_dict(), **figures} for run, figures in known if figures is not None]

    def clear(self) -> None:
        """Delete all finished runs."""
        for path in [*self.runs.glob("*.json"), *self.logs.glob("*.txt")]:
            path.unlink()
