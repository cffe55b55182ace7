"""The time that one trial may take."""

from __future__ import annotations

import time

from automodel_sk.search.study.request import SearchRequest

__all__ = ["TrialTimeoutError", "check_time", "timeout_reason"]


class TrialTimeoutError(Exception):
    """A trial took longer than it may; its text is the trial's reason to have failed."""


def timeout_reason(request: SearchRequest) -> str:
    """Return why a trial that took too long has failed."""
    return f"took longer than trial_timeout_minutes={request.trial_timeout_minutes:g}"


def check_time(request: SearchRequest, started: float) -> None:
    """Raise where a trial takes too long.

    Parameters
    ----------
    request : SearchRequest
        The search.
    started : float
        When the trial began, by `time.monotonic`.

    Raises
    ------
    TrialTimeoutError
        It does.
    """
    limit = request.trial_timeout_minutes
    if limit is not None and time.monotonic() - started > 60 * limit:
        raise TrialTimeoutError(timeout_reason(request))
