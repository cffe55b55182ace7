"""Passwords of every shape in addresses of every shape are shown nowhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from automodel_sk import AutoNeuralForecaster, OptimizationConfig
from automodel_sk._utils import secrets as masking
from automodel_sk._utils.plain_text import plain_text
from automodel_sk._utils.secrets import has_secrets, mask_secrets, remember_address, shown_address
from automodel_sk.cli.reporting import reported
from automodel_sk.exceptions import InvalidInputError, StorageError
from automodel_sk.search.study.storage import StudyLocation
from automodel_sk.tracking import MLflowTracker
from automodel_sk.tracking.mlflow.guard import reason_of
from automodel_sk.tracking.mlflow.text import flat_params, tag_texts
from automodel_sk.validation import ConfigValidator

PASSWORDS = (
    "se'cret99",
    'se"cret99',
    "se cret99",
    "se\tcret99",
    "12/secret99",
    "12?secret99",
    "12#secret99",
    "a@secret99",
    "a:secret99",
    "secret99",
    "%73ecret99/",
    "://secret99",
    "secret99\\",
    "sécret99",
)
ADDRESSES = (
    "postgresql://me:{}@host:5432/db",
    "postgresql+psycopg://me:{}@host/db?sslmode=require",
    "mysql+pymysql://:{}@host/db",
    "http://me:{}@host:5000/path",
    "http://{}@host:5000",
    "ray://me:{}@head:10001",
    "me:{}@127.0.0.1:5000/x",
)
QUERIES = (
    "mssql+pyodbc:///?odbc_connect=Driver=x;UID=me;PWD=secret99",
    "mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Dsecret99",
    "https://host/c?sv=1&sig=secret99",
    "https://host/c?auth=secret99",
    "https://host/c?jwt=secret99&x=1",
    "https://host/c?code=secret99",
    "https://host/c#access_token=secret99",
    "https://host/c?user=a@b&token=secret99",
    "wasbs://box@account/x?sig=secret99",
    "http://[::secret99",
)


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_remembered", {})


def addresses() -> list[str]:
    return [
        *(address.format(word) for word in PASSWORDS for address in ADDRESSES),
        *QUERIES,
    ]


def hidden(text: Any) -> bool:
    plain = str(text).replace("%73", "s").replace("é", "e")
    return "cret99" not in plain and "ecret" not in plain


@pytest.mark.parametrize("address", addresses())
def test_an_address_is_shown_without_its_secrets(address: str):
    assert hidden(shown_address(address))
    assert has_secrets(address)
    for text in (f"at {address!r} it failed", f"at {address}, it failed", f"[{address}]"):
        assert hidden(mask_secrets(text)), mask_secrets(text)


@pytest.mark.parametrize("address", addresses())
def test_whatever_is_told_of_it(address: str):
    options = OptimizationConfig(storage=address, mlflow_tracking_uri=address, ray_address=address)
    location = StudyLocation("study", address)
    tracker = MLflowTracker(address)
    told = [
        repr(options),
        str(location) if location.is_url else "",
        repr(location),
        repr(AutoNeuralForecaster(storage=address, mlflow_tracking_uri=address)),
        repr(tracker),
        str(tag_texts({"study": f"study in {location}", "uri": address})),
        str(flat_params({"storage": address})),
        str(InvalidInputError(f"can't open {address}")),
        str(StorageError(f"can't open {address}")),
        reason_of(RuntimeError(f"x {address} y"), address),
    ]
    for text in told:
        assert hidden(text), text


@pytest.mark.parametrize("word", PASSWORDS[:6])
def test_a_password_on_its_own_is_known_again(word: str):
    remember_address(f"postgresql://me:{word}@host/db")
    assert hidden(mask_secrets(f"login of me with {word} failed"))
    assert hidden(mask_secrets(f"login of me with {word!r} failed"))


def test_words_are_not_taken_for_passwords():
    remember_address("postgresql://mlflow:mlflow@host/mlflow?sslmode=require")
    text = "mlflow_tracking_uri requires a server"
    assert mask_secrets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///study.db",
        "sqlite:////home/me@work/mlflow.db",
        "http://localhost:5000",
        "http://[::1]:5000/path",
        "databricks",
        "/data/me@work/study.journal",
        "runs/study.journal",
        ":memory:",
        "s3://bucket/key",
    ],
)
def test_addresses_without_secrets_stay(text: str):
    assert shown_address(text) == text
    assert not has_secrets(text)
    assert mask_secrets(f"see {text} now") == f"see {text} now"


@pytest.mark.parametrize(
    "text",
    [
        "?pass" * 20_000,
        "a:" * 50_000,
        "http://" * 20_000,
        "a.b-" * 30_000 + "@x",
        "password=" * 20_000,
        "://:@" * 30_000,
        "http://" + "a@" * 50_000,
        "x?" * 50_000 + "http://x" + "?" * 50_000,
        "#" * 100_000 + "http://a#" + "#a" * 50_000,
        "token={" * 20_000,
        "me:" + "x" * 200_000 + "@",
        " me:x" * 40_000 + "@h",
    ],
)
def test_long_texts_take_no_time(text: str):
    started = time.process_time()
    mask_secrets(text)
    shown_address(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("word", PASSWORDS)
def test_the_validator_shows_none(word: str):
    for address in (f"ftp://me:{word}@host/x", f"http://me:{word}@127.0.0.1:port"):
        result = ConfigValidator().validate_mlflow_config(address)
        assert not result.is_valid
        assert hidden(str(result) + repr(result))


def test_tracebacks_of_the_command_line_show_none():
    app = typer.Typer()

    @app.command()
    @reported
    def fail(debug: bool = False) -> None:
        remember_address("postgresql://me:se'cret99@host/db")
        raise RuntimeError("postgresql://me:se'cret99@host/db \x1b[2J\x9b2J and se'cret99")

    for options in ([], ["--debug"]):
        result = CliRunner().invoke(app, options)
        assert result.exit_code == 1
        assert "cret99" not in result.output
        assert "\x1b" not in result.output
        assert "\x9b" not in result.output
        assert ("Traceback" in result.output) == bool(options)


def test_control_characters_are_written_out(tmp_path: Path):
    assert plain_text("a\x1b]0;title\x07b\x9b2Jc\td\n") == "a\\x1b]0;title\\x07b\\x9b2Jc\td\n"
    assert plain_text("\u202eabc") == "\\u202eabc"
