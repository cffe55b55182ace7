"""Keep the weights of a trial's best validation until the search ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["BestWeights", "stored_weights"]


class BestWeights:
    """A copy of a model's weights at its best validation.

    Parameters
    ----------
    folder : str, optional
        Folder that the best trial's weights are written to. If None, weights are not kept.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._loss = float("inf")
        self._weights: dict[str, Any] = {}

    def note(self, module: Any, loss: float) -> None:
        """Copy the weights if this validation is the best so far."""
        if self._folder is None or loss >= self._loss:
            return
        self._loss = loss
        self._weights = {
            name: value.detach().cpu().clone().contiguous()
            for name, value in module.state_dict().items()
        }

    def write(self, config: Mapping[str, Any], *, complete: bool = True) -> None:
        """Write the weights unless an earlier trial's are better, and remove worse ones.

        A complete trial ranks above any trial that was stopped, as in `best_record`.
        """
        if self._folder is None or not self._weights:
            return
        from safetensors.torch import save_file

        rank = (not complete, self._loss)
        others = {file: _rank(file) for file in self._files()}
        if any(other <= rank for other in others.values()):
            return
        target = self._folder / f"{_digest(config)}_{int(not complete)}_{self._loss!r}.safetensors"
        partial = target.with_suffix(".part")
        save_file(self._weights, partial)
        partial.rename(target)
        for file in others:
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return [] if self._folder is None else list(self._folder.glob("*.safetensors"))


def stored_weights(folder: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the weights that a configuration left in a folder, or None if there are none.

    Parameters
    ----------
    folder : str
        Folder where the search keeps weights.
    config : mapping
        The trained configuration.
    """
    from safetensors.torch import load_file

    for file in Path(folder).glob(f"{_digest(config)}_*.safetensors"):
        weights: dict[str, Any] = load_file(file)
        return weights
    return None


def _rank(file: Path) -> tuple[bool, float]:
    """Return the rank of a trial, read from the name of its weights file."""
    _, stopped, loss = file.stem.split("_")
    return stopped == "1", float(loss)


def _digest(config: Mapping[str, Any]) -> str:
    text = repr(sorted((name, repr(value)) for name, value in config.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
