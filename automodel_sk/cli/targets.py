"""Where the results of a fit go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from automodel_sk.cli.tables import check_target
from automodel_sk.exceptions import InvalidInputError

__all__ = ["Targets", "stem"]


def stem(path: Path) -> str:
    """Return a file's name up to its first dot.

    Examples
    --------
    >>> stem(Path("data/sales.csv.gz"))
    'sales'
    """
    return path.name.split(".")[0]


@dataclass(frozen=True)
class Targets:
    """Where a fit's results go: its model, its forecast, and its options beside them.

    Parameters
    ----------
    model : Path
        Folder of the saved model.
    forecast : Path
        File of the forecast.

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
    def choose(cls, data: Path, model: str, folder: Path | None, forecast: Path | None) -> Targets:
        """Return the targets, checked before hours are spent on what goes there.

        Parameters
        ----------
        data : Path
            The series, after which the results are called by default.
        model : str
            Name of the model.
        folder, forecast : Path, optional
            What was asked for.

        Raises
        ------
        InvalidInputError
            Something else is there, or the forecast's suffix is unknown.
        """
        folder = folder or Path(f"{stem(data)}_{model}")
        forecast = forecast or folder.with_name(f"{folder.name}_forecast.csv")
        check_target(forecast)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "automodel.json").exists():
            raise InvalidInputError(
                f"{folder} exists and is no saved model; pass another folder,"
                f" for example --output {folder}-model"
            )
        return cls(folder, forecast)
