"""Tables in files, read and written by their suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_target", "read_table", "write_table"]


def read_table(path: Path, dtypes: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
        CSV (``.csv``, ``.tsv``, also ``.gz``) or Parquet (``.parquet``, ``.pq``).
    dtypes : mapping, optional
        Types of columns, for text files.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidInputError
        The file can't be read as what its suffix says.
    MissingDependencyError
        Parquet without pyarrow.
    """
    read, _ = _kind(path)
    try:
        return read(path, dtypes)
    except ImportError as exc:
        raise _no_parquet(path) from exc
    except UnicodeDecodeError as exc:
        raise InvalidInputError(f"{path} is not UTF-8 text; save it as UTF-8") from exc
    except (ValueError, EOFError) as exc:
        raise InvalidInputError(f"{path} can't be read ({str(exc).strip()})") from exc


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, folders above it made where they are missing.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    path : Path
        As in `read_table`.

    Raises
    ------
    InvalidInputError
        The suffix is unknown.
    MissingDependencyError
        Parquet without pyarrow.
    """
    _, write = _kind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(frame, path)
    except ImportError as exc:
        raise _no_parquet(path) from exc


def check_target(path: Path) -> None:
    """Raise where a table could not be written later.

    Parameters
    ----------
    path : Path
        As in `write_table`.

    Raises
    ------
    InvalidInputError
        The suffix is unknown, or the path is a folder.
    """
    _kind(path)
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; pass a file, for example forecast.csv")


def _read_text(separator: str) -> Callable[[Path, Any], pd.DataFrame]:
    def read(path: Path, dtypes: Any) -> pd.DataFrame:
        import pandas as pd

        # Exact: a frame that was written reads back as it was, to the last bit.
        return pd.read_csv(
            path,
            sep=separator,
            dtype=dtypes,
            encoding="utf-8-sig",
            float_precision="round_trip",
        )

    return read


def _write_text(separator: str) -> Callable[[pd.DataFrame, Path], None]:
    return lambda frame, path: frame.to_csv(path, sep=separator, index=False)


def _read_parquet(path: Path, dtypes: Any) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_parquet(path)
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index() if named else frame


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


Kind = tuple[
    Callable[[Path, Any], "pd.DataFrame"],
    Callable[["pd.DataFrame", Path], None],
]
_CSV: Kind = (_read_text(","), _write_text(","))
_TSV: Kind = (_read_text("\t"), _write_text("\t"))
_PARQUET: Kind = (_read_parquet, _write_parquet)
_KINDS: Mapping[str, Kind] = {
    ".csv": _CSV,
    ".tsv": _TSV,
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
}


def _kind(path: Path) -> Kind:
    """Return how a file is read and written."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = _KINDS.get(suffixes[-1] if suffixes else "")
    if kind is None:
        raise InvalidInputError(
            f"{path} must end in one of {', '.join(_KINDS)}, so that its format is known;"
            f" try {path.stem + '.csv'!r}"
        )
    return kind


def _no_parquet(path: Path) -> MissingDependencyError:
    return MissingDependencyError(
        f"{path} needs a package for Parquet; install it with: pip install pyarrow"
    )
