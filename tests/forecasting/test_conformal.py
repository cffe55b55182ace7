"""Conformal intervals on panels of different kinds of series: each kind has its coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.forecasting.calibration import plan_windows
from automodel_sk.forecasting.conformal import ConformalScores
from automodel_sk.forecasting.series_traits import describe_series
from automodel_sk.forecasting.shrinkage import expected_sizes
from benchmarks.coverage import KINDS, SEASON, H, covered, made

Array = npt.NDArray[np.float64]

PAST, LATER, LENGTH = 28, 5, 200
STILL = ("zero", "constant")


class Linear:
    """A forecaster that is fitted in no time: least squares on all series' scaled windows."""

    def __init__(self, series: list[Array]) -> None:
        cut = [y[k : k + PAST + H] for y in series for k in range(len(y) - PAST - H + 1)]
        windows = np.array(cut)
        level, scale = self._size(windows[:, :PAST])
        scaled = (windows - level) / scale
        past, future = scaled[:, :PAST], scaled[:, PAST:]
        self.weights = np.linalg.solve(past.T @ past + 0.1 * np.eye(PAST), past.T @ future)

    @staticmethod
    def _size(past: Array) -> tuple[Array, Array]:
        scale = past.std(axis=1, keepdims=True)
        return past.mean(axis=1, keepdims=True), np.where(scale > 0, scale, 1.0)

    def __call__(self, series: list[Array]) -> Array:
        past = np.array([y[-PAST:] for y in series])
        level, scale = self._size(past)
        forecast: Array = level + scale * ((past - level) / scale @ self.weights)
        return forecast


def calibrated(panel: pd.DataFrame, n_windows: int) -> tuple[ConformalScores, Linear]:
    """Return the scores of past windows, and a forecaster fitted on all of the panel."""
    series = by_series(panel)
    early = Linear([y[: -n_windows * H] for y in series.values()])
    parts = []
    for window in range(n_windows):
        end = LENGTH - (n_windows - window) * H
        forecast = early([y[:end] for y in series.values()])
        for name, y, values in zip(series, series.values(), forecast, strict=True):
            ds = np.arange(end, end + H)
            error = y[end : end + H] - values
            parts.append(pd.DataFrame({"unique_id": name, "cutoff": end, "ds": ds, "error": error}))
    scores = ConformalScores.from_cross_validation(pd.concat(parts), panel, H, SEASON)
    return scores, Linear(list(series.values()))


def by_series(panel: pd.DataFrame) -> dict[Any, Array]:
    return {n: own["y"].to_numpy() for n, own in panel.groupby("unique_id", sort=False)}


def coverage(mix: Mapping[str, int], n_windows: int) -> pd.DataFrame:
    """Return how often truth lies within intervals, by kind and level, of old and new series."""
    found: list[pd.DataFrame] = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        own, new = (made(mix, LENGTH + LATER * H, rng, prefix) for prefix in ("", "new "))
        scores, forecaster = calibrated(own[own["ds"] < LENGTH], n_windows)
        for name, panel in (("calibrated", own), ("new", new)):
            kinds = panel.groupby("unique_id", sort=False)["kind"].first().to_numpy()
            series = list(by_series(panel).values())
            for end in range(LENGTH, LENGTH + LATER * H, H):
                past = scores.describe(panel[panel["ds"] < end])
                point = forecaster([y[:end] for y in series])
                truth = np.array([y[end : end + H] for y in series])[:, :, None]
                values = scores.quantiles(point, past, [0.025, 0.1, 0.9, 0.975])
                inside = (truth >= values[..., [1, 0]]) & (truth <= values[..., [2, 3]])
                figures = pd.DataFrame(inside.mean(axis=1), columns=[80, 95])
                found.append(figures.assign(kind=kinds, series=name))
    return pd.concat(found).groupby(["kind", "series"]).mean()


MIXES: dict[str, dict[str, int]] = {
    "alone": {"active": 10},
    "as many zeros": {"active": 10, "zero": 10},
    "many zeros": {"active": 10, "zero": 90},
    "constants": {"active": 20, "constant": 60},
    "smooth": {"active": 10, "smooth": 10},
    "rare": {"active": 20, "rare": 20},
    "intermittent": {"active": 20, "intermittent": 20},
    "random walks": {"active": 20, "random walk": 20},
    "all kinds": dict.fromkeys(KINDS, 8),
}


