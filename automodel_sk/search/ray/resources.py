"""Allocate Ray's CPUs and GPUs to trials, and limit how many run in parallel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from automodel_sk.search.study.request import SearchRequest

__all__ = ["ResourcesOfTrials"]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ResourcesOfTrials:
    """CPUs and GPUs per trial, and the maximum number of parallel trials.

    Parameters
    ----------
    cpu, gpu : float
        Per trial; a trial trains on one thread.
    most : int
        Maximum number of parallel trials.
    """

    cpu: float
    gpu: float
    most: int

    @classmethod
    def of(cls, request: SearchRequest, known: Mapping[str, float]) -> ResourcesOfTrials:
        """Divide the resources of a search among its trials.

        Parameters
        ----------
        request : SearchRequest
            Its `cpus` and `gpus` apply to all trials together; if None, everything that Ray has.
        known : mapping of str to float
            Ray's resources as returned by `ray.cluster_resources`.

        Returns
        -------
        ResourcesOfTrials
        """
        cpus = known.get("CPU", 1.0) if request.cpus is None else request.cpus
        there = known.get("GPU", 0.0)
        gpus = there if request.gpus is None else min(request.gpus, there)
        share = min(gpus, 1 / (request.trials_per_gpu or 1))
        by_gpus = math.floor(gpus / share + _ROUNDING) if share else math.inf
        most = min(max(1, math.floor(cpus)), by_gpus, request.num_samples)
        return cls(min(1.0, cpus), share, int(most))
