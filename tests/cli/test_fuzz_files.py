"""Space files and run files of every kind: what they hold, or one sentence, soon."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
import typer
from cpu_time import cpu_time_below
from hostile import nothing_runs
from typer.testing import CliRunner

from automodel_sk.cli import app
from automodel_sk.cli.mappings import read_mapping
from automodel_sk.cli.space_file import space_from_json
from automodel_sk.exceptions import InvalidInputError

pytestmark = pytest.mark.filterwarnings("ignore")

BOMB = "\n".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9) if k else ', '.join(['x'] * 9)}]"
    for k in range(9)
)
HOSTILE = {
    "aliases of aliases": BOMB,
    "an alias": "a: &a 1\nb: *a",
    "a list in itself": "a: &a [*a]",
    "merged": "a: &a {x: 1}\nb: {<<: *a}",
    "brackets": "a: " + "[" * 500,
    "closed brackets": "a: " + "[" * 500 + "]" * 500,
    "braces": "{a: " * 500 + "1" + "}" * 500,
    "many brackets": "a: " + "[" * 200_000,
    "indented": "\n".join(" " * k + f"k{k}:" for k in range(500)),
    "key of a number": "input_size: {5: [1, 2]}",
    "key of nothing": "~: 1",
    "key of a list": "? [a, b]\n: 1",
    "key of a truth value": "on: 1",
    "hexadecimal": "a: 0x" + "f" * 5_000,
    "digits": "a: " + "1" * 5_000,
    "many digits": "a: " + "1" * 900_000,
    "sexagesimal": "a: " + ":".join(["1"] * 300_000),
    "underscores": "a: 1" + "_" * 900_000,
    "exponent": "a: " + "1" * 900_000 + "e",
    "binary": "a: !!binary aGVsbG8=",
    "set": "a: !!set {x, y}",
    "python": "a: !!python/object/apply:os.system ['true']",
    "twice": "a: 1\na: 2",
    "list": "- a",
    "text": "abc",
    "nothing": "",
    "null bytes": "a: \x00",
    "tabs": "\ta: 1",
    "two documents": "a: 1\n---\nb: 2",
    "open quote": "a: 'x",
    "many keys": "\n".join(f"k{k}: 1" for k in range(60_000)) + "\nk1: 1",
    "too long": "a: " + "x" * 2**20,
    "anchors": " ".join(f"&a{k}" for k in range(50_000)),
    "directives": "%YAML 9.9\n" * 10_000,
}


def refusal(path: Path) -> str:
    with cpu_time_below(10), nothing_runs(), pytest.raises(InvalidInputError) as caught:
        read_mapping(path)
    assert len(str(caught.value)) < 1_000
    return str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml(name: str, tmp_path: Path):
    path = tmp_path / "run.yaml"
    path.write_text(HOSTILE[name], encoding="utf-8")
    assert str(path) in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "1" * 5_000 + "}",
        '{"a": 1, "a": 2}',
        "[1]",
        "1",
        "",
        "{",
        '{"a": ' + "[" * 30 + "]" * 30 + "}",
        '{"a": "' + "x" * 2**20 + '"}',
    ],
)
def test_hostile_json(text: str, tmp_path: Path):
    path = tmp_path / "space.json"
    path.write_text(text, encoding="utf-8")
    refusal(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xed\xa0\x80", b"a: \x80"])
def test_no_text_at_all(content: bytes, tmp_path: Path):
    path = tmp_path / "run.yml"
    path.write_bytes(content)
    refusal(path)


def test_what_may_be_written(tmp_path: Path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "max_steps: 500\nlearning_rate: {loguniform: [1e-4, 1e-2]}\nday: 2024-01-31\nname: 'on'\n"
        "hidden: [[1, 2], [3, 4]]\nnone: ~\nflag: true\n",
        encoding="utf-8-sig",
    )
    content = read_mapping(path)
    assert content["learning_rate"] == {"loguniform": [1e-4, 1e-2]}
    assert (content["name"], content["none"], content["flag"]) == ("on", None, True)


# --- at random ---------------------------------------------------------------------------

KEYS = ("h", "model", "data", "space", "cpus", "storage", "level", "input_size", "max_steps", "x")
DOMAINS = ("choice", "grid", "uniform", "loguniform", "int", "logint", "unifrom", "")
SCALARS: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 2.5, 1e300, float("nan"), float("inf"), 2**62, 2**70, "", "a", "NHITS"),
    *("1", "~", "no", "\u202e", "x" * 300, "0x1", "1e5", "${HOME}", "/dev/zero", "D", "\x1b[2J"),
)


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if kind < 0.5 or depth > 3:
        return chance.choice(SCALARS)
    size = chance.randint(0, 4)
    if kind < 0.7:
        return [value(chance, depth + 1) for _ in range(size)]
    keys = KEYS if kind < 0.85 else DOMAINS
    return {chance.choice(keys): value(chance, depth + 1) for _ in range(size)}


def damaged(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(letters) + 1)
        letters[place : place + chance.randint(0, 2)] = chance.choice(string.printable)
    return "".join(letters)


def file_of(seed: int, folder: Path) -> Path:
    chance = random.Random(seed)
    content = {chance.choice(KEYS): value(chance) for _ in range(chance.randint(1, 4))}
    path = folder / chance.choice(["file.json", "file.yaml"])
    path.write_text(damaged(json.dumps(content), chance), encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("seeds", [range(300), pytest.param(range(20_000), marks=pytest.mark.slow)])
def test_spaces_at_random(seeds: range, tmp_path: Path):
    read = 0
    for seed in seeds:
        path = file_of(seed, tmp_path)
        with cpu_time_below(5, seed):
            try:
                space_from_json(read_mapping(path))
                read += 1
            except InvalidInputError as error:
                message = str(error)
                assert len(message) < 2_000, (seed, message)
    assert 0 < read < len(seeds)


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(800), marks=pytest.mark.slow)])
def test_run_files_at_random(seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Asked of `validate`, which trains nothing, with data that are not there."""
    monkeypatch.chdir(tmp_path)
    for seed in seeds:
        path = file_of(seed, tmp_path)
        with cpu_time_below(10, seed):
            result = CliRunner().invoke(app, ["validate", "--config", str(path)])
        assert result.exit_code in (0, 1, 2), (seed, result.output)
        expected = result.exception is None or isinstance(
            result.exception, (SystemExit, typer.Exit)
        )
        assert expected, (seed, path.read_text(), result.exception)
        assert "unexpected error" not in result.output, (seed, path.read_text(), result.output)
        assert "\x1b[2J" not in result.output, (seed, result.output)
