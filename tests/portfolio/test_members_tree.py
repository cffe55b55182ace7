"""Tree members: right values, no look into the future, exogenous columns, safe files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from member_data import AWKWARD, data_of, panel_of, seasonal_data, seasonal_values

from automodel_sk.exceptions import InvalidInputError, SearchError
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members import tree_model
from automodel_sk.portfolio.members.base import Deadline, Member
from automodel_sk.portfolio.members.table import available, load_member, member_of

pytest.importorskip("lightgbm")

NAMES = ["LightGBM", "DirectLightGBM"]


@pytest.fixture(autouse=True)
def few_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train small trees, which suffice for small data."""
    monkeypatch.setitem(tree_model.PARAMETERS, "num_leaves", 8)


both = pytest.mark.parametrize("member", [member_of(name) for name in NAMES], ids=NAMES)


def error_of(member: Member, data: PortfolioData) -> float:
    forecast = member.forecast_windows(data, Deadline()).point
    return float(np.abs(forecast - data.truth).mean())


@both
def test_seasonal_series_with_a_trend_are_forecast_better_than_by_their_last_season(member: Member):
    data = seasonal_data(n_series=12, length=96)
    assert error_of(member, data) < 0.75 * error_of(member_of("SeasonalNaive"), data)


@both
def test_a_walk_without_a_season_is_forecast_near_its_last_value(member: Member):
    walks = np.random.default_rng(3).normal(size=(20, 100)).cumsum(axis=1)
    data = data_of({f"s{i:02d}": walk for i, walk in enumerate(walks)})
    assert error_of(member, data) < 0.8 * error_of(member_of("SeasonalNaive"), data)
    assert error_of(member, data) < 1.3 * error_of(member_of("Naive"), data)


@both
@pytest.mark.parametrize("step_size", [None, 2])
def test_each_window_is_forecast_by_the_trees_of_the_first_from_the_rows_before_it(
    member: Member, step_size: int | None
):
    data = seasonal_data(step_size=step_size)
    windows = member.forecast_windows(data, Deadline()).point
    assert windows.dtype == np.float32
    assert windows.shape == data.truth.shape
    fitted = member.fit(replace(data, frame=data.before(1)), Deadline())
    for window in (1, 2):
        np.testing.assert_allclose(
            windows[:, window - 1], fitted.predict(data.before(window)), rtol=1e-5
        )


@both
def test_values_after_a_cutoff_change_nothing_before_it(member: Member):
    data = with_promotions(seasonal_data())
    left = data.frame.groupby("unique_id").cumcount(ascending=False)
    frame = data.frame.assign(
        y=data.frame["y"].mask(left < 6, 9e6), visits=data.frame["visits"].mask(left < 6, -1e6)
    )
    clean = member.forecast_windows(data, Deadline()).point
    poisoned = member.forecast_windows(replace(data, frame=frame), Deadline()).point
    np.testing.assert_array_equal(clean, poisoned)
    frame = frame.assign(y=data.frame["y"].mask(left < 12, 9e6))
    poisoned = member.forecast_windows(replace(data, frame=frame), Deadline()).point
    np.testing.assert_array_equal(clean[:, 0], poisoned[:, 0])
    assert not np.allclose(clean[:, 1], poisoned[:, 1])


def with_promotions(data: PortfolioData, effect: float = 0.0) -> PortfolioData:
    """Add a column known of the future, a past one, a static one, and an effect of the first."""
    rng = np.random.default_rng(5)
    promo = (rng.random(len(data.frame)) < 0.3).astype(float)
    kinds = pd.Series(np.where(promo > 0, "sale", "none"), dtype=object)
    frame = data.frame.assign(
        y=data.frame["y"] + effect * promo,
        promo=promo,
        kind=kinds,
        visits=rng.normal(size=len(promo)),
    )
    ids = frame["unique_id"].unique()
    static = pd.DataFrame({"unique_id": ids, "size": np.arange(len(ids), dtype=float)})
    exogenous = {"futr_exog": ("promo", "kind"), "hist_exog": ("visits",), "stat_exog": ("size",)}
    return replace(data, frame=frame, static_df=static, **exogenous)


@both
@pytest.mark.parametrize("column", ["promo", "kind"])
def test_a_column_known_of_the_future_makes_the_forecast_better(member: Member, column: str):
    data = with_promotions(seasonal_data(n_series=10, length=96), effect=20.0)
    blind = replace(data, futr_exog=(), hist_exog=(), stat_exog=(), static_df=None)
    seeing = replace(data, futr_exog=(column,))
    assert error_of(member, seeing) < 0.6 * error_of(member, blind)


def future_of(data: PortfolioData, promo: float) -> pd.DataFrame:
    ids = data.frame["unique_id"].unique().repeat(data.h)
    kind = "sale" if promo else "none"
    return pd.DataFrame({"unique_id": ids, "promo": promo, "kind": kind})


