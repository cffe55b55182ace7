"""Cells of text files are read as they are written: dates of digits, points of thousands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_beside, read_series
from automodel_sk.exceptions import InvalidInputError

DAYS = pd.date_range("2024-01-28", periods=40)


def written(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(
    path: Path, *, wide: bool = False, exogenous: tuple[str, ...] = (), **asked: Any
) -> pd.DataFrame:
    columns = Columns(asked=Asked(**asked), wide=wide, exogenous=exogenous)
    return read_series(path, columns, quiet=True)[0]


@pytest.mark.parametrize(
    "code", ["%m%d%Y", "%d%m%Y", "%d%m%y", "%y%m%d", "%Y%m%d", "%Y.%m%d", "%d.%m%Y"]
)
@pytest.mark.parametrize("layout", ["long", "single", "wide"])
def test_dates_of_digits_keep_their_zeros(code: str, layout: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"ds": DAYS.strftime(code), "y": range(40)})
    if layout == "long":
        table.insert(0, "unique_id", "s")
    if layout == "single":
        table = table.rename(columns={"ds": "when"})
    if layout == "wide":
        table.columns = ["when", "s"]
    path = written(tmp_path, table.to_csv(index=False))
    found = read(path, wide=layout == "wide", date_format=code)
    assert found["ds"].tolist() == DAYS.tolist()
    assert found["y"].tolist() == list(range(40))


def test_future_values_keep_their_zeros(tmp_path: Path) -> None:
    columns = Columns(asked=Asked(date_format="%d%m%Y"))
    table = pd.DataFrame({"unique_id": "s", "ds": DAYS.strftime("%d%m%Y"), "price": 1.5})
    found = read_beside(written(tmp_path, table.to_csv(index=False)), columns)
    assert found is not None
    assert found["ds"].tolist() == DAYS.tolist()


def test_a_cell_that_does_not_fit_is_shown_as_it_is_written(tmp_path: Path) -> None:
    path = written(tmp_path, "unique_id,ds,y\na,03022024,1\na,0402202,2\n")
    with pytest.raises(InvalidInputError, match="it holds '0402202' in row 2"):
        read(path, date_format="%d%m%Y")


LONG = "unique_id;ds;y\na;2024-01-01;{}\na;2024-01-02;{}\na;2024-01-03;{}\n"


@pytest.mark.parametrize(
    ("cells", "decimal", "expected"),
    [
        (("10.000", "20.000", "1.234.567"), ",", [10_000, 20_000, 1_234_567]),
        (("10.000", "20.000", "30.500"), ",", [10_000, 20_000, 30_500]),
        (("987", "1.234", "12.345"), ",", [987, 1_234, 12_345]),
        (("987", "1.234", "12.345"), ".", [987, 1.234, 12.345]),
        (("0.500", "1.234", "12.345"), None, [0.5, 1.234, 12.345]),  # no thousands begin with 0
        (("1.5", "1.234", "12.345"), None, [1.5, 1.234, 12.345]),
        (("1.5", "2.5", "12.25"), ",", [1.5, 2.5, 12.25]),  # no decimal commas at all
        (("1,5", "1.234,5", "7"), None, [1.5, 1234.5, 7]),
        (("1e3", "2.5e-1", "7"), None, [1000, 0.25, 7]),
    ],
)
def test_points_of_thousands(
    cells: tuple[str, ...], decimal: str | None, expected: list[float], tmp_path: Path
) -> None:
    found = read(written(tmp_path, LONG.format(*cells)), decimal=decimal)
    assert found["y"].tolist() == expected
    wide = "ds;a\n2024-01-01;{}\n2024-01-02;{}\n2024-01-03;{}\n".format(*cells)
    found = read(written(tmp_path, wide, "wide.csv"), wide=True, decimal=decimal)
    assert found["y"].tolist() == expected


def test_a_point_that_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    """In files with semicolons, which come from where commas are decimal signs."""
    said = r"'1\.234' may be 1\.234 or 1234; choose with --decimal"
    with pytest.raises(InvalidInputError, match=said):
        read(written(tmp_path, LONG.format("987", "1.234", "12.345")))
    wide = written(tmp_path, "ds;north\n2024-01-01;987\n2024-01-02;1.234\n", "wide.csv")
    with pytest.raises(InvalidInputError, match=said):
        read(wide, wide=True)
    plain = LONG.format("987", "1.234", "12.345").replace(";", ",")
    assert read(written(tmp_path, plain))["y"].tolist() == [987, 1.234, 12.345]


def test_another_column_tells_the_decimal_sign(tmp_path: Path) -> None:
    text = "unique_id;ds;y;price\na;2024-01-01;1.234;1,5\na;2024-01-02;987;2,25\n"
    found = read(written(tmp_path, text))
    assert found["y"].tolist() == [1234, 987]
    assert found["price"].tolist() == [1.5, 2.25]
    text = "unique_id;ds;y;price\na;2024-01-01;1.5;1.234\na;2024-01-02;987;2.345\n"
    found = read(written(tmp_path, text))
    assert found["price"].tolist() == [1.234, 2.345]


def test_files_of_one_command_share_the_decimal_sign(tmp_path: Path) -> None:
    data = written(tmp_path, "unique_id;ds;y;price\na;2024-01-01;118,5;1.218\n")
    frame, columns = read_series(data, Columns(), quiet=True)
    assert frame["price"].tolist() == [1218]
    later = written(tmp_path, "unique_id;ds;price\na;2024-01-02;1.220\n", "later.csv")

    def price(path: Path) -> Any:
        found = read_beside(path, columns, ("unique_id", "ds"))
        assert found is not None
        return found["price"].tolist()

    assert price(later) == [1220]
    for text in ("unique_id,ds,price\na,2024-01-02,1.220\n", "unique_id;ds;price\na;2024;1.22\n"):
        assert price(written(tmp_path, text, "plain.csv")) == [1.22]
    wide = written(tmp_path, "ds;a\n2024-01-01;1,5\n2024-01-02;1.218\n", "wide.csv")
    frame, columns = read_series(wide, Columns(wide=True), quiet=True)
    assert frame["y"].tolist() == [1.5, 1218]
    assert price(later) == [1220]


def test_a_column_in_use_that_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path, "unique_id;ds;y;price\na;2024-01-01;118;1.218\n")
    with pytest.raises(InvalidInputError, match=r"'price': '1\.218' may be 1\.218 or 1218; choose"):
        read(data, exogenous=("price",))
    assert read(data)["price"].tolist() == ["1.218"]  # in nobody's use
    assert read(data, decimal=".")["price"].tolist() == [1.218]
    assert read(data, decimal=",")["price"].tolist() == [1218]


def test_commas_in_one_column_say_what_points_in_others_mean(tmp_path: Path) -> None:
    text = "unique_id\tds\ty\tprice\na\t2024-01-01\t1,5\t1.220\na\t2024-01-02\t2,5\t1.330\n"
    found = read(written(tmp_path, text, "a.tsv"))
    assert found["y"].tolist() == [1.5, 2.5]
    assert found["price"].tolist() == [1220, 1330]
    data = written(tmp_path, "unique_id;ds;y;price\na;2024-01-01;118,5;1.218\n")
    _, columns = read_series(data, Columns(), quiet=True)
    later = written(tmp_path, "unique_id\tds\tprice\na\t2024-01-02\t1.220\n", "later.tsv")
    found = read_beside(later, columns, ("unique_id", "ds"))
    assert found is not None
    assert found["price"].tolist() == [1220]


def test_numbers_with_a_point_say_what_commas_mean(tmp_path: Path) -> None:
    text = 'unique_id,ds,y,people\na,2024-01-01,1.5,"1,220"\na,2024-01-02,2.5,"2,330"\n'
    frame, columns = read_series(
        written(tmp_path, text), Columns(exogenous=("people",)), quiet=True
    )
    assert frame["people"].tolist() == [1220, 2330]
    later = written(tmp_path, "unique_id;ds;people\na;2024-01-03;1.220\n", "later.csv")
    found = read_beside(later, columns, ("unique_id", "ds"))
    assert found is not None
    assert found["people"].tolist() == [1.22]  # by the point of the series' file
    whole = text.replace("1.5", "1").replace("2.5", "2")
    assert read(written(tmp_path, whole))["people"].tolist() == ["1,220", "2,330"]


def test_columns_in_nobodys_use_say_nothing_between_commas_or_tabs(tmp_path: Path) -> None:
    rows = ['a,2024-01-01,12.500,"1,5"', 'a,2024-01-02,13.250,"2,5"']
    text = "\n".join(["unique_id,ds,y,pack", *rows]) + "\n"
    assert read(written(tmp_path, text))["y"].tolist() == [12.5, 13.25]
    found = read(written(tmp_path, text), exogenous=("pack",))
    assert found["y"].tolist() == [12_500, 13_250]
    assert found["pack"].tolist() == [1.5, 2.5]
    tabs = "unique_id\tds\ty\tlat\na\t2024-01-01\t1,234\t52.5\na\t2024-01-02\t2,345\t52.5\n"
    with pytest.raises(InvalidInputError, match=r"'y': '1,234' may be 1234 or 1\.234; choose"):
        read(written(tmp_path, tabs, "a.tsv"))
    assert read(written(tmp_path, tabs, "a.tsv"), exogenous=("lat",))["y"].tolist() == [1234, 2345]


def test_the_series_of_a_wide_file_say_what_its_other_columns_mean(tmp_path: Path) -> None:
    text = "ds\tnorth\tprice\n2024-01-01\t118,5\t1,220\n2024-01-02\t119,5\t1,330\n"
    found = read(written(tmp_path, text, "a.tsv"), wide=True, exogenous=("price",))
    assert found["y"].tolist() == [118.5, 119.5]
    assert found["price"].tolist() == [1.22, 1.33]


def test_the_index_that_pandas_writes_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "close.csv"
    pd.Series(range(40), index=DAYS, name="Close").to_csv(path)
    found = read(path)
    assert found["ds"].tolist() == [f"{day:%Y-%m-%d}" for day in DAYS]
    assert found["y"].tolist() == list(range(40))
    columns = Columns(series="close", asked=Asked())
    beside = read_beside(path, columns, ("unique_id", "ds"))
    assert beside is not None
    assert beside["ds"].tolist() == found["ds"].tolist()
    pd.DataFrame({"a": range(40), "b": 1.5}, index=DAYS).to_csv(path)
    found, columns = read_series(path, Columns(wide=True), quiet=True)
    assert columns.name_of("ds") == "ds"
    assert set(found["unique_id"]) == {"a", "b"}


@pytest.mark.parametrize("title", ["Sales report, 2024", "Sales, report", "Sales\n", ",Sales,"])
def test_a_title_with_the_separator(title: str, tmp_path: Path) -> None:
    text = f"{title}\nunique_id,ds,y\na,2024-01-01,5\na,2024-01-02,6\n"
    assert read(written(tmp_path, text))["y"].tolist() == [5, 6]


def test_a_separator_at_the_end_of_each_line_makes_no_title(tmp_path: Path) -> None:
    text = "unique_id,ds,y\na,Jan 2024,,\na,Feb 2024,6,\na,Mar 2024,7,\n"
    assert read(written(tmp_path, text))["y"].fillna(-1).tolist() == [-1, 6, 7]


def test_a_header_with_too_few_names_is_still_refused(tmp_path: Path) -> None:
    text = "unique_id,ds\na,2024-01-01,5\na,2024-01-02,6\n"
    with pytest.raises(InvalidInputError, match="the header has 2 fields, line 2 has 3"):
        read(written(tmp_path, text))


def test_times_with_the_name_of_the_series(tmp_path: Path) -> None:
    path = written(tmp_path, "unique_id,a\n2024-01-01,5\n2024-01-02,6\n")
    with pytest.raises(InvalidInputError, match=r"--id-col unique_id_of_series"):
        read_series(path, Columns(time="unique_id", wide=True), quiet=True)
    columns = Columns(id="unique_id_of_series", time="unique_id", wide=True)
    assert read_series(path, columns, quiet=True)[0]["y"].tolist() == [5, 6]


def test_a_named_time_is_not_taken_for_the_index(tmp_path: Path) -> None:
    text = ",day,y\n2023-01-01,2024-01-01,5\n2023-01-02,2024-01-02,6\n"
    path = written(tmp_path, text)
    found, _ = read_series(path, Columns(id="Unnamed: 0", time="day"), quiet=True)
    assert found["ds"].tolist() == ["2024-01-01", "2024-01-02"]


def test_an_id_that_is_none_of_the_models(tmp_path: Path) -> None:
    text = "unique_id,ds,y\n1,2024-01-01,5\nx3,2024-01-02,6\n"
    columns = Columns(id_type=pd.Series([1]).dtype)
    with pytest.raises(InvalidInputError, match="holds 'x3' in row 2"):
        read_series(written(tmp_path, text), columns, quiet=True)
    found, _ = read_series(written(tmp_path, text.replace("x3", "2")), columns, quiet=True)
    assert found["unique_id"].tolist() == [1, 2]
    assert found["unique_id"].dtype == "int64"
