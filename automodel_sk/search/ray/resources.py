"""What a trial takes of Ray's CPUs and GPUs, and how many may run at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from automodel_sk.search.study.request import SearchRequest

__all__ = ["ResourcesOfTrials"]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ResourcesOfTrials:
    """CPUs and GPUs of one trial, and the most trials at a time.

    Parameters
    ----------
    cpu, gpu : float
        Of one trial; a trial trains on one thread.
    most : int
        Trials at a time.
    """

    cpu: float
    gpu: float
    most: int

    @classmethod
    def of(cls, request: SearchRequest, known: Mapping[str, float]) -> ResourcesOfTrials:
        """Share out what a search may use.

        Parameters
        ----------
        request : SearchRequest
            Its `cpus` and `gpus` are for all trials together; None: all that Ray has.
        known : mapping of str to float
            What Ray has, as `ray.cluster_resources` returns it.

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
