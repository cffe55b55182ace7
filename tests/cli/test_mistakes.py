"""Mistakes that people make, and what they are told: what was found and how to fix it.

Each message is held against its essential words, in the language of the surface: Python names
arguments and code, the command line options, files and their own columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import run, words

from automodel_sk import AutoModel, OptimizationConfig, create_auto_model
from automodel_sk.exceptions import AutoModelError, InvalidInputError
from automodel_sk.forecaster import AutoNeuralForecaster

TINY = {"max_steps": 2, "input_size": 12, "mlp_units": [[4, 4]] * 3}
OWN = {"id_col": "shop", "time_col": "date", "target_col": "sales"}
COLUMNS = ("--id-col", "shop", "--time-col", "date", "--target-col", "sales")


def frame(n: int = 60, ids: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=n, freq="D")
    values = np.arange(n) % 7 + 1.0
    return pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": days, "y": values}) for name in ids],
        ignore_index=True,
    )


def sales(n: int = 60) -> pd.DataFrame:
    return frame(n).set_axis(["shop", "date", "sales"], axis=1)


def with_cells(cells: dict[int, str], table: pd.DataFrame, column: str) -> pd.DataFrame:
    table = table.astype({column: object})
    for row, cell in cells.items():
        table.loc[row, column] = cell
    return table


def german(table: pd.DataFrame, column: str, code: str = "%d.%m.%Y") -> pd.DataFrame:
    return table.assign(**{column: table[column].dt.strftime(code)})


def fit(df: Any = None, model: Any = "NHITS", h: Any = 7, config: Any = TINY, **more: Any) -> Any:
    options = {"use_mlflow": False, "verbose": False, "cpus": 1, **more}
    return create_auto_model(model, h, frame() if df is None else df, config, **options)


def mixed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    months = pd.date_range("2018-01-01", periods=60, freq="MS")
    return pd.concat([table.iloc[:60], table.iloc[60:].assign(**{column: months})])


PYTHON: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "foreign columns": (
        lambda: fit(sales()),
        ("'shop', 'date', 'sales'", '"ds"', "time_col='date'", "target_col='sales'", "id_col"),
    ),
    "h as text": (lambda: fit(h="7"), ("h must be", "got '7'", "try h=7")),
    "negative h": (lambda: fit(h=-7), ("got -7", "try h=12")),
    "h as float": (lambda: fit(h=7.0), ("got 7.0", "try h=7")),
    "misspelt model": (lambda: fit(model="NHIT", config=None), ("'NHIT'", "try 'NHITS'")),
    "misspelt model with a config": (lambda: fit(model="NHIT"), ("is unknown; try 'NHITS'",)),
    "series": (lambda: fit(frame()["y"]), ("dataset must be", "got Series", "unique_id", "'ds'")),
    "path": (lambda: fit("sales.csv"), ("dataset must be", "pd.read_csv('sales.csv')")),
    "swapped h and dataset": (
        lambda: create_auto_model("NHITS", frame(), 7),  # type: ignore[arg-type]
        ("dataset must be", "got 7", "pass h=7"),
    ),
    "unknown parameter": (
        lambda: fit(config={**TINY, "lerning_rate": 1}),
        ("lerning_rate", "did you mean learning_rate?"),
    ),
    "n_trials": (lambda: fit(n_trials=5), ("'n_trials'", "num_samples")),
    "time_limit": (lambda: fit(time_limit=600), ("'time_limit'", "time_budget_hours")),
    "presets": (lambda: fit(presets="best"), ("presets", "did you mean 'preset'")),
    "target as exogenous": (
        lambda: fit(sales(), futr_exog_list=["sales"], **OWN),
        ("names 'sales', which is a key or the target", "leave it out of futr_exog_list"),
    ),
    "way to fill gaps": (lambda: fit(fill_gaps="zeros"), ("'ffill'", "fill_gaps='zero'")),
    "part of the calendar": (lambda: fit(calendar="days"), ("'weekday'", "try calendar=['day']")),
    "country of the holidays": (lambda: fit(holidays="Germany"), ("code", "holidays='DE'")),
    "calendar that is not read": (
        lambda: fit(model="NLinear", config={"max_steps": 1, "input_size": 12}, calendar=True),
        ("calendar: NLinear does not accept", "leave out calendar and holidays", "RNN"),
    ),
    "preset": (lambda: fit(preset="bset"), ("preset", "'bset'", "preset='best'")),
    "epochs": (lambda: fit(epochs=5), ("'epochs'", "max_steps", "config")),
    "device": (lambda: fit(device="cuda"), ("'device'", "gpus=1")),
    "max_steps outside the config": (lambda: fit(max_steps=5), ("'max_steps'", "config={'max_st")),
    "time_budget_minutes": (
        lambda: OptimizationConfig(time_budget_minutes=5),  # type: ignore[call-arg]
        ("'time_budget_minutes'", "time_budget_hours"),
    ),
    "text in the target": (
        lambda: fit(with_cells({3: "n/a?", 70: "closed"}, frame(), "y")),
        ("column 'y'", "'n/a?' in row 3", "'closed' in row 70", "empty them where"),
    ),
    "words as target": (lambda: fit(frame().assign(y="high")), ("'high'", "target_col=")),
    "text numbers": (
        lambda: fit(frame().assign(y=lambda df: df["y"].astype(str))),
        ("numbers as text", 'pd.to_numeric(df["y"])'),
    ),
    "no dates": (lambda: fit(frame().assign(ds="soon")), ("not a date", "'soon'", "format=")),
    "German dates": (
        lambda: fit(german(frame(12), "ds")),
        ("ambiguous order of day and month", 'format="%d.%m.%Y"'),
    ),
    "own names in dates": (
        lambda: fit(german(sales(12), "date"), **OWN),
        ("column 'date'", 'df["date"] = pd.to_datetime(df["date"], format="%d.%m.%Y")'),
    ),
    "two frequencies": (lambda: fit(mixed(frame(), "ds")), ("'D'", "'MS'", "split the frame")),
    "h longer than the series": (
        lambda: fit(h=100, config=None),
        ("h=100", "has 60", "lower h, or pass longer series"),
    ),
    "one row": (lambda: fit(frame(1)), ("has 1 row", "pass at least one series of 2 rows")),
    "no rows": (lambda: fit(frame().iloc[:0]), ("no rows", "pass at least one series")),
    "missing value": (
        lambda: fit(frame().assign(y=lambda df: df["y"].where(df.index != 5))),
        ("1 missing value", "series 'a' at 2020-01-06", "ffill()"),
    ),
    "duplicate rows under own names": (
        lambda: fit(pd.concat([sales(), sales().iloc[:2]]), **OWN),
        ("'shop' and 'date'", 'drop_duplicates(["shop", "date"]'),
    ),
    "words as exogenous": (
        lambda: fit(
            frame().assign(sky="sun"),
            "TFT",
            config={"max_steps": 2, "input_size": 12},
            futr_exog_list=["sky"],
        ),
        ("column 'sky'", "'sun'", "{'sun': 0, ...}", "a model that takes categories, such as"),
    ),
    "exogenous column missing": (
        lambda: fit(frame().assign(promo=1.0), futr_exog_list=["temperature"]),
        ("'temperature'", "'promo'", "name one of those", "leave it out"),
    ),
    "model without exogenous": (
        lambda: fit(
            frame().assign(p=1.0),
            "NLinear",
            config={"max_steps": 2, "input_size": 12},
            futr_exog_list=["p"],
        ),
        ("NLinear does not accept future-known", "leave out futr_exog_list, or choose a model"),
    ),
    "misspelt loss": (lambda: fit(loss="mea"), ("got 'mea'", "did you mean 'mae'?")),
    "misspelt metric": (lambda: fit(metric="maes"), ("got 'maes'", "did you mean 'mase'?")),
    "old name of a frequency": (lambda: fit(freq="M"), ("'M'", 'freq="ME"')),
    "MLflow is down": (
        lambda: fit(use_mlflow=True, mlflow_tracking_uri="http://127.0.0.1:9"),
        ("refused", "use_mlflow=False"),
    ),
    "nothing to load": (lambda: AutoModel.load("nothing"), ("nothing holds no", "AutoModel.save")),
    "load something else": (
        lambda: AutoModel.load(3),  # type: ignore[arg-type]
        ("path must be a path, got 3", "try path="),
    ),
}


def said(call: Callable[[], Any], error: type[Exception] = AutoModelError) -> str:
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert all(len(line) < 700 for line in message.splitlines()), message
    return message


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mistake", PYTHON)
def test_in_python(mistake: str) -> None:
    call, expected = PYTHON[mistake]
    message = said(call)
    assert [part for part in expected if part not in message] == [], message
    assert "= 0.0" not in message
    assert mistake != "misspelt model with a config" or "HINT" not in message


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return fit(sales(), **OWN)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that needs the future values of a column, and knows its user's names."""
    table = sales().assign(price=1.0)
    return fit(table, futr_exog_list=["price"], **OWN).save(tmp_path_factory.mktemp("m") / "model")


