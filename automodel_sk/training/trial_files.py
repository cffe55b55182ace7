"""Files that the best trials leave in a folder until the search ends, weights among them."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "BestWeights",
    "best_file",
    "is_complete",
    "loss_of",
    "stored_weights",
    "weights_of",
    "write_ranked",
]

_WEIGHTS = ".safetensors"

logger = logging.getLogger(__name__)


def write_ranked(
    folder: str,
    config: Mapping[str, Any],
    loss: float,
    save: Callable[[Path], None],
    *,
    ending: str,
    complete: bool = True,
    keep: int | None = None,
) -> None:
    """Write a trial's file unless enough better ones exist, and remove those that are too many.

    A complete trial ranks above any trial that was stopped, as in `best_record`. A configuration
    has one file, its best.

    Parameters
    ----------
    folder : str
        Where the trials of one search leave their files.
    config : mapping
        The trained configuration.
    loss : float
        Its best validation loss.
    save : callable
        Writes the file.
    ending : str
        End of the file's name, with the dot; files of another ending are ignored.
    complete : bool
        Whether the trial ran to its end.
    keep : int, optional
        Number of files to keep; all of them if None.
    """
    rank, digest = (not complete, loss), _digest(config)
    others = _ranked(folder, ending)
    own = [file for file in others if file.name.startswith(digest)]
    better = [file for file in others if _rank(file) <= rank]
    if any(file in better for file in own) or (keep is not None and len(better) >= keep):
        return
    target = Path(folder) / f"{digest}_{int(not complete)}_{loss!r}{ending}"
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        save(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    # Workers that write at the same time list the same files here and keep the same ones.
    surplus = [] if keep is None else _ranked(folder, ending)[keep:]
    for file in {*own, *surplus}:
        file.unlink(missing_ok=True)


def best_file(folder: str, config: Mapping[str, Any], ending: str) -> Path | None:
    """Return the file that a configuration left in a folder, or None if there is none."""
    digest = _digest(config)
    return next((f for f in _ranked(folder, ending) if f.name.startswith(digest)), None)


def is_complete(file: Path) -> bool:
    """Return whether the trial of a file ran to its end."""
    return not _rank(file)[0]


def loss_of(file: Path) -> float:
    """Return the best validation loss of a file's trial."""
    return _rank(file)[1]


def _ranked(folder: str, ending: str) -> list[Path]:
    """Return the files of an ending, the best trial's first."""
    files = [file for file in Path(folder).glob(f"*{ending}") if _is_ranked(file)]
    return sorted(files, key=lambda file: (_rank(file), file.name))


def _is_ranked(file: Path) -> bool:
    try:
        _rank(file)
    except ValueError:
        return False
    return True


def _rank(file: Path) -> tuple[bool, float]:
    """Return the rank of a trial, read from the name of its file."""
    _, stopped, loss = file.stem.split("_")
    return stopped == "1", float(loss)


def _digest(config: Mapping[str, Any]) -> str:
    text = repr(sorted((name, repr(value)) for name, value in config.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class BestWeights:
    """A copy of a model's weights at its best validation.

    Parameters
    ----------
    folder : str, optional
        Folder that the weights are written to. If None, weights are not written.
    keep : int
        Number of trials whose weights the folder keeps: the best ones.
    hold : bool
        Copy the weights even if they are not written.
    """

    def __init__(self, folder: str | None, keep: int = 1, *, hold: bool = False) -> None:
        self._folder, self._keep = folder, keep
        self._holds = hold or folder is not None
        self._loss = float("inf")
        self.state: dict[str, Any] = {}

    def note(self, module: Any, loss: float) -> None:
        """Copy the weights if this validation is the best so far."""
        if not self._holds or loss >= self._loss:
            return
        self._loss = loss
        self.state = weights_of(module)

    def write(self, config: Mapping[str, Any], *, complete: bool = True) -> None:
        """Write the weights unless those of enough earlier trials are better; remove worse ones."""
        if self._folder is None or not self.state:
            return
        from safetensors.torch import save_file

        try:
            write_ranked(
                self._folder,
                config,
                self._loss,
                lambda path: save_file(self.state, path),
                ending=_WEIGHTS,
                complete=complete,
                keep=self._keep,
            )
        except Exception as exc:  # the trial is of use without them: it can be repeated
            logger.warning(
                "a trial's weights are not kept (%s: %s)", type(exc).__name__, str(exc)[:200]
            )


def weights_of(module: Any) -> dict[str, Any]:
    """Return a copy of a module's weights, each with memory of its own, as safetensors asks for."""
    return {
        name: value.detach().cpu().clone().contiguous()
        for name, value in module.state_dict().items()
    }


def stored_weights(folder: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the weights that a configuration left in a folder, or None if there are none.

    A file that cannot be read counts as none.

    Parameters
    ----------
    folder : str
        Folder where the search keeps weights.
    config : mapping
        The trained configuration.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = best_file(folder, config, _WEIGHTS)
    if file is None:
        return None
    try:
        weights: dict[str, Any] = load_file(file)
    except (OSError, SafetensorError, ValueError):
        return None
    return weights