@both
def test_predict_reads_the_future_values_given(member: Member):
    data = with_promotions(seasonal_data(n_series=10, length=96), effect=20.0)
    fitted = member.fit(data, Deadline())
    without, sale = (fitted.predict(futr_df=future_of(data, promo)) for promo in (0.0, 1.0))
    assert (sale - without).mean() == pytest.approx(20.0, abs=6.0)
    static = data.static_df
    again = fitted.predict(data.frame, futr_df=future_of(data, 1.0), static_df=static)
    np.testing.assert_allclose(again, sale, rtol=1e-5)
    with pytest.raises(InvalidInputError, match=r"futr_df is missing; .* needs the future values"):
        fitted.predict()
    with pytest.raises(InvalidInputError, match="futr_df has 3 rows, 10 series of 6 steps need 60"):
        fitted.predict(futr_df=future_of(data, 1.0).head(3))


@both
def test_awkward_series_are_forecast_by_finite_values(member: Member):
    data = data_of(AWKWARD | {"long": seasonal_values(90)})
    windows = member.forecast_windows(data, Deadline()).point
    assert np.isfinite(windows).all()
    forecast = member.fit(data, Deadline()).predict()
    ids = list(data.frame["unique_id"].unique())
    assert np.isfinite(forecast).all()
    for name, value in {"constant": 4.0, "one row": 3.0, "three rows": 4.0, "zeros": 0.0}.items():
        np.testing.assert_allclose(forecast[ids.index(name)], value)


@both
def test_a_longer_horizon_than_trained_is_forecast_on_from_the_forecasts(member: Member):
    data = seasonal_data(n_series=12, length=96)
    fitted = member.fit(data, Deadline())
    longer = fitted.predict(h=20)
    assert longer.shape == (12, 20)
    np.testing.assert_allclose(longer[:, :6], fitted.predict(), rtol=1e-6)
    np.testing.assert_allclose(longer[:, 12:18], fitted.predict(), rtol=0.15)
    np.testing.assert_allclose(fitted.predict(h=2), longer[:, :2], rtol=1e-6)


@both
def test_forecasts_follow_the_series_given_and_their_size(member: Member):
    data = seasonal_data()
    fitted = member.fit(data, Deadline())
    np.testing.assert_allclose(fitted.predict(data.frame), fitted.predict(), rtol=1e-5)
    ids = data.frame["unique_id"].unique()[::-1]
    turned = pd.concat([data.frame[data.frame["unique_id"] == name] for name in ids])
    np.testing.assert_allclose(fitted.predict(turned), fitted.predict()[::-1], rtol=1e-5)
    large = data.frame.assign(y=1e6 * data.frame["y"])
    np.testing.assert_allclose(fitted.predict(large), 1e6 * fitted.predict(), rtol=1e-4)
    new = panel_of({"new": seasonal_values(40, level=7.0)})
    assert fitted.predict(new).shape == (1, 6)


@both
@pytest.mark.parametrize(("freq", "season"), [(3, 12), ("h", 24), ("W", 52), ("D", 1)])
def test_all_kinds_of_times_are_forecast(member: Member, freq: str | int, season: int):
    series = {key: seasonal_values(5 * season + 60, max(season, 6)) for key in "abcd"}
    data = data_of(series, freq, season=season)
    forecast = member.forecast_windows(data, Deadline()).point
    assert np.isfinite(forecast).all()
    assert error_of(member, data) < 1.1 * error_of(member_of("SeasonalNaive"), data)
    assert member.fit(data, Deadline()).predict().shape == (4, 6)


@both
def test_unobserved_rows_are_not_trained_on(member: Member):
    data = seasonal_data()
    gone = data.frame.groupby("unique_id").cumcount().between(20, 25)
    frames = [
        data.frame.assign(
            y=data.frame["y"].mask(gone, filler), available_mask=np.where(gone, 0.0, 1.0)
        )
        for filler in (0.0, 1e9)
    ]
    forecasts = [member.fit(replace(data, frame=frame), Deadline()).predict() for frame in frames]
    np.testing.assert_array_equal(*forecasts)