QUICK = {("many zeros", 2), ("smooth", 9), ("rare", 9), ("random walks", 2), ("all kinds", 2)}


@pytest.mark.parametrize(
    ("mix", "n_windows"),
    [
        pytest.param(mix, n, marks=() if (mix, n) in QUICK else pytest.mark.slow)
        for mix in MIXES
        for n in (2, 9)
    ],
)
def test_each_kind_has_its_coverage(mix: str, n_windows: int):
    found = coverage(MIXES[mix], n_windows)
    assert len(found) == 2 * len(MIXES[mix])
    for (kind, series), covered_by_level in found.iterrows():
        if kind in STILL:
            assert (covered_by_level == 1).all(), (kind, series)
            continue
        # where two windows hold no move, they tell nothing of the moves to come
        least = 0.75 if kind == "rare" else 0.87
        assert 0.66 < covered_by_level[80] < 0.96, (kind, series)
        assert least < covered_by_level[95], (kind, series)
    assert found.loc["active", 80].between(0.72, 0.9).all()


@pytest.mark.parametrize("others", ["zero", "constant", "smooth", "rare"])
def test_other_series_leave_intervals_as_they_are(others: str):
    rng = np.random.default_rng(5)
    own = made({"active": 10}, LENGTH, rng).sort_values(["unique_id", "ds"])
    beside = made({others: 30}, LENGTH, rng).sort_values(["unique_id", "ds"])
    widths = []
    for panel in (own, pd.concat([own, beside])):
        scores, _ = calibrated(panel, 5)
        values = scores.quantiles(np.zeros((10, H)), scores.describe(own), [0.1, 0.9])
        widths.append(np.diff(values, axis=2).mean())
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def errors_of(sizes: Array, n_windows: int, rng: np.random.Generator) -> Array:
    errors: Array = np.abs(rng.normal(size=(len(sizes), n_windows, H))) * sizes[:, None, None]
    return errors


def alike(n_series: int) -> tuple[npt.NDArray[np.intp], Array]:
    """Return neighbours of series that are all alike."""
    places = np.array([np.r_[k, np.delete(np.arange(n_series), k)] for k in range(n_series)])
    return places, np.ones((n_series, n_series))


def test_sizes_that_differ_by_chance_are_one():
    errors = errors_of(np.ones(30), 2, np.random.default_rng(0))
    sizes = np.exp(expected_sizes(errors, *alike(30), independent=True).new)
    own = errors.mean(axis=(1, 2))
    assert sizes.std() < 0.25 * own.std()


def test_sizes_that_do_differ_are_each_series_own():
    wanted = np.geomspace(0.01, 100, 30)
    errors = errors_of(wanted, 2, np.random.default_rng(0))
    sizes = np.exp(expected_sizes(errors, *alike(30), independent=True).new)
    assert np.abs(np.log(sizes / errors.mean(axis=(1, 2)))).max() < 0.2


def test_one_window_or_overlapping_ones_leave_the_kind_alone_to_go_by():
    wanted = np.geomspace(0.5, 2, 10)
    errors = errors_of(wanted, 3, np.random.default_rng(0))
    for given_errors, independent in ((errors[:, :1], True), (errors, False)):
        found = expected_sizes(given_errors, *alike(10), independent=independent)
        assert np.array_equal(found.new, found.alike)
        assert np.ptp(np.exp(found.new)) < 0.3


def test_a_single_series_has_plain_split_conformal_intervals():
    y = np.random.default_rng(0).normal(size=120)
    series = describe_series(np.array(["a"] * 120), y, 7)
    errors = np.abs(np.random.default_rng(1).normal(size=(1, 19, 1)))
    scores = ConformalScores(errors, series, 7)
    radii = scores.radii(series, [0.5, 0.9]) / series.units[0]
    assert radii.ravel() == pytest.approx(np.sort(errors.ravel())[[9, 17]])


def test_zero_errors_have_no_width():
    panel = made({"zero": 3, "active": 3}, LENGTH, np.random.default_rng(0))
    panel = panel.sort_values(["unique_id", "ds"])
    scores, _ = calibrated(panel, 4)
    series = scores.describe(panel)
    radii = scores.radii(series, [0.95])[0]
    assert (radii[~series.moves] == 0).all()
    assert (radii[series.moves] > 0.5).all()


