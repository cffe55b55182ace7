"""Tables as people have them: read by value, or refused in one sentence that names the option."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run, words
from cpu_time import cpu_time_below

from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_series
from automodel_sk.cli.tables import base_name, read_table, write_table
from automodel_sk.exceptions import AutoModelError, InvalidInputError

PLAIN = "date,sales\n2024-01-01,1.5\n2024-01-02,2.5\n2024-01-03,1234.5\n"
VALUES = [1.5, 2.5, 1234.5]


def _bz2(text: str) -> bytes:
    return bz2.compress(text.encode())


def _zip(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside.csv", text)
    return buffer.getvalue()


FILES: dict[str, tuple[str, bytes]] = {
    "plain": ("a.csv", PLAIN.encode()),
    "byte-order mark": ("a.csv", b"\xef\xbb\xbf" + PLAIN.encode()),
    "semicolons": ("a.csv", PLAIN.replace(",", ";").encode()),
    "semicolons, decimal comma": ("a.csv", PLAIN.replace(",", ";").replace(".5", ",5").encode()),
    "German thousands": (
        "a.csv",
        b"date;sales\n2024-01-01;1,5\n2024-01-02;2,5\n2024-01-03;1.234,5\n",
    ),
    "English thousands": ("a.csv", PLAIN.replace("1234.5", '"1,234.5"').encode()),
    "pipes": ("a.csv", PLAIN.replace(",", "|").encode()),
    "tabs": ("a.csv", PLAIN.replace(",", "\t").encode()),
    "tabs as text": ("a.txt", PLAIN.replace(",", "\t").encode()),
    "a title line": ("a.csv", b"Sales of the year\n" + PLAIN.encode()),
    "a title and a blank line": ("a.csv", b"Sales of the year\n\n" + PLAIN.encode()),
    "trailing commas in rows": ("a.csv", PLAIN.replace("5\n", "5,\n").encode()),
    "trailing commas everywhere": ("a.csv", PLAIN.replace("\n", ",\n").encode()),
    "blank rows at the end": ("a.csv", PLAIN.encode() + b",\n,\n"),
    "Latin-1": ("a.csv", PLAIN.replace("sales", "Umsätze").encode("latin-1")),
    "UTF-16": ("a.csv", PLAIN.encode("utf-16")),
    "gzip": ("a.csv.gz", gzip.compress(PLAIN.encode())),
    "bzip2": ("a.csv.bz2", _bz2(PLAIN)),
    "zip": ("a.csv.zip", _zip(PLAIN)),
    "Windows line ends": ("a.csv", PLAIN.replace("\n", "\r\n").encode()),
    "quotes": (
        "a.csv",
        b'"date","sales"\n"2024-01-01","1.5"\n"2024-01-02","2.5"\n"2024-01-03","1234.5"\n',
    ),
}


@pytest.mark.parametrize("kind", list(FILES))
def test_a_table_is_read_by_value(kind: str, tmp_path: Path) -> None:
    name, content = FILES[kind]
    (tmp_path / name).write_bytes(content)
    frame, columns = read_series(tmp_path / name, Columns(), quiet=True)
    assert frame["y"].tolist() == VALUES
    assert pd.to_datetime(frame["ds"]).dt.day.tolist() == [1, 2, 3]
    assert columns.time == "date"


def test_an_excel_file_is_read_by_value(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame(
        {"unique_id": ["NA", "NA"], "ds": pd.to_datetime(["2024-01-01", "2024-01-02"])}
    )
    write_table(table.assign(y=[1.5, 2.5]), tmp_path / "a.xlsx")
    frame, _ = read_series(tmp_path / "a.xlsx", Columns())
    assert frame["unique_id"].tolist() == ["NA", "NA"]
    assert frame["y"].tolist() == [1.5, 2.5]


def test_a_sheet_may_have_a_title_and_others_beside_it(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame({"date": ["2024-01-01", "2024-01-02"], "sales": [1.5, 2.5]})
    with pd.ExcelWriter(tmp_path / "a.xlsm") as book:
        table.to_excel(book, sheet_name="Data", index=False, startrow=2)
        book.sheets["Data"]["A1"] = "Sales of the year"
        table.to_excel(book, sheet_name="Other", index=False)
    frame = read_table(tmp_path / "a.xlsm")
    assert frame["sales"].tolist() == [1.5, 2.5]
    said = frame.attrs["remark"]
    assert said == "sheet 'Data' is read, of 2 sheets, 2 lines above the header skipped"
    pd.DataFrame().to_excel(tmp_path / "b.xlsx", index=False)
    with pytest.raises(InvalidInputError, match=r"b\.xlsx is empty; it needs a header"):
        read_table(tmp_path / "b.xlsx")


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A", "1e5", "007", "#NA"])
def test_a_series_may_have_any_name(word: str, tmp_path: Path) -> None:
    text = f"unique_id,ds,y\n{word},2024-01-01,1\n{word},2024-01-02,NA\n"
    (tmp_path / "a.csv").write_text(text)
    frame, _ = read_series(tmp_path / "a.csv", Columns())
    assert frame["unique_id"].tolist() == [word, word]
    assert np.isnan(frame["y"].iloc[1])


def test_a_series_without_a_name_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("unique_id,ds,y\n,2024-01-01,1\nb,2024-01-01,1\n")
    frame, _ = read_series(tmp_path / "a.csv", Columns())
    assert frame["unique_id"].isna().tolist() == [True, False]


REFUSED: dict[str, tuple[bytes, str]] = {
    "no header": (
        b"2024-01-01,5\n2024-01-02,6\n",
        "has no header: its first line is '2024-01-01', '5'; add one, for example 'ds,y'",
    ),
    "empty": (b"", "is empty; it needs a header such as 'unique_id,ds,y'"),
    "a header alone": (b"date,sales\n", "has a header and no rows"),
    "a bad cell": (
        b"date,sales\n2024-01-01,1\n2024-01-02,n/a?\n2024-01-03,3\n",
        "column 'sales' holds 'n/a?' in row 2, which is not a number; correct the cell, or",
    ),
    "a placeholder": (
        b"date,sales\n2024-01-01,100.0\n2024-01-02,-\n",
        "column 'sales' holds '-' in row 2, which is not a number",
    ),
    "a currency": (b"date,sales\n2024-01-01,$100\n", "holds '$100' in row 1"),
    "an open comma": (
        b'date,sales\n2024-01-01,"1,001"\n2024-01-02,"2,002"\n',
        "column 'sales': '1,001' may be 1001 or 1.001; choose with --decimal . or --decimal ,",
    ),
    "a row with too many values": (
        b"date,sales\n2024-01-01,1\n2024-01-02,1,7\n",
        "the header has 2 fields, line 3 has 3 ('2024-01-02,1,7'); correct them",
    ),
    "three columns missing": (
        b"a,b,c\nx,y,1\n",
        "no column 'ds' (--time-col) and no column 'y' (--target-col); its columns are 'a', 'b',",
    ),
    "far too many columns": (b"," * 1_000_000 + b"\n1\n", "columns in its header, at most 10000"),
    "binary": (b"\x00\x01\x02" * 100, "holds binary data, not text"),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_a_table_is_refused_with_its_reason(kind: str, tmp_path: Path) -> None:
    content, reason = REFUSED[kind]
    (tmp_path / "a.csv").write_bytes(content)
    with cpu_time_below(20), pytest.raises(InvalidInputError) as caught:
        read_series(tmp_path / "a.csv", Columns(), quiet=True)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_was_said_of_a_file_holds(tmp_path: Path) -> None:
    text = "when;much\n01.02.2024;1,001\n02.02.2024;2,5\n"
    (tmp_path / "a.csv").write_text(text)
    asked = Asked(separator=";", decimal=",", date_format="%d.%m.%Y")
    columns = Columns(time="when", target="much", asked=asked)
    frame, _ = read_series(tmp_path / "a.csv", columns, quiet=True)
    assert frame["y"].tolist() == [1.001, 2.5]
    assert frame["ds"].tolist() == [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-02-02")]
    columns = Columns(time="when", target="much", asked=Asked(decimal=",", date_format="%Y"))
    with pytest.raises(InvalidInputError, match=r"'when' does not match --date-format %Y"):
        read_series(tmp_path / "a.csv", columns, quiet=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", b"\x1f\x8b\x08\x00 not gzip at all"),
        ("a.csv.gz", gzip.compress(PLAIN.encode())[:-12]),
        ("a.csv.gz", b"plain text"),
        ("a.csv.bz2", b"BZh9 no"),
        ("a.csv.zip", b"PK no"),
        ("a.parquet", b"PAR1" + b"\x00" * 50 + b"PAR1"),
        ("a.parquet", b""),
        ("a.xlsx", b"PK no"),
    ],
    ids=range(8),
)
def test_a_damaged_file_is_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AutoModelError) as caught:
        read_table(tmp_path / name)
    assert len(str(caught.value)) < 400


def test_an_unknown_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(PLAIN)
    with pytest.raises(InvalidInputError, match=r"ends in '\.xyz', so its format is unknown"):
        read_table(tmp_path / "a.xyz")


def test_results_of_files_that_differ_after_a_dot_are_kept_apart() -> None:
    assert base_name(Path("sales.2023.csv")) == "sales.2023"
    assert base_name(Path("sales.2024.csv.gz")) == "sales.2024"
    assert base_name(Path(".csv")) == ".csv"


@pytest.mark.parametrize("command", [["fit", "--model", "NLinear", "--h", 2, "--forecast"], None])
def test_an_input_is_never_replaced(command: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(PLAIN)
    if command is None:
        Path("model").mkdir()
        result = run("predict", "model", "a.csv", "--output", "a.csv")
    else:
        result = run(command[0], "a.csv", *command[1:], "a.csv")
    assert result.exit_code == 1
    assert "a.csv is also an input and would be overwritten" in words(result.stderr)
    assert Path("a.csv").read_text() == PLAIN


def test_fuzzed_tables_never_end_raw(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sources = [content for name, content in FILES.values() if name == "a.csv"]
    path = tmp_path / "a.csv"
    for _ in range(300):
        content = bytearray(sources[rng.integers(len(sources))])
        for _ in range(rng.integers(1, 6)):
            place = int(rng.integers(len(content)))
            content[place : place + int(rng.integers(3))] = bytes(
                rng.integers(0, 256, rng.integers(4), dtype=np.uint8)
            )
        path.write_bytes(bytes(content))
        with suppress(AutoModelError):
            read_series(path, Columns(), quiet=True)


def test_a_table_that_does_not_fit_on_the_disk_leaves_the_earlier_one(tmp_path: Path):
    resource = pytest.importorskip("resource")  # not on Windows
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    write_table(pd.DataFrame({"ds": [1], "y": [0.5]}), tmp_path / "out.csv")
    frame = pd.DataFrame({"ds": range(10_000), "y": 0.25})
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(InvalidInputError, match="File too large"):
            write_table(frame, tmp_path / "out.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "ds,y\n1,0.5\n"


def test_a_table_that_is_replaced_keeps_who_may_read_it(tmp_path: Path):
    frame, target = pd.DataFrame({"ds": [1], "y": [0.5]}), tmp_path / "out.csv"
    write_table(frame, target)
    target.chmod(0o600)
    write_table(frame.assign(y=0.75), target)
    assert target.read_text() == "ds,y\n1,0.75\n"
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_numbers_of_forecasts_are_short_as_text_and_whole_in_parquet(tmp_path: Path):
    frame = pd.DataFrame({"ds": [1], "NHITS": [78.97000122070312], "large": [123456789.25]})
    write_table(frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "ds,NHITS,large\n1,78.97,123456789.25\n"
    write_table(frame, tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "out.parquet"), frame, check_exact=True)
