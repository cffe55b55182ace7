"""The contents of a model's report, before the layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.data.analysis import analyse_dataset
from automodel_sk.data.baselines import BASELINES
from automodel_sk.evaluation.backtest import Backtest
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.plots.forecast_plot import forecasts, levels_within_reach, series_to_show
from automodel_sk.plots.renderers.plotly import draw
from automodel_sk.plots.study import tuned_values
from automodel_sk.report.environment_info import environment_info
from automodel_sk.report.verdict import Verdict, verdict

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.plots import ModelPlots
    from automodel_sk.trials import TrialRecord

__all__ = ["Picture", "contents"]

_MOST_TRIALS = 20
_WORDS = {"best": "the series forecast best", "typical": "a typical one", "worst": "the worst"}


@dataclass(frozen=True)
class Picture:
    """A figure, or the reason for its absence.

    Parameters
    ----------
    name : str
        Name of the figure in the page.
    caption : str
        Caption of the figure.
    figure : plotly Figure, optional
    why_not : str
        Text shown instead of the figure.
    wide : bool
        Whether it has panels side by side.
    """

    name: str
    caption: str
    figure: Any = None
    why_not: str = ""
    wide: bool = False


def contents(plots: ModelPlots, code: str, future: pd.DataFrame | None = None) -> dict[str, Any]:
    """Return the variables of the template.

    Parameters
    ----------
    plots : ModelPlots
        The model's plots, which know the ids and times of its data.
    code : str
        Python code that trains the configuration again.
    future : DataFrame, optional
        Known future values, as the plots accept them.

    Returns
    -------
    dict
    """
    model = plots._model
    state = model.state
    test, untested = _tested(plots)
    return {
        "model": model,
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "verdict": Verdict("unknown", untested) if test is None else verdict(test, state.season),
        "scores": [] if test is None else _scores(test),
        "forecasts": _forecasts(plots, test, future),
        "errors": [] if test is None else _error_pictures(plots),
        "data": _data(plots),
        "warnings": [] if model.validation is None else model.validation.warnings,
        "cut": model.training_note,
        "checked": model.validation is not None,
        "search": _search(plots) if state.records else None,
        "findings": _findings(model),
        "code": code,
        "environment_info": environment_info(),
    }


def _tested(plots: ModelPlots) -> tuple[Backtest | None, str]:
    try:
        return plots._measured(), ""
    except InvalidInputError as exc:
        return None, f"The accuracy of the forecasts is unknown: {exc}."


def _scores(test: Backtest) -> list[dict[str, Any]]:
    table = test.scores()
    return [
        {"name": name, "rule": BASELINES.get(str(name), "this model")}
        | {str(measure): float(value) for measure, value in zip(table, row, strict=True)}
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]


def _forecasts(plots: ModelPlots, test: Backtest | None, future: pd.DataFrame | None) -> Picture:
    """Return the forecasts of the best, the median and the worst series."""
    model, past = plots._model, plots._observed(None)
    if test is None:
        names, caption = series_to_show(past["unique_id"], None, 3), "The first series."
    else:
        by_word = test.typical_series()
        names = list(by_word.values())
        order = ", ".join(_WORDS[word] for word in by_word) if len(by_word) > 1 else "the series"
        caption = f"From above: {order}."
    level = levels_within_reach(model.state)
    try:
        inputs = plots._inputs(future)
        ahead = plots._shown(model.predict(**inputs, level=level or None))
        past = plots._observed(inputs.get("dataset"))
    except InvalidInputError as exc:
        ahead, caption = None, f"{caption} The future is not shown: {exc}"
    steps = max(4 * model.h, 2 * model.state.season)
    past = past[past["unique_id"].isin(names)].groupby("unique_id", observed=True).tail(steps)
    sketch = forecasts(past, ahead, model.state.column, names, level, test)
    return Picture("forecasts", caption, draw(sketch))


def _error_pictures(plot: ModelPlots) -> list[Picture]:
    return [
        _picture("error_by_step", "Error by forecast step.", plot.error_by_step),
        _picture("error_by_series", "Error by series.", plot.error_by_series),
        _picture(
            "residuals",
            "Size of the residuals, and whether they stay positive or negative for long.",
            plot.residuals,
            wide=True,
        ),
    ]


def _picture(name: str, caption: str, plot: Callable[..., Any], wide: bool = False) -> Picture:
    try:
        return Picture(name, caption, plot(backend="plotly"), wide=wide)
    except InvalidInputError as exc:
        return Picture(name, caption, why_not=str(exc))


def _data(plots: ModelPlots) -> dict[str, Any]:
    state = plots._model.state
    task = state.task
    frame = plots._past(None)
    profile = analyse_dataset(
        frame,
        freq=state.freq,
        futr_exog=task.futr_exog,
        hist_exog=task.hist_exog,
        stat_exog=task.stat_exog,
    )
    rows = {str(name): value for name, value in profile.describe()["value"].items()}
    del rows["unused columns"]
    times = plots._shown(frame)["ds"]
    first, last = (str(time).removesuffix(" 00:00:00") for time in _ends(times))
    return {
        **rows,
        "frequency": plots._frequency,
        "season length": state.season,
        "first time": first,
        "last time": last,
    }


def _ends(times: pd.Series) -> tuple[Any, Any]:
    return times.min(), times.max()


def _search(plot: ModelPlots) -> dict[str, Any]:
    model, trials = plot._model, plot._model.trials
    states = trials["state"].value_counts()
    return {
        "why": "" if model.strategy is None else model.strategy.description,
        "counts": [int(states.get(state, 0)) for state in ("COMPLETE", "PRUNED", "FAIL")],
        "seconds": trials["duration"].dt.total_seconds().sum(),
        "pictures": [
            _picture("history", "Losses of the trials, and the best so far.", plot.history),
            _picture("learning_curves", "Learning curves of the trials.", plot.learning_curves),
            _picture("importances", "Importance of the parameters.", plot.importances),
        ],
        "slices": _picture("slices", "Loss by parameter.", plot.slices, wide=True),
        "table": _best_trials(model.state.records),
    }


def _best_trials(records: Sequence[TrialRecord]) -> dict[str, Sequence[Any]]:
    """Return the heading and the rows of the table of best trials."""
    tuned = tuned_values(records)
    ranked = sorted(records, key=lambda r: math.inf if r.value is None else r.value)
    rows = [
        [r.number, r.state.lower(), r.value, r.duration_seconds]
        + [tuned[name].get(r.number, "") for name in tuned]
        for r in ranked[:_MOST_TRIALS]
    ]
    return {"heading": ["trial", "state", "loss", "seconds", *tuned], "rows": rows}


def _findings(model: AutoModel) -> list[Any]:
    """Return the findings of the diagnosis."""
    diagnose = getattr(model, "diagnose", None)
    return [] if diagnose is None else list(diagnose())