LATE: dict[str, tuple[Callable[[AutoModel], Any], tuple[str, ...]]] = {
    "level as a share": (lambda m: m.predict(level=[0.9]), ("percent, got 0.9", "level=90?")),
    "level as text": (lambda m: m.predict(level=["90"]), ("got '90'", "level=[80, 95]")),
    "quantile in per cent": (lambda m: m.predict(quantiles=[90]), ("between 0 and 1", "0.9?")),
    "h as dataset": (lambda m: m.predict(7), ("dataset must be", "pass h=7")),
    "a path as dataset": (lambda m: m.predict("x.csv"), ("pd.read_csv('x.csv')",)),
    "no target": (
        lambda m: m.predict(sales().drop(columns="sales")),
        ("column 'sales' is missing", "'shop', 'date'", "target_col"),
    ),
    "a folder that can't be written": (
        lambda m: m.save("/proc/nowhere"),
        ("/proc/nowhere can't be written", "pass a writable folder"),
    ),
    "a file in place of the folder": (
        lambda m: m.save(_file("plain.txt")),
        ("plain.txt exists and is not a saved model", "'plain.txt-model'"),
    ),
}


def _file(name: str) -> str:
    Path(name).write_text("1")
    return name


@pytest.mark.parametrize("mistake", LATE)
def test_with_a_model(mistake: str, model: AutoModel) -> None:
    call, expected = LATE[mistake]
    message = said(lambda: call(model))
    assert [part for part in expected if part not in message] == [], message


