"""Draw one computation's random numbers from a generator other than the global one.

Torch's samplers draw from one global generator. Two threads that sample at the same time would draw
from each other's stream despite their seeds, and a forecast would change what another thread
trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

__all__ = ["own_random_numbers"]


@contextmanager
def own_random_numbers(generator: Any) -> Iterator[None]:
    """Let torch draw from a generator in this thread, with the same numbers as the default one.

    Parameters
    ----------
    generator : torch.Generator
        A seeded generator.

    Examples
    --------
    >>> import torch
    >>> before = torch.get_rng_state()
    >>> with own_random_numbers(torch.Generator().manual_seed(1)):
    ...     drawn = torch.rand(2)
    >>> bool((torch.get_rng_state() == before).all())
    True
    >>> bool((drawn == torch.rand(2, generator=torch.Generator().manual_seed(1))).all())
    True
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    class DrawFrom(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            arguments = dict(kwargs or {})
            draws = _with_generator(func)
            if draws is not None and arguments.get("generator") is None:
                func, arguments["generator"] = draws, generator
            return func(*args, **arguments)

    with DrawFrom():  # type: ignore[no-untyped-call]
        yield


@lru_cache(maxsize=256)
def _with_generator(operation: Any) -> Any:
    """Return the variant of a random operation that takes a generator, or None if not random."""
    import torch

    if torch.Tag.nondeterministic_seeded not in operation.tags:
        return None
    names = _names(operation)
    if "generator" in names:
        return operation
    packet = operation._overloadpacket
    forms = [getattr(packet, name) for name in packet.overloads()]
    fitting = [f for f in forms if [n for n in _names(f) if n != "generator"] == names]
    return next((form for form in fitting if "generator" in _names(form)), None)


def _names(operation: Any) -> list[str]:
    return [argument.name for argument in operation._schema.arguments]
