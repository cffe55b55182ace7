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
from automodel_sk.data.period import steps_in_words, unit_of
from automodel_sk.evaluation.backtest import Backtest, measured
from automodel_sk.evaluation.coverage import coverage_on_windows
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.metrics import display_name
from automodel_sk.plots.forecast_plot import (
    LEVELS,
    forecasts,
    levels_within_reach,
    series_to_show,
)
from automodel_sk.plots.renderers.plotly import draw
from automodel_sk.plots.study import tuned_values
from automodel_sk.report.environment_info import environment_info
from automodel_sk.report.forecast_table import ForecastTables, day_of, forecast_tables
from automodel_sk.report.several import several_models
from automodel_sk.report.summary import counts_of_trials
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
    ahead, not_shown = _ahead(plots, future)
    tables = None if ahead is None else _tables(plots, ahead)
    return {
        "model": model,
        "title": _title(plots, tables),
        "what": _what(plots),
        "ahead": steps_in_words(model.h, plots._frequency),
        "unit": unit_of(plots._frequency),
        "forecast": tables,
        "several": several_models(plots),
        "coverage": {} if test is None else _coverage(plots),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "verdict": Verdict("unknown", untested) if test is None else _verdict(plots, test),
        "scores": [] if test is None else _scores(test),
        "forecasts": _forecasts(plots, test, ahead, not_shown, future),
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


def _what(plots: ModelPlots) -> str:
    target = plots._names[2]
    return "Forecast" if target == "y" else f"Forecast of {target}"


def _title(plots: ModelPlots, tables: ForecastTables | None) -> str:
    """Return what is forecast, and for when."""
    what = _what(plots)
    if tables is None:
        return f"{what}, {steps_in_words(plots._model.h, plots._frequency)} ahead"
    if tables.first == tables.last:
        return f"{what} for {tables.first}"
    return f"{what} from {tables.first} to {tables.last}"


def _ahead(plots: ModelPlots, future: pd.DataFrame | None) -> tuple[pd.DataFrame | None, str]:
    """Return the forecast with its intervals, or why there is none."""
    model = plots._model
    level = levels_within_reach(model.state)
    try:
        return plots._shown(model.predict(**plots._inputs(future), level=level or None)), ""
    except InvalidInputError as exc:
        return None, f"The future is not shown: {exc}"


def _tables(plots: ModelPlots, ahead: pd.DataFrame) -> ForecastTables:
    state = plots._model.state
    return forecast_tables(ahead, state.column, levels_within_reach(state), plots._names)


def _coverage(plots: ModelPlots) -> dict[float, float]:
    """Return how often intervals of past windows held, for a model whose errors make them."""
    model = plots._model
    state = model.state
    if loss_family(state.loss) != "point":
        return {}
    test = measured(model)
    levels = levels_within_reach(state) or LEVELS
    forecasts = test.forecasts if test.raw is None else test.raw
    return coverage_on_windows(forecasts, test.model, state.history(), state.season, levels)


def _tested(plots: ModelPlots) -> tuple[Backtest | None, str]:
    try:
        return plots._measured(), ""
    except InvalidInputError as exc:
        return None, f"The accuracy of the forecasts is unknown: {exc}."


def _verdict(plots: ModelPlots, test: Backtest) -> Verdict:
    return verdict(test, plots._model.state.season, plots._frequency)


def _scores(test: Backtest) -> list[dict[str, Any]]:
    table = test.scores()
    return [
        {"name": name, "rule": BASELINES.get(str(name), "this model")}
        | {str(measure): float(value) for measure, value in zip(table, row, strict=True)}
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    ]


def _forecasts(
    plots: ModelPlots,
    test: Backtest | None,
    ahead: pd.DataFrame | None,
    not_shown: str,
    future: pd.DataFrame | None,
) -> Picture:
    """Return the forecasts of the best, the median and the worst series."""
    model, past = plots._model, plots._observed(None)
    by_word = {} if test is None else test.typical_series()
    if not by_word:
        names, caption = series_to_show(past["unique_id"], None, 3), "The first series."
    else:
        names = list(by_word.values())
        order = ", ".join(_WORDS[word] for word in by_word)
        caption = f"From above: {order}." if len(by_word) > 1 else "The data, and what follows."
    level = levels_within_reach(model.state)
    members: dict[str, pd.DataFrame] = {}
    if ahead is None:
        caption = f"{caption} {not_shown}"
    else:
        inputs = plots._inputs(future)
        past = plots._observed(inputs.get("dataset"))
        members = _members(plots, inputs)
    steps = max(4 * model.h, 2 * model.state.season)
    past = past[past["unique_id"].isin(names)].groupby("unique_id", observed=True).tail(steps)
    sketch = forecasts(past, ahead, model.state.column, names, level, test, members=members)
    return Picture("forecasts", caption, draw(sketch))


def _members(plots: ModelPlots, inputs: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the forecasts of an ensemble's members, if it has several."""
    members = getattr(plots._model, "members", {})
    try:
        return plots._of_members(inputs) if len(members) > 1 else {}
    except InvalidInputError:
        return {}


def _error_pictures(plot: ModelPlots) -> list[Picture]:
    unit = unit_of(plot._frequency)
    return [
        _picture("error_by_step", f"Error by {unit} ahead.", plot.error_by_step),
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
    first, last = (day_of(time) for time in _ends(times))
    return {
        **rows,
        "frequency": plots._frequency,
        "season length": state.season if state.season > 1 else "none known",
        "first time": first,
        "last time": last,
    }


def _ends(times: pd.Series) -> tuple[Any, Any]:
    return times.min(), times.max()


def _search(plot: ModelPlots) -> dict[str, Any]:
    model, trials = plot._model, plot._model.trials
    counts = counts_of_trials(model)
    several = hasattr(model, "leaderboard")
    return {
        "why": "" if model.strategy is None else model.strategy.description,
        "n_trials": len(trials),
        "counts": ", ".join(f"{count:,} {word}" for word, count in counts.items()),
        "metric": display_name(model.state.metric_name),
        "seconds": trials["duration"].dt.total_seconds().sum(),
        "pictures": _pictures_of_models(plot) if several else _pictures_of_trials(plot),
        "slices": None
        if several
        else _picture("slices", "Loss by parameter.", plot.slices, wide=True),
        "table": _best_trials(model.state.records),
    }


def _pictures_of_trials(plot: ModelPlots) -> list[Picture]:
    return [
        _picture("history", "Losses of the trials, and the best so far.", plot.history),
        _picture("learning_curves", "Learning curves of the trials.", plot.learning_curves),
        _picture("importances", "Importance of the parameters.", plot.importances),
    ]


def _pictures_of_models(plot: Any) -> list[Picture]:
    return [
        _picture("score_over_time", "Score of each model when it was known.", plot.score_over_time),
        _picture("learning_curves", "Learning curves of the trials.", plot.learning_curves),
    ]


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
