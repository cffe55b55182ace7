"""Enforce the time limit of a trial."""

from __future__ import annotations

import time

from automodel_sk.search.study.request import SearchRequest
from automodel_sk.trials import Failure

__all__ = ["TrialTimeoutError", "check_time", "timeout_failure"]


class TrialTimeoutError(Exception):
    """A trial exceeded its time limit."""


def timeout_failure(request: SearchRequest) -> Failure:
    """Return the failure of a trial that exceeded its time limit."""
    limit = request.trial_timeout_minutes
    return Failure("timeout", f"took longer than trial_timeout_minutes={limit:g}")


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
        raise TrialTimeoutError(timeout_failure(request).reason)
