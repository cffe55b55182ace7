"""The code of a report: it fits the estimator's result again, without a search of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from automodel_sk.estimator.models import abilities
from automodel_sk.estimator.params_json import plain_freq, plain_parameter
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.members.neural import NeuralMember
from automodel_sk.report import forecaster_code

__all__ = ["code_of"]


def code_of(forecaster: Any) -> str:
    """Return the code that fits a fitted forecaster's best configuration, or its members, again.

    Parameters
    ----------
    forecaster : AutoNeuralForecaster
        A fitted forecaster.

    Returns
    -------
    str
        Python code; the reader provides `y`, `X` and `static`.
    """
    model, exogenous = forecaster.auto_model_, forecaster._context.exogenous
    static = forecaster.static is not None
    shaping = _shaping(forecaster)
    if not isinstance(model, AutoEnsemble):
        has_x = bool(exogenous.all)
        return forecaster_code(model, exogenous=has_x, static=static, further=_arguments(shaping))
    # The members alone may refuse what other models took, or take past columns for future ones.
    able = abilities(list(dict.fromkeys(part.member.name for part in model.state.team.parts)))
    task = model.state.task
    past = [label for label, name in exogenous.past.items() if name in task.hist_exog]
    read = [label for label, name in exogenous.future.items() if name in task.futr_exog] + past
    X = f"X=X[{_labels(read)!r}]" if len(read) < len(exogenous.all) else "X=X"
    shaping |= {
        "hist_exog": _labels(past),
        "ensemble": forecaster.ensemble and str(forecaster.ensemble),
        **({} if able.future else {"calendar": None, "holidays": None}),
    }
    data = ["y", *([X] if read else [])]
    return _several(model, data, static=static and able.static, further=_arguments(shaping))


def _labels(labels: Sequence[Hashable]) -> list[Hashable]:
    """Return labels of columns as Python's own objects, whose text is code."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _arguments(given: Mapping[str, Any]) -> list[str]:
    """Return the arguments that are not at their defaults, which are all empty or off."""
    return [f"{name}={value!r}" for name, value in given.items() if value]


def _shaping(forecaster: Any) -> dict[str, Any]:
    """Return the parameters that shape the data and the forecasts, as plain objects."""
    names = ("season_length", "fill_gaps", "calendar", "holidays", "non_negative")
    return {
        "hist_exog": _labels(forecaster.hist_exog),
        "freq": plain_freq(forecaster.freq),
        **{name: plain_parameter(name, getattr(forecaster, name)) for name in names},
    }


def _several(
    model: AutoEnsemble, data: Sequence[str], *, static: bool, further: Sequence[str]
) -> str:
    """Return the code that fits the members of an ensemble again, each as configured."""
    members = {part.member.name: part.member for part in reversed(model.state.team.parts)}
    networks = {n: m.model for n, m in members.items() if isinstance(m, NeuralMember)}
    settings = "".join(f"    {n!r}: {dict(own.best_config)!r},\n" for n, own in networks.items())
    arguments = [repr(list(reversed(members)))]
    arguments += ["config"] if networks else []
    arguments += ["static=static"] if static else []
    arguments += further
    arguments.append(f"random_state={model.state.task.random_seed}")
    lines = ["from automodel_sk import AutoNeuralForecaster", ""]
    lines += [f"config = {{\n{settings}}}"] if networks else []
    lines += ["forecaster = AutoNeuralForecaster(", *(f"    {a}," for a in arguments), ")"]
    lines.append(f"forecaster.fit({', '.join(data)}, fh=range(1, {model.h + 1}))")
    return "\n".join(lines)
