"""The code of a report: it fits the estimator's result again, without a search of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    model = forecaster.auto_model_
    exogenous = bool(forecaster._context.exogenous.all)
    static = forecaster.static is not None
    shaping = _shaping(forecaster)
    if not isinstance(model, AutoEnsemble):
        further = _arguments(shaping)
        return forecaster_code(model, exogenous=exogenous, static=static, further=further)
    # The members alone may refuse what other models took.
    able = abilities(list(dict.fromkeys(part.member.name for part in model.state.team.parts)))
    exogenous, static = exogenous and able.exogenous, static and able.static
    unused = [] if able.past else ["hist_exog"]
    unused += [] if able.future else ["calendar", "holidays"]
    shaping |= dict.fromkeys(unused) | {
        "ensemble": forecaster.ensemble and str(forecaster.ensemble)
    }
    further = _arguments(shaping)
    return _several(model, exogenous=exogenous, static=static, further=further)


def _arguments(given: Mapping[str, Any]) -> list[str]:
    """Return the arguments that are not at their defaults, which are all empty or off."""
    return [f"{name}={value!r}" for name, value in given.items() if value]


def _shaping(forecaster: Any) -> dict[str, Any]:
    """Return the parameters that shape the data and the forecasts, as plain objects."""
    names = ("season_length", "fill_gaps", "calendar", "holidays", "non_negative")
    return {
        "hist_exog": list(forecaster.hist_exog),
        "freq": plain_freq(forecaster.freq),
        **{name: plain_parameter(name, getattr(forecaster, name)) for name in names},
    }


def _several(model: AutoEnsemble, *, exogenous: bool, static: bool, further: Sequence[str]) -> str:
    """Return the code that fits the members of an ensemble again, each as configured."""
    members = {part.member.name: part.member for part in reversed(model.state.team.parts)}
    networks = {n: m.model for n, m in members.items() if isinstance(m, NeuralMember)}
    settings = "".join(f"    {n!r}: {dict(own.best_config)!r},\n" for n, own in networks.items())
    arguments = [repr(list(reversed(members)))]
    arguments += ["config"] if networks else []
    arguments += ["static=static"] if static else []
    arguments += further
    arguments.append(f"random_state={model.state.task.random_seed}")
    data = "y, X=X" if exogenous else "y"
    lines = ["from automodel_sk import AutoNeuralForecaster", ""]
    lines += [f"config = {{\n{settings}}}"] if networks else []
    lines += ["forecaster = AutoNeuralForecaster(", *(f"    {a}," for a in arguments), ")"]
    lines.append(f"forecaster.fit({data}, fh=range(1, {model.h + 1}))")
    return "\n".join(lines)
