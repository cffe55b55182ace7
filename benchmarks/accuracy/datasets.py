"""All data by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy import competitions, files, textbook
from benchmarks.accuracy.task import Dataset

QUICK = ("air-passengers", "m1-yearly", "prison")


def names(folder: Path | None) -> list[str]:
    """Return the names of all available data."""
    built_in = [*competitions.PUBLISHED, *textbook.LOADERS, "air-passengers"]
    return [*built_in, *files.available(folder)]


def load(name: str, folder: Path | None = None) -> Dataset:
    """Load data by name; `folder` holds the files of those that need one."""
    if name in competitions.PUBLISHED:
        return competitions.load(name)
    if name in textbook.LOADERS:
        return textbook.LOADERS[name]()
    if name == "air-passengers":
        return files.air_passengers()
    if name not in files.FILES:
        raise SystemExit(f"unknown data {name!r}; choose from {', '.join(names(folder))}")
    if folder is None or name not in files.available(folder):
        raise SystemExit(f"{name} needs --data DIR with {files.FILES[name]}")
    return files.load(name, folder)


def tasks(data: Dataset, origins: int) -> Iterator[tuple[int, Dataset]]:
    """Yield each origin, in horizons before the last, with its task."""
    for back in range(origins):
        task = data.at_origin(back)
        if task is None:
            return
        yield back, task
