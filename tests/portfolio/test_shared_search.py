"""A search over several models on one database, in two programs, and joined by a worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import pytest
from search_process import start
from several_models import MLP, QUIET, essence, frame, search, search_and_write
from typer.testing import CliRunner

from automodel_sk import create_auto_model
from automodel_sk.cli import app
from automodel_sk.search.study.ownership import owner_of
from automodel_sk.search.study.search_spec import read_search_spec
from automodel_sk.search.study.storage import StudyLocation, open_storage
from automodel_sk.search_space import Float


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.running_server() as server:
        yield server.url


def _trials(location: StudyLocation) -> Any:
    storage = open_storage(location)
    return storage.get_all_trials(storage.get_study_id_from_name(location.study_name))


@pytest.mark.slow
def test_two_programs_share_the_trials_and_find_the_same_model(
    database: str, tmp_path: Path
) -> None:
    results = [tmp_path / "one.json", tmp_path / "other.json"]
    options = {"study_name": "shared", "num_samples": 5, "steps": 100}
    programs = [start(search_and_write, database, result, **options) for result in results]
    for program in programs:
        program.join()
        assert program.exitcode == 0
    one, other = (json.loads(result.read_text()) for result in results)
    assert one == other
    trials = _trials(StudyLocation("shared", database))
    assert len(trials) == 7
    owners = {owner.pid for t in trials if (owner := owner_of(t)) is not None}
    assert owners == {program.pid for program in programs}


def _interrupted(place: Any, **options: Any) -> StudyLocation:
    """Begin a search in this process, and interrupt it in its first network."""
    from automodel_sk.search.progress import TrackerCallback

    def interrupt(*_: Any) -> None:
        raise SystemExit(143)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrackerCallback, "on_report", interrupt)
        with pytest.raises(SystemExit):
            search(place, study_name="joined", **options)
    return StudyLocation("joined", place)


def _join(location: StudyLocation, data: Path) -> Any:
    words = ["worker", "--study", location.study_name, "--storage", location.storage]
    words += ["--data", data, "--cpus", 1, "--quiet"]
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    frame().to_csv(path, index=False)
    return path


def test_a_worker_ends_the_search_and_its_program_combines(tmp_path: Path, data: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    result = _join(_interrupted(url), data)
    assert result.exit_code == 0, result.output
    assert result.stdout == "Study joined: 5 of 5 trials have ended\n"
    with pytest.MonkeyPatch.context() as patch:
        from automodel_sk.portfolio.trainer import PortfolioTrainer
        from automodel_sk.portfolio.window_store import WindowStore

        patch.setattr(PortfolioTrainer, "train", None)  # nothing is trained again
        patch.setattr(WindowStore, "_repeated", None)
        model = search(url, study_name="joined")
    assert essence(model) == essence(search(":memory:"))


def test_a_worker_refuses_other_data(tmp_path: Path, data: Path) -> None:
    location = _interrupted(tmp_path)
    data.write_text(data.read_text().replace("2010-01-31", "2010-01-31", 1) + "s9,2015-01-31,1\n")
    result = _join(location, data)
    assert result.exit_code == 1
    assert "is not what study 'joined' was started with: series 3, here 4" in result.stderr


def test_a_search_over_several_models_is_read_back_as_it_was(tmp_path: Path) -> None:
    job = read_search_spec(_interrupted(tmp_path, n_windows=2, num_samples=4))
    assert job.models == ("SeasonalNaive", "Naive", "MLP")
    assert (job.h, job.trials, job.is_auto, job.loss) == (6, 6, False, None)
    assert job.spaces["MLP"].domains == {"learning_rate": Float(1e-3, 1e-2)}
    assert job.spaces["MLP"].constants["hidden_size"] == MLP["hidden_size"]
    assert job.options.n_windows == 2


def _edited(location: StudyLocation, **changed: Any) -> None:
    storage = open_storage(location)
    study = storage.get_study_id_from_name(location.study_name)
    job = storage.get_study_user_attrs(study)["automodel_sk:job"]
    storage.set_study_user_attr(study, "automodel_sk:job", {**job, **changed})


def _space(**constants: Any) -> dict[str, Any]:
    return {"domains": {}, "constants": constants, "left_out": {}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"models": ["os.system"]}, "unknown model"),
        ({"models": [["MLP"]]}, "models can't be"),
        ({"models": []}, "models can't be"),
        ({"spaces": {"os": _space()}}, "unknown model 'os'"),
        ({"spaces": {"MLP": _space(detect_anomaly=True)}}, "may execute"),
        ({"spaces": {"MLP": _space(max_steps=10**9)}}, "more than workers"),
        ({"options": {"mlflow_tracking_uri": "http://evil"}}, "each worker's own"),
    ],
)
def test_a_hostile_study_is_refused(
    interrupted: StudyLocation,
    data: Path,
    changed: dict[str, Any],
    message: str,
) -> None:
    _edited(interrupted, **changed)
    result = _join(interrupted, data)
    assert result.exit_code == 1
    assert message in result.stderr


@pytest.fixture
def interrupted(started: Path, tmp_path: Path) -> StudyLocation:
    import shutil

    shutil.copytree(started, tmp_path / "runs")
    return StudyLocation("joined", tmp_path / "runs")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started")
    _interrupted(folder)
    return folder


def test_a_search_that_is_code_is_refused(tmp_path: Path, data: Path) -> None:
    def metric(df: Any, models: Any, id_col: str = "unique_id", target_col: str = "y") -> Any:
        from utilsforecast.losses import mae

        return mae(df, models, id_col, target_col)

    create_auto_model(
        ["Naive"], 6, frame(), study_name="joined", storage=tmp_path, metric=metric, **QUIET
    )
    result = _join(StudyLocation("joined", tmp_path), data)
    assert result.exit_code == 1
    assert "can't be joined by a worker" in result.stderr
