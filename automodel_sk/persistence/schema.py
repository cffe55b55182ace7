"""Schemas for untrusted input: strict types, and one exception for any violation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from automodel_sk.exceptions import ModelFileError

__all__ = ["Stored", "checked"]

_AnyStored = TypeVar("_AnyStored", bound=BaseModel)


class Stored(BaseModel):
    """A part of a manifest; entries that a newer release may have added are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())

    def fields(self) -> dict[str, Any]:
        """Return the entries by name, with nested parts unchanged."""
        return {name: getattr(self, name) for name in type(self).model_fields}


def checked(schema: type[_AnyStored], stored: Mapping[str, Any], source: object) -> _AnyStored:
    """Return the parsed input if all entries have valid types and values.

    Parameters
    ----------
    schema : type
        The expected entries.
    stored : mapping
        The input parsed from JSON.
    source : object
        Where the input comes from, for the message.

    Raises
    ------
    ModelFileError
        Names the first invalid entry.
    """
    try:
        return schema.model_validate(stored)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:100] for part in first["loc"])
        raise ModelFileError(
            f"{source} is damaged ({place}: {first['msg'].lower()}); save it again"
        ) from None
