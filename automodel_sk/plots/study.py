"""Convert the trials of a search to an Optuna study, whatever the backend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.plots.figure_spec import log_suits
from automodel_sk.training.patches.isolation import quiet
from automodel_sk.trials import TrialRecord

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

__all__ = ["as_study", "tuned_values"]


def as_study(records: Sequence[TrialRecord]) -> Study:
    """Return an in-memory Optuna study with the trials.

    Parameters
    ----------
    records : sequence of TrialRecord
        Finished trials, from any backend.

    Returns
    -------
    optuna.Study
        Its parameters are those that differ between trials; numeric ones have the range of the
        values tried, all others are categorical with their texts as choices.

    Raises
    ------
    InvalidInputError
        If there are no trials.

    Examples
    --------
    >>> tried = [TrialRecord(k, "COMPLETE", k / 2, {"layers": k + 1, "h": 3}) for k in range(3)]
    >>> study = as_study(tried)
    >>> study.best_trial.number, study.best_params
    (0, {'layers': 1})
    """
    import optuna

    if not records:
        raise InvalidInputError(
            "there are no trials: the configuration was fixed; search one, for example with"
            " config={'learning_rate': tune.loguniform(1e-4, 1e-2)}"
        )
    tuned = tuned_values(records)
    distributions = {name: _distribution(list(values.values())) for name, values in tuned.items()}
    with quiet():
        study = optuna.create_study()
    study.add_trials([_trial(record, tuned, distributions) for record in records])
    return study


def tuned_values(records: Sequence[TrialRecord]) -> dict[str, dict[int, Any]]:
    """Return the parameters that differ between trials: values by name and trial number.

    Nested parameters have dotted names. Values that are not numbers are returned as text.

    Examples
    --------
    >>> tried = [TrialRecord(k, "COMPLETE", 1.0, {"a": k, "b": 1, "c": [k]}) for k in range(2)]
    >>> tuned_values(tried)
    {'a': {0: 0, 1: 1}, 'c': {0: '[0]', 1: '[1]'}}
    """
    found: dict[str, dict[int, Any]] = {}
    for record in records:
        for name, value in _flat(record.params):
            found.setdefault(name, {})[record.number] = value
    return {
        name: values if all(map(_is_number, values.values())) else _as_text(values)
        for name, values in found.items()
        if len(set(map(repr, values.values()))) > 1
    }


def _flat(params: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in params.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _as_text(values: Mapping[int, Any]) -> dict[int, str]:
    return {number: str(value) for number, value in values.items()}


def _distribution(values: Sequence[Any]) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(values[0], str):
        return CategoricalDistribution(list(dict.fromkeys(values)))
    log = log_suits(values)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values), log=log)
    return FloatDistribution(min(values), max(values), log=log)


def _trial(
    record: TrialRecord,
    tuned: Mapping[str, Mapping[int, Any]],
    distributions: Mapping[str, BaseDistribution],
) -> Any:
    from optuna.trial import TrialState, create_trial

    own = [name for name, values in tuned.items() if record.number in values]
    trial = create_trial(
        state=TrialState[record.state],
        value=record.value if record.state != "FAIL" else None,
        params={name: tuned[name][record.number] for name in own},
        distributions={name: distributions[name] for name in own},
        intermediate_values=dict(record.intermediate_values),
    )
    trial.datetime_start = record.datetime_start or trial.datetime_start
    trial.datetime_complete = record.datetime_complete or trial.datetime_complete
    return trial
