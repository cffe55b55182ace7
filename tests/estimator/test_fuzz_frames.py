"""Odd frames and values: data in the right form, or one clear error, soon."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cpu_time import cpu_time_below
from sktime.forecasting.base import ForecastingHorizon

from automodel_sk.exceptions import AutoModelError, InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.frames import from_long, to_long

pytestmark = pytest.mark.filterwarnings("ignore")

Draw = Callable[[random.Random], Any]


class Unwilling:
    """An object on which nothing works."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    __hash__ = None  # type: ignore[assignment]


SCALARS: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2.5,
    float("nan"),
    float("inf"),
    10**18,
    10**30,
    "",
    "y",
    "ds",
    "M",
    "2MS",
    "B",
    "x" * 10_000,
    "\x00",
    "\ud800",
    "2024-01-31",
    "9999-12-31",
    b"bytes",
    pd.NaT,
    pd.NA,
    pd.Timestamp("2024-05-05"),
    pd.Timestamp("2024-05-05", tz="Asia/Tokyo"),
    pd.Period("2024-05", "M"),
    pd.Timedelta("1D"),
    pd.offsets.MonthBegin(2),
    pd.offsets.CustomBusinessDay(),
    np.float32(1),
    np.datetime64("2024-01-01"),
    date(2024, 1, 1),
    Decimal("1.5"),
    1 + 2j,
    object(),
    Unwilling(),
)
CONTAINERS: tuple[Any, ...] = (
    [],
    [1, 2],
    (),
    {},
    {"a": [1, 2]},
    {1, 2},
    range(3),
    np.arange(3),
    np.zeros((2, 2)),
    np.zeros((2, 2, 2)),
    np.array(None),
    iter([1]),
    pd.Index([1, 2]),
    pd.DataFrame(),
    pd.Series(dtype=float),
    pd.DataFrame({"unique_id": [], "ds": [], "y": []}),
    [pd.DataFrame({"y": [1.0]})],
)
DAYS = pd.date_range("2024-01-01", periods=6)
INDICES: tuple[Any, ...] = (
    DAYS,
    DAYS[::-1],
    DAYS[[0, 0, 1, 2, 3, 4]],
    DAYS[[0, 1, 3, 4, 6 - 1, 2]],
    pd.date_range("2024-01-01", periods=6, tz="Europe/Berlin"),
    pd.date_range("2024-01-31", periods=6, freq="ME"),
    pd.period_range("2024-01", periods=6, freq="M"),
    pd.period_range("2024-01", periods=6, freq="2M"),
    pd.period_range("2024-01-01", periods=6, freq="W"),
    pd.RangeIndex(6),
    pd.RangeIndex(6, 0, -1),
    pd.Index([0, 2, 4, 6, 8, 10]),
    pd.Index([10**18, 0, 1, 2, 3, 4]),
    pd.Index([0.5, 1, 2, 3, 4, 5]),
    pd.Index(list("abcdef")),
    pd.Index([None, 1, 2, 3, 4, 5]),
    pd.Index([(1,), (2,), (3,), (4,), (5,), (6,)], tupleize_cols=False),
    pd.timedelta_range("1D", periods=6),
    pd.CategoricalIndex(list("abcdef")),
    pd.IntervalIndex.from_breaks(range(7)),
    pd.DatetimeIndex([*DAYS[:5], pd.NaT]),
    pd.DatetimeIndex(["0001-01-01", "9999-12-31", *DAYS[:4]], dtype="datetime64[s]"),
    pd.PeriodIndex(["0001-01", "9999-12", "2024-01", "2024-02", "2024-03", "2024-04"], freq="M"),
    pd.MultiIndex.from_product([["a", "b"], DAYS[:3]]),
    pd.MultiIndex.from_product([["b", "a"], [1, 2, 3]], names=["s", "t"]),
    pd.MultiIndex.from_product([["a"], [1, "x"], DAYS[:3]]),
    pd.MultiIndex.from_tuples([(np.nan, 1), ("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 2)]),
    pd.MultiIndex.from_product([[DAYS[0], DAYS[1]], ["x", "y", "z"]]),
    pd.MultiIndex.from_arrays([range(6)]),
)


def index(rng: random.Random) -> pd.Index:
    return rng.choice(INDICES)


def column(rng: random.Random) -> Any:
    """Return six values: numbers mostly, else of any kind."""
    if rng.random() < 0.6:
        return [rng.choice((0.0, 1.0, -2.5, 3.0)) for _ in range(6)]
    if rng.random() < 0.5:
        return [rng.choice(SCALARS) for _ in range(6)]
    return rng.choice(
        (
            pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
            pd.array([True, False] * 3, dtype="boolean"),
            pd.Categorical(list("ababab")),
            pd.Categorical([1, 2, 1, 2, 1, 2]),
            [[1], [2], [3], [4], [5], [6]],
            [{}, {}, {}, {}, {}, {}],
            list("abcabc"),
            ["01.02.2024"] * 6,
            [10**400] * 6,
            [np.inf] * 6,
            [1e15] * 6,
            np.arange(6).astype("timedelta64[D]"),
            index(rng) if index(rng).nlevels == 1 else DAYS,
        )
    )


def times(rng: random.Random) -> Any:
    found = index(rng)
    return DAYS if found.nlevels > 1 or rng.random() < 0.3 else found


def long_frame(rng: random.Random) -> Any:
    """Return a long frame, whole or with something wrong."""
    ids = ["a"] * 6 if rng.random() < 0.5 else column(rng)
    df = pd.DataFrame({"unique_id": pd.Series(ids), "ds": pd.Series(times(rng)), "y": column(rng)})
    if rng.random() < 0.3:
        df["price"] = column(rng)
    damage = rng.random()
    if damage < 0.1:
        df = df.drop(columns=rng.choice(list(df.columns)))
    elif damage < 0.2:
        df = pd.concat([df, df[[rng.choice(list(df.columns))]]], axis=1)
    elif damage < 0.3:
        df = df.set_index(rng.choice(list(df.columns)))
    elif damage < 0.4:
        df = df.iloc[: rng.randrange(3)]
    elif damage < 0.5:
        return rng.choice(CONTAINERS + SCALARS)
    return df


def container(rng: random.Random) -> Any:
    """Return an sktime container, whole or with something wrong."""
    if rng.random() < 0.25:
        return rng.choice(CONTAINERS + SCALARS)
    found = index(rng)
    if rng.random() < 0.4:
        return pd.Series(column(rng), index=found, name=rng.choice((None, "sales", 0, ("a", 1))))
    names = rng.choice((["sales"], [0], ["a", "b"], ["y", "y"], ["unique_id"], [("a", 1)], []))
    frame = pd.concat([pd.Series(column(rng), index=found) for _ in names] or [pd.Series()], axis=1)
    return frame.set_axis(names, axis=1) if names else frame.iloc[:, :0]


def drawn(rng: random.Random, draw: Draw) -> Any:
    """Return what is drawn; a value instead where pandas refuses to make it."""
    try:
        return draw(rng)
    except Exception:
        return rng.choice(CONTAINERS + SCALARS)


HANDED_ON = {"_check_X_y", "_check_fh", "_checked_fh", "own_horizon", "update"}
HANDED_ON |= {"predict_interval", "predict_quantiles"}


def is_own(frame: traceback.FrameSummary) -> bool:
    """Tell whether a frame is the package's, where what sktime refuses passes through."""
    return "automodel_sk" in Path(frame.filename).parts


def plain_error(call: Callable[[], Any], allowed: tuple[type[Exception], ...]) -> Any:
    """Return the answer or None after an error that is allowed; never raw, long or late."""
    answer, message, raised = None, "", None
    with cpu_time_below(20):
        try:
            answer = call()
        except AutoModelError as error:
            message = str(error)
        except allowed as error:
            raised = error
    frames = traceback.extract_tb(raised.__traceback__) if raised else ()
    assert {frame.name for frame in frames if is_own(frame)} <= HANDED_ON, raised
    assert len(message) < 1_500, message
    return answer


def convert_one(seed: int) -> None:
    """Convert one odd input in either direction."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        df, options = drawn(rng, long_frame), {}
        for name in ("id_col", "time_col", "target_col", "levels", "period"):
            if rng.random() < 0.15:
                options[name] = rng.choice(CONTAINERS + SCALARS)
        before = df.copy() if isinstance(df, pd.DataFrame) else None
        answer = plain_error(lambda: from_long(df, **options), (InvalidInputError,))
        if answer is not None:
            y, X = answer
            assert isinstance(y.index, pd.MultiIndex)
            assert len(y) == len(df)
            assert X is None or X.index.equals(y.index)
        if before is not None:
            assert df.shape == before.shape
            assert list(df.columns) == list(before.columns)
    else:
        y, X = drawn(rng, container), None if rng.random() < 0.5 else drawn(rng, container)
        answer = plain_error(lambda: to_long(y, X), (InvalidInputError,))
        if answer is not None:
            assert list(answer.columns[:3]) == ["unique_id", "ds", "y"]
            assert len(answer) == len(y)


def forecast_one(seed: int, trained: bool) -> None:
    """Fit, forecast and update with odd inputs; sktime's own errors are its own."""
    rng = random.Random(seed)
    config = {"max_steps": 1, "input_size": 2, "hidden_size": 4, "num_layers": 1}
    model = "MLP" if trained else "NoSuchModel"
    parameters: dict[str, Any] = {"h": 2} if rng.random() < 0.5 else {}
    for name in ("hist_exog", "static", "freq", "season_length"):
        if rng.random() < 0.1:
            parameters[name] = rng.choice(CONTAINERS + SCALARS)
    horizons = (None, 1, 3, [2], [-1, 0, 1], [1, 1], DAYS[-1:], pd.Index([7]), *SCALARS[:12])
    fh = rng.choice((*horizons, ForecastingHorizon([1, 2])))
    y, X = drawn(rng, container), None if rng.random() < 0.6 else drawn(rng, container)
    forecaster = AutoNeuralForecaster(model, config, gpus=0, **parameters)
    # What is no container or no horizon of sktime's is refused by sktime, in its own words.
    allowed = (Exception,)
    if plain_error(lambda: forecaster.fit(y, X=X, fh=fh), allowed) is None or not trained:
        return
    ahead = fh if forecaster.h is None else rng.choice((1, [2], [-1, 0, 1], [4]))
    later = None if X is None else drawn(rng, container)
    for call in (
        lambda: forecaster.predict(fh=ahead, X=later),
        lambda: forecaster.predict_interval(fh=ahead, X=later, coverage=rng.choice(SCALARS)),
        lambda: forecaster.update(drawn(rng, container), X=later, update_params=False),
    ):
        plain_error(call, allowed)


def test_conversions() -> None:
    for seed in range(600):
        convert_one(seed)


@pytest.mark.slow
def test_many_conversions() -> None:
    for seed in range(600, 40_000):
        convert_one(seed)


def test_forecaster_refuses() -> None:
    for seed in range(250):
        forecast_one(seed, trained=False)


def test_forecaster_forecasts() -> None:
    for seed in range(40):
        forecast_one(seed, trained=True)


@pytest.mark.slow
def test_many_forecasts() -> None:
    for seed in range(40, 3_000):
        forecast_one(seed, trained=True)
