"""Ray's private names: the only module that uses them.

Written for Ray 2.40 to 2.60; ``tests/search/test_ray_upstream.py`` fails if a release changes one
of these names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

__all__ = ["forget_token", "mute_messages", "random_state_of", "start_local"]

_PRINTER = "print_to_stdstream"


def start_local(folder: Path, cpus: int) -> None:
    """Start a quiet Ray on this machine that keeps its files in a folder."""
    ray.init(
        "local",  # whatever RAY_ADDRESS says
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
        _temp_dir=str(folder),
    )


@contextmanager
def mute_messages() -> Iterator[None]:
    """Keep Ray from printing messages about its processes; the study reports them."""
    worker: Any = ray._private.worker
    printer = getattr(worker, _PRINTER, None)
    if printer is None:
        yield
        return
    setattr(worker, _PRINTER, lambda *_, **__: None)
    try:
        yield
    finally:
        setattr(worker, _PRINTER, printer)


def forget_token() -> None:
    """Make Ray reread the token that its processes trust, and whether one is asked for.

    It caches both. A process that goes on from its own Ray, which asks for a token, to a cluster
    that does not would refuse what the cluster's processes send.
    """
    loader = getattr(ray._raylet, "AuthenticationTokenLoader", None)  # ray >= 2.52
    if loader is not None:
        ray._raylet.Config.initialize("")
        loader.instance().reset_cache()


def random_state_of(search_alg: Any) -> Any:
    """Return the generator that a `BasicVariantGenerator` draws from."""
    return search_alg._random_state
