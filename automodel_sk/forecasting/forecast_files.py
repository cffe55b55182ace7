"""Write the forecasts of many series to Parquet files, block by block."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.arguments.kinds import Place
from automodel_sk.catalog.models import is_joint
from automodel_sk.data.wording import shown
from automodel_sk.exceptions import InvalidInputError, StorageError
from automodel_sk.forecasting.digests import digest_of
from automodel_sk.forecasting.inputs import prepared_static
from automodel_sk.forecasting.state import ModelState

__all__ = ["BLOCK", "TO", "Blocks", "forecasts_to", "write_forecasts"]

logger = logging.getLogger(__name__)

BLOCK = 10_000
"""Series of one file."""

TO = Place("to", "forecasts", optional=True)
"""The rule of the argument."""

_STATE = "_forecasts.json"  # readers of a folder skip what begins with "_"
_FORMAT = 1
_PATTERN = f"block-{'[0-9]' * 5}.parquet"

Inputs = Mapping[str, pd.DataFrame | None]
BlockForecast = Callable[[slice, dict[str, pd.DataFrame | None]], pd.DataFrame]
"""Forecasts one block, given the positions of its series and its inputs."""


@dataclass(frozen=True)
class Blocks:
    """The inputs of a forecast, cut into blocks of whole series.

    Parameters
    ----------
    history : DataFrame
        Prepared rows, sorted by series and time.
    futr_df : DataFrame, optional
        Future values, sorted in the same way.
    static_df : DataFrame, optional
        One row per series, in the order of `history`.
    size : int
        Series of one block.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": list("aabbb"), "ds": [1, 2, 1, 2, 3]})
    >>> [part["history"]["ds"].tolist() for _, part in Blocks(frame, None, None, 1)]
    [[1, 2], [1, 2, 3]]
    """

    history: pd.DataFrame
    futr_df: pd.DataFrame | None
    static_df: pd.DataFrame | None
    size: int = BLOCK

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self._starts)

    @property
    def _starts(self) -> Any:
        ids = self.history["unique_id"].to_numpy()
        return np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])

    def __iter__(self) -> Iterator[tuple[slice, dict[str, pd.DataFrame | None]]]:
        """Yield the positions of the series of each block, and its inputs."""
        bounds = [*self._starts, len(self.history)]
        for first in range(0, self.n_series, self.size):
            rows = slice(first, min(first + self.size, self.n_series))
            history = self.history.iloc[bounds[rows.start] : bounds[rows.stop]]
            yield (
                rows,
                {
                    "history": history.reset_index(drop=True),
                    "futr_df": self._future(history),
                    "static_df": None if self.static_df is None else self._static(rows),
                },
            )

    def _future(self, history: pd.DataFrame) -> pd.DataFrame | None:
        if self.futr_df is None:
            return None
        own = self.futr_df["unique_id"].isin(history["unique_id"].unique())
        return self.futr_df[own].reset_index(drop=True)

    def _static(self, rows: slice) -> pd.DataFrame | None:
        return None if self.static_df is None else self.static_df[rows].reset_index(drop=True)


def forecasts_to(
    state: ModelState,
    to: Path,
    inputs: Inputs,
    asked: Sequence[Any],
    forecast: BlockForecast,
) -> pd.DataFrame:
    """Write a model's forecasts to a folder; see `write_forecasts`.

    Parameters
    ----------
    state : ModelState
        The model. One that forecasts all series jointly writes a single file.
    to : Path
        The folder.
    inputs : mapping of str to DataFrame
        The result of `forecast_inputs`.
    asked : sequence
        What else the forecasts depend on, such as the steps and quantiles.
    forecast : callable
        As in `write_forecasts`.
    """
    if state.reconciliation is not None:
        raise InvalidInputError(
            "to writes the forecasts of some series at a time, and a reconciled model needs all of"
            " them; leave out to"
        )
    history, static = inputs["history"], inputs["static_df"]
    if history is None:
        history = state.history()
        static = prepared_static(state, None, history)
    size = len(history) if is_joint(state.model_name) else BLOCK
    blocks = Blocks(history, inputs["futr_df"], static, size)
    names = state.columns.names
    digest = digest_of(state.fingerprint(), history, inputs["futr_df"], static, size, names, *asked)

    def under_their_names(rows: slice, own: dict[str, pd.DataFrame | None]) -> pd.DataFrame:
        table = forecast(rows, own)
        return state.columns.theirs(table) if state.columns.differ else table

    return write_forecasts(to, blocks, under_their_names, digest)


def write_forecasts(
    to: Path,
    blocks: Blocks,
    forecast: BlockForecast,
    digest: str,
) -> pd.DataFrame:
    """Write the forecasts of each block to a file of its own.

    A call that was stopped resumes at the block where it stopped. Files that other inputs left in
    the folder are replaced.

    Parameters
    ----------
    to : Path
        Folder for the files; created if it is missing.
    blocks : Blocks
        The inputs.
    forecast : callable
        Returns the forecasts of one block, given the positions of its series and its inputs.
    digest : str
        Identifies the model and all inputs; other files are not reused.

    Returns
    -------
    DataFrame
        One row per file: `path`, `n_series`, `n_rows`.

    Raises
    ------
    InvalidInputError
        The path is a file, or the folder holds other Parquet files.
    StorageError
        The folder cannot be written.
    """
    with _writing(to):
        folder = _Folder(to, digest)
    table = []
    for number, (rows, inputs) in enumerate(_with_progress(blocks)):
        name = f"block-{number:05d}.parquet"
        if name not in folder.files:
            found = forecast(rows, inputs)
            with _writing(to):
                folder.add(name, found)
        n_rows = folder.files[name]["rows"]
        table.append((str(to / name), rows.stop - rows.start, n_rows))
    return pd.DataFrame(table, columns=["path", "n_series", "n_rows"])


@contextmanager
def _writing(to: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"to={str(to)!r} can't be written ({exc.strerror or exc}); pass a folder that can,"
            " e.g. to='forecasts'"
        ) from exc


def _with_progress(blocks: Blocks) -> Iterator[tuple[slice, dict[str, pd.DataFrame | None]]]:
    """Yield the blocks, with a progress bar on a terminal if there are several."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    count = -(-blocks.n_series // blocks.size)
    hidden = count < 2 or not console.is_terminal
    yield from track(
        blocks, "Forecasting", total=count, console=console, disable=hidden, transient=True
    )