def test_a_constant_lies_within_though_the_forecast_is_off():
    series = describe_series(np.array(["a"] * 30), np.full(30, 4.0), 7)
    scores = ConformalScores(np.full((1, 3, 2), 1e-4), series, 7)
    low, high = scores.quantiles(np.array([[3.9, 4.2]]), series, [0.1, 0.9])[0].T
    assert ((low <= 4.0) & (high >= 4.0)).all()
    assert (high - low).max() < 0.41


def test_new_series_unlike_all_others_have_those_of_seasonal_steps():
    rng = np.random.default_rng(0)
    zeros = made({"zero": 5}, LENGTH, rng)
    scores, _ = calibrated(zeros, 3)
    new = scores.describe(made({"random walk": 2}, LENGTH, rng, "new "))
    assert scores.strangers(new).all()
    radii = scores.radii(new, [0.8])[0]
    assert radii == pytest.approx(1.6 * new.units[:, None] * np.ones(H), rel=0.01)
    assert not scores.strangers(scores.describe(zeros)).any()


def test_a_series_of_a_known_name_and_another_kind_is_a_new_one():
    rng = np.random.default_rng(0)
    panel = made({"active": 6, "zero": 6}, LENGTH, rng).sort_values(["unique_id", "ds"])
    scores, _ = calibrated(panel, 4)
    swapped = panel[panel["kind"] == "active"].assign(
        unique_id=lambda df: df["unique_id"].str.replace("active", "zero")
    )
    own = scores.radii(scores.describe(panel[panel["kind"] == "active"]), [0.8])
    assert scores.radii(scores.describe(swapped), [0.8]) == pytest.approx(own, rel=0.3)


def test_a_series_that_rests_now_keeps_the_interval_of_its_moves():
    panel = made({"rare": 20}, LENGTH, np.random.default_rng(1)).sort_values(["unique_id", "ds"])
    scores, _ = calibrated(panel, 9)
    resting = panel.assign(y=0.0)
    moved = scores.describe(panel).moves
    radii = scores.radii(scores.describe(resting), [0.95])[0]
    assert (radii[moved] > 0).mean() > 0.8  # all but those without any error in the windows


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_windows=st.integers(1, 4),
    h=st.integers(1, 5),
    quantiles=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=8, unique=True),
)
def test_quantiles_never_cross(seed: int, n_windows: int, h: int, quantiles: list[float]):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(KINDS), size=6)
    panel = pd.concat(made({kind: 1}, 60, rng, f"{place} ") for place, kind in enumerate(kinds))
    known, new = panel.iloc[: 4 * 60], panel
    series = describe_series(known["unique_id"].to_numpy(), known["y"].to_numpy(), 7)
    errors = 10 ** rng.uniform(-9, 9, (4, n_windows, h)) * rng.integers(0, 2, (4, n_windows, h))
    scores = ConformalScores(errors, series, 7, overlapping=bool(rng.integers(2)))
    point = rng.normal(size=(6, h)) * 10 ** rng.uniform(-3, 3)
    ordered = sorted(quantiles)
    values = scores.quantiles(point, scores.describe(new), ordered)
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=2) >= 0).all()
    shuffled = scores.quantiles(point, scores.describe(new), quantiles)
    assert np.array_equal(shuffled, values[..., np.argsort(np.argsort(quantiles))])


# Windows to hold out


def panel_of(*lengths: int) -> pd.DataFrame:
    ids = np.repeat([f"s{k}" for k in range(len(lengths))], lengths)
    return pd.DataFrame({"unique_id": ids})


@pytest.mark.parametrize(
    ("lengths", "h", "windows", "left_out"),
    [
        ((400, 400, 400), 7, (10, 7), ()),
        ((400, 400, 16), 7, (10, 7), ("s2",)),
        ((400, 400, 30), 7, (10, 7), ("s2",)),  # it would cost the others nine windows of ten
        ((100, 90, 80), 7, (3, 7), ()),
        ((30, 30, 400), 7, (4, 1), ()),
        ((800,), 365, (10, 1), ()),
        ((13,), 6, (1, 1), ()),
    ],
)
def test_short_series_are_left_out(
    lengths: tuple[int, ...], h: int, windows: tuple[int, int], left_out: tuple[str, ...]
):
    plan = plan_windows(panel_of(*lengths), h)
    assert ((plan.count, plan.step), plan.left_out) == (windows, left_out)


