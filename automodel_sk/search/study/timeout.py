"""Enforce the time limit of a trial."""

from __future__ import annotations

import time

from automodel_sk.search.study.request import SearchRequest

__all__ = ["TrialTimeoutError", "check_time", "timeout_reason"]


class TrialTimeoutError(Exception):
    """A trial exceeded its time limit; the message becomes its reason of failure."""


def timeout_reason(request: SearchRequest) -> str:
    """Return the reason of failure for a trial that exceeded its time limit."""
    return f"took longer than trial_timeout_minutes={request.trial_timeout_minutes:g}"


def check_time(request: SearchRequest, started: float) -> None:
    """Raise if a trial exceeds its time limit.

    Parameters
    ----------
    request : SearchRequest
        The search.
    started : float
        When the trial started, by `time.monotonic`.

    Raises
    ------
    TrialTimeoutError
        The limit is exceeded.
    """
    limit = request.trial_timeout_minutes
    if limit is not None and time.monotonic() - started > 60 * limit:
        raise TrialTimeoutError(timeout_reason(request))
