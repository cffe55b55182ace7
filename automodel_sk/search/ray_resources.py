"""What a trial takes of Ray's CPUs and GPUs, and how many may run at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ray

from automodel_sk.search.request import SearchRequest

__all__ = ["ResourcesOfTrials"]


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
    def of(cls, request: SearchRequest) -> ResourcesOfTrials:
        """Share out what a search may use.

        Parameters
        ----------
        request : SearchRequest
            Its `cpus` and `gpus` are for all trials together; None: all that Ray has.

        Returns
        -------
        ResourcesOfTrials
        """
        known = ray.cluster_resources()
        cpus = known.get("CPU", 1.0) if request.cpus is None else request.cpus
        gpus = known.get("GPU", 0.0) if request.gpus is None else request.gpus
        gpus = min(gpus, known.get("GPU", 0.0))
        share = min(gpus, 1 / (request.trials_per_gpu or 1))
        by_gpus = math.floor(gpus / share + 1e-9) if share else math.inf
        most = min(max(1, math.floor(cpus)), by_gpus, request.num_samples)
        return cls(min(1.0, cpus), share, int(most))
