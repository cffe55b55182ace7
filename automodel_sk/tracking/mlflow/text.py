"""Convert values to the text, JSON and names that a tracking store accepts, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from automodel_sk._utils.plain_json import plain_json
from automodel_sk._utils.secrets import mask_secrets

__all__ = ["file_text", "flat_params", "tag_texts"]

# Limits of MLflow's servers since 2.9.
MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 8000

_NOT_IN_KEYS = re.compile(r"[^/\w.\- ]")


def param_text(value: Any) -> str:
    """Convert a value to the text of a parameter; lists and mappings become JSON."""
    if isinstance(value, float):
        return str(float(value))
    as_json = plain_json(value)
    if isinstance(as_json, list | dict):
        return json.dumps(as_json, ensure_ascii=False)
    return str(as_json)


def _clean(text: str) -> str:
    """Return a text that every store accepts: no secrets, no invalid characters."""
    storable = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\\x00")
    return mask_secrets(storable)


def _shortened(text: str, limit: int) -> str:
    """Truncate a text at a limit and add its original length."""
    if len(text) <= limit:
        return text
    note = f"... [{len(text)} characters in all]"
    return text[: limit - len(note)] + note


def safe_key(name: str) -> str:
    """Return a valid MLflow name."""
    parts = _NOT_IN_KEYS.sub("_", name).split("/")
    kept = [part for part in parts if part.strip(" ") not in ("", ".", "..")]
    return "/".join(kept)[:MAX_KEY].rstrip("/") or "_"


def _unique(key: str, taken: Mapping[str, str]) -> str:
    """Return a key that no other parameter has."""
    candidate, count = key, 1
    while candidate in taken:
        count += 1
        candidate = f"{key[: MAX_KEY - 6]}_{count}"
    return candidate


def _leaves(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a nested configuration, with the names of levels joined by slashes."""
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def flat_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Flatten a configuration to names and texts within MLflow's limits; None is left out."""
    texts: dict[str, str] = {}
    for name, value in _leaves(params):
        if value is None:
            continue
        key = _unique(safe_key(name), texts)
        texts[key] = _shortened(_clean(param_text(value)), MAX_PARAM)
    return texts


def tag_texts(tags: Mapping[str, Any]) -> dict[str, str]:
    """Convert tags to texts within MLflow's limits, leaving out those without a value."""
    return {
        safe_key(str(key)): _shortened(_clean(param_text(value)), MAX_TAG)
        for key, value in tags.items()
        if value is not None
    }


def file_text(content: Any) -> str:
    """Return the content of a file: a table as CSV, a text unchanged, anything else as JSON."""
    if isinstance(content, pd.DataFrame):
        return _clean(content.to_csv(index=False))
    if isinstance(content, str):
        return _clean(content)
    return _clean(json.dumps(plain_json(content), indent=2, ensure_ascii=False) + "\n")