def test_no_future_values(saved: Path) -> None:
    message = said(AutoModel.load(saved).predict)
    assert "futr_df lacks ['price']" in message
    assert "pass futr_df with 'shop', 'date' and ['price'] for the next 7 steps" in message


MONTHS = pd.Series(
    np.arange(48) % 12 + 1.0, index=pd.period_range("2018-01", periods=48, freq="M"), name="sales"
)


def forecaster(**more: Any) -> AutoNeuralForecaster:
    return AutoNeuralForecaster("NHITS", TINY, use_mlflow=False, verbose=False, cpus=1, **more)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: forecaster().fit(MONTHS), ("fh is missing", "fh=12", "h=12")),
        (
            lambda: forecaster().fit(frame(), fh=[1]),
            ("a long frame", "from_long(df)", "create_auto_model"),
        ),
        (
            lambda: forecaster().fit(
                MONTHS.to_timestamp().drop(MONTHS.to_timestamp().index[3]), fh=[1]
            ),
            ("no regular frequency", "asfreq"),
        ),
        (lambda: forecaster().fit([1.0, 2.0], fh=[1]), ("y is a list", "no times", "pd.Series(y")),
        (
            lambda: forecaster().fit(MONTHS.where(MONTHS.index != MONTHS.index[4]), fh=[1]),
            ("1 missing value", "first at 2018-05", "fill_gaps='interpolate'"),
        ),
        (
            lambda: forecaster(calendar=["weekday"]).fit(MONTHS, fh=[1]),
            ("calendar names 'weekday'", "freq='ME'", "leave it out"),
        ),
    ],
    ids=["no fh", "long frame", "gap", "list", "missing value", "calendar of months"],
)
def test_in_sktime(call: Callable[[], Any], expected: tuple[str, ...]) -> None:
    message = said(call, InvalidInputError)
    assert [part for part in expected if part not in message] == [], message


