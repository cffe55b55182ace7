"""Ensembles: their forecasts against those of the members, worked out by hand."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of, forecasts_of

from automodel_sk import AutoModel
from automodel_sk.data.columns import ColumnNames
from automodel_sk.exceptions import InvalidInputError, SearchError
from automodel_sk.portfolio.ensemble import AutoEnsemble
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.table import member_of

H = 4


def rows(seed: int = 0, length: int = 60, ids: tuple[str, ...] = ("b", "a", "c")) -> pd.DataFrame:
    """Return random walks on levels far apart."""
    rng = np.random.default_rng(seed)
    times = pd.date_range("2024-01-01", periods=length, freq="D")
    parts = [
        pd.DataFrame(
            {"unique_id": name, "ds": times, "y": 100.0 * 10**i + rng.normal(0, 10**i, length)}
        )
        for i, name in enumerate(ids)
    ]
    return pd.concat(parts, ignore_index=True)


def built(
    frame: pd.DataFrame,
    factors: tuple[float, ...] = (1.0, 2.0, 4.0),
    weights: tuple[float, ...] = (0.5, 0.3, 0.2),
    kind: str = "mean",
    member: dict[str, Any] | None = None,
    n_windows: int = 3,
    **options: Any,
) -> AutoEnsemble:
    data = data_of(frame, H, n_windows=n_windows)
    members = [
        LastTimes(factor, data.frame, H, name=f"Times{factor:g}", **member or {})
        for factor in factors
    ]
    return ensemble_of(frame, data, members, weights, kind, **options)


def last_values(frame: pd.DataFrame) -> Any:
    return frame.sort_values(["unique_id", "ds"]).groupby("unique_id")["y"].last()


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return rows()


@pytest.fixture(scope="module")
def ensemble(frame: pd.DataFrame) -> AutoEnsemble:
    return built(frame)


def test_the_forecast_is_the_weighted_mean_of_the_members(ensemble, frame):
    found = ensemble.predict()
    assert found.columns.tolist() == ["unique_id", "ds", "AutoEnsemble"]
    assert found["unique_id"].tolist() == ["a"] * H + ["b"] * H + ["c"] * H
    assert found["ds"].tolist() == 3 * pd.date_range("2024-03-01", periods=H).tolist()
    expected = np.repeat(1.9 * last_values(frame).to_numpy(), H)  # 0.5 + 2 * 0.3 + 4 * 0.2
    np.testing.assert_allclose(found["AutoEnsemble"], expected, rtol=1e-6)
    assert isinstance(ensemble, AutoModel)


def test_a_median_takes_no_account_of_weights(frame):
    found = built(frame, weights=(0.1, 0.2, 0.7), kind="median").predict()
    expected = np.repeat(2.0 * last_values(frame).to_numpy(), H)
    np.testing.assert_allclose(found["AutoEnsemble"], expected, rtol=1e-6)


def test_one_member_forecasts_alone(ensemble, frame):
    found = ensemble.predict(member="Times4", level=[80])
    assert found.columns.tolist() == [
        "unique_id", "ds", "Times4", "Times4-lo-80", "Times4-hi-80",
    ]  # fmt: skip
    np.testing.assert_allclose(found["Times4"], np.repeat(4 * last_values(frame), H), rtol=1e-6)
    with pytest.raises(InvalidInputError, match=r"'NHITS' is no member .* 'Times1', 'Times2'"):
        ensemble.predict(member="NHITS")


def test_shuffled_rows_and_permuted_ids_change_nothing(ensemble, frame):
    shuffled = frame.sample(frac=1.0, random_state=3)
    expected = ensemble.predict(level=[80, 95])
    pd.testing.assert_frame_equal(ensemble.predict(shuffled, level=[80, 95]), expected)
    pd.testing.assert_frame_equal(built(shuffled).predict(level=[80, 95]), expected)
    names = {"a": "z", "b": "m", "c": "k"}  # in the opposite order
    renamed = frame.assign(unique_id=frame["unique_id"].map(names))
    found = built(renamed).predict(level=[80, 95])
    found["unique_id"] = found["unique_id"].map({new: old for old, new in names.items()})
    found = found.sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-6)


def test_intervals_are_quantiles_of_each_series_own_errors_and_never_cross(frame):
    ensemble = built(frame, factors=(1.0,), weights=(1.0,))
    found = ensemble.predict(level=[50, 80, 95])
    columns = [f"AutoEnsemble-lo-{level}" for level in (95, 80, 50)]
    columns += ["AutoEnsemble", *(f"AutoEnsemble-hi-{level}" for level in (50, 80, 95))]
    assert found.columns.tolist() == [
        "unique_id", "ds", "AutoEnsemble", *columns[:3], *columns[4:],
    ]  # fmt: skip
    assert (np.diff(found[columns].to_numpy(), axis=1) >= 0).all()
    width = found["AutoEnsemble-hi-80"] - found["AutoEnsemble-lo-80"]
    sizes = width.groupby(found["unique_id"]).mean()
    steps = frame.groupby("unique_id")["y"].apply(lambda y: y.diff().abs().mean())
    assert ((sizes / steps).max() / (sizes / steps).min()) < 3  # levels are 100 times apart


def test_intervals_hold_what_they_say():
    frame = rows(seed=1, length=200, ids=tuple("abcdefghij"))
    past, future = (part for _, part in frame.groupby(frame["ds"] > pd.Timestamp("2024-07-10")))
    ensemble = built(past, factors=(1.0,), weights=(1.0,), n_windows=5)
    found = ensemble.predict(level=[80]).merge(future, on=["unique_id", "ds"])
    inside = found["y"].between(found["AutoEnsemble-lo-80"], found["AutoEnsemble-hi-80"])
    assert len(found) == 40
    assert 0.6 < inside.mean() <= 0.95


def test_quantiles_are_named_and_sorted(ensemble):
    found = ensemble.predict(quantiles=[0.1, 0.5, 0.9])
    names = ["AutoEnsemble_ql0.1", "AutoEnsemble_ql0.5", "AutoEnsemble_ql0.9"]
    assert found.columns.tolist()[3:] == names
    np.testing.assert_allclose(found[names[1]], found["AutoEnsemble"])
    assert (np.diff(found[names].to_numpy(), axis=1) >= 0).all()


def test_new_series_are_forecast_from_their_own_values(ensemble):
    new = pd.DataFrame(
        {"unique_id": "new", "ds": pd.date_range("2025-01-01", periods=30), "y": np.arange(30.0)}
    )
    found = ensemble.predict(new)
    assert found["ds"].tolist() == pd.date_range("2025-01-31", periods=H).tolist()
    np.testing.assert_allclose(found["AutoEnsemble"], 1.9 * 29)
    with_level = ensemble.predict(new, level=[80])
    assert (with_level["AutoEnsemble-hi-80"] > with_level["AutoEnsemble-lo-80"]).all()


def test_fewer_steps_are_the_first_ones_and_more_need_members_that_can(frame, caplog):
    data = data_of(frame, H, n_windows=2)
    members = [
        LastTimes(1.0, data.frame, H, name="Short", limit=H),
        LastTimes(3.0, data.frame, H, name="Long"),
    ]
    ensemble = ensemble_of(frame, data, members, (0.5, 0.5))
    whole = ensemble.predict(level=[80])
    pd.testing.assert_frame_equal(
        ensemble.predict(h=2, level=[80]),
        whole[whole.groupby("unique_id").cumcount() < 2].reset_index(drop=True),
    )
    with caplog.at_level(logging.WARNING):
        longer = ensemble.predict(h=H + 2, level=[80])
    assert "Short (weight 0.50) is left out of this forecast" in caplog.text
    assert len(longer) == 3 * (H + 2)
    expected = np.repeat(3.0 * last_values(frame).to_numpy(), H + 2)
    np.testing.assert_allclose(longer["AutoEnsemble"], expected, rtol=1e-6)
    with pytest.raises(InvalidInputError, match=r"no member of the ensemble can .* Short:"):
        ensemble_of(frame, data, members, (1.0, 0.0)).predict(h=H + 1)
    with pytest.raises(InvalidInputError, match="h must be at most 100 times"):
        ensemble.predict(h=101 * H)


def test_a_member_whose_forecast_is_not_finite_counts_only_where_it_is(frame):
    found = built(frame, factors=(1.0, np.nan, 3.0)).predict()
    expected = (0.5 * 1.0 + 0.2 * 3.0) / 0.7 * last_values(frame).to_numpy()
    np.testing.assert_allclose(found["AutoEnsemble"], np.repeat(expected, H), rtol=1e-6)


def test_future_values_are_needed_where_a_member_reads_them(frame):
    frame = frame.assign(price=np.arange(len(frame)) % 7.0, visits=1.0)
    data = data_of(frame, H, n_windows=2, futr_exog=("price", "visits"))
    members = [
        LastTimes(1.0, data.frame, H, name="Plain"),
        LastTimes(1.0, data.frame, H, name="Priced", futr_exog=("price",)),
    ]
    ensemble = ensemble_of(frame, data, members, (0.5, 0.5))
    with pytest.raises(InvalidInputError, match=r"futr_df lacks \['price'\]"):
        ensemble.predict()
    times = ensemble_of(frame, data, members, (1.0, 0.0)).predict()[["unique_id", "ds"]]
    future = times.assign(price=np.arange(float(len(times)))).sample(frac=1.0, random_state=0)
    found = ensemble.predict(futr_df=future)["AutoEnsemble"].to_numpy()
    last = np.repeat(last_values(frame).to_numpy(), H)
    np.testing.assert_allclose(found, last + 0.5 * np.arange(len(times)), rtol=1e-6)


def test_static_values_follow_their_series(frame):
    data = data_of(
        frame,
        H,
        n_windows=2,
        stat_exog=("size",),
        static_df=pd.DataFrame({"unique_id": ["a", "b", "c"], "size": [1.0, 2.0, 3.0]}),
    )
    member = LastTimes(0.0, data.frame, H, stat_exog=("size",))
    ensemble = ensemble_of(frame, data, [member], (1.0,))
    static = pd.DataFrame({"unique_id": ["c", "a", "b"], "size": [30.0, 10.0, 20.0]})
    found = ensemble.predict(frame, static_df=static)["AutoEnsemble"]
    assert found.tolist() == [10.0] * H + [20.0] * H + [30.0] * H
    assert ensemble.predict(frame)["AutoEnsemble"].iloc[-1] == 3.0


def test_times_stay_in_their_zone():
    frame = rows()
    frame["ds"] = frame["ds"].dt.tz_localize("Africa/Cairo")
    found = built(frame).predict(level=[80])
    assert str(found["ds"].dt.tz) == "Africa/Cairo"
    assert found["ds"].iloc[0] == pd.Timestamp("2024-03-01", tz="Africa/Cairo")
    pd.testing.assert_frame_equal(built(frame).predict(frame, level=[80]), found)
    table = built(frame).cross_validation()
    assert str(table["ds"].dt.tz) == str(table["cutoff"].dt.tz) == "Africa/Cairo"
    assert str(built(frame).validation_scores(["mae"])["cutoff"].dt.tz) == "Africa/Cairo"


def test_frames_have_the_names_of_their_owner(frame):
    names = ColumnNames("shop", "day", "sales")
    ensemble = built(frame, columns=names)
    theirs = frame.rename(columns={"unique_id": "shop", "ds": "day", "y": "sales"})
    found = ensemble.predict(theirs, level=[80])
    assert found.columns.tolist()[:3] == ["shop", "day", "AutoEnsemble"]
    pd.testing.assert_frame_equal(
        names.own(found, "found"), built(frame).predict(frame, level=[80])
    )
    assert "sales" in ensemble.cross_validation()
    with pytest.raises(InvalidInputError, match="'sales'"):
        ensemble.predict(theirs.drop(columns="sales"))
    assert ensemble.refit(theirs).predict().columns[0] == "shop"


def test_past_windows_are_forecast_by_members_that_do_not_know_them(ensemble, frame):
    table = ensemble.cross_validation(n_windows=2, step_size=3)
    y = frame.pivot(index="ds", columns="unique_id", values="y")
    assert table.columns.tolist() == ["unique_id", "ds", "cutoff", "AutoEnsemble", "y"]
    assert len(table) == 3 * 2 * H
    for row in table.itertuples():
        assert row.y == y.loc[row.ds, row.unique_id]
        assert row.AutoEnsemble == pytest.approx(1.9 * y.loc[row.cutoff, row.unique_id], rel=1e-6)


def test_series_too_short_for_past_windows_are_left_out(ensemble, frame, caplog):
    short = frame[(frame["unique_id"] != "b") | (frame["ds"] > pd.Timestamp("2024-02-26"))]
    with caplog.at_level(logging.WARNING):
        table = ensemble.cross_validation(short)
    assert set(table["unique_id"]) == {"a", "c"}
    assert "1 of 3 series have fewer" in caplog.text


def test_validation_scores_are_those_of_the_search(ensemble, frame):
    table = ensemble.validation_scores(["mae"])
    assert table["window"].tolist() == [1, 2, 3]
    assert {"AutoEnsemble", "Times1", "Times2", "Times4", "SeasonalNaive"} <= set(table)
    np.testing.assert_allclose(table["Times1"], table["Naive"], rtol=1e-5)
    data = ensemble.state.record.data
    errors = np.abs(forecasts_of(ensemble.members["Times2"], data) - data.truth)
    np.testing.assert_allclose(table["Times2"], errors.mean(axis=(0, 2)), rtol=1e-6)


def test_refit_equals_members_refitted_and_leaves_the_model_as_it_is(ensemble, frame):
    newer = frame.assign(y=frame["y"] + 7.0)
    before = ensemble.predict()
    renewed = ensemble.refit(newer)
    expected = np.repeat(1.9 * last_values(newer).to_numpy(), H)
    np.testing.assert_allclose(renewed.predict()["AutoEnsemble"], expected, rtol=1e-6)
    pd.testing.assert_frame_equal(ensemble.predict(), before)
    pd.testing.assert_frame_equal(renewed.leaderboard(), ensemble.leaderboard())


def test_update_trains_further_what_can_be(ensemble, frame):
    updated = ensemble.update(frame, max_steps=5)
    assert {member.n_updates for member in updated.members.values()} == {5}
    assert {member.n_updates for member in ensemble.members.values()} == {0}


def test_calibration_on_other_data_takes_their_errors(frame):
    ensemble = built(frame, factors=(1.0,), weights=(1.0,))
    narrow = ensemble.predict(level=[80])
    noisy = rows(seed=5).assign(y=lambda df: df["y"] * 1.5)
    wide = ensemble.calibrate(noisy, n_windows=4)
    assert wide is ensemble
    assert ensemble.state.scores.errors.shape[1] == 4
    back = ensemble.calibrate().predict(level=[80])
    pd.testing.assert_frame_equal(back, narrow)


def test_paths_lie_between_the_quantiles_of_predict(ensemble):
    paths = ensemble.simulate(n_paths=200, seed=1)
    assert paths.columns.tolist() == ["unique_id", "ds", "sample_id", "AutoEnsemble"]
    assert len(paths) == 3 * 200 * H
    found = ensemble.predict(quantiles=[0.1, 0.9]).set_index(["unique_id", "ds"])
    for key, values in paths.groupby(["unique_id", "ds"])["AutoEnsemble"]:
        low, high = np.quantile(values, [0.1, 0.9])
        bounds = found.loc[key]
        width = bounds["AutoEnsemble_ql0.9"] - bounds["AutoEnsemble_ql0.1"]
        assert low == pytest.approx(bounds["AutoEnsemble_ql0.1"], abs=0.25 * width)
        assert high == pytest.approx(bounds["AutoEnsemble_ql0.9"], abs=0.25 * width)
    pd.testing.assert_frame_equal(paths, ensemble.simulate(n_paths=200, seed=1))


def test_explain_and_to_neuralforecast_name_what_to_use(ensemble):
    with pytest.raises(InvalidInputError, match="only networks can be explained"):
        ensemble.explain()
    with pytest.raises(InvalidInputError, match="no single NeuralForecast object"):
        ensemble.to_neuralforecast()


def test_weights_are_positive_and_sum_to_one(frame):
    with pytest.raises(InvalidInputError, match="sum to one"):
        built(frame, weights=(0.5, 0.3, 0.3))


def test_members_of_one_name_are_numbered(frame):
    data = data_of(frame, H, n_windows=2)
    members = [LastTimes(factor, data.frame, H, name="NHITS") for factor in (1.0, 2.0)]
    ensemble = ensemble_of(frame, data, members, (0.25, 0.75))
    assert ensemble.weights == {"NHITS-2": 0.75, "NHITS": 0.25}
    found = ensemble.predict(member="NHITS-2")["NHITS-2"].to_numpy()
    np.testing.assert_allclose(found, np.repeat(2 * last_values(frame), H), rtol=1e-6)


def test_a_member_that_explodes_on_a_series_is_left_out_there(frame, caplog):
    exploding = built(frame, (1.0, 1e6), (0.5, 0.5))
    alone = built(frame, (1.0,), (1.0,))
    assert exploding.predict()["AutoEnsemble"].tolist() == alone.predict()["AutoEnsemble"].tolist()
    assert "far beyond all their past values" in caplog.text


def test_future_rows_beyond_the_horizon_and_of_other_series_are_of_no_account(frame):
    frame = frame.assign(price=np.arange(len(frame)) % 7.0)
    data = data_of(frame, H, n_windows=2, futr_exog=("price",))
    member = LastTimes(1.0, data.frame, H, name="Priced", futr_exog=("price",))
    ensemble = ensemble_of(frame, data, [member], (1.0,))
    ends = frame.groupby("unique_id")["ds"].max()
    times = pd.date_range(ends.max() - pd.Timedelta(days=2), periods=9)
    whole = pd.DataFrame(
        [(name, ds) for name in ("c", "a", "b", "new") for ds in times], columns=["unique_id", "ds"]
    )
    whole = whole.assign(price=np.arange(float(len(whole))))
    needed = whole[(whole["ds"] > ends.max()) & (whole["unique_id"] != "new")]
    needed = needed.groupby("unique_id").head(H)
    expected = ensemble.predict(futr_df=needed)
    pd.testing.assert_frame_equal(ensemble.predict(futr_df=whole), expected)
    later = whole.assign(price=whole["price"].where(whole["ds"].isin(needed["ds"])))
    later = later[later["unique_id"] != "new"]
    pd.testing.assert_frame_equal(ensemble.predict(futr_df=later), expected)


@pytest.mark.parametrize("name", ["refit", "update"])
def test_calibration_after_a_refit_takes_errors_on_the_newer_data(frame, name: str):
    newer = frame.assign(y=frame["y"] * 3.0)
    ensemble = built(frame, factors=(1.0,), weights=(1.0,))
    renewed = getattr(ensemble, name)(newer)
    renewed.predict(level=[80])  # the intervals of the search, until others are asked for
    of_search = ensemble.calibrate().state.scores.errors
    assert renewed.state.scores.errors.tolist() == of_search.tolist()
    expected = built(frame, factors=(1.0,), weights=(1.0,)).calibrate(newer).state.scores.errors
    assert expected.shape != of_search.shape
    for one in (renewed, getattr(ensemble, name)(newer), getattr(built(frame), name)(newer)):
        before = one.state.scores
        after = one.calibrate().state.scores
        assert after is not before
        assert after.errors.shape == expected.shape
    np.testing.assert_allclose(renewed.state.scores.errors, expected, rtol=1e-6)
    reweighted = renewed.reweight(rows(length=60 + H)[lambda df: df["ds"] >= "2024-03-01"])
    assert reweighted.calibrate().state.scores.errors.shape[1] == 1  # those of its one window


def test_a_member_that_cannot_be_fitted_is_left_out_with_a_warning(caplog):
    frame = rows(length=60)
    data = data_of(frame, H, season=4, n_windows=1)
    names = ("RidgeRegression", "SeasonalNaive", "Naive")
    members = [member_of(name).fit(data, Deadline()) for name in names]
    ensemble = ensemble_of(frame, data, members, (0.5, 0.3, 0.2))
    few = frame.groupby("unique_id").tail(12)
    expected = {"SeasonalNaive": pytest.approx(0.6), "Naive": pytest.approx(0.4)}
    for name in ("refit", "update"):
        caplog.clear()
        found = getattr(ensemble, name)(few)
        assert found.weights == expected
        assert "RidgeRegression is left out of the ensemble: RidgeRegression found" in caplog.text
        last = few.groupby("unique_id")["y"].apply(lambda y: y.to_numpy()[-H:]).to_dict()
        values = np.concatenate([0.6 * y + 0.4 * y[-1] for _, y in sorted(last.items())])
        np.testing.assert_allclose(found.predict()["AutoEnsemble"], values, rtol=1e-6)
        assert found.leaderboard()["weight"].tolist().count(0.0) == 1
    assert ensemble.weights["RidgeRegression"] == 0.5
    table = ensemble.cross_validation(few, n_windows=1)
    assert table["AutoEnsemble"].notna().all()
    ensemble.calibrate(few, n_windows=1)
    alone = ensemble_of(frame, data, members, (1.0, 0.0, 0.0))
    for name in ("refit", "update", "cross_validation"):
        with pytest.raises(SearchError, match=r"RidgeRegression found .* and needs 20"):
            getattr(alone, name)(few)


def test_pretrained_members_need_no_columns(frame):
    frame = frame.assign(price=1.0)
    data = data_of(frame, H, n_windows=2, futr_exog=("price",))
    naive = member_of("Naive").fit(data, Deadline())
    for family, columns in (("pretrained", ()), ("tree", ("price",))):
        member = replace(naive, member=replace(naive.member, family=family))
        ensemble = ensemble_of(frame, data, [member], (1.0,))
        assert ensemble.state.task.futr_exog == columns
