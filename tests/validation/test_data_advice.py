"""What a message advises does what it says, and refuses nothing that is never looked at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from automodel_sk import DataValidator, create_auto_model
from automodel_sk.exceptions import InvalidInputError

ROWS = 40
QUICK = {"use_mlflow": False, "verbose": False, "cpus": 1, "gpus": 0, "storage": ":memory:"}
CONFIG = {"input_size": 12, "max_steps": 1, "hidden_size": 8, "num_layers": 1}


def panel(**columns: object) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=ROWS)
    one = pd.DataFrame({"unique_id": "a", "ds": days, "y": np.sin(np.arange(float(ROWS)))})
    return pd.concat([one, one.assign(unique_id="b")], ignore_index=True).assign(**columns)


def only_error(df: pd.DataFrame, **options: object) -> str:
    (error,) = DataValidator().validate_dataset(df, **options).errors
    return error


def followed(df: pd.DataFrame, message: str) -> pd.DataFrame:
    """Return what the code at a message's end makes of a frame."""
    names = {"df": df.copy(), "pd": pd, "np": np}
    code = message[message.rindex(": df") + 2 :]
    exec(code, names)
    return names["df"]


@pytest.mark.parametrize(
    ("cells", "found", "expected"),
    [
        (["10,000", "1,234.5"], "numbers with commas", [10000, 1234.5]),
        (["10,5", "7"], "a decimal comma", [10.5, 7]),
        (["7", "8"], "numbers as text", [7, 8]),
        (pd.to_timedelta(["1h", "2h"]), "durations", [3600, 7200]),
    ],
)
def test_the_advice_on_text_keeps_the_values(cells, found, expected):
    df = panel(x=list(cells) * ROWS)
    message = only_error(df, futr_exog=["x"])
    assert found in message
    fixed = followed(df, message)
    assert fixed["x"].head(2).tolist() == expected
    assert DataValidator().validate_dataset(fixed, futr_exog=["x"]).is_valid


@pytest.mark.parametrize(
    ("cells", "first"), [(["Monday", "Tuesday"], "Monday"), (["1", "n/a"], "n/a")]
)
def test_no_advice_empties_a_column(cells, first):
    message = only_error(panel(x=cells * ROWS), futr_exog=["x"])
    assert "coerce" not in message
    assert repr(first) in message


def test_a_value_in_a_message_is_cut():
    assert len(only_error(panel(x="word " * 1000), futr_exog=["x"])) < 300


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            slice(33, 39),
            "after the last value of a series; drop these rows, and pass what",
        ),
        (slice(0, 5), "before the first value of a series; drop these rows"),
        (slice(0, 39), "series 'a' has no value at all; leave it out"),
    ],
)
def test_missing_values_at_the_edges_are_dropped_not_invented(rows, words):
    df = panel()
    df.loc[rows, "y"] = np.nan
    message = only_error(df)
    assert words in message
    assert "ffill" not in message
    fixed = followed(df, message)
    assert fixed["y"].notna().all()
    assert DataValidator().validate_dataset(fixed).is_valid


def test_gaps_are_filled_or_marked():
    df = panel()
    df.loc[[0, 10, 11], "y"] = np.nan
    message = only_error(df)
    assert "ffill" in message
    assert "rows before the first or after the last value: drop them" in message
    df["available_mask"] = df["y"].notna()  # as the message says
    assert DataValidator().validate_dataset(df).is_valid


def future(**columns: object) -> pd.DataFrame:
    days = pd.date_range("2024-02-10", periods=14)
    frames = [pd.DataFrame({"unique_id": name, "ds": days, "x": 1.0}) for name in "abc"]
    return pd.concat(frames, ignore_index=True).assign(**columns)


def test_future_values_that_are_never_looked_at_may_be_missing():
    model = create_auto_model("MLP", 7, panel(x=1.0), CONFIG, futr_exog_list=["x"], **QUICK)
    futr_df = future()
    ahead = (futr_df["ds"] > "2024-02-16") | (futr_df["unique_id"] == "c")
    expected = model.predict(futr_df=futr_df[~ahead])
    gone = futr_df.assign(x=futr_df["x"].mask(ahead))
    pd.testing.assert_frame_equal(model.predict(futr_df=gone), expected)
    with pytest.raises(
        InvalidInputError, match="'x' of futr_df has 1 missing value, first in series 'b'"
    ):
        model.predict(futr_df=gone.assign(x=gone["x"].mask(gone.index == 14)))
    with pytest.raises(InvalidInputError, match=r"with 1 \(a whole number\), .* 'a' \(text\)"):
        model.predict(futr_df=futr_df.replace({"unique_id": {"a": 1, "b": 2, "c": 3}}))


