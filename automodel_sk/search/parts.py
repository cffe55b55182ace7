"""Compute the parts of some work in several processes: workers of this machine, or Ray's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from automodel_sk.options import OptimizationConfig
from automodel_sk.search.optuna.workers.parts import parts_in_workers
from automodel_sk.search.optuna.workers.pool import workers_wanted

__all__ = ["Parts", "Processes", "computed_parts"]


class Parts(Protocol):
    """Work whose parts can be computed apart from each other."""

    @property
    def gpus(self) -> float | None:
        """GPUs that all parts together may use; 0 for none, all of them if None."""

    def __len__(self) -> int:
        """Return the number of parts."""

    def part(self, number: int, data: Any) -> bytes:
        """Return the result of one part; runs in any process, on any machine."""


@dataclass(frozen=True)
class Processes:
    """Where parts are computed.

    Parameters
    ----------
    workers : int
        Processes of this machine.
    on_ray : bool
        Whether Ray's processes are used instead.
    ray_address : str, optional
        As in `OptimizationConfig`.
    cpus : float, optional
        As in `OptimizationConfig`.

    Examples
    --------
    >>> Processes.of(OptimizationConfig(cpus=1)).are_several
    False
    >>> Processes.of(OptimizationConfig(backend="ray", cpus=1)).are_several
    False
    >>> Processes(workers=2).are_several, Processes(on_ray=True).are_several
    (True, True)
    """

    workers: int = 1
    on_ray: bool = False
    ray_address: str | None = None
    cpus: float | None = None

    @classmethod
    def of(cls, options: OptimizationConfig) -> Processes:
        """Return the processes that a search uses."""
        return cls(
            workers_wanted(options), options.backend == "ray", options.ray_address, options.cpus
        )

    @property
    def are_several(self) -> bool:
        """Whether parts can be computed side by side."""
        if self.on_ray:
            return self.cpus is None or self.cpus >= 2
        return self.workers > 1


def computed_parts(
    parts: Parts, data: Any, processes: Processes, seconds: float = float("inf")
) -> Iterator[tuple[int, bytes]]:
    """Compute all parts side by side and yield each result as it is known.

    Parameters
    ----------
    parts : Parts
        The work.
    data : object
        What all parts read; passed to each process once.
    processes : Processes
        Where to compute.
    seconds : float
        What is not done by then is stopped.

    Yields
    ------
    tuple of int and bytes
        Number and result of a part. Those whose process died, or that took too long, are missing.

    Raises
    ------
    NoProcessError
        No process can be started, or they hang; the parts not yielded have to be computed here.
    """
    if processes.on_ray:
        from automodel_sk.search.ray.parts import parts_on_ray

        most = None if processes.cpus is None else int(processes.cpus)
        yield from parts_on_ray(parts, data, processes.ray_address, most, seconds)
    else:
        yield from parts_in_workers(parts, data, processes.workers, seconds)