FILES: dict[str, Callable[[], Any]] = {
    "sales.csv": lambda: sales().assign(price=1.0, sky="sun"),
    "empty.csv": lambda: "",
    "header.csv": lambda: "shop,date,sales\n",
    "one.csv": lambda: sales(1).iloc[:1],
    "bad.csv": lambda: with_cells({12: "n/a?"}, sales(), "sales"),
    "thousands.csv": lambda: sales().assign(sales="1,001"),
    "german.csv": lambda: german(sales(12), "date"),
    "slashes.csv": lambda: german(sales(12), "date", "%d/%m/%Y"),
    "soon.csv": lambda: sales().assign(date="soon"),
    "missing.csv": lambda: sales().assign(sales=lambda df: df["sales"].where(df.index != 5)),
    "infinite.csv": lambda: sales().assign(sales=lambda df: df["sales"].replace(3.0, np.inf)),
    "twice.csv": lambda: pd.concat([sales(), sales().iloc[:2]]),
    "mixed.csv": lambda: mixed(sales(), "date"),
    "stores.csv": lambda: pd.DataFrame({"store": ["a", "b"], "region": [1, 2]}),
    "regions.csv": lambda: pd.DataFrame({"shop": ["a", "b"], "region": ["n", "s"]}),
    "one_region.csv": lambda: pd.DataFrame({"shop": ["a"], "region": [1]}),
    "future.csv": lambda: _future(),
    "short.csv": lambda: _future().iloc[:5],
    "no_price.csv": lambda: _future().drop(columns="price"),
    "other_shops.csv": lambda: _future().assign(shop="z"),
    "cheap.csv": lambda: _future().assign(price="cheap"),
    "no_shop.csv": lambda: _future().rename(columns={"shop": "store"}),
    "x.data": lambda: "1",
    "tiny.json": lambda: json.dumps(TINY),
    "misspelt.json": lambda: json.dumps({**TINY, "lerning_rate": 1}),
    "kind.json": lambda: json.dumps({"learning_rate": {"logunifrm": [1, 2]}}),
}


def _future() -> pd.DataFrame:
    days = [*pd.date_range("2020-03-01", periods=7)] * 2
    return pd.DataFrame({"shop": np.repeat(["a", "b"], 7), "date": days, "price": 1.0})


def write(arguments: tuple[Any, ...]) -> None:
    """Write the files that a command names."""
    for name in FILES.keys() & set(arguments):
        content = FILES[name]()
        if isinstance(content, str):
            Path(name).write_text(content)
        else:
            content.to_csv(name, index=False)


def fitting(
    *more: Any,
    data: str = "sales.csv",
    model: str | None = "NHITS",
    h: Any = 7,
    columns: tuple[str, ...] = COLUMNS,
    space: str | None = "tiny.json",
) -> tuple[Any, ...]:
    named = () if model is None else ("--model", model)
    steps = () if h is None else ("--h", h)
    file = () if space is None else ("--space", space)
    return ("fit", data, *named, *steps, *columns, "--quiet", *more, *file)


