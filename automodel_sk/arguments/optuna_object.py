"""The rule for Optuna's samplers and pruners: an object, or the name of its class."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

from automodel_sk.arguments.number_rule import nearest, shown

__all__ = ["OptunaObject"]


@dataclass(frozen=True)
class OptunaObject:
    """A sampler or pruner of Optuna, or the name of its class; case and ending do not matter.

    Parameters
    ----------
    name : str
        Name of the argument: ``"sampler"`` or ``"pruner"``.
    names : tuple of str
        The classes that are known by name.

    Examples
    --------
    >>> rule = OptunaObject("sampler", ("TPESampler", "RandomSampler"))
    >>> rule.convert("tpe"), rule.accepts("randm"), rule.fix("randm")
    ('TPESampler', False, 'RandomSampler')
    >>> from optuna.samplers import CmaEsSampler
    >>> rule.accepts(CmaEsSampler()), rule.accepts(CmaEsSampler)
    (True, False)
    """

    name: str
    names: tuple[str, ...]

    @property
    def base(self) -> str:
        """Path of the class that objects are instances of."""
        return f"optuna.{self.name}s.Base{self.name.capitalize()}"

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a known name, an object of the kind, or None."""
        if value is None:
            return True
        if isinstance(value, str):
            return self._short(value) in self._by_short_name
        module, _, base = self.base.rpartition(".")
        optuna = sys.modules.get(module)  # without it, no object can be one of its own
        return optuna is not None and isinstance(value, getattr(optuna, base))

    def convert(self, value: Any) -> Any:
        """Return the name of the class, or the object unchanged."""
        return self._by_short_name[self._short(value)] if isinstance(value, str) else value

    @property
    def _by_short_name(self) -> dict[str, str]:
        return {self._short(name): name for name in self.names}

    def _short(self, name: str) -> str:
        """Return a name without its ending, in lower case."""
        return re.sub(r"[^a-z]", "", name.lower()).removesuffix(self.name)

    def refusal(self, value: Any) -> str:
        """Return the sentence that lists the names and shows what was probably meant."""
        known = ", ".join(map(repr, self.names))
        if isinstance(value, type):
            hint = f"pass an object: {self.name}={value.__name__}()"
        else:
            hint = f"try {self.name}={self.fix(value) or self.names[0]!r}"
        return (
            f"{self.name} must be one of {known}, an object of {self.base}, or None, got"
            f" {shown(value)}; {hint}"
        )

    def fix(self, value: Any) -> str | None:
        """Return the name that was probably meant, or None to leave the choice to the selector."""
        if not isinstance(value, str):
            return None
        meant = nearest(self._short(value), self._by_short_name)
        return nearest(value, self.names) if meant is None else self._by_short_name[meant]
