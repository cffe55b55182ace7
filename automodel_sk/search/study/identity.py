"""Identify what must be the same for trials to be comparable: the task and its data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.search_space.fingerprint import token
from automodel_sk.training.patches.upstream import REGISTRIES

__all__ = ["data_digests", "data_facts", "differences", "loss_identity", "metric_identity"]

_DIGESTS = {
    "search space": "another search space",
    "data": "other values in the data",
    "static values": "other static values",
}
_FACTS = ("series", "rows", "first time", "last time")
_SETTINGS = re.compile(r" [0-9a-f]{8}$")
_DEEPEST = 4


def data_facts(
    frame: pd.DataFrame, static_df: pd.DataFrame | None, digest: str | None = None
) -> dict[str, str]:
    """Return facts that identify data: readable ones first, then digests of all values.

    Parameters
    ----------
    frame : DataFrame
        Prepared long frame.
    static_df : DataFrame, optional
        One row per series.
    digest : str, optional
        The frame's digest, if it is known.

    Examples
    --------
    >>> df = pd.DataFrame({"unique_id": ["a", "a"], "ds": [1, 2], "y": [0.5, 1.0]})
    >>> facts = data_facts(df, None)
    >>> [facts[name] for name in ("series", "rows", "first time", "last time")]
    ['1', '2', '1', '2']
    >>> facts == data_facts(df.astype({"ds": "int32", "y": "float32"}), None)
    True
    """
    times = _utc(frame["ds"])
    return {
        "series": str(frame["unique_id"].nunique()),
        "rows": str(len(frame)),
        "first time": str(times.min()),
        "last time": str(times.max()),
        "data": data_digests(frame, None)[0] if digest is None else digest,
        "static values": "none" if static_df is None else _digest(_parts(static_df)),
    }


def data_digests(frame: pd.DataFrame, static_df: pd.DataFrame | None) -> tuple[str, str]:
    """Return a digest of a frame, and one of the frame and the static values together.

    Covers ids, times and all values, independent of their types. Times are compared as instants,
    in any unit and time zone; numbers as models see them, in float32.

    Parameters
    ----------
    frame, static_df : DataFrame
        As in `data_facts`.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in _parts(frame):
        digest.update(part)
    alone = digest.hexdigest()
    for part in () if static_df is None else _parts(static_df):
        digest.update(part)
    return alone, digest.hexdigest()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _parts(frame: pd.DataFrame) -> Iterable[bytes]:
    for name in frame.columns:
        yield str(name).encode()
        yield from _names(frame[name]) if name == "unique_id" else _values(frame[name])


def _names(ids: pd.Series) -> Iterable[bytes]:
    codes, names = pd.factorize(ids)
    yield pd.util.hash_array(np.asarray(names, dtype=object)).tobytes()
    yield codes.astype(np.int64).tobytes()


def _values(column: pd.Series) -> Iterable[bytes]:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        yield from _moments(_utc(column))
    elif column.name == "ds" and pd.api.types.is_integer_dtype(column.dtype):
        yield column.to_numpy(dtype=np.int64).tobytes()
    elif pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float32, na_value=np.nan) + np.float32(0)  # no -0.0
        yield np.where(np.isnan(numbers), np.float32(np.nan), numbers).tobytes()
    else:
        yield pd.util.hash_array(column.astype(str).to_numpy(dtype=object)).tobytes()


def _utc(times: pd.Series) -> pd.Series:
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times


def _moments(times: pd.Series) -> Iterable[bytes]:
    """Yield whole seconds, then the fractions, since no single unit can hold both."""
    moments: npt.NDArray[np.datetime64] = times.to_numpy(dtype=f"M8[{_unit(times)}]")
    seconds = moments.astype("M8[s]")
    yield seconds.astype(np.int64).tobytes()
    yield (moments - seconds).astype("m8[ns]").astype(np.int64).tobytes()


def _unit(times: pd.Series) -> str:
    return str(getattr(times.dt, "unit", "ns"))


def loss_identity(loss: Any) -> str:
    """Return an identifier of a loss: its class and a digest of its settings by value.

    Examples
    --------
    >>> loss_identity(None)
    'default'
    >>> from neuralforecast.losses.pytorch import MAE
    >>> loss_identity(MAE()) == loss_identity(MAE())
    True
    >>> import torch
    >>> loss_identity(MAE()) == loss_identity(MAE(horizon_weight=torch.tensor([1.0, 2.0])))
    False
    """
    if loss is None:
        return "default"
    digest = hashlib.blake2b(_settings(loss, 0).encode(), digest_size=4).hexdigest()
    return f"{type(loss).__name__} {digest}"


def _settings(value: Any, depth: int) -> str:
    """Write a loss or a part of it as text: tensors by value, new layers by shape.

    Layers are initialised from the search's seed, whatever values they have now.
    """
    import torch

    if depth > _DEEPEST:
        return type(value).__qualname__
    if torch.is_tensor(value):
        array = value.detach().cpu().double().numpy()
        return f"tensor{array.shape}:{hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest()}"
    if isinstance(value, torch.nn.Module):
        if hasattr(value, "reset_parameters"):
            return repr(value)
        kept = {k: v for k, v in vars(value).items() if k in REGISTRIES or not k.startswith("_")}
        return f"{type(value).__qualname__}{_settings(kept, depth + 1)}"
    if isinstance(value, Mapping):
        items = sorted(f"{key}={_settings(item, depth + 1)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_settings(item, depth + 1) for item in value)}]"
    return token(value)


def metric_identity(metric: Any, label: str | None) -> str:
    """Return an identifier of a metric: its label and, for a function, its code.

    Examples
    --------
    >>> metric_identity("mase", "mase of season 7"), metric_identity(None, None)
    ('mase of season 7', 'default')
    """
    if label is None:
        return "default"
    if not callable(metric) or getattr(metric, "__module__", "").startswith("utilsforecast."):
        return label
    return f"{label} {hashlib.blake2b(token(metric).encode(), digest_size=4).hexdigest()}"


def differences(known: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """Describe what differs between two searches; empty if nothing does.

    Parameters
    ----------
    known : mapping of str to str
        The identity of a study; entries may be missing in one from an older release.
    asked : mapping of str to str
        The identity of the current search.

    Examples
    --------
    >>> differences({"rows": "120", "data": "0a"}, {"rows": "142", "data": "0b"})
    'rows 120, here 142'
    >>> differences({"data": "0a", "loss": "MAE 0123abcd"}, {"data": "0b", "loss": "MAE 00000000"})
    'other values in the data, loss MAE with other settings'
    """
    differing = [name for name in asked if name in known and known[name] != asked[name]]
    if any(name in _FACTS for name in differing):
        differing = [name for name in differing if name != "data"]
    return ", ".join(_words(name, known[name], asked[name]) for name in differing)


def _words(name: str, known: str, asked: str) -> str:
    if name in _DIGESTS and "none" not in (known, asked):
        return _DIGESTS[name]
    if name in _DIGESTS:
        return f"{name} {'none' if known == 'none' else 'given'}, here the other way round"
    if name in ("loss", "metric"):
        one, other = _SETTINGS.sub("", known), _SETTINGS.sub("", asked)
        if one == other:
            return f"{name} {one} with other settings"
        return f"{name} {one}, here {other}"
    return f"{name} {known[:200]}, here {asked[:200]}"
