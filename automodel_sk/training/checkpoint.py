"""The weights that a trial had at its best validation, kept until the search ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["BestWeights", "stored_weights"]


class BestWeights:
    """Holds a copy of a model's weights as they were at its best validation.

    Parameters
    ----------
    folder : str, optional
        Where the best trial's weights are written; None keeps nothing.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._loss = float("inf")
        self._weights: dict[str, Any] = {}

    def note(self, module: Any, loss: float) -> None:
        """Copy the weights where this validation is the best so far."""
        if self._folder is None or loss >= self._loss:
            return
        self._loss = loss
        self._weights = {
            name: value.detach().cpu().clone().contiguous()
            for name, value in module.state_dict().items()
        }

    def write(self, config: Mapping[str, Any], *, complete: bool = True) -> None:
        """Write them, unless an earlier trial's are better; worse ones are removed.

        A trial that ran to its end is better than any that did not, as in `best_record`.
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
    """Return the weights that a configuration left in a folder, None where it left none.

    Parameters
    ----------
    folder : str
        What the search kept weights in.
    config : mapping
        The trained configuration.
    """
    from safetensors.torch import load_file

    for file in Path(folder).glob(f"{_digest(config)}_*.safetensors"):
        weights: dict[str, Any] = load_file(file)
        return weights
    return None


def _rank(file: Path) -> tuple[bool, float]:
    """Return how good the trial was whose weights a file holds, by its name."""
    _, stopped, loss = file.stem.split("_")
    return stopped == "1", float(loss)


def _digest(config: Mapping[str, Any]) -> str:
    text = repr(sorted((name, repr(value)) for name, value in config.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