COMMANDS: dict[str, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    "misspelt model": (
        fitting(model="NHIT"),
        ("'NHIT'", "did you mean 'NHITS'", "automodel-sk models"),
    ),
    "no model": (fitting(model=None), ("--model", "automodel-sk models", "--model NHITS")),
    "no horizon": (fitting(h=None), ("--h", "--h 12")),
    "horizon in words": (fitting(h="seven"), ("--h", "integer", "--h 12")),
    "negative horizon": (fitting(h=-7), ("--h", "--h 12")),
    "no such file": (fitting(data="nothing.csv"), ("'nothing.csv' does not exist",)),
    "no table": (fitting(data="x.data"), ("x.data", "'.data'", "save the table as", ".csv")),
    "empty file": (fitting(data="empty.csv"), ("empty.csv is empty", "header such as")),
    "header only": (fitting(data="header.csv"), ("header.csv", "no rows", "add a row")),
    "one row": (fitting(data="one.csv"), ("'date'", "--freq ME", "1 row", "at least one series")),
    "one bad cell": (fitting(data="bad.csv"), ("'sales'", "'n/a?' in row 13", "correct the cell")),
    "thousands": (fitting(data="thousands.csv"), ("'sales'", "'1,001'", "--decimal .")),
    "German dates": (fitting(data="german.csv"), ("'date'", "--date-format %d.%m.%Y")),
    "dates with slashes": (
        fitting(data="slashes.csv"),
        ("pass --date-format %d/%m/%Y", "month comes first: --date-format %m/%d/%Y"),
    ),
    "no dates": (fitting(data="soon.csv"), ("'date'", "'soon'", "--date-format")),
    "missing value": (
        fitting(data="missing.csv"),
        ("column 'sales' of missing.csv", "'a' at 2020-01-06", "fill them in the file"),
    ),
    "infinite": (fitting(data="infinite.csv"), ("'sales' of infinite.csv", "replace them in the")),
    "duplicate rows": (fitting(data="twice.csv"), ("'shop' and 'date'", "keep one of each")),
    "two frequencies": (
        fitting(data="mixed.csv"),
        ("column 'date'", "--freq D", "--freq MS", "split the file", "aggregate the finer one"),
    ),
    "misspelt parameter": (fitting(space="misspelt.json"), ("did you mean learning_rate?",)),
    "misspelt kind": (fitting(space="kind.json"), ("'logunifrm'", "did you mean 'loguniform'?")),
    "h longer than the series": (
        fitting(h=400, space=None),
        ("--h 400", "has 60", "lower h, or pass longer series"),
    ),
    "level as a share": (fitting("--level", "0.9"), ("percent, got 0.9", "--level 90?")),
    "MLflow is down": (
        fitting("--mlflow-tracking-uri", "http://127.0.0.1:9"),
        ("refused", "--no-mlflow", "--mlflow-tracking-uri"),
    ),
    "output can't be written": (
        fitting("--output", "/proc/x"),
        ("/proc/x can't be written", "--output ~/my_model"),
    ),
    "model without exogenous": (
        fitting("--futr-exog", "price", model="NLinear", space=None),
        ("NLinear does not accept future-known", "leave out --futr-exog", "or choose a model"),
    ),
    "exogenous column misspelt": (
        fitting("--futr-exog", "pric"),
        ("--futr-exog names 'pric'", "sales.csv lacks", "'shop', 'date'", "mean 'price'?"),
    ),
    "exogenous column missing": (
        fitting("--hist-exog", "temperature"),
        ("--hist-exog names 'temperature'", "'price', 'sky'", "name one of those"),
    ),
    "target as exogenous": (
        fitting("--futr-exog", "sales"),
        ("--futr-exog names 'sales'", "leave it out of --futr-exog"),
    ),
    "words as exogenous": (
        fitting("--futr-exog", "sky", model="TFT", space=None),
        ("column 'sky' of sales.csv", "'sun'", "encode it", "--model NHITS"),
    ),
    "time budget": (fitting("--time-budget", "10min"), ("'10min'", "try '10m'")),
    "misspelt option": (fitting("--num-sample", 5), ("--num-sample;", "mean --num-samples?")),
    "presets": (fitting("--presets", "bset"), ("bset", "did you mean best")),
    "preset": (fitting("--preset", "bset"), ("bset", "did you mean best")),
    "epochs": (fitting("--epochs", 5), ("--epochs;", "max_steps", "--space")),
    "horizon": (fitting("--horizon", 5), ("--horizon;", "pass --h 12")),
    "misspelt loss": (fitting("--loss", "mea"), ("'mea'", "did you mean mae?")),
    "misspelt metric": (fitting("--metric", "maes"), ("'maes'", "did you mean mase?")),
    "old frequency": (fitting("--freq", "M"), ("--freq M", "use --freq ME")),
    "wrong frequency": (fitting("--freq", "W"), ("--freq W", "column 'date'", "pass --freq D")),
    "misspelt backend": (
        fitting("--backend", "raytune"),
        ("'raytune'", "optuna, ray", "mean ray?"),
    ),
    "predict nothing": (("predict",), ("Missing argument 'MODEL'", "folder of a saved model")),
    "way to fill gaps": (fitting("--fill-gaps", "zeros"), ("'zeros'", "did you mean zero?")),
    "part of the calendar": (fitting("--calendar", "days"), ("'weekday'", "try --calendar day")),
    "clipping": (fitting("--non-negative", "maybe"), ("'maybe'", "yes, no, auto")),
    "no columns named": (
        fitting(columns=()),
        ("'ds' (--time-col)", "'y' (--target-col)", "'shop', 'date', 'sales'", "--time-col NAME"),
    ),
    "no time column": (
        fitting(columns=("--id-col", "shop")),
        ("'ds' (--time-col)", "'shop', 'date', 'sales'"),
    ),
    "three columns missing": (
        fitting(columns=("--id-col", "stor", "--time-col", "dat", "--target-col", "sold")),
        ("'stor' (--id-col)", "'dat' (--time-col)", "'sold' (--target-col)"),
    ),
    "static without the series": (
        fitting("--static", "stores.csv"),
        ("stores.csv has no column 'shop'", "'store', 'region'", "rename the matching one"),
    ),
    "static words": (
        fitting("--static", "regions.csv", model="TFT", space=None),
        ("column 'region' of regions.csv", "'n'", "encode it"),
    ),
    "static lacks a series": (
        fitting("--static", "one_region.csv"),
        ("one_region.csv lacks 1 of 2 series, first 'b'", "add one row for each"),
    ),
    "static file missing": (
        fitting("--stat-exog", "region"),
        ("--stat-exog names 'region'", "--static is missing", "'shop'"),
    ),
    "future without a column": (
        fitting("--futr", "no_price.csv", "--futr-exog", "price"),
        ("no_price.csv has no column 'price'", "'shop', 'date'", "add the values"),
    ),
    "validate": (
        ("validate", "missing.csv", *COLUMNS),
        ("column 'sales' of missing.csv", "fill them in the file"),
    ),
    "worker": (
        ("worker", "--study", "none", "--data", "sales.csv", *COLUMNS),
        ("no study 'none'", "start its search first", "--study-name none"),
    ),
}


