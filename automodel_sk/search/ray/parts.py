"""Compute the parts of some work as Ray tasks, on this machine or a cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import ray
from ray.exceptions import RayError

from automodel_sk.search.ray.session import ray_session

__all__ = ["parts_on_ray"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


def parts_on_ray(
    parts: Any,
    data: Any,
    address: str | None = None,
    most: int | None = None,
    seconds: float = float("inf"),
) -> Iterator[tuple[int, bytes]]:
    """Compute parts as Ray tasks of one CPU each and yield each result as it is known.

    Parameters
    ----------
    parts, data
        As in `computed_parts`; the data are stored once per machine.
    address : str, optional
        Address of the cluster, as in `OptimizationConfig.ray_address`.
    most : int, optional
        Tasks at a time; as many as Ray has CPUs if None.
    seconds : float
        Tasks that are not done by then are cancelled.

    Yields
    ------
    tuple of int and bytes
        Number and result of a part. Those whose process or machine died are missing.
    """
    ends = time.monotonic() + seconds
    with ray_session(address):
        most = most or max(1, int(ray.cluster_resources().get("CPU", 1)))
        lent = ray.put(data), ray.put(parts)
        compute = ray.remote(num_cpus=1, max_retries=1)(_part)
        waiting = list(range(len(parts)))
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and len(running) < most:
                number = waiting.pop(0)
                running[compute.remote(number, *lent)] = number
            for task in ray.wait(list(running), timeout=_LOOK_SECONDS)[0]:
                yield from _result(running.pop(task), task)
            if time.monotonic() > ends:
                for task in running:
                    ray.cancel(task, force=True)
                return


def _part(number: int, data: Any, parts: Any) -> bytes:
    found: bytes = parts.part(number, data)
    return found


def _result(number: int, task: Any) -> Iterator[tuple[int, bytes]]:
    try:
        yield number, ray.get(task)
    except RayError as exc:
        logger.debug("part %d was not computed: %s", number, exc)
