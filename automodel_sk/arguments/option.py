"""How an option of a search is declared: once, beside its field, for all that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from automodel_sk.arguments.kinds import Rule
from automodel_sk.arguments.number_rule import nearest

__all__ = ["Option", "option", "unknown_option"]

_SYNONYMS = {
    "n_trials": "num_samples",
    "trials": "num_samples",
    "max_trials": "num_samples",
    "n_iter": "num_samples",
    "time_limit": "time_budget_hours",
    "time_budget": "time_budget_hours",
    "time_budget_minutes": "time_budget_hours",
    "time_budget_s": "time_budget_hours",
    "timeout": "time_budget_hours",
    "max_time": "time_budget_hours",
    "seed": "random_seed",
    "random_state": "random_seed",
    "n_jobs": "cpus",
    "num_cpus": "cpus",
    "num_gpus": "gpus",
    "eval_metric": "metric",
    "scoring": "metric",
    "num_val_windows": "n_windows",
    "early_stopping": "patience",
    "tracking_uri": "mlflow_tracking_uri",
    "experiment_name": "mlflow_experiment_name",
}
"""Names that other libraries use for these options."""


def unknown_option(name: str, known: Sequence[str]) -> str:
    """Return the sentence that reports an unknown option.

    Parameters
    ----------
    name : str
        The name passed.
    known : sequence of str
        The valid options.

    Returns
    -------
    str

    Examples
    --------
    >>> unknown_option("n_trials", ["num_samples", "resume"])
    "unknown option 'n_trials'; did you mean 'num_samples'?"
    """
    meant = _SYNONYMS.get(name)
    if meant not in known:
        meant = nearest(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"choose from {', '.join(known)}"
    return f"unknown option {name!r}; {hint}"


@dataclass(frozen=True)
class Option:
    """What is known of an option beside its name, its type and its default.

    Parameters
    ----------
    help : str
        One sentence, for the command line and the table of the docs.
    rule : Rule, optional
        The values that are allowed; None where the code that uses the option checks it.
    panel : str, optional
        The heading of the command line's help that it stands under.
    flags : tuple of str
        How the command line spells it; by its name when empty.
    metavar : str, optional
        What stands for its value in the command line's help.
    shared : bool, default False
        Whether all processes of a search must agree on it: it is then kept with the study,
        and a worker on another machine takes it from there. Needs a rule.
    address : bool, default False
        Whether it may hold an address with a password: masked in texts, left out of files.
    """

    help: str
    rule: Rule | None = None
    panel: str | None = None
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    shared: bool = False
    address: bool = False


def option(default: Any, text: str, rule: Rule | None = None, **further: Any) -> Any:
    """Return a dataclass field that declares an option.

    Parameters
    ----------
    default : object
        The field's default.
    text, rule, **further
        As in `Option`, where `text` is its help.

    Examples
    --------
    >>> option(True, "Show progress.").metadata["option"].help
    'Show progress.'
    """
    return field(default=default, metadata={"option": Option(text, rule, **further)})
