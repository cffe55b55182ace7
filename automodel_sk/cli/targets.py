"""The paths that a fit writes its results to."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from automodel_sk.cli.tables import base_name, check_target
from automodel_sk.exceptions import InvalidInputError, ModelFileError

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["Targets", "check_model_folder", "check_writable", "save_somewhere"]


@dataclass(frozen=True)
class Targets:
    """The paths of a fit's results: model, forecast and run file.

    Parameters
    ----------
    model : Path
        Folder for the saved model.
    forecast : Path
        File for the forecast.

    Examples
    --------
    >>> Targets.choose(Path("sales.csv"), "NHITS", None, None).run.name
    'sales_NHITS_run.yaml'
    """

    model: Path
    forecast: Path

    @property
    def run(self) -> Path:
        """The run file."""
        return self.model.with_name(f"{self.model.name}_run.yaml")

    @classmethod
    def choose(
        cls,
        data: Path,
        model: str,
        folder: Path | None,
        forecast: Path | None,
        *others: Path | None,
    ) -> Targets:
        """Choose the paths, and check that they are writable before the search.

        Parameters
        ----------
        data : Path
            The file of the series; the results are named after it by default.
        model : str
            Name of the model.
        folder, forecast : Path, optional
            The paths that the user asked for.
        *others : Path, optional
            Other input files.

        Raises
        ------
        InvalidInputError
            If a path is taken by something else, a folder is not writable, or the suffix of the
            forecast is unknown.
        """
        folder = folder or Path(f"{base_name(data)}_{model}")
        forecast = forecast or folder.with_name(f"{folder.name}_forecast.csv")
        check_target(forecast, data, *others)
        check_model_folder(folder)
        check_writable(forecast.parent, "--forecast", "forecast.csv")
        return cls(folder, forecast)


def check_model_folder(folder: Path) -> None:
    """Raise where a model can't be saved to a folder later.

    Raises
    ------
    InvalidInputError
        If the folder holds something else, or is not writable.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "automodel.json").exists():
        raise InvalidInputError(
            f"{folder} exists and is not a saved model; pass another folder, for example"
            f" --output {folder}-model"
        )
    check_writable(folder, "--output", "my_model")


def check_writable(folder: Path, option: str, example: str) -> None:
    """Raise where nothing can be written into a folder, which need not exist yet.

    Parameters
    ----------
    folder : Path
        The folder.
    option : str
        What named it, for the message.
    example : str
        What may be written at home.

    Raises
    ------
    InvalidInputError
        If it is not writable; the message names the folder and the reason.

    Examples
    --------
    >>> check_writable(Path("results/new"), "--output", "my_model")
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    reason = _refusal(nearest, is_own=(folder / "automodel.json").exists())
    if reason is not None:
        raise InvalidInputError(
            f"{folder} can't be written ({nearest}: {reason}); pass a writable path, for example"
            f" {option} ~/{example}"
        )


def _refusal(folder: Path, *, is_own: bool) -> str | None:
    """Return why a folder is not writable; tries to write, since permissions don't tell all."""
    if is_own and folder.is_dir():  # never write other files into a saved model
        return None if os.access(folder, os.W_OK) else "no permission"
    try:
        with TemporaryDirectory(dir=folder, prefix=".automodel_sk-"):
            return None
    except OSError as exc:
        return exc.strerror or str(exc)


def save_somewhere(model: AutoModel, folder: Path) -> None:
    """Save a model, or save it elsewhere if its folder has become unusable.

    Parameters
    ----------
    model : AutoModel
        The model, possibly the result of hours of work.
    folder : Path
        The intended folder.

    Raises
    ------
    ModelFileError
        If it was saved elsewhere; the message says where.
    """
    try:
        model.save(folder)
        return
    except ModelFileError as exc:
        problem = str(exc)
    for place in (Path.cwd(), Path.home(), Path(gettempdir())):
        with suppress(ModelFileError):
            kept = model.save(place / f"{folder.name}-{secrets.token_hex(4)}")
            problem += f"; the model is kept in {kept}"
            break
    raise ModelFileError(problem)
