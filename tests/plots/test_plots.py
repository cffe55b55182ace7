"""Plots, by the values that they show."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from searched import HOSTILE, hostile_panel, searched_model
from series import seasonal_panel

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.evaluation.backtest import Backtest, backtest
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.plots import search_plots
from automodel_sk.plots.error_plots import error_by_series, error_by_step, residuals
from automodel_sk.plots.figure_spec import Bars, Line, Points
from automodel_sk.plots.forecast_plot import levels_within_reach
from automodel_sk.plots.renderers import matplotlib as with_matplotlib
from automodel_sk.plots.renderers import plotly as with_plotly
from automodel_sk.plots.study import as_study
from automodel_sk.trials import TrialRecord

OF_THE_SEARCH = ("history", "learning_curves", "importances", "slices")
PLOTS = ("forecast", *OF_THE_SEARCH, "error_by_step", "error_by_series", "residuals")


def trial(number: int, state: str, losses: list[float], **params: object) -> TrialRecord:
    value = None if state == "FAIL" else min(losses)
    return TrialRecord(number, state, value, params, {5 * (k + 1): x for k, x in enumerate(losses)})


RECORDS = [
    trial(0, "COMPLETE", [9.0, 5.0], learning_rate=1e-4, layers=1, units=[8, 8], h=3),
    trial(1, "PRUNED", [8.0], learning_rate=1e-3, layers=2, units=[8, 8], h=3),
    trial(2, "COMPLETE", [7.0, 3.0, 4.0], learning_rate=1e-2, layers=1, units=[16, 16], h=3),
    trial(3, "FAIL", [], learning_rate=1e-1, layers=2, units=[16, 16], h=3),
    trial(4, "COMPLETE", [6.0, 6.5], learning_rate=3e-2, layers=2, units=[8, 8], h=3),
]


def layers_by_name(spec) -> dict[str, object]:
    return {layer.name: layer for panel in spec.panels for layer in panel.layers}


def test_the_study_holds_the_trials_and_what_was_tuned():
    study = as_study(RECORDS)
    assert [t.state.name for t in study.trials] == [r.state for r in RECORDS]
    assert [t.value for t in study.trials] == [5.0, 8.0, 3.0, None, 6.0]
    assert study.best_params == {"learning_rate": 1e-2, "layers": 1, "units": "[16, 16]"}
    assert study.trials[2].intermediate_values == {5: 7.0, 10: 3.0, 15: 4.0}
    assert study.trials[0].distributions["learning_rate"].log
    assert not study.trials[0].distributions["layers"].log


def test_optuna_draws_the_study():
    import optuna.visualization

    figure = optuna.visualization.plot_slice(as_study(RECORDS), params=["learning_rate"])
    [points] = [trace for trace in figure.data if trace.x]
    assert list(zip(points.x, points.y, strict=True)) == [(1e-4, 5.0), (1e-2, 3.0), (3e-2, 6.0)]
    assert figure.layout.xaxis.type == "log"


def test_history_shows_each_trial_and_the_best_so_far():
    spec = search_plots.history(RECORDS)
    found = layers_by_name(spec)
    assert list(found["complete"].x) == [0, 2, 4]
    assert list(found["complete"].y) == [5.0, 3.0, 6.0]
    assert (list(found["pruned early"].x), list(found["pruned early"].y)) == ([1], [8.0])
    assert list(found["best so far"].x) == [0, 2, 4, 4]
    assert list(found["best so far"].y) == [5.0, 3.0, 3.0, 3.0]
    assert spec.panels[0].title == "Trials of the search (1 failed)"


def test_learning_curves_put_the_best_in_front():
    [panel] = search_plots.learning_curves(RECORDS).panels
    names = [layer.name for layer in panel.layers]
    assert names == ["pruned early", "complete", "complete", "best, trial 2"]
    assert list(panel.layers[-1].x) == [5, 10, 15]
    assert list(panel.layers[-1].y) == [7.0, 3.0, 4.0]


def test_importance_belongs_to_the_parameter_that_decides():
    rng = np.random.default_rng(0)
    records = [
        trial(k, "COMPLETE", [10.0 * (k % 2)], scaler=("a", "b")[k % 2], noise=float(rng.random()))
        for k in range(30)
    ]
    shares = search_plots.parameter_importances(records)
    assert list(shares) == ["scaler", "noise"]
    assert shares["scaler"] > 0.9
    assert sum(shares.values()) == pytest.approx(1.0)
    [bars] = search_plots.importances(records).panels[0].layers
    assert list(bars.x) == ["noise", "scaler"]  # the largest on top
    assert bars.y[-1] == shares["scaler"]


def test_slices_show_each_parameter_on_a_scale_that_suits_it():
    panels = {panel.title: panel for panel in search_plots.slices(RECORDS).panels}
    assert list(panels) == ["learning_rate", "layers", "units"]
    assert panels["learning_rate"].log_x
    assert not panels["layers"].log_x
    pruned, complete = panels["units"].layers
    assert (list(pruned.x), list(complete.x)) == (["[8, 8]"], ["[16, 16]", "[8, 8]", "[8, 8]"])
    assert [panel.title for panel in search_plots.slices(RECORDS, ["layers"]).panels] == ["layers"]
    with pytest.raises(InvalidInputError, match=r"'h'.*learning_rate"):
        search_plots.slices(RECORDS, ["h"])


def test_too_little_to_draw_is_said():
    with pytest.raises(InvalidInputError, match="at least 4 complete trials, found 3"):
        search_plots.importances(RECORDS)
    with pytest.raises(InvalidInputError, match="have the same loss"):
        search_plots.importances([trial(k, "COMPLETE", [1.0], layers=k) for k in range(5)])
    with pytest.raises(InvalidInputError, match="no parameter differs"):
        search_plots.slices(RECORDS[:1])
    with pytest.raises(InvalidInputError, match="no trial reported"):
        search_plots.learning_curves(RECORDS[3:4])


def known_backtest() -> Backtest:
    """Errors of 1 and 3 of series a (scale 2) and of 8 and 0 of series b (scale 4)."""
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b"],
            "cutoff": 4,
            "ds": [5, 6, 5, 6],
            "y": [10.0, 10.0, 20.0, 20.0],
            "scale": [2.0, 2.0, 4.0, 4.0],
            "MLP": [9.0, 13.0, 12.0, 20.0],
            "SeasonalNaive": [8.0, 12.0, 24.0, 16.0],
        }
    )
    return Backtest(frame, "MLP", Windows(1, 2))


def test_errors_by_step_and_by_series_are_scaled_means():
    found = layers_by_name(error_by_step(known_backtest()))
    assert list(found["MLP"].x) == [1, 2]
    assert list(found["MLP"].y) == [(0.5 + 2.0) / 2, (1.5 + 0.0) / 2]
    assert list(found["seasonal naive"].y) == [1.0, 1.0]
    by_series = layers_by_name(error_by_series(known_backtest(), max_ids=20))
    assert list(zip(by_series["MLP"].x, by_series["MLP"].y, strict=True)) == [
        ("a", 1.0),
        ("b", 1.0),
    ]
    assert list(by_series["seasonal naive"].x) == [1.0, 1.0]
    scores = known_backtest().scores()
    assert scores.loc["MLP"].tolist() == [1.0, 3.0, pytest.approx(math.sqrt(74 / 4)), 0.0]


def test_the_worst_series_are_shown_where_there_are_many():
    ids = [f"series with a rather long name {k:02}" for k in range(30)]
    frame = pd.DataFrame(
        {"unique_id": ids, "cutoff": 0, "ds": 1, "y": 0.0, "scale": 1.0, "SeasonalNaive": 1.0}
    ).assign(MLP=np.arange(30.0))
    spec = error_by_series(Backtest(frame, "MLP", Windows(1, 1)), max_ids=3)
    assert list(spec.panels[0].layers[0].y) == [27.0, 28.0, 29.0]
    assert spec.panels[0].title == "The worst 3 of 30 series"
    assert list(spec.panels[0].layers[0].x) == ids[27:]  # cut, they would be the same


def test_names_that_look_like_numbers_are_names():
    frame = pd.DataFrame(
        {"unique_id": ["10", "7"], "cutoff": 0, "ds": 1, "y": 0.0, "scale": 1.0, "MLP": [2.0, 1.0]}
    ).assign(SeasonalNaive=1.0)
    page = with_plotly.draw(error_by_series(Backtest(frame, "MLP", Windows(1, 1)), 20))
    assert (page.layout.yaxis.type, list(page.data[0].y)) == ("category", ["7", "10"])
    assert page.layout.xaxis.type is None
    chosen = [trial(k, "COMPLETE", [1.0 + k], size=("8", "16")[k % 2]) for k in range(4)]
    assert with_plotly.draw(search_plots.slices(chosen)).layout.xaxis.type == "category"


def test_residuals_are_signed_and_all_counted():
    spread, drift = residuals(known_backtest()).panels
    [bars] = spread.layers
    assert bars.y.sum() == 4
    assert bars.x[0] == pytest.approx(-1.5, abs=0.3)  # forecast too high by 1.5 scales
    assert bars.x[-1] == pytest.approx(2.0, abs=0.3)  # and too low by 2
    [median] = [layer for layer in drift.layers if layer.name == "median residual"]
    assert list(median.y) == [1.25, -0.75]


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return searched_model()


@pytest.fixture(scope="module")
def fixed() -> AutoModel:
    return create_auto_model(
        "MLP",
        6,
        seasonal_panel(2, 60),
        {"input_size": 12, "hidden_size": 8, "max_steps": 3},
        use_mlflow=False,
        verbose=False,
    )


@pytest.mark.parametrize("name", PLOTS)
def test_each_plot_is_drawn_alike_by_both_libraries(model: AutoModel, name: str):
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    ours, theirs = getattr(model.plot, name)(), getattr(model.plot, name)(backend="plotly")
    assert isinstance(ours, Figure)
    assert type(theirs).__module__.startswith("plotly")
    assert not plt.get_fignums()  # a notebook would show it twice
    titles = [axes.get_title("left").replace(r"\$", "$") for axes in ours.axes]
    escaped = [note.text for note in theirs.layout.annotations]
    assert [t.replace("&", "&amp;").replace("<", "&lt;").split("'")[0] for t in titles if t] == [
        note.replace("&gt;", ">").split("&#x27;")[0] for note in escaped
    ]
    shown = {trace.name for trace in theirs.data if trace.showlegend}
    legend = {text.get_text() for text in ours.legends[0].get_texts()} if ours.legends else shown
    assert legend == shown


def test_both_libraries_get_the_same_numbers():
    spec = search_plots.history(RECORDS)
    ours, theirs = with_matplotlib.draw(spec), with_plotly.draw(spec)
    complete, pruned = ours.axes[0].collections
    assert complete.get_offsets().tolist() == [[0, 5.0], [2, 3.0], [4, 6.0]]
    assert pruned.get_offsets().tolist() == [[1, 8.0]]
    assert list(theirs.data[0].y) == [5.0, 3.0, 6.0]
    assert list(theirs.data[2].y) == list(ours.axes[0].lines[0].get_ydata())


@pytest.mark.parametrize("name", OF_THE_SEARCH)
def test_without_a_search_that_is_said(fixed: AutoModel, name: str):
    with pytest.raises(InvalidInputError, match="configuration was fixed"):
        getattr(fixed.plot, name)()


def test_an_unknown_backend_is_named(model: AutoModel):
    with pytest.raises(
        InvalidInputError, match=r"backend must be one of 'matplotlib', 'plotly', got 'bokeh'"
    ):
        model.plot.residuals(backend="bokeh")


def test_the_forecast_and_its_intervals_follow_the_history(model: AutoModel):
    figure = model.plot.forecast(ids=["south"], level=[80], history=10)
    [axes] = figure.axes
    past = hostile_panel().query("unique_id == 'south'")
    own = model.predict(level=[80]).query("unique_id == 'south'")
    history, ahead = axes.lines
    assert history.get_ydata() == pytest.approx(past["y"].to_numpy()[-10:])
    assert ahead.get_ydata() == pytest.approx([past["y"].iloc[-1], *own["MLP"]])
    corners = axes.collections[0].get_paths()[0].vertices[:, 1]
    for column in ("MLP-lo-80", "MLP-hi-80"):
        assert all(np.isclose(corners, value).any() for value in own[column])


def test_what_would_have_been_forecast_and_what_came(model: AutoModel):
    later = pd.DataFrame(
        {"unique_id": "south", "ds": pd.date_range("2024-03-11", periods=7), "y": 1.5}
    )
    figure = model.plot.forecast(["south"], [], held_out=True, actual=later)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    curves = [line.get_ydata() for line in lines.values()]
    windows = backtest(model).windows
    past = model.cross_validation(n_windows=windows.count, step_size=windows.step)
    last = past[(past["unique_id"] == "south") & (past["cutoff"] == past["cutoff"].max())]
    assert curves[1] == pytest.approx(last["MLP"].to_numpy())
    assert curves[2][1:] == pytest.approx([1.5] * 7)


def test_series_to_show(model: AutoModel):
    assert len(model.plot.forecast(max_ids=2).axes) == 2
    with pytest.raises(InvalidInputError, match="ids names 'west'"):
        model.plot.forecast(ids=["west"])
    with pytest.raises(InvalidInputError, match=r"ids can't be \[\]; try ids="):
        model.plot.forecast(ids=[])


def test_names_are_neither_formulas_nor_markup(model: AutoModel):
    name = HOSTILE[2]
    figure = model.plot.forecast(ids=[name])
    figure.canvas.draw()
    assert figure.axes[0].title.get_text() == ""
    assert figure.axes[0].get_title("left") == r"north & \$5 off\$"
    page = model.plot.forecast(ids=[name], backend="plotly")
    assert page.layout.annotations[0].text == "north &amp; $5 off$"


def test_times_are_dates_and_trials_whole_numbers(model: AutoModel):
    axes = model.plot.forecast(ids=["south"]).axes[0]
    axes.figure.canvas.draw()
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"Feb", "Mar"} & set(labels)
    assert len(labels) <= 8
    axes = model.plot.history().axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_the_backtest_is_what_cross_validation_gives(model: AutoModel):
    test = backtest(model)
    windows = test.windows
    raw = model.cross_validation(n_windows=windows.count, step_size=windows.step)
    both = test.forecasts.merge(raw, on=["unique_id", "ds", "cutoff"], suffixes=("", "_raw"))
    assert len(both) == len(raw) == 4 * 7 * windows.count
    assert both["MLP"].to_numpy() == pytest.approx(both["MLP_raw"].to_numpy())
    week_before = hostile_panel().assign(ds=lambda df: df["ds"] + pd.Timedelta(days=7))
    naive = test.forecasts.merge(week_before, on=["unique_id", "ds"], suffixes=("", "_before"))
    assert naive["SeasonalNaive"].to_numpy() == pytest.approx(naive["y_before"].to_numpy())
    scaled = (raw["y"] - raw["MLP"]).abs() / raw["unique_id"].map(_scales())
    by_series = scaled.groupby(raw["unique_id"]).mean()
    assert test.scores().loc["MLP", "MASE"] == pytest.approx(by_series.mean())
    ranked = by_series.sort_values().index
    expected = {"best": ranked[0], "typical": ranked[2], "worst": ranked[3]}
    assert test.typical_series() == expected


def _scales() -> pd.Series:
    panel = hostile_panel()
    return panel.groupby("unique_id")["y"].apply(lambda y: y.diff(7).abs().mean())


def test_the_backtest_is_trained_once_and_calibrates(
    fixed: AutoModel, monkeypatch: pytest.MonkeyPatch
):
    renewed = fixed.refit(seasonal_panel(2, 72))
    trained = []
    real = AutoModel._past_windows

    def counted(self: AutoModel, *args: object, **kwargs: object) -> pd.DataFrame:
        trained.append(self)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(AutoModel, "_past_windows", counted)
    renewed.plot.error_by_step()
    renewed.plot.residuals()
    renewed.plot.forecast()
    assert trained == [renewed]
    errors = renewed._scores.errors
    renewed.calibrate()
    assert renewed._scores.errors == pytest.approx(errors)
    fixed.plot.error_by_step()
    assert trained == [renewed, renewed, fixed]


def test_series_too_short_to_hold_out_a_window():
    model = create_auto_model(
        "MLP",
        6,
        seasonal_panel(2, 14),
        {"input_size": 3, "hidden_size": 8, "max_steps": 1},
        use_mlflow=False,
        verbose=False,
    )
    with pytest.raises(InvalidInputError, match="14 rows, too few to hold out 6 steps"):
        model.plot.error_by_series()
    [first, _] = model.plot.forecast().axes
    assert len(first.collections) == 2  # half of the rows calibrates intervals, and judges nothing
    assert len(first.lines) == 2


def test_levels_stay_within_the_trained_quantiles(model: AutoModel):
    from neuralforecast.losses.pytorch import DistributionLoss, MQLoss

    def levels(loss: object) -> list[float]:
        return levels_within_reach(SimpleNamespace(loss=loss))

    assert levels_within_reach(model.state) == [80.0, 95.0]
    assert levels(DistributionLoss("Normal", level=[50])) == [80.0, 95.0]
    assert levels(MQLoss(level=[80, 90])) == [80.0]
    assert levels(MQLoss(level=[50])) == [50.0]
    assert levels(MQLoss(quantiles=[0.5, 0.9])) == []


def test_the_study_of_a_loaded_model_is_the_same(model: AutoModel, tmp_path):
    again = AutoModel.load(model.save(tmp_path / "model"))
    ours, theirs = model.plot.study, again.plot.study
    assert [t.params for t in ours.trials] == [t.params for t in theirs.trials]
    assert [t.intermediate_values for t in ours.trials] == [
        t.intermediate_values for t in theirs.trials
    ]
    assert ours.best_value == model.best_score
    assert "forecast" in repr(again.plot)


def test_sketches_name_their_layers_once():
    spec = search_plots.learning_curves(RECORDS)
    kinds = [type(layer) for _, layer in spec.named_once()]
    assert kinds == [Line, Line, Line]
    both = error_by_series(known_backtest(), 5)
    assert [type(layer) for _, layer in both.named_once()] == [Bars, Points]


def test_a_series_without_observed_values_is_not_the_worst() -> None:
    frame = pd.DataFrame({
        "unique_id": list("abc"), "cutoff": 1, "ds": 2, "y": [1.0, np.nan, 1.0],
        "MLP": [1.5, 1.0, 3.0], "SeasonalNaive": 1.0, "scale": 1.0,
    })  # fmt: skip
    assert Backtest(frame, "MLP", Windows(1, 1)).typical_series() == {"best": "a", "worst": "c"}
