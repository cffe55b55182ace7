"""Nonsense for every argument of every public call: one clear error, and nothing accepted."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automodel_sk import AutoModel, AutoModelFactory, OptimizationConfig, create_auto_model
from automodel_sk.exceptions import AutoModelError, InvalidInputError
from automodel_sk.plots import ModelPlots


class _Hostile:
    """Raises whatever is asked of it."""

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("hostile")

    __repr__ = __str__ = __len__ = __eq__ = __bool__ = __iter__ = __float__ = __int__ = _raise  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __lt__ = __gt__ = __getitem__ = __contains__ = __array__ = _raise


NONSENSE: dict[str, Callable[[], Any]] = {
    "object": object,
    "hostile object": _Hostile,
    "class": lambda: dict,
    "function of nothing": lambda: lambda: None,
    "module": lambda: math,
    "Ellipsis": lambda: ...,
    "empty text": lambda: "",
    "blank": lambda: "  ",
    "NUL": lambda: "a\x00b",
    "surrogate": lambda: "\ud800",
    "line break": lambda: "a\nb",
    "bytes": lambda: b"x",
    "-1": lambda: -1,
    "0.5": lambda: 0.5,
    "-2.5": lambda: -2.5,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "10**400": lambda: 10**400,
    "-(10**30)": lambda: -(10**30),
    "complex": lambda: 1 + 2j,
    "Decimal": lambda: Decimal("0.5"),
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "Timestamp": lambda: pd.Timestamp("2024-01-01"),
    "Timedelta": lambda: pd.Timedelta(days=1),
    "list of None": lambda: [None],
    "list of lists": lambda: [[]],
    "list of objects": lambda: [object()],
    "ragged": lambda: [1, "a", None],
    "dict": lambda: {"a": 1},
    "set of numbers": lambda: {-1, -2},
    "2-d array": lambda: np.ones((2, 2)),
    "array of nan": lambda: np.array([np.nan]),
    "numpy nan": lambda: np.float64("nan"),
    "Series": lambda: pd.Series([-1.0]),
    "empty frame": lambda: pd.DataFrame(),
    "frame of other columns": lambda: pd.DataFrame({"a": [1]}),
    "frame of objects": lambda: pd.DataFrame({"unique_id": [[]], "ds": [{}], "y": [()]}),
    "iterator": lambda: iter([object()]),
    "exception": lambda: ValueError("x"),
}

ACCEPTED: dict[str, frozenset[str]] = {
    "cpus": frozenset({"0.5"}),
    "gpus": frozenset({"0.5"}),
    "time_budget_hours": frozenset({"0.5"}),
    "trial_timeout_minutes": frozenset({"0.5"}),
    "quantiles": frozenset({"0.5"}),
    "warm_start": frozenset({"dict"}),
    "metric": frozenset({"class"}),
    # The frame of a model that uses none of its columns: what they hold is never looked at.
    "futr_df": frozenset({"frame of objects"}),
    "static_df": frozenset({"frame of objects"}),
    "actual": frozenset({"frame of objects"}),
}
"""What is nonsense for most arguments and has a meaning for this one."""


NEEDED: dict[str, dict[str, Any]] = {
    "refit": {"dataset": None},
    "update": {"dataset": None},
    "evaluate": {
        "test_df": pd.DataFrame(
            {"unique_id": "a", "ds": pd.date_range("2024-03-01", periods=3), "y": 1.0}
        )
    },
    "reconcile": {"S_df": pd.DataFrame({"unique_id": ["a"], "a": [1.0]})},
}
"""Arguments that a method needs beside the one that is nonsense."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AutoModel:
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=60)})
    frame["y"] = np.sin(np.arange(60.0))
    config = {"input_size": 6, "max_steps": 2, "hidden_size": 4, "num_layers": 1}
    return create_auto_model(
        "MLP", 3, frame, config, use_mlflow=False, verbose=False, cpus=1, storage=":memory:"
    )