@pytest.mark.parametrize("kind", [bool, "boolean", "Int64"])
def test_flags_are_zero_and_one(kind):
    flags = np.arange(2 * ROWS) % 3 == 0
    ahead = future().query("unique_id != 'c'").rename(columns={"x": "flag"})
    forecasts = []
    for dtype in (float, kind):
        df, later = panel(flag=flags).astype({"flag": dtype}), ahead.assign(flag=True)
        model = create_auto_model("MLP", 7, df, CONFIG, futr_exog_list=["flag"], **QUICK)
        forecasts.append(model.predict(futr_df=later.astype({"flag": dtype}))["MLP"].tolist())
    assert forecasts[0] == forecasts[1]


def test_columns_are_named_by_text():
    df = panel(**{"0": 1.0, "z": 2.0}).rename(columns={"0": 0})
    with pytest.raises(InvalidInputError, match=r"names columns by numbers, .*map\(str\)"):
        create_auto_model("MLP", 7, df, CONFIG, hist_exog_list=df.columns[3:], **QUICK)
    model = create_auto_model("MLP", 7, df, CONFIG, hist_exog_list=["z"], **QUICK)
    assert "historic: z" in str(model.profile)
    assert "columns [0] are not used" in model.validation.warnings[0]
    named = df.set_axis(df.columns.map(str), axis=1)  # as the message says
    model = create_auto_model("MLP", 7, named, CONFIG, hist_exog_list=named.columns[3:], **QUICK)
    assert "historic: 0, z" in str(model.profile)


def test_static_columns_are_not_dropped_silently():
    static = pd.DataFrame({"unique_id": ["a", "b"], "size": [1.0, 2.0], "age": [3.0, 4.0]})
    for used, unused in (((), "'size', 'age'"), (("size",), "'age'"), (("size", "age"), None)):
        result = DataValidator().validate_dataset(panel(), static_df=static, stat_exog=used)
        expected = [] if unused is None else [f"columns [{unused}] of static_df are not used"]
        assert [warning[: len(expected[0])] for warning in result.warnings] == expected


@pytest.mark.parametrize("used", [(), ("size",)])
def test_static_columns_that_are_not_used_may_hold_anything(used: tuple[str, ...]):
    static = pd.DataFrame({"unique_id": ["a", "b"], "size": [1.0, 2.0], "town": ["x", None]})
    result = DataValidator().validate_dataset(panel(), static_df=static, stat_exog=used)
    assert result.errors == []
    if not used:
        lacking = static.head(1)
        assert DataValidator().validate_dataset(panel(), static_df=lacking).errors == []


@pytest.mark.parametrize("kind", ["futr_exog", "hist_exog", "stat_exog"])
def test_a_column_is_named_once(kind: str):
    words = f"{kind}_list names 'z' more than once; name it once"
    static = pd.DataFrame({"unique_id": ["a", "b"], "z": [1.0, 2.0]})
    given = {kind: ["z", "z"], "static_df": static if kind == "stat_exog" else None}
    assert DataValidator().validate_dataset(panel(z=1.0), **given).errors == [words]
    columns = {f"{kind}_list": ["z", "z"], "static_df": given["static_df"]}
    with pytest.raises(InvalidInputError, match=words):
        create_auto_model("MLP", 7, panel(z=1.0), CONFIG, **columns, **QUICK)


@pytest.mark.parametrize(
    ("name", "arguments"), [("Poisson", {}), ("NegativeBinomial", {}), ("Tweedie", {"rho": 1.5})]
)
def test_a_loss_of_counts_is_refused_for_negative_values_beforehand(name, arguments):
    from neuralforecast.losses.pytorch import DistributionLoss

    loss = DistributionLoss(name, **arguments)
    with pytest.raises(InvalidInputError, match=f"loss {name} is for values of at least 0"):
        create_auto_model("MLP", 7, panel(), CONFIG, loss, **QUICK)