class _Folder:
    """The files of one forecast, and which of them are complete."""

    def __init__(self, path: Path, digest: str) -> None:
        if path.exists() and not path.is_dir():
            raise InvalidInputError(f"to={str(path)!r} is a file; pass a folder, e.g. 'forecasts'")
        path.mkdir(parents=True, exist_ok=True)
        self._path, self._digest = path, digest
        known = self._read()
        listed: dict[str, Any] = known.get("files", {}) if isinstance(known, dict) else {}
        begun = (path / _STATE).exists()
        foreign = [f.name for f in path.glob("*.parquet") if not (begun and f.match(_PATTERN))]
        if foreign:
            raise InvalidInputError(
                f"to={str(path)!r} holds {shown(min(foreign))}, which is no forecast of this"
                " package; pass an empty folder"
            )
        self.files: dict[str, dict[str, int]] = {}
        if known.get("inputs") == digest and known.get("format") == _FORMAT:
            self.files = {
                name: entry for name, entry in listed.items() if self._is_whole(name, entry)
            }
        for file in path.glob(_PATTERN):
            if file.name not in self.files:
                file.unlink()
        if self.files:
            logger.info("%d blocks are complete in %s", len(self.files), path)
        self._write()

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Write a file, then record that it is complete."""
        part = self._path / f"_{name}.part"
        table.to_parquet(part, index=False)
        size = part.stat().st_size
        part.replace(self._path / name)
        self.files[name] = {"rows": len(table), "bytes": size}
        self._write()

    def _is_whole(self, name: str, entry: Any) -> bool:
        file = self._path / name
        sizes = isinstance(entry, dict) and {"rows", "bytes"} <= set(entry)
        return sizes and file.is_file() and file.stat().st_size == entry["bytes"]

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self._path / _STATE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self) -> None:
        state = {"format": _FORMAT, "inputs": self._digest, "files": self.files}
        part = self._path / f"{_STATE}.part"
        part.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        part.replace(self._path / _STATE)