def _parameters(owner: type) -> Iterator[tuple[str, str]]:
    for name, member in inspect.getmembers(owner, callable):
        if name.startswith("_"):
            continue
        for parameter in inspect.signature(member).parameters:
            if parameter != "self":
                yield name, parameter


def _refused(call: Callable[[Any], Any], argument: str) -> list[str]:
    """Return what is wrong with the answers to nonsense: none may be accepted or end raw."""
    wrong = []
    for kind, make in NONSENSE.items():
        if kind in ACCEPTED.get(argument, ()):
            continue
        try:
            call(make())
        except AutoModelError as exc:
            if not 10 < len(str(exc)) < 1500:
                wrong.append(f"{kind}: a message of {len(str(exc))} characters")
        except Exception as exc:
            wrong.append(f"{kind}: raw {type(exc).__name__}: {str(exc)[:100]!r}")
        else:
            wrong.append(f"{kind}: accepted")
    return wrong


@pytest.mark.parametrize(("method", "argument"), list(_parameters(AutoModel)))
def test_a_method_refuses_nonsense(
    model: AutoModel, method: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = getattr(model, method)
    given = NEEDED.get(method, {})
    assert _refused(lambda value: call(**{**given, argument: value}), argument) == []


@pytest.mark.parametrize(("method", "argument"), list(_parameters(ModelPlots)))
def test_a_plot_refuses_nonsense(model: AutoModel, method: str, argument: str) -> None:
    call = getattr(model.plot, method)
    assert _refused(lambda value: call(**{argument: value}), argument) == []


@pytest.mark.parametrize("option", list(OptimizationConfig.__dataclass_fields__))
def test_an_option_is_never_nonsense(model: AutoModel, option: str) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})
    rest = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": ":memory:"}

    def call(value: Any) -> Any:
        return create_auto_model("MLP", 3, frame, {"max_steps": 1}, **{**rest, option: value})

    assert _refused(call, option) == []


@pytest.mark.parametrize("argument", ["model_name", "h", "optimization_config"])
def test_the_factory_refuses_nonsense(argument: str) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})

    def call(value: Any) -> Any:
        given = {"model_name": "MLP", "h": 3, argument: value}
        return AutoModelFactory(**given).create_auto_model(frame, {"max_steps": 1})

    assert _refused(call, argument) == []


@pytest.mark.parametrize(
    "argument",
    [
        "dataset",
        "config",
        "loss",
        "static_df",
        "futr_exog_list",
        "hist_exog_list",
        "stat_exog_list",
    ],
)
def test_a_search_refuses_nonsense(argument: str) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})
    options = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": ":memory:"}

    def call(value: Any) -> Any:
        given = {"dataset": frame, "config": {"max_steps": 1}, argument: value}
        return create_auto_model("MLP", 3, **given, **options)

    assert _refused(call, argument) == []


def test_numbers_of_numpy_are_taken(model: AutoModel) -> None:
    assert len(model.predict(h=np.int64(2))) == 2
    assert len(model.cross_validation(n_windows=np.int32(2), step_size=np.int64(1))) == 6


@pytest.mark.parametrize("path", ["x" * 256, "\u00e9" * 128, "/".join(["x" * 200] * 21)])
def test_a_path_that_no_system_takes_is_refused(path: str, model: AutoModel) -> None:
    named = pytest.raises(InvalidInputError, match=r"names of at most 255 bytes each, got")
    for call in (model.save, AutoModel.load, model.report):
        with named:
            call(path)
    with pytest.raises(InvalidInputError, match=r"storage must be .* at most 255 bytes each"):
        OptimizationConfig(storage=path).converted()


@pytest.mark.parametrize("option", ["storage", "mlflow_tracking_uri"])
@pytest.mark.parametrize("place", ["me:s3cr3t@127.0.0.1:1/x", "postgresql:/me:s3cr3t@h/x"])
def test_an_address_without_its_scheme_is_no_folder(option: str, place: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{option} has no scheme, got") as refused:
        OptimizationConfig(**{option: place}).converted()
    assert "s3cr3t" not in str(refused.value)
    OptimizationConfig(**{option: "runs@10:30"}).converted()


@pytest.mark.parametrize("uri", ["mlruns", Path("mlruns"), "~/mlruns"])
def test_a_folder_for_mlflow_is_refused_in_a_sentence(
    uri: Any, model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})
    options = {"verbose": False, "cpus": 1, "storage": ":memory:", "mlflow_tracking_uri": uri}
    with pytest.raises(AutoModelError, match="folders as stores"):
        create_auto_model("MLP", 3, frame, {"max_steps": 1}, **options)
    with pytest.raises(AutoModelError, match="folders as stores"):
        model.log_to_mlflow(tracking_uri=uri)


