"""Samplers and pruners that the user passed as objects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import cloudpickle
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search.optuna.parallel import in_workers
from automodel_sk.search.study.request import SearchRequest
from automodel_sk.search.study.seeding import reseeded

__all__ = ["check_sendable", "pruner_maker", "sampler_maker"]


def sampler_maker(sampler: Any) -> Callable[[int], BaseSampler] | None:
    """Return what seeds a copy of a sampler for each trial; None for a name or None.

    One copy serves all trials of a process, so that a sampler can learn from trial to trial. The
    user's own object is not changed.

    Parameters
    ----------
    sampler : str, optuna.samplers.BaseSampler or None
        The option.
    """
    if sampler is None or isinstance(sampler, str):
        return None
    return partial(reseeded, _copied("sampler", sampler))


def pruner_maker(pruner: Any) -> Callable[[], BasePruner] | None:
    """Return what copies a pruner for a process; None for a name or None.

    Parameters
    ----------
    pruner : str, optuna.pruners.BasePruner or None
        The option.
    """
    if pruner is None or isinstance(pruner, str):
        return None
    return partial(copy.deepcopy, _copied("pruner", pruner))


def _copied(name: str, value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception as exc:  # a class of the user can raise anything
        raise InvalidInputError(
            f"{name} can't be copied ({type(exc).__name__}: {exc}); pass an object without locks"
            " and open files"
        ) from exc


def check_sendable(request: SearchRequest) -> None:
    """Raise if trials run in processes that a sampler or pruner can't be sent to.

    Parameters
    ----------
    request : SearchRequest
        The search.

    Raises
    ------
    InvalidInputError
        The sampler or pruner can't be pickled.
    """
    if not in_workers(request):
        return
    for name, make in (("sampler", request.make_sampler), ("pruner", request.make_pruner)):
        try:
            cloudpickle.dumps(make)
        except Exception as exc:  # a class of the user can raise anything
            raise InvalidInputError(
                f"{name} can't be sent to worker processes ({type(exc).__name__}: {exc}); pass"
                " cpus=1, or an object without locks and open files"
            ) from exc
