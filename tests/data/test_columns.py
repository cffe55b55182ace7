"""Columns under a user's own names: taken, given back and remembered, in Python and the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run, words

from automodel_sk import AutoModel, DataValidator, create_auto_model
from automodel_sk.exceptions import InvalidInputError

CONFIG = {"input_size": 6, "max_steps": 3, "hidden_size": 4, "num_layers": 1}
QUIET: dict[str, Any] = {
    "use_mlflow": False,
    "verbose": False,
    "cpus": 1,
    "gpus": 0,
    "storage": ":memory:",
}
THEIRS = {"id_col": "shop", "time_col": "date", "target_col": "sales"}
RENAMES = {"unique_id": "shop", "ds": "date", "y": "sales"}


def _panel() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=60)
    rng = np.random.default_rng(0)
    return pd.concat(
        pd.DataFrame(
            {"unique_id": name, "ds": days, "y": rng.normal(size=60), "promo": rng.random(60)}
        )
        for name in ("north", "south")
    )


def _future(df: pd.DataFrame) -> pd.DataFrame:
    days = pd.date_range("2024-03-01", periods=3)
    return pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days, "promo": 0.5})
        for name in df["unique_id"].unique()
    )


@pytest.fixture(scope="module")
def pair() -> tuple[AutoModel, AutoModel]:
    """The same model, once under the engine's names and once under a user's."""
    own = create_auto_model("MLP", 3, _panel(), CONFIG, futr_exog_list=["promo"], **QUIET)
    frame = _panel().rename(columns=RENAMES)
    return own, create_auto_model(
        "MLP", 3, frame, CONFIG, futr_exog_list=["promo"], **THEIRS, **QUIET
    )


def test_every_frame_comes_back_under_the_users_names(pair: tuple[AutoModel, AutoModel]) -> None:
    own, theirs = pair
    future, frame = _future(_panel()), _panel()
    renamed = future.rename(columns=RENAMES)
    calls: dict[str, tuple[Any, Any]] = {
        "predict": ({"futr_df": future}, {"futr_df": renamed}),
        "simulate": ({"futr_df": future, "n_paths": 2}, {"futr_df": renamed, "n_paths": 2}),
        "cross_validation": ({"dataset": frame}, {"dataset": frame.rename(columns=RENAMES)}),
    }
    for name, (first, second) in calls.items():
        expected = getattr(own, name)(**first).rename(columns=RENAMES)
        pd.testing.assert_frame_equal(getattr(theirs, name)(**second), expected)
    levels = theirs.predict(futr_df=renamed, level=[80])
    assert list(levels.columns) == ["shop", "date", "MLP", "MLP-lo-80", "MLP-hi-80"]
    newer = theirs.refit(frame.rename(columns=RENAMES))
    assert list(newer.predict(futr_df=renamed).columns) == ["shop", "date", "MLP"]
    assert theirs.plot.forecast(futr_df=renamed, dataset=frame.rename(columns=RENAMES)) is not None


def test_a_saved_model_remembers_the_names(
    pair: tuple[AutoModel, AutoModel], tmp_path: Path
) -> None:
    loaded = AutoModel.load(pair[1].save(tmp_path / "model"))
    future = _future(_panel()).rename(columns=RENAMES)
    pd.testing.assert_frame_equal(loaded.predict(futr_df=future), pair[1].predict(futr_df=future))


def test_missing_columns_are_named_all_at_once() -> None:
    with pytest.raises(
        InvalidInputError, match=r"no column 'when' \(time_col\) and no column 'much'"
    ):
        create_auto_model("MLP", 3, _panel(), CONFIG, time_col="when", target_col="much", **QUIET)


def test_two_columns_for_one_are_refused() -> None:
    frame = _panel().assign(date=1)
    with pytest.raises(InvalidInputError, match=r"dataset has both 'date' \(time_col\) and 'ds'"):
        create_auto_model("MLP", 3, frame, CONFIG, time_col="date", **QUIET)
    with pytest.raises(InvalidInputError, match=r"must name three columns"):
        create_auto_model("MLP", 3, frame, CONFIG, time_col="y", **QUIET)


def test_messages_speak_of_the_users_columns() -> None:
    frame = _panel().rename(columns=RENAMES)
    frame.loc[frame["date"] == "2024-01-05", "sales"] = np.nan
    with pytest.raises(InvalidInputError, match=r"column 'sales' of df has 2 missing values"):
        create_auto_model("MLP", 3, frame, CONFIG, **THEIRS, **QUIET)


def test_the_shell_remembers_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _panel().rename(columns=RENAMES).to_csv("sales.csv", index=False)
    _future(_panel()).rename(columns=RENAMES).to_csv("future.csv", index=False)
    Path("space.json").write_text(str(CONFIG).replace("'", '"'))
    columns = ["--id-col", "shop", "--time-col", "date", "--target-col", "sales"]
    fitted = run("fit", "sales.csv", "--model", "MLP", "--h", 3, "--space", "space.json", *columns,
                 "--futr-exog", "promo", "--no-mlflow", "--quiet", "--output", "model")  # fmt: skip
    assert fitted.exit_code == 0, words(fitted.output)
    shown = run("predict", "model", "--futr", "future.csv")
    assert shown.exit_code == 0, words(shown.output)
    assert shown.stdout.splitlines()[0] == "shop,date,MLP"
    assert shown.stdout.splitlines()[1].startswith("north,2024-03-01,")


def test_static_values_and_explanations_have_the_users_names(tmp_path: Path) -> None:
    pytest.importorskip("captum")
    static = pd.DataFrame({"shop": ["south", "north"], "size": [3.0, 1.0]})
    kinds = {"static_df": static, "stat_exog_list": ["size"]}
    frame = _panel().rename(columns=RENAMES)
    config = {"input_size": 6, "max_steps": 3, "mlp_units": [[4, 4]] * 3}
    theirs = create_auto_model("NHITS", 3, frame, config, **kinds, **THEIRS, **QUIET)
    kinds["static_df"] = static.rename(columns=RENAMES | {"shop": "unique_id"})
    own = create_auto_model("NHITS", 3, _panel(), config, **kinds, **QUIET)
    expected = own.predict().rename(columns=RENAMES)
    pd.testing.assert_frame_equal(theirs.predict(), expected)
    pd.testing.assert_frame_equal(theirs.predict(frame, static_df=static), expected)
    explained = theirs.explain(method="InputXGradient")
    assert list(explained.forecast.columns) == ["shop", "date", "NHITS"]
    assert set(explained.attributions["variable"]) == {"sales", "size"}


def test_later_messages_and_columns_of_forecasts(pair: tuple[AutoModel, AutoModel]) -> None:
    frame = _panel().rename(columns=RENAMES)
    holed = frame.assign(sales=frame["sales"].mask(frame["date"] == "2024-01-05"))
    with pytest.raises(InvalidInputError, match=r"column 'sales' of df has 2 missing values"):
        pair[1].predict(holed)
    with pytest.raises(InvalidInputError, match=r"static_df has no column 'shop' \(id_col\)"):
        create_auto_model(
            "MLP", 3, frame, CONFIG, static_df=pd.DataFrame({"a": [1]}), **THEIRS, **QUIET
        )
    for name in ("cutoff", "MLP"):
        with pytest.raises(InvalidInputError, match=r"is the name of another column"):
            create_auto_model("MLP", 3, frame, CONFIG, **{**THEIRS, "target_col": name}, **QUIET)


def test_frames_without_a_key_are_told_by_the_users_names(
    pair: tuple[AutoModel, AutoModel],
) -> None:
    frame = _panel().rename(columns=RENAMES)
    future = _future(_panel()).rename(columns=RENAMES)
    for lost, parameter in (("shop", "id_col"), ("date", "time_col")):
        with pytest.raises(InvalidInputError, match=rf"column {lost!r} is missing"):
            pair[1].predict(frame.drop(columns=lost), futr_df=future)
        with pytest.raises(InvalidInputError, match=rf"futr_df lacks .*{lost!r} \({parameter}\)"):
            pair[1].predict(futr_df=future.drop(columns=lost))
    with pytest.raises(InvalidInputError, match=r"actual lacks the column 'sales' \(target_col\)"):
        pair[1].plot.forecast(actual=frame.drop(columns="sales"), futr_df=future)


def test_columns_of_two_levels_are_refused_everywhere(pair: tuple[AutoModel, AutoModel]) -> None:
    frame = _panel()
    frame.columns = pd.MultiIndex.from_product([["x"], frame.columns])
    levels = r"has column names of 2 levels, such as \('x', 'unique_id'\); join them"
    for model in ("MLP", ["Naive"]):
        with pytest.raises(InvalidInputError, match=f"dataset {levels}"):
            create_auto_model(model, 3, frame, **QUIET)
    for name in ("predict", "refit", "update", "calibrate", "cross_validation", "simulate"):
        for model in pair:
            with pytest.raises(InvalidInputError, match=f"dataset {levels}"):
                getattr(model, name)(frame)
    for name in ("futr_df", "static_df"):
        with pytest.raises(InvalidInputError, match=f"{name} {levels}"):
            pair[0].predict(_panel(), **{name: frame})
    assert any("2 levels" in error for error in DataValidator().validate_dataset(frame).errors)


def test_static_values_without_a_column_are_told() -> None:
    static = pd.DataFrame({"unique_id": ["south", "north"], "size": [3.0, 1.0]})
    kinds = {"static_df": static, "stat_exog_list": ["size"]}
    model = create_auto_model("MLP", 3, _panel(), CONFIG, **kinds, **QUIET)
    lacking = static.rename(columns={"size": "space"})
    with pytest.raises(InvalidInputError, match=r"static_df lacks \['size'\] \(it has .*'space'"):
        model.predict(_panel(), static_df=lacking)