@pytest.mark.parametrize("name", ["ventes\u00a0: prix", "\u0645\u06cc\u200c\u0634\u0648\u062f"])
def test_names_as_people_write_them_are_taken(name: str, model: AutoModel, tmp_path: Path) -> None:
    assert AutoModel.load(model.save(tmp_path / name)).h == model.h
    OptimizationConfig(study_name=name, storage=tmp_path / name, mlflow_experiment_name=name)


def test_fewer_steps_are_the_first_of_the_models_own(model: AutoModel) -> None:
    whole = model.predict()
    pd.testing.assert_frame_equal(model.predict(h=2), whole.head(2))
    paths = model.simulate(n_paths=2, seed=1)
    first = paths.groupby("sample_id").head(2).reset_index(drop=True)
    pd.testing.assert_frame_equal(model.simulate(n_paths=2, seed=1, h=2), first)


@pytest.mark.parametrize("h", [0, -2, 2.5, True, "3", 301])
def test_a_horizon_that_is_none_is_refused(model: AutoModel, h: Any) -> None:
    for call in (model.predict, model.simulate):
        with pytest.raises(InvalidInputError, match=r"^h must be"):
            call(h=h)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("n_trials", "num_samples"),
        ("time_limit", "time_budget_hours"),
        ("num_sample", "num_samples"),
    ],
)
def test_other_libraries_names_of_options_are_known(name: str, meant: str) -> None:
    with pytest.raises(InvalidInputError, match=f"unknown option '{name}'; did you mean '{meant}'"):
        OptimizationConfig(**{name: 5})  # type: ignore[arg-type]


def test_a_training_that_diverges_is_told_in_words() -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0) * 1e300})
    options = {"use_mlflow": False, "verbose": False, "cpus": 1, "storage": ":memory:"}
    with pytest.raises(InvalidInputError, match="the training diverged: its loss became NaN"):
        create_auto_model("MLP", 3, frame, {"max_steps": 3, "input_size": 6}, **options)


def test_unknown_keywords_of_constructors_name_what_was_meant() -> None:
    from automodel_sk import AutoNeuralForecaster

    cases: tuple[tuple[Callable[..., Any], str, str], ...] = (
        (AutoNeuralForecaster, "n_trials", "did you mean 'num_samples'"),
        (AutoNeuralForecaster, "random_seed", "did you mean 'random_state'"),
        (AutoNeuralForecaster, "horizon", "pass h=12"),
        (AutoModelFactory, "n_trials", "did you mean 'num_samples'"),
        (AutoModelFactory, "num_samples", r"OptimizationConfig\(num_samples=\.\.\.\)"),
    )
    for build, name, words in cases:
        with pytest.raises(InvalidInputError, match=rf"{name}.*{words}"):
            build("MLP", **({"h": 3} if build is AutoModelFactory else {}), **{name: 3})
    assert AutoNeuralForecaster("MLP", num_samples=3).clone().get_params()["num_samples"] == 3
    assert "num_samples" in inspect.signature(AutoNeuralForecaster).parameters


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((7, "NHITS"), r"swapped: got 7 and 'NHITS'; try create_auto_model\('NHITS', 7, df\)"),
        ((7, "auto"), "swapped"),
        ((7, ["NHITS"]), "swapped"),
    ],
)
def test_swapped_arguments_are_told(arguments: tuple[Any, Any], words: str) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": range(30), "y": 1.0})
    with pytest.raises(InvalidInputError, match=words):
        create_auto_model(*arguments, frame)