def test_a_model_of_all_series_at_once_leaves_out_none_that_holds_a_window():
    assert plan_windows(panel_of(400, 400, 30), 7, together=True).count == 4
    df = pd.concat(
        [
            made({"active": 3}, 120, np.random.default_rng(0)),
            made({"active": 1}, 30, np.random.default_rng(1), "short ").assign(
                ds=np.arange(90, 120)
            ),
        ]
    )[["unique_id", "ds", "y"]]
    config = {"input_size": 14, "max_steps": 5, "hidden_size": 8}
    model = create_auto_model("MLPMultivariate", 7, df, config, **OPTIONS)
    forecast = model.predict(level=[80])
    name = "MLPMultivariate"
    assert (forecast[f"{name}-hi-80"] > forecast[f"{name}-lo-80"]).all()


def test_steps_that_were_not_observed_take_the_errors_of_others():
    panel = made({"active": 4}, LENGTH, np.random.default_rng(0)).reset_index(drop=True)
    gone = panel["ds"].isin([180, 195]) & (panel["unique_id"] == "active 1")
    keys = panel[panel["ds"] >= LENGTH - 4 * H]
    rng = np.random.default_rng(1)
    errors = keys.assign(cutoff=(keys["ds"] - LENGTH) // H, error=rng.normal(size=len(keys)))
    masked = panel.assign(available_mask=1.0 - gone, y=panel["y"].where(~gone, 0.0))
    scores = ConformalScores.from_cross_validation(
        errors.assign(error=errors["error"].where(~gone)), masked, H, SEASON
    )
    full = ConformalScores.from_cross_validation(errors, panel, H, SEASON)
    assert np.isfinite(scores.errors).all()
    assert scores.series.units == pytest.approx(full.series.units, rel=0.05)
    radii = scores.radii(scores.describe(masked), [0.8])
    assert radii == pytest.approx(full.radii(full.describe(panel), [0.8]), rel=0.35)


# Models


CONFIG: dict[str, Any] = {
    "input_size": 28,
    "hidden_size": 32,
    "num_layers": 1,
    "max_steps": 150,
    "learning_rate": 5e-3,
    "windows_batch_size": 256,
    "scaler_type": "standard",
}
OPTIONS: dict[str, Any] = {
    "use_mlflow": False,
    "storage": ":memory:",
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
    "season_length": SEASON,
}


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    mix = {"active": 16, "zero": 16, "constant": 16, "smooth": 8}
    return made(mix, LENGTH + 4 * H, np.random.default_rng(2))


@pytest.fixture(scope="module")
def model(truth: pd.DataFrame) -> AutoModel:
    past = truth.loc[truth["ds"] < LENGTH, ["unique_id", "ds", "y"]]
    return create_auto_model("MLP", H, past, CONFIG, **OPTIONS).calibrate()


def test_a_model_of_a_mixed_panel(model: AutoModel, truth: pd.DataFrame):
    figures = covered(model, truth, H, 4)
    assert 0.7 < figures.loc["active", "80%"] < 0.9
    assert figures.loc["active", "95%"] > 0.88
    assert figures.loc["smooth", "80%"] > 0.6
    assert figures.loc["smooth", "width"] < 0.2 * figures.loc["active", "width"]
    assert (figures.loc[list(STILL), "80%"] == 1).all()
    assert (figures.loc[list(STILL), "width"] < 0.1).all()


def test_a_saved_model_has_the_same_intervals(
    model: AutoModel, truth: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
):
    back = AutoModel.load(model.save(tmp_path_factory.mktemp("saved") / "model"))
    assert back._scores is not None
    expected = model.predict(level=[50, 99])
    pd.testing.assert_frame_equal(back.predict(level=[50, 99]), expected)
    few = truth.loc[truth["unique_id"].isin(["active 3", "zero 1"]), ["unique_id", "ds", "y"]]
    asked = {"quantiles": [0.05, 0.5]}
    pd.testing.assert_frame_equal(back.predict(few, **asked), model.predict(few, **asked))


def test_paths_of_active_series_spread_beside_still_ones(model: AutoModel):
    paths = model.simulate(n_paths=200)
    spread = paths.groupby(["unique_id", "ds"])["MLP"].std().groupby("unique_id").mean()
    intervals = model.predict(level=[80]).groupby("unique_id").mean(numeric_only=True)
    width = intervals["MLP-hi-80"] - intervals["MLP-lo-80"]
    active = spread.index.str.startswith("active")
    assert (width / spread)[active].between(1.9, 3.4).all()  # 2.56 of a normal distribution
    assert spread[spread.index.str.startswith("zero")].max() < 0.05


def test_one_short_series_forbids_no_intervals(caplog: pytest.LogCaptureFixture):
    long = made({"active": 3}, 120, np.random.default_rng(0))
    short = made({"active": 1}, 36, np.random.default_rng(1), "short ")
    df = pd.concat([long, short])[["unique_id", "ds", "y"]]
    config = {**CONFIG, "max_steps": 30, "input_size": 14}
    model = create_auto_model("MLP", 14, df, config, **OPTIONS)
    with caplog.at_level("WARNING", logger="automodel_sk"):
        forecast = model.predict(level=[80])
    [record] = [r for r in caplog.records if "too short to hold out" in r.getMessage()]
    assert "'short active 0'" in record.getMessage()
    assert "active 1" not in record.getMessage().replace("'short active 0'", "")
    assert len(forecast) == 4 * 14
    width = (forecast["MLP-hi-80"] - forecast["MLP-lo-80"]).groupby(forecast["unique_id"]).mean()
    assert width["short active 0"] == pytest.approx(width.drop("short active 0").mean(), rel=0.5)


def test_a_horizon_of_nearly_half_the_rows_has_intervals():
    df = made({"active": 2}, 80, np.random.default_rng(0))[["unique_id", "ds", "y"]]
    config = {**CONFIG, "max_steps": 30, "input_size": 14}
    model = create_auto_model("MLP", 36, df, config, **OPTIONS)
    forecast = model.predict(level=[80])
    assert (forecast["MLP-hi-80"] > forecast["MLP-lo-80"]).all()
    assert len(forecast) == 2 * 36


def test_forecasts_that_leave_single_precision_are_told(caplog: pytest.LogCaptureFixture):
    df = made({"active": 2}, 60, np.random.default_rng(0))[["unique_id", "ds", "y"]]
    model = create_auto_model("MLP", 4, df, {**CONFIG, "max_steps": 5}, **OPTIONS)
    huge = df.assign(y=df["y"].where(df["unique_id"] == "active 0", 1e300))
    with caplog.at_level("WARNING", logger="automodel_sk"):
        model.predict(df)
        assert not caplog.records
        assert not np.isfinite(model.predict(huge)["MLP"]).all()
    [record] = [r for r in caplog.records if "NaN or infinite in 4 of 8 rows" in r.getMessage()]
    assert "of series 'active 1'" in record.getMessage()


def test_one_window_pools_sixty_series_that_are_alike():
    """Their scores are 1 to 60, and every interval of 80% is that of all of them."""
    n_series = 60
    ids = np.repeat([f"s{i:02d}" for i in range(n_series)], 24)
    series = describe_series(ids, np.tile([1.0, 3.0, 2.0, 5.0], n_series * 6), season=4)
    errors = np.arange(1.0, n_series + 1).reshape(n_series, 1, 1)
    scores = ConformalScores(errors, series, season=4)
    [radii] = scores.radii(series, [0.8])
    np.testing.assert_allclose(radii / series.units[:, None], 49.0, rtol=0.1)


@pytest.mark.parametrize("h", [1, 2, 13])
@pytest.mark.parametrize("n_windows", [1, 3])
@pytest.mark.parametrize("n_series", [1, 20])
def test_an_interval_is_the_same_alone_and_holds_all_narrower_ones(h, n_windows, n_series):
    rng = np.random.default_rng(h)
    ids = np.repeat(np.arange(n_series), 60)
    series = describe_series(ids, rng.normal(size=60 * n_series), 7)
    sizes = np.abs(rng.standard_t(2, size=(n_series, n_windows, h)))
    scores = ConformalScores(sizes, series, 7)
    point = rng.normal(size=(n_series, h))
    quantiles = [0.5, 0.1, 0.9, 0.975, 0.025, 0.005, 0.995, 0.3, 0.05, 0.0001]
    together = scores.quantiles(point, series, quantiles)
    for place, quantile in enumerate(quantiles):
        assert np.array_equal(
            scores.quantiles(point, series, [quantile])[..., 0], together[..., place]
        )
    radii = scores.radii(series, np.linspace(0.01, 0.9999, 60))
    assert (np.diff(radii, axis=0) >= 0).all()
