"""What people see of an ensemble: plots, report, card, summary and diagnosis, by their values."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of

from automodel_sk import AutoModel, AutoNeuralForecaster, create_auto_model
from automodel_sk.data.columns import ColumnNames
from automodel_sk.evaluation.coverage import coverage_on_windows
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.tracking.records import report_file
from automodel_sk.trials import TrialRecord

NOON = datetime(2024, 3, 1, 12)
LEFT_OUT = {"TFT": "its attention pays off with exogenous variables", "xLSTM": "not installed"}


def rows(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    times = pd.date_range("2020-01-31", periods=n, freq="ME")
    frames = [
        pd.DataFrame({"unique_id": name, "ds": times, "y": level + rng.normal(0, 1, n).cumsum()})
        for name, level in {"north": 100.0, "south <b>": 2000.0}.items()
    ]
    return pd.concat(frames, ignore_index=True)


def built(**options: Any) -> Any:
    frame = rows()
    data = data_of(frame, 3, n_windows=3)
    members = [
        LastTimes(1.0, data.frame, 3, name="Good", family="neural"),
        LastTimes(1.0005, data.frame, 3, name="Worse", family="tree"),
        LastTimes(1.002, data.frame, 3, name="Bad", family="statistical"),
    ]
    records = [
        TrialRecord(
            number,
            "COMPLETE",
            1.0,
            datetime_start=NOON + timedelta(seconds=10 * number),
            datetime_complete=NOON + timedelta(seconds=10 * number + 10),
        )
        for number in range(3)
    ]
    options = {"left_out": LEFT_OUT, "records": records, **options}
    return ensemble_of(frame, data, members, [0.75, 0.25, 0.0], **options)


@pytest.fixture(scope="module")
def ensemble() -> Any:
    return built(columns=ColumnNames(id_col="shop", time_col="month", target_col="sales"))


def bars_of(figure: Any) -> dict[str, float]:
    """Return the widths of the bars of a plotly figure by their text."""
    traces = [trace for trace in figure.data if trace.type == "bar"]
    return {name: value for t in traces for name, value in zip(t.y, t.x, strict=True)}


def test_the_bars_are_the_scores_of_the_leaderboard(ensemble):
    table = ensemble.leaderboard()
    figure = ensemble.plot.leaderboard(backend="plotly")
    assert bars_of(figure) == dict(zip(table["model"], table["score"], strict=True))
    assert list(figure.layout.yaxis.categoryarray) == table["model"].tolist()[::-1]
    families = dict(zip(table["model"], table["family"], strict=True))
    for trace in figure.data:
        assert {families[name] for name in trace.y} == {trace.name}
    assert "MASE" in figure.layout.xaxis.title.text
    drawn = ensemble.plot.leaderboard(max_rows=2).axes[0]
    widths = sorted(bar.get_width() for bar in drawn.patches)
    assert widths == pytest.approx(table["score"].tolist()[:2])
    assert drawn.get_title("left") == "Leaderboard: the best 2 of 4"


def test_mlflow_gets_the_report_where_plotly_can_draw_it(ensemble, monkeypatch):
    assert set(report_file(ensemble)) == {"report.html"}
    monkeypatch.setitem(sys.modules, "plotly", None)  # as if it were not installed
    assert report_file(ensemble) == {}
    with pytest.raises(MissingDependencyError, match=r"automodel_sk\[report\]"):
        ensemble.plot.weights(backend="plotly")


def test_the_weights_are_those_of_the_ensemble(ensemble):
    figure = ensemble.plot.weights(backend="plotly")
    assert bars_of(figure) == {"Good": 0.75, "Worse": 0.25}
    axes = ensemble.plot.weights().axes[0]
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(1)


def test_scores_stand_at_the_time_they_were_known(ensemble):
    figure = ensemble.plot.score_over_time(backend="plotly")
    table = ensemble.leaderboard().set_index("model")
    points = {t.name: (t.x[0], t.y[0]) for t in figure.data if t.mode == "markers"}
    assert points == {
        "neural": (10.0, table.loc["Good", "score"]),
        "tree": (20.0, table.loc["Worse", "score"]),
        "statistical": (30.0, table.loc["Bad", "score"]),
    }
    lines = {t.name: t for t in figure.data if t.mode == "lines"}
    best = np.minimum.accumulate([table.loc[name, "score"] for name in ("Good", "Worse", "Bad")])
    assert list(lines["best so far"].y[:3]) == best.tolist()
    assert set(lines["ensemble"].y) == {ensemble.best_score}
    with pytest.raises(InvalidInputError, match="the times of the trials are unknown"):
        built(records=()).plot.score_over_time()


def test_members_stand_beside_the_forecast(ensemble):
    figure = ensemble.plot.forecast(ids=["north"], members=True, backend="plotly")
    lines = {trace.name: trace for trace in figure.data}
    for name in ("Good", "Worse"):
        alone = ensemble.predict(member=name)
        alone = alone[alone["shop"] == "north"][name]
        assert list(lines[name].y[1:]) == alone.tolist()
    assert "Bad" not in lines
    assert len(ensemble.plot.forecast(members=True).axes) == 2


def test_a_single_model_has_no_members():
    values = [0.0, 1.0, 2.0, 1.0] * 10
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    config = {"max_steps": 1, "input_size": 4, "hidden_size": 4}
    model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
    with pytest.raises(InvalidInputError, match="this is a single model"):
        model.plot.forecast(members=True)


@pytest.fixture(scope="module")
def page(ensemble, tmp_path_factory) -> str:
    path = ensemble.report(tmp_path_factory.mktemp("page") / "report.html")
    text: str = path.read_text(encoding="utf-8")
    return text


def test_the_report_has_the_forecasts_totals_and_dates(ensemble, page):
    ahead = ensemble.predict()
    total = ahead["AutoEnsemble"].sum()
    assert "<title>Forecast of sales from 2023-05-31 to 2023-07-31</title>" in page
    heading = re.sub(r"<span[^>]*>|</span>", "", page[page.index("<h1>") : page.index("</h1>")])
    assert heading == "<h1>Forecast of sales from 2023-05-31 to 2023-07-31"
    assert "2 series, 3 months ahead" in page
    assert f"<b>{total:,.0f}</b><span>total forecast</span>" in page
    for value in ahead.groupby("month")["AutoEnsemble"].sum():
        assert f'<td class="number">{value:,.0f}</td>' in page
    for value in ahead.groupby("shop")["AutoEnsemble"].sum():
        assert f'<td class="number">{value:,.0f}</td>' in page
    assert "south &lt;b&gt;" in page
    assert "south <b>" not in re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)


def test_the_download_is_the_forecast(ensemble, page):
    [encoded] = re.findall(r'href="data:text/csv;charset=utf-8;base64,([^"]*)"', page)
    stored = pd.read_csv(StringIO(base64.b64decode(encoded).decode()))
    ahead = ensemble.predict(level=[80, 95])
    assert stored.columns.tolist()[:3] == ["shop", "month", "sales"]
    assert stored["sales"].tolist() == pytest.approx(ahead["AutoEnsemble"].tolist())
    assert stored["sales-hi-80"].tolist() == pytest.approx(ahead["AutoEnsemble-hi-80"].tolist())
    assert stored["month"].tolist() == ahead["month"].astype(str).tolist()


def test_the_report_shows_every_model_each_window_and_what_was_left_out(ensemble, page):
    text = " ".join(re.sub(r"<[^>]*>", " ", page.split("<main>")[1]).split())
    for row in ensemble.leaderboard().to_dict("records"):
        assert f"{row['model']} {row['family']} {row['score']:.3g}" in text
    assert "2022-08-31 to 2022-10-31" in text
    for row in ensemble.validation_scores(["mase"]).to_dict("records"):
        own = " ".join(f"{row[n]:.3g}" for n in ("AutoEnsemble", "Good", "Worse", "SeasonalNaive"))
        assert own in text
    for name, reason in LEFT_OUT.items():
        assert f"{name} : {reason}" in text
    assert "How often the intervals held" in text


def test_coverage_is_the_share_of_values_inside_intervals_of_other_windows():
    rng = np.random.default_rng(1)
    series = [
        pd.DataFrame({"unique_id": k, "ds": range(60), "y": rng.normal(0, 1, 60)})
        for k in range(60)
    ]
    history = pd.concat(series, ignore_index=True)
    windows = history[history["ds"] >= 40].assign(cutoff=lambda f: f["ds"] // 5 * 5 - 1, MLP=0.0)
    found = coverage_on_windows(windows, "MLP", history, 1, [50, 80])
    assert found[50] == pytest.approx(0.5, abs=0.05)
    assert found[80] == pytest.approx(0.8, abs=0.05)
    assert coverage_on_windows(windows[windows["ds"] >= 55], "MLP", history, 1, [80]) == {}
    # a last window that is like none before is held by nothing
    wild = windows.assign(y=windows["y"] + 100 * (windows["ds"] >= 55))
    assert coverage_on_windows(wild, "MLP", history, 1, [80])[80] <= 0.78


def test_what_was_left_out_is_saved_and_shown(ensemble):
    text = ensemble.summary()
    assert "  TFT: its attention pays off with exogenous variables" in text
    assert re.search(
        r"MASE [\d.]+ on 3 windows, seasonal naive [\d.]+ \(\d+% (better|worse)\)", text
    )
    card = ensemble._repr_html_()
    assert "2 left out" in card
    assert "xLSTM: not installed" in card
    table = ensemble.leaderboard()
    assert table.attrs["left_out"] == LEFT_OUT
    shown = " ".join(repr(table).split())
    assert "[left out: xLSTM: not installed]" in shown
    assert "left out" not in repr(table[["model", "score"]])
    score = table["score"].iloc[0]
    assert f"{score:.3g}" in card


def test_left_out_models_of_a_search_survive_saving(tmp_path):
    values = [float(step % 4) for step in range(40)]
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    options = {"season_length": 4, "use_mlflow": False, "verbose": False, "storage": ":memory:"}
    model = create_auto_model(["SeasonalNaive", "Naive", "CrostonOptimized"], 4, df, **options)
    loaded = AutoModel.load(model.save(tmp_path / "model"))
    assert loaded.left_out == model.left_out
    assert loaded.summary() == model.summary()
    assert repr(loaded) == repr(model)


def test_the_first_columns_of_the_leaderboard_fit_a_narrow_terminal(ensemble):
    table = ensemble.leaderboard()
    heading, *lines = repr(table).splitlines()
    assert heading.split() == ["model", "family", "score", "skill", "weight", "seconds", "state"]
    assert max(map(len, [heading, *lines])) <= 80
    numbers = [f"{table[name][0]:.4g}" for name in ("score", "skill", "weight", "seconds")]
    assert lines[0].split() == ["0", "Good", "neural", *numbers, "COMPLETE"]
    assert numbers[2] == "0.75"
    assert "member, score_1, score_2, score_3, fallbacks, reason, trial, params" in " ".join(
        " ".join(lines[-2:]).split()
    )
    assert "params" in repr(table[["model", "params"]])
    assert "params" not in table._repr_html_()


def with_record(ensemble: Any, **changes: Any) -> Any:
    changed = built()
    changed._state = replace(ensemble.state, **changes)
    return changed


def rules(ensemble: Any) -> dict[str, Any]:
    return {finding.rule: finding for finding in ensemble.diagnose()}


def test_networks_behind_the_baselines_are_found(ensemble):
    record = ensemble.state.record
    good = record.candidates[0]
    networks = [
        Candidate(5, "NHITS", "neural", forecasts=good.forecasts + 50),
        Candidate(6, "NHITS", "neural", forecasts=good.forecasts + 60),
        Candidate(7, "TFT", "neural", forecasts=good.forecasts + 70),
        Candidate(8, "Naive", "naive", forecasts=good.forecasts),
    ]
    behind = with_record(ensemble, record=replace(record, candidates=tuple(networks)))
    finding = rules(behind)["networks_behind_baselines"]
    assert "None of 2 networks beats Naive" in finding.text
    assert set(finding.evidence) == {"NHITS", "TFT", "Naive"}
    assert finding.evidence["NHITS"] > finding.evidence["Naive"]
    assert finding.suggestion["exclude"] == ["NHITS", "TFT"]
    near = [networks[0], replace(networks[3], forecasts=good.forecasts + 90)]
    without = with_record(ensemble, record=replace(record, candidates=tuple(near)))
    assert "no_network" in rules(without)
    assert "networks_behind_baselines" not in rules(without)


def test_fallbacks_are_counted_with_their_reason(ensemble):
    record = ensemble.state.record
    slow = replace(record.candidates[2], n_fallbacks=4, reason="the time was up")
    record = replace(record, candidates=(*record.candidates[:2], slow))
    finding = rules(with_record(ensemble, record=record))["fallbacks"]
    assert "Bad failed or ran out of time in 4 of 6 forecasts" in finding.text
    assert "(the time was up)" in finding.text
    assert finding.evidence == {"Bad": 4, "forecasts": 6}
    assert finding.suggestion["time_budget_hours"] > 0


def test_members_that_the_time_cut_short_are_found(ensemble):
    team = ensemble.state.team
    parts = (replace(team.parts[0], note="it keeps the weights of its trial"), *team.parts[1:])
    cut = with_record(ensemble, team=replace(team, parts=parts))
    finding = rules(cut)["cut_members"]
    assert finding.evidence == {"Good": "it keeps the weights of its trial"}
    assert "Good: it keeps the weights of its trial" in cut.summary()


def test_one_window_and_no_validation_are_found(ensemble):
    state = ensemble.state
    unvalidated = with_record(ensemble, combination=replace(state.combination, validation="none"))
    assert rules(unvalidated)["not_validated"].evidence["validation"] == "none"
    assert not {"not_validated", "one_window"} & set(rules(ensemble))
    values = [float(step % 4) for step in range(40)]
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    options = {"season_length": 4, "use_mlflow": False, "verbose": False, "n_windows": 1}
    one = create_auto_model(["SeasonalNaive", "Naive"], 4, df, storage=":memory:", **options)
    assert rules(one)["not_validated"].suggestion == {"n_windows": 3}


def test_a_forecaster_of_several_models_has_its_plots_in_its_own_terms(tmp_path):
    index = pd.period_range("2018-01", periods=48, freq="M")
    season = 100 + 10 * np.sin(np.arange(48) * np.pi / 6)
    noise = np.random.default_rng(0).normal(0, 1, 48)
    y = pd.Series(season + noise, index, name="sales")
    forecaster = AutoNeuralForecaster(["SeasonalNaive", "Naive", "WindowAverage"])
    forecaster.fit(y, fh=range(1, 13))
    table = forecaster.auto_model_.leaderboard()
    bars = bars_of(forecaster.plot.leaderboard(backend="plotly"))
    assert bars == dict(zip(table["model"], table["score"], strict=True))
    figure = forecaster.plot.forecast(members=True, backend="plotly")
    lines = {trace.name: trace for trace in figure.data}
    [member, *_] = forecaster.auto_model_.members
    assert str(lines[member].x[-1]).startswith("2022-12-01")
    assert lines["AutoEnsemble forecast"].y[1:] == pytest.approx(forecaster.predict().to_numpy())
    page = forecaster.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>Forecast of sales from 2022-01-01 to 2022-12-01</title>" in page
    assert f"<b>{forecaster.predict().sum():,.1f}</b><span>total forecast</span>" in page
    assert "2021-01-01 to 2021-12-01" in page
