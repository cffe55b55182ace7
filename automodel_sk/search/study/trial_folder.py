"""The folder beside a journal for what the trials of a study leave: forecasts, and weights."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from automodel_sk.search.study.storage import StudyLocation, readable_errors

__all__ = ["forget_trials", "trial_folder"]

_ENDING = ".trials"


def trial_folder(location: StudyLocation, identity: Mapping[str, str]) -> Path | None:
    """Return the folder of a study's trials; None if the study has no journal.

    Files in it are found by configuration, so each study has a folder of its own: a journal may
    hold several, and the study of a name may have been another one before.

    Parameters
    ----------
    location : StudyLocation
        Which study, and where.
    identity : mapping of str to str
        The identity of its search.

    Examples
    --------
    >>> folder = trial_folder(StudyLocation("sales"), {"data": "5f3a"})
    >>> folder.parent.as_posix(), len(folder.name)
    ('automodel_sk_runs/sales.trials', 33)
    >>> folder == trial_folder(StudyLocation("sales"), {"data": "0b1c"})
    False
    """
    parent = _parent(location)
    if parent is None:
        return None
    return parent / f"{_of_name(location)}-{_digest(json.dumps(dict(identity), sort_keys=True))}"


def forget_trials(location: StudyLocation, identity: Mapping[str, str]) -> None:
    """Remove the files that earlier studies of the same name left, when a study is created.

    The folders that trials of the new study will write to stay.

    Parameters
    ----------
    location, identity
        As for `trial_folder`.
    """
    parent, own = _parent(location), trial_folder(location, identity)
    if parent is None:
        return
    with readable_errors(location, OSError):
        for folder in parent.glob(f"{_of_name(location)}-*"):
            for left in [*folder.glob("*/*")] if folder == own else [folder]:
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()


def _parent(location: StudyLocation) -> Path | None:
    journal = location.journal
    if journal is None:
        return None
    return journal.with_name(journal.name.removesuffix(".journal") + _ENDING)


def _of_name(location: StudyLocation) -> str:
    return _digest(location.study_name)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()
