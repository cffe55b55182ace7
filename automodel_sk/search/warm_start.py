"""Select configurations of earlier searches to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.exceptions import InvalidInputError

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["MOST_CONFIGURATIONS", "earlier_configurations"]

MOST_CONFIGURATIONS = 3
"""Number of an earlier search's best trials to try again."""

_PREFIX = "params_"


def earlier_configurations(warm_start: Any) -> list[dict[str, Any]]:
    """Return the initial configurations of a search.

    Parameters
    ----------
    warm_start : AutoModel, str, Path, DataFrame, mapping, sequence of mappings or None
        A fitted model, the folder of a saved one, a table of trials as in `AutoModel.trials`, or
        configurations.

    Returns
    -------
    list of dict
        The best first; for a model or a table, its three best distinct ones.

    Raises
    ------
    InvalidInputError
        Anything else was passed.
    ModelFileError
        The folder holds no saved model.

    Examples
    --------
    >>> earlier_configurations({"max_steps": 500})
    [{'max_steps': 500}]
    >>> trials = pd.DataFrame({"value": [2.0, 1.0], "params_input_size": [24, 48]})
    >>> earlier_configurations(trials)
    [{'input_size': 48}, {'input_size': 24}]
    """
    if warm_start is None:
        return []
    if isinstance(warm_start, (str, Path)):
        from automodel_sk.auto_model import AutoModel

        return _of_model(AutoModel.load(warm_start))
    if isinstance(warm_start, pd.DataFrame):
        return _of_trials(warm_start)
    if isinstance(warm_start, Mapping):
        return [dict(warm_start)]
    if isinstance(warm_start, Sequence) and all(isinstance(c, Mapping) for c in warm_start):
        return [dict(config) for config in warm_start]
    if hasattr(warm_start, "best_config") and hasattr(warm_start, "trials"):
        return _of_model(warm_start)
    raise InvalidInputError(
        f"warm_start is of type {type(warm_start).__name__}; pass an AutoModel, the folder of a"
        " saved one, its trials, or configurations such as [{'learning_rate': 0.001}]"
    )


def _of_model(model: AutoModel) -> list[dict[str, Any]]:
    return _different([model.best_config, *_of_trials(model.trials)])


def _of_trials(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the parameters of the best trials with a value to rank them by."""
    names = [name for name in trials.columns if str(name).startswith(_PREFIX)]
    if "value" not in trials.columns or not names:
        raise InvalidInputError(
            f"warm_start is a table with the columns {', '.join(map(str, trials.columns))};"
            " it needs 'value' and 'params_...' columns, as AutoModel.trials has them"
        )
    complete = trials["state"].eq("COMPLETE") if "state" in trials.columns else True
    best = trials[complete & trials["value"].notna()].sort_values("value", kind="stable")
    rows = best[names].astype(object).to_dict("records")
    return _different([_given(row) for row in rows])


def _given(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row's parameters, without those that a trial of another branch lacks."""
    values = {str(name)[len(_PREFIX) :]: value for name, value in row.items()}
    return {k: v for k, v in values.items() if isinstance(v, (list, tuple, dict)) or not pd.isna(v)}


def _different(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for config in configs:
        if dict(config) not in kept:
            kept.append(dict(config))
    return kept[:MOST_CONFIGURATIONS]
