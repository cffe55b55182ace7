"""A random key of each study, by which a tracker tells it from others of its name and place."""

from __future__ import annotations

import re
import uuid
from contextlib import suppress

from automodel_sk.exceptions import SearchError, StorageError
from automodel_sk.search.study.storage import StudyLocation

__all__ = ["study_key", "tracked_id"]

_FORM = re.compile(r"[0-9a-f]{32}")


def study_key(location: StudyLocation, resume: str) -> str | None:
    """Return the key of the study that a search will use: a new one unless it goes on with a study.

    Parameters
    ----------
    location : StudyLocation
        The study and where it is stored.
    resume : {"auto", "never", "overwrite"}
        What happens if the study exists.

    Returns
    -------
    str or None
        None if the study is from a release that noted no key.
    """
    from automodel_sk.search.study.search_spec import attributes_of
    from automodel_sk.search.study.study import IDENTITY, KEY

    if resume == "auto" and not location.in_memory:
        with suppress(SearchError, StorageError):  # there is none, or the search will report it
            attributes = attributes_of(location)
            if IDENTITY in attributes:
                noted = attributes.get(KEY)
                return noted if isinstance(noted, str) and _FORM.fullmatch(noted) else None
    return uuid.uuid4().hex


def tracked_id(location: StudyLocation, key: str | None) -> str:
    """Return the text by which a tracker finds the unfinished run of a study.

    Examples
    --------
    >>> tracked_id(StudyLocation("sales"), "5f3a")
    'sales in automodel_sk_runs/sales.journal, 5f3a'
    >>> tracked_id(StudyLocation("sales"), None)
    'sales in automodel_sk_runs/sales.journal'
    """
    named = f"{location.study_name} in {location}"
    return named if key is None else f"{named}, {key}"