def _refused(arguments: tuple[Any, ...]) -> str:
    write(arguments)
    tracked = arguments[0] != "fit" or "--mlflow-tracking-uri" in arguments
    result = run(*arguments, *(() if tracked else ("--no-mlflow",)))
    assert result.exit_code in (1, 2), result.output
    return words(result.output)


PYTHONIC = ("df[", "df =", "pd.", "_exog_list=", " of df", "val_size", "static_df", "futr_df")


@pytest.mark.parametrize("mistake", COMMANDS)
def test_at_the_command_line(mistake: str) -> None:
    arguments, expected = COMMANDS[mistake]
    message = _refused(arguments)
    assert [part for part in expected if part not in message] == [], message
    assert [part for part in (*PYTHONIC, "'unique_id'") if part in message] == [], message


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((), ("lacks ['price']", "pass --futr with 'shop', 'date' and ['price']")),
        (("--futr", "short.csv"), ("short.csv lacks 9 rows", "'a' at 2020-03-06", "it needs")),
        (("--futr", "no_price.csv"), ("no_price.csv lacks ['price']", "pass --futr with")),
        (("--futr", "no_shop.csv"), ("no_shop.csv has no column 'shop'", "'store', 'date'")),
        (("--futr", "cheap.csv"), ("column 'price' of cheap.csv", "'cheap'", "in the file")),
        (("--futr", "other_shops.csv"), ("'shop' begin with 'z'", "the same way in both files")),
        (("--h", 3), ("--h;", "`automodel-sk fit`")),
        (("--futr", "future.csv", "--output", "/proc/x.csv"), ("/proc", "--output ~/forecast.csv")),
    ],
)
def test_forecasting_at_the_command_line(
    more: tuple[Any, ...], expected: tuple[str, ...], saved: Path
) -> None:
    message = _refused(("predict", saved, *more))
    assert [part for part in expected if part not in message] == [], message
    assert [part for part in (*PYTHONIC, "'unique_id'") if part in message] == [], message


def test_other_names_of_options_are_taken() -> None:
    for option, value in (("--trials", 5), ("--n-trials", 5), ("--time-limit", "1h")):
        message = _refused(fitting(option, value, data="empty.csv"))
        assert "empty.csv is empty" in message


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("forecast", "predict"),
        ("forecasts", "predict"),
        ("train", "fit"),
        ("Fit", "fit"),
        ("leaderbord", "leaderboard"),
    ],
)
def test_an_unknown_command_names_the_one_that_was_meant(word: str, meant: str):
    result = run(word, "sales.csv")
    assert result.exit_code == 2
    assert f"No such command: {word}; did you mean {meant}?" in words(result.stderr)
    assert "the commands are fit, predict, leaderboard" in words(run("xyz").stderr)


def test_every_command_explains_an_option_of_another():
    result = run("report", ".", "--horizon", 3)
    assert result.exit_code == 2
    assert "it is an option of `automodel-sk fit`" in words(result.stderr)
