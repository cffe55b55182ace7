"""Validate a model, its configuration and its exogenous variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automodel_sk.arguments.number_rule import NumberRule, nearest, shown
from automodel_sk.catalog.models import (
    MODEL_CATALOG,
    ModelCharacteristics,
    get_characteristics,
    nearest_model,
)
from automodel_sk.data.calendar import without_calendar
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space
from automodel_sk.validation.config.editable_config import EditableConfig, draft_of
from automodel_sk.validation.config.names import check_names
from automodel_sk.validation.config.values import check_values
from automodel_sk.validation.domain_checks import values_of
from automodel_sk.validation.result import Findings

__all__ = ["ModelContext", "check_model"]

_HINT_PARTS = {"model": "'NHITS'", "S": "S", "reconciliation": "'BottomUp'"}


@dataclass(frozen=True)
class ModelContext:
    """The context a configuration is validated in: horizon, series and exogenous variables.

    Parameters
    ----------
    h : object
        The horizon as passed.
    n_series : int, optional
        Number of series.
    futr_exog_list, hist_exog_list, stat_exog_list : sequence of str
        Exogenous variables by kind.

    Examples
    --------
    >>> ModelContext(h=24).example_input_size
    48
    """

    h: Any = None
    n_series: int | None = None
    futr_exog_list: Any = ()
    hist_exog_list: Any = ()
    stat_exog_list: Any = ()

    @property
    def example_input_size(self) -> int:
        """An input size that suits the horizon."""
        usable = NumberRule("h", 12).accepts(self.h)
        return 2 * int(self.h) if usable else 24


def check_model(
    findings: Findings, config: Any, model_name: Any, context: ModelContext
) -> EditableConfig | None:
    """Validate a model's name, configuration and exogenous variables.

    Parameters
    ----------
    findings : Findings
        The collector to add to; corrections are keyed by the arguments of `validate_all`.
    config : object
        The configuration as passed.
    model_name : object
        The model as passed; None runs only the checks that hold for every model.
    context : ModelContext
        The context to validate in.

    Returns
    -------
    EditableConfig or None
        The corrected parameters; None if they can't be known.

    Examples
    --------
    >>> findings = Findings()
    >>> draft = check_model(findings, {"max_steps": 0}, None, ModelContext())
    >>> findings.errors
    ['max_steps must be a whole number of at least 1, got 0; try max_steps=1000']
    >>> draft.corrected
    {'max_steps': 1000}
    """
    row = None if model_name is None else _characteristics(findings, model_name)
    if row is not None:
        _check_exogenous(findings, row, context)
        if not row.has_default_space:
            _check_parts(findings, config, row)
    draft = draft_of(findings, config)
    if draft is None:
        return None
    check_names(findings, draft, row)
    check_values(findings, draft, context.example_input_size)
    _check_n_series(findings, draft, row, context.n_series)
    if draft.changed:
        findings.correct("config", draft.corrected)
    return draft


def _characteristics(findings: Findings, model_name: Any) -> ModelCharacteristics | None:
    """Return the model's row in the catalog, or the row of the closest name."""
    try:
        return get_characteristics(model_name)
    except InvalidInputError as error:
        findings.error(str(error))
    except Exception:  # the name may be an object whose repr fails
        findings.error(f"model_name must be a string, got {shown(model_name)}; try 'NHITS'")
    plain = model_name.strip() if isinstance(model_name, str) else ""
    suggested = nearest_model(plain)  # as in the error
    if suggested is None:
        return None
    meant = nearest(plain.removeprefix("Auto"), [suggested], cutoff=0.75)
    if meant is None:
        return None
    findings.correct("model_class_name", meant)
    return MODEL_CATALOG[meant]


def _check_exogenous(findings: Findings, row: ModelCharacteristics, context: ModelContext) -> None:
    kinds = (
        ("futr_exog_list", "future-known", "supports_future_exogenous"),
        ("hist_exog_list", "historic", "supports_historic_exogenous"),
        ("stat_exog_list", "static", "supports_static"),
    )
    for argument, kind, flag in kinds:
        columns = getattr(context, argument)
        if _is_given(columns) and not getattr(row, flag):
            able = [name for name, other in MODEL_CATALOG.items() if getattr(other, flag)]
            own = without_calendar(columns)
            got = f", got {shown(list(own))}" if own else ", as those of the calendar are"
            out = argument if own else "calendar and holidays"
            findings.error(
                f"{argument if own else 'calendar'}: {row.name} does not accept {kind}"
                f" variables{got}; leave out {out}, or choose a model that accepts them, such as"
                f" {' or '.join(able[:3]) or 'NHITS'}"
            )
            findings.correct(argument, ())


def _is_given(columns: Any) -> bool:
    try:
        return columns is not None and len(columns) > 0
    except Exception:  # a value that is not a list of names is reported with the data
        return False


def _check_parts(findings: Findings, config: Any, row: ModelCharacteristics) -> None:
    """Check that the configuration names its parts if the model has no default space."""
    if config is None:
        try:
            neuralforecast_space(row.name, 1)
        except InvalidInputError as error:
            findings.error(str(error))
        return
    names = config if isinstance(config, dict) else getattr(config, "constants", None)
    missing = [part for part in _HINT_PARTS if names is not None and part not in names]
    if missing:
        examples = ", ".join(f"'{part}': {_HINT_PARTS[part]}" for part in missing)
        findings.error(
            f"config of {row.name} lacks {', '.join(missing)}, got {shown(list(names or ()))}; "
            f"add {examples}"
        )


def _check_n_series(
    findings: Findings,
    draft: EditableConfig,
    row: ModelCharacteristics | None,
    n_series: int | None,
) -> None:
    if "n_series" not in draft.entries or row is None:
        return
    entry = draft.entries["n_series"]
    if not row.multivariate:
        findings.warn(
            f"n_series is for models that forecast all series jointly, got {shown(entry)} for "
            f"{row.name}, which doesn't; leave it out"
        )
        draft.drop("n_series")
    elif n_series is not None and values_of(entry) != (n_series,):
        findings.error(
            f"n_series must be the number of series in the data, {n_series}, got {shown(entry)}; "
            "leave it out: it is set from the data"
        )
        draft.drop("n_series")
