"""The leaderboard, scores of later rows, and weights chosen on these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of, forecasts_of

from automodel_sk import AutoModel
from automodel_sk.data.treatment import Treatment
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.combiners import ENSEMBLES
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.members.base import Deadline, NotSupportedByMemberError
from automodel_sk.portfolio.members.table import member_of

H = 3


def rows(length: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": np.arange(length),
                "y": level + rng.normal(0, 1, length).cumsum(),
            }
        )
        for name, level in (("x", 50.0), ("y", 500.0))
    ]
    return pd.concat(parts, ignore_index=True)


def built(frame: pd.DataFrame, n_windows: int = 2) -> AutoEnsemble:
    data = data_of(frame, H, n_windows=n_windows)
    members = [
        LastTimes(1.0, data.frame, H, name="Good", family="statistical"),
        LastTimes(1.1, data.frame, H, name="Worse", family="neural"),
        LastTimes(1.5, data.frame, H, name="Bad"),
    ]
    return ensemble_of(frame, data, members, (0.75, 0.25, 0.0))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return rows()


@pytest.fixture(scope="module")
def ensemble(frame: pd.DataFrame) -> AutoEnsemble:
    return built(frame)


def mase(point: np.ndarray, truth: np.ndarray, y: np.ndarray, cutoff: int) -> float:
    return float(np.abs(point - truth).mean() / np.abs(np.diff(y[: cutoff + 1])).mean())


def test_every_candidate_has_a_row_with_its_errors(ensemble, frame):
    table = ensemble.leaderboard()
    assert table["score"].is_monotonic_increasing
    rows = table.set_index("model")
    assert rows["weight"].to_dict() == {
        "AutoEnsemble": 1.0, "Good": 0.75, "Worse": 0.25, "Bad": 0.0,
    }  # fmt: skip
    assert rows["member"].fillna("").to_dict() == {
        "AutoEnsemble": "AutoEnsemble", "Good": "Good", "Worse": "Worse", "Bad": "",
    }  # fmt: skip
    assert rows.loc["AutoEnsemble", "score"] == pytest.approx(ensemble.best_score)
    data = ensemble.state.record.data
    good = forecasts_of(ensemble.members["Good"], data)
    for window, cutoff in ((0, 33), (1, 36)):
        errors = [
            mase(good[i, window], data.truth[i, window], y, cutoff)
            for i, y in enumerate(frame["y"].to_numpy().reshape(2, -1))
        ]
        assert rows.loc["Good", f"score_{window + 1}"] == pytest.approx(np.mean(errors), rel=1e-4)
    both = rows.loc["Good", ["score_1", "score_2"]].mean()
    assert rows.loc["Good", "score"] == pytest.approx(both)
    assert ensemble.state.record.naive_score == pytest.approx(both, rel=1e-4)  # season 1


def test_a_candidate_that_failed_is_last_with_its_reason(frame):
    ensemble = built(frame)
    failed = Candidate(9, "TFT", "neural", state="FAIL", reason="out of memory")
    record = ensemble.state.record
    record = replace(record, candidates=(*record.candidates, failed))
    ensemble._state = replace(ensemble.state, record=record)
    last = ensemble.leaderboard().iloc[-1]
    assert (last["model"], last["state"], last["reason"]) == ("TFT", "FAIL", "out of memory")
    assert np.isnan(last["score"])
    found = {finding.rule: finding for finding in ensemble.diagnose()}
    assert "TFT: out of memory" in found["failures"].text


def test_later_rows_are_forecast_a_horizon_at_a_time(frame):
    longer = rows(48)
    past = longer[longer["ds"] < 40]
    ensemble = built(past)
    table = ensemble.leaderboard(longer[longer["ds"] >= 40]).set_index("model")
    pd.testing.assert_frame_equal(
        table.reset_index(), ensemble.leaderboard(longer.sample(frac=1.0, random_state=1))
    )
    errors = []
    for _, series in longer.groupby("unique_id"):
        y = series["y"].to_numpy()
        starts = np.array([40, 40, 40, 43, 43, 43, 46, 46])  # the last window has two rows
        sizes = np.abs(y[starts - 1] - y[40:])
        errors.append(sizes.mean() / np.abs(np.diff(y[:40])).mean())
    assert table.loc["Good", "mase"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert table.loc["Good", "skill_later"] == pytest.approx(0.0, abs=1e-4)
    assert table.loc["AutoEnsemble", "mase"] < table.loc["Worse", "mase"]
    assert np.isnan(table.loc["Bad", "mase"])


def test_rows_that_came_not_later_are_refused(ensemble, frame):
    with pytest.raises(InvalidInputError, match="no row came after the training data"):
        ensemble.leaderboard(frame)
    with pytest.raises(InvalidInputError, match="'z' was not trained on"):
        ensemble.leaderboard(frame[frame["unique_id"] == "x"].assign(unique_id="z"))
    late = rows(44)
    with pytest.raises(InvalidInputError, match="'x' lacks the row of 40, the next one is of 42"):
        ensemble.leaderboard(late[late["ds"] >= 42])


def drifting(growth: float = 1.1) -> pd.DataFrame:
    """Return rows of which the last 12 grow; "Worse", which is a network, expects 1.1."""
    drifted = rows(52)
    for index in drifted.groupby("unique_id").groups.values():
        y = drifted.loc[index, "y"].to_numpy().copy()
        for step in range(40, 52):
            y[step] = y[step - 1] * growth ** ((step - 40) % H == 0)
        drifted.loc[index, "y"] = y
    return drifted


def test_networks_count_as_they_are_on_rows_that_came_later(monkeypatch):
    drifted = drifting(1.08)
    ensemble = built(drifted[drifted["ds"] < 40])
    monkeypatch.setattr("automodel_sk.portfolio.shortlist.NEURAL_OPTIMISM", 1e6)
    assert ensemble.reweight(drifted).weights == {"Worse": 1.0}


def test_weights_follow_newer_rows_without_training():
    drifted = drifting()
    ensemble = built(drifted[drifted["ds"] < 40])
    renewed = ensemble.reweight(drifted)
    assert renewed.weights == {"Worse": 1.0}
    assert renewed.members["Worse"] is ensemble.members["Worse"]
    assert ensemble.weights == {"Good": 0.75, "Worse": 0.25}
    assert renewed.best_score == pytest.approx(0.0, abs=1e-3)
    assert renewed.leaderboard()["model"].tolist()[-1] == "Good"
    assert set(renewed.leaderboard()["model"]) == {"AutoEnsemble", "Good", "Worse"}
    assert renewed.predict(level=[80])["AutoEnsemble-hi-80"].notna().all()


def test_too_few_newer_rows_are_refused(ensemble, frame):
    with pytest.raises(InvalidInputError, match="at most 0 rows of a series after the training"):
        ensemble.reweight(frame)
    with pytest.raises(
        InvalidInputError, match="take 15 newer rows, dataset has 6; try n_windows=2"
    ):
        ensemble.reweight(rows(46), n_windows=5)
    later = rows(40 + H)
    unseen = later[later["ds"] >= 40].assign(unique_id="z").groupby("unique_id").head(H)
    with pytest.raises(InvalidInputError, match=r"has 3 rows .* and none before them"):
        ensemble.reweight(unseen)
    late = rows(46)
    with pytest.raises(InvalidInputError, match="'x' lacks the row of 40, the next one is of 42"):
        ensemble.reweight(late[late["ds"] >= 42])


def test_newer_rows_alone_are_judged_with_the_training_data_before_them():
    drifted = drifting()
    ensemble = built(drifted[drifted["ds"] < 40])
    expected = ensemble.reweight(drifted)
    alone = ensemble.reweight(drifted[drifted["ds"] >= 40])
    assert alone.weights == expected.weights
    assert alone.best_score == expected.best_score
    pd.testing.assert_frame_equal(alone.leaderboard(), expected.leaderboard())
    only = drifted["unique_id"] == "x"
    pd.testing.assert_frame_equal(
        ensemble.reweight(drifted[only & (drifted["ds"] >= 40)]).leaderboard(),
        ensemble.reweight(drifted[only]).leaderboard(),
    )


def test_summary_card_and_text(ensemble):
    assert repr(ensemble).startswith("AutoEnsemble(Good, Worse, h=3, best_mase=")
    text = ensemble.summary()
    assert "0.75  Good" in text
    assert " on 2 windows, seasonal naive " in text
    card = ensemble._repr_html_()
    assert "AutoEnsemble</strong> of 2 members" in card
    assert "Worse" in card


def test_report_and_plots_train_nothing(ensemble, tmp_path):
    page = ensemble.report(tmp_path / "report.html").read_text()
    assert "2 series, 3 steps ahead, by AutoEnsemble, the mean of 2 models." in page
    assert "Good" in page
    figure = ensemble.plot.error_by_step()
    assert figure.axes


def test_awkward_series_are_forecast_judged_and_shown(tmp_path):
    times = pd.date_range("2020-01-01", periods=60, freq="MS")
    season = 10 + np.sin(np.arange(60) * 2 * np.pi / 12)
    values = {"still": np.full(60, 5.0), "zeros": np.zeros(60), "good": season, "short": season[:3]}
    parts = [
        pd.DataFrame({"unique_id": name, "ds": times[-len(y) :], "y": y})
        for name, y in values.items()
    ]
    frame = pd.concat(parts, ignore_index=True).assign(available_mask=1.0)
    unseen = (frame["unique_id"] == "good") & frame["ds"].isin(times[[20, 55]])
    frame.loc[unseen, ["y", "available_mask"]] = [np.nan, 0.0]
    data = data_of(frame, 6, season=12, n_windows=2)
    members = [member_of(name).fit(data, Deadline()) for name in ("SeasonalNaive", "WindowAverage")]
    ensemble = ensemble_of(frame, data, members, (0.5, 0.5))
    found = ensemble.predict(level=[80, 95])
    assert np.isfinite(found.iloc[:, 2:].to_numpy()).all()
    columns = ["AutoEnsemble-lo-80", "AutoEnsemble", "AutoEnsemble-hi-80"]
    still = found[found["unique_id"].isin(["still", "zeros"])]
    assert np.ptp(still[columns].to_numpy(), axis=1).max() < 1e-9
    loaded = AutoModel.load(ensemble.save(tmp_path / "saved"))
    pd.testing.assert_frame_equal(loaded.predict(level=[80, 95]), found)
    assert len(ensemble.predict(h=14, level=[80])) == 4 * 14
    table = ensemble.cross_validation(n_windows=2)
    assert set(table["unique_id"]) == {"good", "still", "zeros"}
    assert table["y"].isna().sum() == 1
    assert ensemble.report(tmp_path / "report.html").exists()


def test_later_rows_are_forecast_with_future_and_static_values():
    whole = rows(46).assign(price=lambda df: df["ds"] % 7 * 10.0)
    static = pd.DataFrame({"unique_id": ["x", "y"], "size": [1.0, 2.0]})
    past = whole[whole["ds"] < 40]
    known = {"futr_exog": ("price",), "stat_exog": ("size",)}
    data = data_of(past, H, n_windows=2, static_df=static, **known)
    ensemble = ensemble_of(past, data, [LastTimes(1.0, data.frame, H, **known)], [1.0])
    later = whole[(whole["ds"] >= 40) & (whole["ds"] < 45)]  # of the second horizon two rows
    ahead = whole[whole["ds"] >= 45].drop(columns="y")

    def mae(until: int, sizes: tuple[float, float] = (1.0, 2.0), **given: pd.DataFrame) -> float:
        errors = []
        for size, (_, series) in zip(sizes, whole.groupby("unique_id"), strict=True):
            y, price = series["y"].to_numpy(), series["price"].to_numpy()
            starts = np.array([40, 40, 40, 43, 43])[: until - 40]
            errors.append(np.abs(y[starts - 1] + price[40:until] + size - y[40:until]))
        table = ensemble.leaderboard(later, **given).set_index("model")
        assert table.loc["LastTimes", "mae"] == pytest.approx(np.mean(errors), rel=1e-4)
        return float(np.mean(errors))

    assert mae(43) != mae(45, futr_df=ahead)
    other = static.assign(size=[7.0, 9.0])
    assert mae(45, (7.0, 9.0), futr_df=ahead, static_df=other) != mae(45, futr_df=ahead)
    with pytest.raises(InvalidInputError, match="values of price are known for less than the 3"):
        ensemble.leaderboard(later[later["ds"] < 42])
    with pytest.raises(InvalidInputError, match=r"futr_df lacks \['price'\]"):
        ensemble.leaderboard(later, futr_df=ahead.drop(columns="price"))


@dataclass(frozen=True)
class OfKnownSeries(LastTimes):
    """Forecasts the series of its training together, as a multivariate network does."""

    def predict(self, history: pd.DataFrame | None = None, **given: Any) -> Any:
        ids = [] if history is None else history["unique_id"].unique()
        if history is not None and list(ids) != list(self.known["unique_id"].unique()):
            raise NotSupportedByMemberError(f"{self.name} forecasts its series together")
        return super().predict(history, **given)


def test_members_that_cannot_forecast_later_rows_have_no_errors(caplog):
    whole = rows(46)
    past, later = whole[whole["ds"] < 40], whole[whole["ds"] >= 40]
    later = later[(later["unique_id"] == "x") | (later["ds"] < 43)]  # no second horizon of "y"
    data = data_of(past, H, n_windows=2)
    joint = OfKnownSeries(1.0, data.frame, H, name="Joint", family="neural")
    members = [joint, LastTimes(1.1, data.frame, H, name="Other")]
    ensemble = ensemble_of(past, data, members, (0.5, 0.5))
    table = ensemble.leaderboard(later).set_index("model")
    errors = ["mae", "rmse", "mase", "smape"]
    assert table.loc["Joint", errors].isna().all()
    others = ensemble_of(past, data, members, (0.0, 1.0)).leaderboard(later).set_index("model")
    assert table.loc["Other", errors].tolist() == others.loc["Other", errors].tolist()
    assert table.loc["AutoEnsemble", errors].notna().all()
    assert "Joint gets no errors on later rows" in caplog.text
    complete = ensemble.leaderboard(later[later["ds"] < 43]).set_index("model")
    assert complete.loc["Joint", errors].notna().all()
    alone = ensemble_of(past, data, members, (1.0, 0.0))
    assert alone.leaderboard(later)[errors].isna().all().all()
    renewed = ensemble.reweight(later[later["unique_id"] == "x"])
    assert renewed.weights == {"Other": 1.0}
    last = renewed.leaderboard().iloc[-1]
    assert (last["model"], last["state"]) == ("Joint", "FAIL")
    assert "forecasts its series together" in last["reason"]
    with pytest.raises(NotSupportedByMemberError, match="Joint forecasts its series together"):
        alone.reweight(later[later["unique_id"] == "x"])


def test_reweighting_drops_the_columns_of_members_that_it_drops(tmp_path):
    drifted = drifting().assign(price=1000.0)
    past = drifted[drifted["ds"] < 40]
    data = data_of(past, H, n_windows=2, futr_exog=("price",))
    members = [
        LastTimes(1.0, data.frame, H, name="Priced", futr_exog=("price",)),
        LastTimes(1.1, data.frame, H, name="Plain", family="neural"),
    ]
    ensemble = ensemble_of(past, data, members, (0.5, 0.5))
    parts = tuple(replace(part, note="not refitted") for part in ensemble.state.team.parts)
    ensemble._state = replace(ensemble.state, team=replace(ensemble.state.team, parts=parts))
    renewed = ensemble.reweight(drifted)
    assert renewed.weights == {"Plain": 1.0}
    assert renewed.state.task.futr_exog == ()
    assert renewed.state.team.parts[0].note == "not refitted"
    bare = past.drop(columns="price")
    last = bare.groupby("unique_id")["y"].last().to_numpy()
    for found in (renewed.predict(), renewed.predict(bare), renewed.refit(bare).predict()):
        np.testing.assert_allclose(found["AutoEnsemble"], 1.1 * np.repeat(last, H), rtol=1e-6)


@pytest.mark.parametrize(("allowed", "names"), [("best", ["best"]), ("median", ["median5"])])
def test_weights_are_chosen_again_as_the_user_asked(frame, allowed: str, names: list[str]):
    ensemble = built(frame)
    combination = replace(ensemble.combination, allowed=allowed)
    ensemble._state = replace(ensemble.state, combination=combination)
    later = rows(46)
    renewed = ensemble.reweight(later)
    assert list(renewed.combination.scores) == names
    assert list(renewed.reweight(later).combination.scores) == names
    assert list(built(frame).reweight(later).combination.scores) == list(ENSEMBLES["auto"])


def test_errors_on_later_rows_are_those_of_predict(frame):
    later = rows(40 + H)
    later = later[later["ds"] >= 40].assign(y=0.0)
    data = data_of(frame, H, n_windows=2)
    members = [LastTimes(factor, data.frame, H, name=f"M{factor}") for factor in (-1.0, 0.5)]
    treatment = Treatment(non_negative=True)
    ensemble = ensemble_of(frame, data, members, (0.4, 0.6), treatment=treatment)
    found = ensemble.leaderboard(later).set_index("model")["mae"]
    expected = ensemble.evaluate(later, ["mae"]).iloc[0]
    for name in ("AutoEnsemble", "M-1.0", "M0.5"):
        assert found[name] == pytest.approx(expected[name], rel=1e-6)
    assert found["M-1.0"] == found["AutoEnsemble"] == 0.0  # below zero without the treatment
