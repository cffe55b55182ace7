"""How many trials of a portfolio run at a time."""

from __future__ import annotations

from automodel_sk.options import OptimizationConfig
from automodel_sk.portfolio.plan import PortfolioPlan
from automodel_sk.search.optuna.workers.pool import workers_wanted
from automodel_sk.search.request_builder import (
    gpus_allowed,
    on_gpu,
    trials_at_a_time,
    trials_per_gpu,
)

__all__ = ["gpu_share", "workers_of"]


def gpu_share(plan: PortfolioPlan, options: OptimizationConfig) -> int | None:
    """Return how many trials share a GPU; as requested if the networks train on the CPUs."""
    if not _trains_on_gpu(plan):
        return options.trials_per_gpu
    return trials_per_gpu(plan.networks, options)


def workers_of(
    plan: PortfolioPlan, options: OptimizationConfig, num_samples: int | None = None
) -> int:
    """Return how many trials run in parallel, as in a search of one network.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan; any trial may be one of its networks.
    options : OptimizationConfig
        CPUs and GPUs.
    num_samples : int, optional
        Trials in all, if they are limited.
    """
    cpus = workers_wanted(options)
    gpus = gpus_allowed(options) if _trains_on_gpu(plan) else None
    most = cpus if num_samples is None else num_samples
    return trials_at_a_time(cpus, most, gpus, gpu_share(plan, options))


def _trains_on_gpu(plan: PortfolioPlan) -> bool:
    return any(on_gpu(network.task) for network in plan.networks.values())
