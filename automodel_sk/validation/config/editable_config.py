"""A configuration that the validators can correct."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.search_space import SearchSpace
from automodel_sk.search_space.nesting import nested
from automodel_sk.validation.result import Findings

__all__ = ["EditableConfig", "draft_of"]

_EXAMPLE = "config={'max_steps': tune.choice([500, 1000])}"


class EditableConfig:
    """The parameters of a configuration, in a form that can be corrected.

    Parameters
    ----------
    entries : mapping of str to object
        Domains and constants by flat name ("a/b" for nested ones).
    config : mapping of str to object
        The same configuration in its nested form.
    changed : bool, default False
        Whether a correction was made.

    Examples
    --------
    >>> draft = EditableConfig({"lr": 0.1, "opt/eps": -1}, {"lr": 0.1, "opt": {"eps": -1}})
    >>> draft.rename("lr", "learning_rate")
    >>> draft.put("opt/eps", 1e-8)
    >>> draft.corrected
    {'opt': {'eps': 1e-08}, 'learning_rate': 0.1}
    """

    def __init__(
        self, entries: Mapping[str, Any], config: Mapping[str, Any], changed: bool = False
    ) -> None:
        self.entries = dict(entries)
        self.changed = changed
        self._config = _copied(config)

    @property
    def corrected(self) -> dict[str, Any] | None:
        """The corrected configuration; None if nothing was corrected or nothing remains."""
        return (self._config or None) if self.changed else None

    @property
    def names(self) -> list[str]:
        """The top-level names, in order."""
        return list(dict.fromkeys(name.split("/")[0] for name in self.entries))

    def put(self, name: str, entry: Any) -> None:
        """Set a parameter to another value or domain."""
        self.entries[name] = entry
        *outer, last = name.split("/")
        level = self._config
        for part in outer:
            level = level.setdefault(part, {})
        level[last] = entry
        self.changed = True

    def drop(self, name: str) -> None:
        """Remove a parameter and everything nested in it."""
        self._move(name, None)

    def rename(self, name: str, right: str) -> None:
        """Rename a parameter; an existing entry with the correct name is kept."""
        self._move(name, None if right in self._config else right)

    def _move(self, name: str, right: str | None) -> None:
        value = self._config.pop(name, None)
        for flat in [flat for flat in self.entries if flat.split("/")[0] == name]:
            entry = self.entries.pop(flat)
            if right is not None:
                self.entries[right + flat[len(name) :]] = entry
        if right is not None:
            self._config[right] = value
        self.changed = True


def draft_of(findings: Findings, config: Any) -> EditableConfig | None:
    """Parse a configuration, and add an error for each entry that can't be parsed.

    Parameters
    ----------
    findings : Findings
        The collector to add to.
    config : object
        The configuration as passed.

    Returns
    -------
    EditableConfig or None
        The parsed parameters; None if they can't be known: there is no configuration, or it is a
        function of a trial, or an unsupported object.

    Examples
    --------
    >>> findings = Findings()
    >>> draft_of(findings, ["max_steps"]) is None
    True
    >>> findings.errors[0]
    "config must be a dict of parameters, a function of a trial or a SearchSpace, got ..."
    """
    if config is None:
        return None
    if isinstance(config, SearchSpace):
        return _draft_of_space(findings, config)
    if isinstance(config, Mapping):
        return _draft_of_mapping(findings, config)
    if callable(config) and not isinstance(config, type):
        _check_function(findings, config)
        return None
    findings.error(
        "config must be a dict of parameters, a function of a trial or a SearchSpace, "
        f"got {shown(config)}, a {type(config).__name__}; try {_EXAMPLE}"
    )
    findings.correct("config", None)
    return None


def _draft_of_space(findings: Findings, space: SearchSpace) -> EditableConfig | None:
    if space.function is not None:
        return None
    entries = {**space.constants, **space.domains}
    if not entries:
        _note_empty(findings)
        return None
    return EditableConfig(entries, nested(entries))


def _draft_of_mapping(findings: Findings, config: Mapping[Any, Any]) -> EditableConfig | None:
    if not config:
        _note_empty(findings)
        return None
    named = {}
    for name, value in config.items():
        if isinstance(name, str) and name and "/" not in name:
            named[name] = value
        else:
            findings.error(
                f"config has the key {shown(name)}, which is not the name of a parameter; "
                f"try {_EXAMPLE}"
            )
    entries, refused = _entries_of(findings, named)
    readable = {name: value for name, value in named.items() if name not in refused}
    return EditableConfig(entries, readable, changed=len(readable) < len(config))


def _entries_of(
    findings: Findings, config: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the entries of a configuration, and the names of those that can't be parsed."""
    together = Findings()
    entries = _parsed(together, "config", config)
    if entries is not None:
        return entries, frozenset()
    alone = {name: _parsed(findings, name, {name: value}) for name, value in config.items()}
    refused = frozenset(name for name, found in alone.items() if found is None)
    if not refused:
        findings.errors.extend(together.errors)
    return {flat: entry for found in alone.values() for flat, entry in (found or {}).items()}, (
        refused
    )


def _parsed(findings: Findings, name: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        space = SearchSpace.parse(config)
        return {**space.constants, **space.domains}
    except Exception as error:  # objects of other libraries may raise anything
        reason = str(error) or type(error).__name__
        findings.error(f"{name} can't be read as part of a search space: {reason}")
        return None


def _check_function(findings: Findings, function: Any) -> None:
    """Check that a function can be called with a trial as its only argument."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(object())
    except TypeError:
        findings.error(
            "config as a function must take the trial as its one argument, got "
            f"{getattr(function, '__name__', 'function')}{signature}; "
            "try lambda trial: {'max_steps': trial.suggest_int('max_steps', 100, 1000)}"
        )


def _note_empty(findings: Findings) -> None:
    findings.error(
        "config is empty, got {}; pass config=None for the model's default search space, "
        f"or {_EXAMPLE}"
    )
    findings.correct("config", None)


def _copied(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the dicts of a nested configuration; its values are shared."""
    return {
        name: _copied(value) if isinstance(value, Mapping) else value
        for name, value in config.items()
    }
