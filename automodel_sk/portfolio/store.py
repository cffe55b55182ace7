"""Where a portfolio keeps the forecasts and weights of its trials: beside the study."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from automodel_sk.exceptions import ModelFileError
from automodel_sk.portfolio.members.base import FittedMember
from automodel_sk.portfolio.members.table import load_member
from automodel_sk.search.scratch import scratch_folder
from automodel_sk.search.study.storage import StudyLocation, readable_errors
from automodel_sk.search.study.trial_folder import trial_folder

__all__ = ["keep_member", "kept_member", "model_folder", "trial_files"]

_MEMBER = "member"


@contextmanager
def trial_files(location: StudyLocation, identity: Mapping[str, str]) -> Iterator[Path]:
    """Return the folder for what trials leave behind: forecasts of the windows, and weights.

    It lies beside a journal, so that a search that is resumed trains nothing twice. With a database
    or in memory, it is temporary.

    Parameters
    ----------
    location : StudyLocation
        Where the study is stored.
    identity : mapping of str to str
        The identity of the search.
    """
    folder = trial_folder(location, identity)
    if folder is None:
        with scratch_folder("trials") as temporary:
            yield temporary
        return
    with readable_errors(location, OSError):
        folder.mkdir(parents=True, exist_ok=True)
    yield folder


def keep_member(folder: str | Path, member: FittedMember) -> None:
    """Keep a member as trained before the windows."""
    target = Path(model_folder(folder, member.name)) / _MEMBER
    partial = Path(tempfile.mkdtemp(dir=target.parent))
    member.save(partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def kept_member(folder: str | Path, name: str) -> FittedMember | None:
    """Return a member as trained before the windows, or None if none was kept."""
    target = Path(folder) / name / _MEMBER
    try:
        return load_member(target) if target.is_dir() else None
    except ModelFileError:
        return None


def model_folder(folder: str | Path, name: str) -> str:
    """Return the folder of one model's trials, creating it if it is missing."""
    own = Path(folder) / name
    own.mkdir(parents=True, exist_ok=True)
    return str(own)
