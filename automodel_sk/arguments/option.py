"""How an option of a search is declared: once, beside its field, for all that read it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from automodel_sk.arguments.kinds import Rule
from automodel_sk.arguments.number_rule import nearest
from automodel_sk.exceptions import InvalidInputError

__all__ = ["FieldSignature", "Option", "known_keywords", "option", "unknown_option"]

P = ParamSpec("P")
R = TypeVar("R")

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
    "num_trials": "num_samples",
    "n_samples": "num_samples",
    "max_evals": "num_samples",
    "time_limit_minutes": "time_budget_hours",
    "time_budget_seconds": "time_budget_hours",
    "frequency": "freq",
    "engine": "backend",
    "engine_name": "backend",
    "seasonality": "season_length",
    "workers": "cpus",
    "n_workers": "cpus",
    "cv": "n_windows",
    "presets": "preset",
    "quality": "preset",
    "excluded_model_types": "exclude",
}
"""Names that other libraries use for these options."""

_ELSEWHERE = {
    **dict.fromkeys(
        ("epochs", "max_epochs", "n_epochs"),
        "the length of training is set in steps, in the config: {{'max_steps': 500}}",
    ),
    **dict.fromkeys(
        ("device", "accelerator", "use_gpu"), "set the number of GPUs: gpus=1, or gpus=0"
    ),
    **dict.fromkeys(
        ("val_size", "validation_size", "test_size"),
        "the last h steps are held out; set the number of windows with n_windows and step_size",
    ),
    **dict.fromkeys(
        ("max_steps", "input_size", "learning_rate", "batch_size"),
        "it is a parameter of the model, set in the config: config={{'{0}': ...}}",
    ),
    "horizon": "pass h=12",
    "prediction_length": "pass h=12",
    "df": "pass the frame as dataset=",
    "data": "pass the frame as dataset=",
    "levels": "pass level=[80, 95] to predict",
    "level": "pass level=[80, 95] to predict",
}
"""What to do for what is set elsewhere, or by other options together."""


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
    if name in _ELSEWHERE and name not in known:
        return f"unknown option {name!r}; {_ELSEWHERE[name].format(name)}"
    meant: str | None = _SYNONYMS.get(name, name)
    if meant not in known:
        alike = (other for other, target in _SYNONYMS.items() if target == meant and other in known)
        meant = next(alike, None) or nearest(name, known)
    hint = f"did you mean {meant!r}?" if meant else f"choose from {', '.join(known)}"
    return f"unknown option {name!r}; {hint}"


def known_keywords(
    words: Callable[[str, Sequence[str]], str] = unknown_option,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of a constructor that reports unknown keywords in a sentence.

    The signature stays as it is, since estimators are cloned by it.

    Parameters
    ----------
    words : callable
        Returns the sentence for an unknown keyword and the known ones.

    Examples
    --------
    >>> @known_keywords()
    ... def search(*, num_samples=None): ...
    >>> search(n_trials=5)
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: unknown option 'n_trials'; did you mean ...
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        known = [name for name in inspect.signature(function).parameters if name != "self"]

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in known:
                    raise InvalidInputError(words(name, known))
            return function(*args, **kwargs)

        # Some readers of signatures, as sktime's tests, don't follow wrappers.
        checked.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return checked

    return decorate


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


class FieldSignature:
    """Signature of a dataclass by its fields, where ``__new__`` takes any keyword.

    A class attribute ``__signature__`` of this kind is what `inspect.signature`, `help` and editors
    that import the class read.

    Examples
    --------
    >>> @dataclass
    ... class Options:
    ...     patience: int = 3
    ...     __signature__ = FieldSignature()
    ...     def __new__(cls, **options): return super().__new__(cls)
    >>> str(inspect.signature(Options))
    "(patience: 'int' = 3) -> None"
    """

    def __get__(self, instance: object, owner: type[Any]) -> inspect.Signature:
        """Return the signature of the initialiser, without the instance."""
        signature = inspect.signature(owner.__init__)
        parameters = list(signature.parameters.values())[1:]
        return signature.replace(parameters=parameters)