@both
def test_the_same_data_give_the_same_forecast(member: Member):
    data = seasonal_data()
    first, second = (member.fit(data, Deadline()).predict() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = member.fit(seasonal_data(n_series=2), Deadline())
    np.testing.assert_array_equal(other.refit(data).predict(), first)


@both
def test_no_time_is_an_error_that_says_so(member: Member):
    with pytest.raises(SearchError, match="no time left to train; give it more time"):
        member.forecast_windows(seasonal_data(), Deadline(0.0))


class Clock:
    """A clock that moves on by one each time it is asked."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@both
def test_training_ends_in_time_with_the_trees_there_are(member: Member):
    fitted = member.fit(seasonal_data(), Deadline(60.5, clock=Clock()))
    assert 20 < fitted.describe()["n_trees"] < 70
    assert np.isfinite(fitted.predict()).all()
    with pytest.raises(SearchError, match="of 200 trees in its time; give it more time"):
        member.fit(seasonal_data(), Deadline(5.5, clock=Clock()))


@both
def test_data_that_are_too_few_are_refused(member: Member):
    data = data_of({"a": seasonal_values(20)})
    assert member.refusal(data) == "7 rows to train on before the windows, fewer than 50"
    assert available(data)["LightGBM"] == member.refusal(data)
    assert member.refusal(seasonal_data()) is None


@both
@pytest.mark.parametrize("exogenous", [False, True])
@pytest.mark.parametrize("freq", ["MS", 2])
def test_a_saved_tree_forecasts_the_same(
    member: Member, exogenous: bool, freq: str | int, tmp_path: Path
):
    data = seasonal_data(freq=freq)
    data = with_promotions(data, 20.0) if exogenous else data
    futr = future_of(data, 1.0) if exogenous else None
    fitted = member.fit(data, Deadline())
    fitted.save(tmp_path)
    loaded = load_member(tmp_path)
    assert (loaded.name, loaded.family) == (member.name, "tree")
    assert loaded.describe() == fitted.describe()
    np.testing.assert_allclose(
        loaded.predict(futr_df=futr, h=6), fitted.predict(futr_df=futr), rtol=1e-6
    )
    ahead = {"futr_df": futr, "static_df": data.static_df}
    np.testing.assert_allclose(
        loaded.predict(data.frame, **ahead), fitted.predict(data.frame, **ahead), rtol=1e-6
    )
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["member.json", "model.txt", "tail.safetensors"]
    loaded.save(tmp_path)
    np.testing.assert_array_equal(
        load_member(tmp_path).predict(futr_df=futr), loaded.predict(futr_df=futr)
    )


@pytest.mark.parametrize("name", ["LightGBM", "DirectLightGBM"])
def test_rows_that_weigh_nothing_are_not_learned_from(name):
    steps, rng = np.arange(240), np.random.default_rng(0)
    promo = rng.choice([-1.0, 1.0], len(steps))
    effect = np.where(steps < 120, 5.0, -5.0)  # turns over
    y = 50 + effect * promo + rng.normal(0, 0.1, len(steps))
    plain = pd.DataFrame({"unique_id": "a", "ds": steps, "y": y, "promo": promo})
    late = np.where(steps < 125, 0.0, 1.0)
    member = member_of(name)

    def data(weights):
        frame = plain if weights is None else plain.assign(sample_weight=weights)
        return PortfolioData(frame, 4, 1, season=1, n_windows=2, futr_exog=("promo",))

    def effect_of(weights):
        fitted = member.fit(data(weights), Deadline())
        ahead = pd.DataFrame({"unique_id": "a", "ds": range(240, 244), "promo": 1.0})
        up, down = (fitted.predict(futr_df=ahead.assign(promo=promo), h=4) for promo in (1.0, -1.0))
        return float((up - down).mean()) / 2

    def error(weights):
        found = data(weights)
        return np.abs(member.forecast_windows(found, Deadline()).point - found.truth).mean()

    assert effect_of(np.ones(240)) == pytest.approx(effect_of(None), abs=1e-6)
    assert effect_of(late) == pytest.approx(-5, abs=1.5)
    for unit in (0.001, 1000.0):  # the unit of the weights says nothing
        assert effect_of(unit * late) == pytest.approx(effect_of(late), rel=1e-6)
    assert effect_of(1 - late) == pytest.approx(5, abs=1.5)
    assert error(late) < error(None) < error(1 - late)


@both
def test_unknown_categories_are_warned_of_and_refused_where_none_is_known(
    member: Member, caplog: pytest.LogCaptureFixture
):
    fitted = member.fit(with_promotions(seasonal_data()), Deadline())
    future = future_of(with_promotions(seasonal_data()), 1.0)
    known = fitted.predict(futr_df=future)
    assert not caplog.records
    some = fitted.predict(futr_df=future.assign(kind=["hail", *future["kind"][1:]]))
    assert np.isfinite(some).all()
    assert "'kind' of futr_df holds 1 categories" in caplog.text
    assert "first 'hail'; trees take them as missing values" in caplog.text
    caplog.clear()
    gap = fitted.predict(futr_df=future.assign(kind=[None, *future["kind"][1:]]))
    np.testing.assert_array_equal(gap, some)  # a missing value too
    assert gap.shape == known.shape
    assert not caplog.records
    with pytest.raises(InvalidInputError, match=r"'kind' of futr_df has no category known"):
        fitted.predict(futr_df=future.assign(kind="hail"))
