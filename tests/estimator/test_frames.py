"""sktime containers and long frames, one into the other."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from automodel_sk.estimator.static import static_frame
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames import (
    Layout,
    exogenous_names,
    from_long,
    future_exogenous,
    last_steps,
    looks_like_long_frame,
    to_engine,
    to_long,
)
from automodel_sk.frames.horizon import steps_ahead

DAYS = pd.date_range("2024-01-01", periods=6, freq="D")


def series_of(times: pd.Index, start: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame({"y": start + np.arange(float(len(times)))}, index=times)


def panel_of(parts: dict, names: list[str] | None = None) -> pd.DataFrame:
    return pd.concat(parts, names=names)


class TestToEngine:
    def test_rows_keep_their_series_step_and_value(self) -> None:
        y = panel_of({"b": series_of(DAYS, 10), "a": series_of(DAYS[2:5], 20)})
        long = to_engine(Layout.learn(y), y)
        expected = pd.DataFrame(
            {
                "unique_id": [0] * 6 + [1] * 3,
                "ds": [0, 1, 2, 3, 4, 5, 2, 3, 4],
                "y": [10.0, 11, 12, 13, 14, 15, 20, 21, 22],
            }
        )
        pd.testing.assert_frame_equal(long, expected)

    @pytest.mark.parametrize(
        "ids", [[(1, 2), (2, 1)], [("a", "bc"), ("ab", "c")], [(1, "a"), ("1", "a")]]
    )
    def test_hierarchies_that_look_alike_stay_apart(self, ids: list[tuple]) -> None:
        y = panel_of({key: series_of(DAYS, 10 * i) for i, key in enumerate(ids)})
        layout = Layout.learn(y)
        long = to_engine(layout, y)
        assert long["unique_id"].nunique() == 2
        assert long.groupby("unique_id")["y"].first().tolist() == [0.0, 10.0]
        index = layout.index(last_steps(long)[:, None] + 1)
        assert [entry[:2] for entry in index] == ids

    def test_interleaved_series_are_sorted(self) -> None:
        y = panel_of({"a": series_of(DAYS), "b": series_of(DAYS, 10)}).swaplevel().sort_index()
        y = y.swaplevel()
        assert y.index[0][0] != y.index[1][0]
        long = to_engine(Layout.learn(y), y)
        assert long["unique_id"].tolist() == [0] * 6 + [1] * 6
        assert long["y"].tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]

    def test_unused_levels_do_not_count(self) -> None:
        y = panel_of({key: series_of(DAYS) for key in "abcd"})
        y = y.loc[["b", "d"]]
        layout = Layout.learn(y)
        assert layout.n_series == 2
        assert to_engine(layout, y)["unique_id"].unique().tolist() == [0, 1]

    def test_series_between_each_others_time_points(self) -> None:
        hours = pd.date_range("2024-01-01", periods=5, freq="h")
        y = panel_of({"on": series_of(hours), "half": series_of(hours + pd.Timedelta("30min"))})
        layout = Layout.learn(y)
        long = to_engine(layout, y)
        assert long["ds"].tolist() == [0, 1, 2, 3, 4] * 2
        index = layout.index(last_steps(long)[:, None] + 1)
        assert [str(when) for _, when in index] == ["2024-01-01 05:00:00", "2024-01-01 05:30:00"]

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    def test_resolutions_survive(self, unit: str) -> None:
        y = series_of(DAYS.as_unit(unit))
        index = Layout.learn(y).index(np.array([[6]]))
        assert index.dtype == f"datetime64[{unit}]"
        assert str(index[0].date()) == "2024-01-07"

    def test_days_cross_a_clock_change(self) -> None:
        days = pd.date_range("2024-03-29", periods=3, freq="D", tz="Europe/Berlin")
        hours = pd.date_range("2024-03-30 22:00", periods=6, freq="h", tz="Europe/Berlin")
        for times in (days, hours):
            y = series_of(times)
            layout = Layout.learn(y)
            assert to_engine(layout, y)["ds"].tolist() == list(range(len(times)))
            # pandas 2 adds a day as 24 hours, but lays out ranges of days on the wall clock.
            following = pd.date_range(times[0], periods=len(times) + 1, freq=times.freq)[-1]
            assert layout.index(np.array([[len(times)]]))[0] == following

    def test_new_series_are_added_and_old_numbers_stay(self) -> None:
        old = panel_of({"a": series_of(DAYS), "b": series_of(DAYS)})
        new = panel_of({"c": series_of(DAYS), "b": series_of(DAYS)})
        layout = Layout.learn(old).extended(new)
        assert list(layout.instances) == ["a", "b", "c"]
        assert to_engine(layout, new)["unique_id"].unique().tolist() == [1, 2]

    def test_a_series_never_seen_is_refused(self) -> None:
        layout = Layout.learn(panel_of({"a": series_of(DAYS)}))
        with pytest.raises(InvalidInputError, match="series 'z' is unknown"):
            layout.rows(panel_of({"z": series_of(DAYS)}).index)


class TestIrregularTime:
    def test_gap_names_series_and_times(self) -> None:
        y = panel_of({"a": series_of(DAYS), "b": series_of(DAYS.delete([2, 3]))})
        message = r"series 'b' has a gap of 2 row\(s\) between 2024-01-02 and 2024-01-05"
        with pytest.raises(InvalidInputError, match=message):
            to_engine(Layout.learn(y), y)

    def test_duplicate_names_series_and_time(self) -> None:
        y = panel_of({"a": series_of(DAYS), "b": series_of(DAYS[[0, 1, 1, 2]])})
        with pytest.raises(InvalidInputError, match="series 'b' has two rows for 2024-01-02"):
            to_engine(Layout.learn(y), y)

    def test_no_frequency_shows_the_first_break(self) -> None:
        y = series_of(pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06"]))
        with pytest.raises(InvalidInputError, match=r"2024-01-02 .* is followed by 2024-01-05"):
            Layout.learn(y)

    @pytest.mark.parametrize("freq", ["2B", "3B", "SMS", "SME", "2BME", "bh", "2MS"])
    @pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
    def test_calendar_steps_are_inferred(self, freq: str, zone: str | None) -> None:
        if freq == "bh" and zone:
            return  # pandas infers it without a zone alone
        times = pd.date_range("2024-01-03", periods=43, freq=freq, tz=zone)
        layout = Layout.learn(series_of(pd.DatetimeIndex(times[:40].tolist())))
        assert layout.index(np.arange(40, 43)[None]).tolist() == times[40:].tolist()

    @pytest.mark.parametrize("freq", ["2B", "B", "MS", "QE", "h", "10min", "W-WED"])
    def test_a_gap_is_filled_at_the_step_of_the_other_rows(self, freq: str) -> None:
        times = pd.date_range("2024-01-03", periods=40, freq=freq)
        y = series_of(pd.DatetimeIndex(times.delete([20, 30]).to_numpy()))
        with pytest.raises(InvalidInputError, match="has no regular frequency") as caught:
            Layout.learn(y)
        assert f"{times[19]} is followed by {times[21]}" in str(caught.value)
        filled: pd.DataFrame = eval(re.findall(r"\((y\.asfreq.*\(\))\)", str(caught.value))[0])
        assert filled.index.tolist() == times.tolist()

    def test_nothing_is_invented_between_scattered_times(self) -> None:
        days = ["2024-01-01", "2024-01-05", "2024-01-06", "2024-02-20", "2024-02-21 03:00"]
        with pytest.raises(InvalidInputError, match="pass the frequency") as caught:
            Layout.learn(series_of(pd.DatetimeIndex(days, dtype="datetime64[ns]")))
        assert "asfreq" not in str(caught.value)

    def test_short_series_need_the_frequency(self) -> None:
        y = series_of(pd.DatetimeIndex(["2024-01-31", "2024-02-29"]))
        with pytest.raises(InvalidInputError, match="freq='ME'"):
            Layout.learn(y)
        assert str(Layout.learn(y, freq="ME").index(np.array([[2]]))[0].date()) == "2024-03-31"

    def test_wrong_frequency_names_the_time(self) -> None:
        with pytest.raises(InvalidInputError, match="does not match the frequency 'ME'"):
            Layout.learn(series_of(DAYS), freq="ME")

    @pytest.mark.parametrize(("freq", "fix"), [("nonsense", "freq='D'"), (1, "freq")])
    def test_bad_frequencies_are_refused(self, freq: object, fix: str) -> None:
        with pytest.raises(InvalidInputError, match=fix):
            Layout.learn(series_of(DAYS), freq=freq)

    def test_integer_steps_beyond_one(self) -> None:
        y = series_of(pd.RangeIndex(0, 20, 2))
        layout = Layout.learn(y)
        long = to_engine(layout, y)
        assert long["ds"].tolist() == list(range(10))
        ahead = steps_ahead(layout, last_steps(long), pd.Index([2, 6]), relative=True)
        assert layout.index(last_steps(long)[:, None] + ahead).tolist() == [20, 24]
        with pytest.raises(InvalidInputError, match=r"fh=\[2, 4\]"):
            steps_ahead(layout, last_steps(long), pd.Index([1]), relative=True)


class TestHorizon:
    def test_absolute_points_are_counted_from_each_series_end(self) -> None:
        y = panel_of({"a": series_of(DAYS), "b": series_of(DAYS[:4])})
        layout = Layout.learn(y)
        cutoffs = last_steps(to_engine(layout, y))
        points = pd.DatetimeIndex(["2024-01-07", "2024-01-09"])
        assert steps_ahead(layout, cutoffs, points, relative=False).tolist() == [[1, 3], [3, 5]]

    def test_the_past_of_one_series_is_refused(self) -> None:
        y = panel_of({"a": series_of(DAYS), "b": series_of(DAYS[:4])})
        layout = Layout.learn(y)
        cutoffs = last_steps(to_engine(layout, y))
        with pytest.raises(InvalidInputError, match="past of series 'a'"):
            steps_ahead(layout, cutoffs, DAYS[[5]], relative=False)


class TestExogenous:
    def setup_method(self) -> None:
        self.y = panel_of({"a": series_of(DAYS[:4]), "b": series_of(DAYS[:3])})
        full = panel_of(
            {"b": series_of(DAYS, 200), "c": series_of(DAYS), "a": series_of(DAYS, 100)}
        )
        self.X = full.rename(columns={"y": "price"})
        self.layout = Layout.learn(self.y)
        self.names = {"price": "price"}

    def test_rows_are_matched_by_series_and_time(self) -> None:
        long = to_engine(self.layout, self.y, self.X, self.names)
        assert long["price"].tolist() == [100, 101, 102, 103, 200, 201, 202]

    def test_future_starts_after_each_series_end(self) -> None:
        future = future_exogenous(self.layout, self.X, self.names, np.array([3, 2]), h=2)
        assert future["unique_id"].tolist() == [0, 0, 1, 1]
        assert future["ds"].tolist() == [4, 5, 3, 4]
        assert future["price"].tolist() == [104, 105, 203, 204]

    def test_missing_future_row_is_named(self) -> None:
        with pytest.raises(InvalidInputError, match="no row at 2024-01-07 of series 'a'"):
            future_exogenous(self.layout, self.X, self.names, np.array([3, 2]), h=3)

    def test_missing_column_is_named(self) -> None:
        with pytest.raises(InvalidInputError, match="lacks the column 'promo'"):
            to_engine(self.layout, self.y, self.X, {"promo": "promo"})

    def test_duplicate_row_is_named(self) -> None:
        X = pd.concat([self.X, self.X.iloc[[0]]])
        with pytest.raises(InvalidInputError, match="two rows at 2024-01-01 of series 'b'"):
            to_engine(self.layout, self.y, X, self.names)

    def test_names_are_strings_distinct_and_free(self) -> None:
        names = exogenous_names(pd.Index(["ds", 1, "1", "unique_id", "ok"]))
        assert names == {"ds": "ds_", 1: "1", "1": "1_", "unique_id": "unique_id_", "ok": "ok"}


class TestLevelsInAnotherOrder:
    """Four series that look alike with their levels swapped: 1.1, 1.2, 2.1 and 2.2."""

    Y = panel_of(
        {(r, s): series_of(DAYS, 10 * r + s) for r in (1, 2) for s in (1, 2)},
        ["region", "shop", "day"],
    )
    SWAPPED = Y.swaplevel("region", "shop").sort_index()
    LAYOUT = Layout.learn(Y)

    def test_rows_belong_to_the_series_that_the_names_say(self) -> None:
        assert self.LAYOUT.knows(self.SWAPPED.index).all()
        assert self.LAYOUT.rows(self.SWAPPED.index).series[::6].tolist() == [0, 2, 1, 3]
        assert self.LAYOUT.extended(self.SWAPPED) is self.LAYOUT
        later = panel_of({(3, 1): series_of(DAYS)}, ["shop", "region", "day"])
        assert self.LAYOUT.extended(later).instances.tolist()[4:] == [(1, 3)]

    def test_rows_of_x_do_too(self) -> None:
        long = to_engine(self.LAYOUT, self.Y, self.SWAPPED, {"y": "x"})
        assert long["x"].tolist() == long["y"].tolist()
        assert long["y"].tolist()[::6] == [11.0, 12.0, 21.0, 22.0]

    def test_static_rows_do_too(self) -> None:
        first = self.SWAPPED.groupby(level=["shop", "region"]).first().set_axis(["size"], axis=1)
        assert static_frame(first, self.LAYOUT)["size"].tolist() == [11.0, 12.0, 21.0, 22.0]

    def test_other_names_are_matched_by_position(self) -> None:
        for names in (["shop", "shop", "day"], [None, None, "day"], ["shop", "land", "day"]):
            rows = self.LAYOUT.rows(self.SWAPPED.index.set_names(names))
            assert rows.series[::6].tolist() == [0, 1, 2, 3]


class TestLongFrames:
    def test_round_trip_of_a_panel_with_x(self) -> None:
        df = pd.DataFrame(
            {
                "unique_id": ["b", "b", "a", "a"],
                "ds": DAYS[[0, 1, 0, 1]],
                "y": [1.0, 2.0, 3.0, 4.0],
                "price": [5, 6, 7, 8],
            }
        )
        y, X = from_long(df)
        assert y.index.is_monotonic_increasing
        assert y.loc["b", "y"].tolist() == [1.0, 2.0]
        back = to_long(y, X)
        expected = df.sort_values(["unique_id", "ds"], ignore_index=True)
        pd.testing.assert_frame_equal(back, expected)

    def test_round_trip_of_a_hierarchy(self) -> None:
        ids = [(1, "a b"), (1, 'say "x"'), ("1", "a b")]
        y = panel_of({key: series_of(DAYS, 10 * i) for i, key in enumerate(ids)}, ["r", "s", "t"])
        long = to_long(y)
        assert long["unique_id"].iloc[0] == '[1, "a b"]'
        assert long["unique_id"].nunique() == 3
        back, _ = from_long(long, levels=["r", "s"])
        assert back.index.names == ["r", "s", "ds"]
        for key in ids:
            np.testing.assert_array_equal(back.loc[key], y.loc[key])

    def test_round_trip_of_periods(self) -> None:
        y = panel_of({"a": series_of(pd.period_range("2024-01", periods=3, freq="Q"))})
        back, _ = from_long(to_long(y), period="Q")
        pd.testing.assert_index_equal(back.index.levels[1], y.index.levels[1], check_names=False)

    def test_single_series_takes_its_name_as_id(self) -> None:
        long = to_long(pd.Series([1.0, 2.0], index=DAYS[:2], name="sales"))
        assert long["unique_id"].tolist() == ["sales", "sales"]
        assert long["ds"].tolist() == DAYS[:2].tolist()

    def test_x_is_matched_by_index(self) -> None:
        y = series_of(DAYS[:3])
        X = pd.DataFrame({"price": np.arange(6)}, index=DAYS)
        assert to_long(y, X[::-1])["price"].tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda y, X: (y.assign(z=1), X), "y must have one column"),
            (lambda y, X: (y, X.rename(columns={"price": "ds"})), "X has a column 'ds'"),
            (lambda y, X: (y, X.iloc[1:]), "X has no row for 2024-01-01"),
        ],
    )
    def test_to_long_names_what_is_wrong(self, change: object, message: str) -> None:
        y, X = change(series_of(DAYS), pd.DataFrame({"price": np.arange(6)}, index=DAYS))
        with pytest.raises(InvalidInputError, match=message):
            to_long(y, X)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda df: df.rename(columns={"ds": "date"}), "time_col='ds' is not a column"),
            (lambda df: pd.concat([df, df]), "two rows for"),
        ],
    )
    def test_from_long_names_what_is_wrong(self, change: object, message: str) -> None:
        df = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": 1.0})
        with pytest.raises(InvalidInputError, match=message):
            from_long(change(df))

    def test_plain_ids_are_no_hierarchy(self) -> None:
        df = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": 1.0})
        with pytest.raises(InvalidInputError, match="JSON list of 2 levels"):
            from_long(df, levels=["region", "shop"])

    def test_long_frames_are_told_from_containers(self) -> None:
        df = pd.DataFrame({"unique_id": [1, 1], "ds": [1, 2], "y": [1.0, 2.0]})
        assert looks_like_long_frame(df)
        assert not looks_like_long_frame(df.set_index(["unique_id", "ds"]))
        assert not looks_like_long_frame(series_of(DAYS))
        assert not looks_like_long_frame(None)
