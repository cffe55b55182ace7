"""Check each record of a journal file before Optuna replays it.

Optuna replays any line, and a damaged one raises an internal error that names neither file nor
line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from automodel_sk.search.study.upstream import JournalOperation

__all__ = ["read_record"]

Check = Callable[[Any], bool]

_OPERATIONS = frozenset(int(operation) for operation in JournalOperation)


def _is_id(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    datetime.fromisoformat(value)
    return True


def _is_one_entry(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1


@lru_cache(256)  # a study has a few, written with each trial
def _is_distribution(value: Any) -> bool:
    json_to_distribution(value)
    return True


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _are_directions(value: Any) -> bool:
    return isinstance(value, list) and bool([StudyDirection(item) for item in value])


def _is_state(value: Any) -> bool:
    return bool(TrialState(value)) or True


def _are_of_steps(value: Any) -> bool:
    return isinstance(value, dict) and all(int(k) >= 0 and _is_number(v) for k, v in value.items())


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_TRIAL: Mapping[str, Check] = {"trial_id": _is_id}
_STUDY: Mapping[str, Check] = {"study_id": _is_id}
_NEEDED: Mapping[int, Mapping[str, Check]] = {
    JournalOperation.CREATE_STUDY: {"study_name": _is_text, "directions": _are_directions},
    JournalOperation.DELETE_STUDY: _STUDY,
    JournalOperation.SET_STUDY_USER_ATTR: {**_STUDY, "user_attr": _is_one_entry},
    JournalOperation.SET_STUDY_SYSTEM_ATTR: {**_STUDY, "system_attr": _is_one_entry},
    JournalOperation.CREATE_TRIAL: {**_STUDY, "datetime_start": _or_none(_is_moment)},
    JournalOperation.SET_TRIAL_PARAM: {
        **_TRIAL,
        "param_name": _is_text,
        "param_value_internal": _is_number,
        "distribution": _is_distribution,
    },
    JournalOperation.SET_TRIAL_STATE_VALUES: {
        **_TRIAL,
        "state": _is_state,
        "values": _or_none(_are_numbers),
    },
    JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE: {
        **_TRIAL,
        "step": _is_id,
        "intermediate_value": _is_number,
    },
    JournalOperation.SET_TRIAL_USER_ATTR: {**_TRIAL, "user_attr": _is_one_entry},
    JournalOperation.SET_TRIAL_SYSTEM_ATTR: {**_TRIAL, "system_attr": _is_one_entry},
}
_POSSIBLE: Mapping[str, Check] = {
    "datetime_start": _or_none(_is_moment),
    "datetime_complete": _or_none(_is_moment),
    "intermediate_values": _are_of_steps,
    "state": _is_state,
    "system_attrs": lambda value: isinstance(value, dict),
    "user_attrs": lambda value: isinstance(value, dict),
    "value": _or_none(_is_number),
    "values": _or_none(_are_numbers),
}
"""Optional fields of an operation."""


def read_record(line: bytes) -> dict[str, Any]:
    """Return the record of a line.

    Parameters
    ----------
    line : bytes
        A complete line of a journal.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        Optuna does not write such a line; the message says why.

    Examples
    --------
    >>> read_record(b'{"op_code": 1, "worker_id": "w", "study_id": 0}')["study_id"]
    0
    >>> read_record(b'{"op_code": 1, "worker_id": "w"}')
    Traceback (most recent call last):
        ...
    ValueError: it has no study_id
    """
    try:
        record = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as exc:  # json's own error, and that for bytes which are not text
        raise ValueError(f"it is not JSON: {exc}") from None
    if not isinstance(record, dict) or not _is_text(record.get("worker_id")):
        raise ValueError("it is not an Optuna record")
    operation = record.get("op_code")
    if type(operation) is not int or operation not in _OPERATIONS:
        raise ValueError(f"its op_code {operation!r:.40} is unknown to this release of Optuna")
    _check(record, _NEEDED.get(operation, {}))
    return record


def _check(record: Mapping[str, Any], needed: Mapping[str, Check]) -> None:
    absent = [name for name in needed if name not in record]
    if absent:
        raise ValueError(f"it has no {absent[0]}")
    for name, value in record.items():
        check = needed.get(name) or _POSSIBLE.get(name)
        try:
            fits = check is None or check(value)
        except Exception:  # whatever Optuna's own readers raise
            fits = False
        if not fits:
            raise ValueError(f"its {name} can't be {value!r:.60}")
