"""Keep the weights of the best trials' best validations until the search ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_sk.training.trial_files import best_file, write_ranked

__all__ = ["BestWeights", "stored_weights"]

_ENDING = ".safetensors"


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
        self.state = {
            name: value.detach().cpu().clone().contiguous()
            for name, value in module.state_dict().items()
        }

    def write(self, config: Mapping[str, Any], *, complete: bool = True) -> None:
        """Write the weights unless those of enough earlier trials are better; remove worse ones."""
        if self._folder is None or not self.state:
            return
        from safetensors.torch import save_file

        write_ranked(
            self._folder,
            config,
            self._loss,
            lambda path: save_file(self.state, path),
            ending=_ENDING,
            complete=complete,
            keep=self._keep,
        )


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

    file = best_file(folder, config, _ENDING)
    if file is None:
        return None
    try:
        weights: dict[str, Any] = load_file(file)
    except (OSError, SafetensorError, ValueError):
        return None
    return weights
