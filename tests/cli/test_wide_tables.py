"""Wide tables: one column for each series, read as long frames; every bad cell is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run, words

from automodel_sk.cli.inputs import Columns, read_beside, read_series
from automodel_sk.cli.tables import write_table
from automodel_sk.exceptions import InvalidInputError

WIDE = """day,north,south,promo
2024-01-01,1,,0
2024-01-02,2,5,1
2024-01-03,,6,0
2024-01-04,4,,1
"""


def read(folder: Path, text: str, **columns: Any) -> tuple[pd.DataFrame, Columns]:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return read_series(folder / "a.csv", Columns(wide=True, **columns), quiet=True)


def test_each_column_is_a_series_from_its_first_to_its_last_value(tmp_path: Path) -> None:
    frame, columns = read(tmp_path, WIDE, exogenous=("promo",))
    assert frame["unique_id"].tolist() == ["north"] * 4 + ["south"] * 2
    assert frame["ds"].tolist() == [f"2024-01-0{day}" for day in (1, 2, 3, 4, 2, 3)]
    assert frame["y"].fillna(-1).tolist() == [1, 2, -1, 4, 5, 6]
    assert frame["promo"].tolist() == [0, 1, 0, 1, 1, 0]
    assert (columns.time, columns.ids) == ("day", ("north", "south"))


def test_a_column_that_the_model_does_not_read_is_no_series(tmp_path: Path) -> None:
    frame, columns = read(tmp_path, WIDE, unread=("promo", "price"))
    assert frame.columns.tolist() == ["unique_id", "ds", "y"]
    assert columns.ids == ("north", "south")


def test_own_names_come_back_with_the_forecast(tmp_path: Path) -> None:
    _, columns = read(tmp_path, WIDE, exogenous=("promo",), id="shop", target="sales")
    own = pd.DataFrame({"unique_id": ["a"], "ds": [1], "y": [2.0]})
    assert columns.restored(own).columns.tolist() == ["shop", "day", "sales"]


def test_numbers_of_each_column_are_read_as_they_are_written(tmp_path: Path) -> None:
    text = "day;north;south\n2024-01-01;1.234,5;7\n2024-01-02;2,5;8\n"
    frame, _ = read(tmp_path, text)
    assert frame["y"].tolist() == [1234.5, 2.5, 7.0, 8.0]


def test_counted_times_are_the_first_column(tmp_path: Path) -> None:
    frame, columns = read(tmp_path, "step,north\n1,5\n2,6\n")
    assert (columns.time, frame["ds"].tolist(), frame["y"].tolist()) == ("step", [1, 2], [5, 6])


def test_excel_is_read_too(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    write_table(pd.DataFrame({"day": days, "north": [1.0, 2.0, 3.0]}), tmp_path / "a.xlsx")
    frame, _ = read_series(tmp_path / "a.xlsx", Columns(wide=True), quiet=True)
    assert frame["ds"].tolist() == days.tolist()
    assert frame["y"].tolist() == [1.0, 2.0, 3.0]


def test_future_values_hold_for_every_series(tmp_path: Path) -> None:
    _, columns = read(tmp_path, WIDE, exogenous=("promo",))
    (tmp_path / "f.csv").write_text("day,promo\n2024-01-05,1\n2024-01-06,0\n")
    future = read_beside(tmp_path / "f.csv", columns, ("unique_id", "ds"))
    assert future is not None
    assert future["unique_id"].tolist() == ["north", "north", "south", "south"]
    assert future["promo"].tolist() == [1, 0, 1, 0]


REFUSED = {
    "a bad cell in two series": (
        "day,north,south\n2024-01-01,1,?\n2024-01-02,x,5\n",
        {},
        ("column 'north' holds 'x' in row 2", "column 'south' holds '?' in row 1"),
    ),
    "a series twice": ("day,a,a\n2024-01-01,1,2\n", {}, ("column 'a' twice", "--wide")),
    "a series without a name": ("day,a,\n2024-01-01,1,2\n", {}, ("no name for column 3",)),
    "no such time": (WIDE, {"time": "date"}, ("no column 'date'", "'day'", "--time-col NAME")),
    "no such shared column": (WIDE, {"exogenous": ("price",)}, ("no column 'price'", "'promo'")),
    "times alone": ("day\n2024-01-01\n2024-01-02\n", {}, ("no column of values beside 'day'",)),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_wrong_is_named(kind: str, tmp_path: Path) -> None:
    text, columns, said = REFUSED[kind]
    with pytest.raises(InvalidInputError) as caught:
        read(tmp_path, text, **columns)
    assert [part for part in said if part not in str(caught.value)] == [], str(caught.value)


def test_a_name_with_a_number_is_no_copy(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, "day,a,a.1\n2024-01-01,1,2\n")
    assert frame["unique_id"].tolist() == ["a", "a.1"]


def test_all_bad_cells_and_times_are_listed_in_one_run(tmp_path: Path) -> None:
    rows = [f"2024-01-{day:02d},{day}" for day in range(1, 10)]
    rows[2], rows[5], rows[7] = "2024-01-03,n/a?", "2024-01-06,closed", "soon,8"
    (tmp_path / "a.csv").write_text("day,sales\n" + "\n".join(rows) + "\n")
    result = run("validate", tmp_path / "a.csv", "--time-col", "day", "--target-col", "sales")
    said = words(result.output)
    assert result.exit_code == 1
    assert "column 'sales' holds 'n/a?' in row 3, 'closed' in row 6, which is not a number" in said
    assert "column 'day' holds text that is not a date ('soon' in row 8)" in said
    assert said.count("Error:") == 2


def test_cells_that_miss_the_given_format_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,sales\n01.02.2024,1\n2024-02-02,2\n03.02.2024,3\nx,4\n")
    result = run("validate", tmp_path / "a.csv", "--date-format", "%d.%m.%Y")
    assert "'2024-02-02' in row 2, 'x' in row 4; correct the format" in words(result.output)


def test_all_lines_with_too_many_fields_are_listed_wherever_they_are(tmp_path: Path) -> None:
    lines = [f"2024-01-01,{number}" for number in range(3000)]
    lines[1], lines[2500] = "2024-01-01,1,7", "2024-01-01,2500,9"
    (tmp_path / "a.csv").write_text("day,sales\n" + "\n".join(lines) + "\n")
    with pytest.raises(InvalidInputError, match=r"line 3 has 3 \('2024-01-01,1,7'\); correct"):
        read_series(tmp_path / "a.csv", Columns(), quiet=True)
    lines[1], lines[2700] = "2024-01-01,1", "2024-01-01,2700,5"
    (tmp_path / "a.csv").write_text("day,sales\n" + "\n".join(lines) + "\n")
    with pytest.raises(InvalidInputError, match=r"line 2502 has 3 .*, line 2702 has 3"):
        read_series(tmp_path / "a.csv", Columns(), quiet=True)


def test_gaps_are_filled_on_request_and_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    table = pd.DataFrame({"day": days, "north": np.arange(60) % 7 + 1.0}).drop(index=[9, 10])
    table.to_csv("a.csv", index=False)
    options = ("--wide", "--model", "SeasonalNaive", "--h", 7)
    told = words(run("validate", "a.csv", *options, "--fill-gaps", "zero").output)
    assert "gaps of 1 series are filled with 0: 2 rows added" in told
    assert "1 series of 60 rows" in told
    told = words(run("validate", "a.csv", *options).output)
    assert "lacks 2 times" in told
    assert "--fill-gaps" in told
    assert "did you mean zero" in words(run("validate", "a.csv", "--fill-gaps", "zeros").output)


def test_a_wide_table_is_fitted_and_forecast_again(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    table = pd.DataFrame({"day": days, "north": np.arange(60) % 7 + 1.0})
    table.assign(south=table["north"] * 10).to_csv("a.csv", index=False)
    names = ("--id-col", "shop", "--target-col", "sales")
    options = ("--model", "SeasonalNaive", "--h", 7, "--output", "m", "--forecast", "f.csv")
    result = run("fit", "a.csv", "--wide", *names, *options, "--no-mlflow", "--quiet")
    assert result.exit_code == 0, result.output
    forecast = pd.read_csv("f.csv")
    assert forecast.columns.tolist() == ["shop", "day", "AutoEnsemble"]
    expected = [float((60 + step) % 7 + 1) for step in range(7)]
    assert forecast["AutoEnsemble"].tolist() == [*expected, *(10 * value for value in expected)]
    again = run("predict", "m", "a.csv", "--wide", "--output", "g.csv", "--quiet")
    assert again.exit_code == 0, again.output
    pd.testing.assert_frame_equal(pd.read_csv("g.csv"), forecast)
    assert "wide: true" in Path("m_run.yaml").read_text()
