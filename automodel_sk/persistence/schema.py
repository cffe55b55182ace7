"""Schemas of what is read from a stranger: exact types, one error for whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from automodel_sk.exceptions import ModelFileError

__all__ = ["Stored", "checked"]

_AnyStored = TypeVar("_AnyStored", bound=BaseModel)


class Stored(BaseModel):
    """A part of a manifest; what a newer release may have added is passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())

    def fields(self) -> dict[str, Any]:
        """Return the entries by name, parts of parts as they are."""
        return {name: getattr(self, name) for name in type(self).model_fields}


def checked(schema: type[_AnyStored], stored: Mapping[str, Any], source: object) -> _AnyStored:
    """Return what was read, if all entries are of their types and within their bounds.

    Parameters
    ----------
    schema : type
        The entries.
    stored : mapping
        What was read from JSON.
    source : object
        Where it is from, for the message.

    Raises
    ------
    ModelFileError
        Names the first entry that is not.
    """
    try:
        return schema.model_validate(stored)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:100] for part in first["loc"])
        raise ModelFileError(
            f"{source} is damaged ({place}: {first['msg'].lower()}); save it again"
        ) from None
