"""A study that others can write: it costs its own trials, and sets nothing but its space."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from command_line import run
from optuna.trial import FrozenTrial, TrialState, create_trial
from search_process import SPACE, Silent, small_dataset, small_request
from series import seasonal_panel

from automodel_sk import create_auto_model
from automodel_sk.exceptions import SearchError, StudyMismatchError
from automodel_sk.search.optuna.backend import OptunaBackend
from automodel_sk.search.study.ownership import Owner
from automodel_sk.search.study.search_spec import read_search_spec
from automodel_sk.search.study.storage import StudyLocation, open_storage
from automodel_sk.search_space import SearchSpace
from automodel_sk.trials import FAILURES, best_record

GOOD = {"input_size": 12, "learning_rate": 1e-3}
ACTING = {"default_root_dir": "DIR", "logger": True, "enable_checkpointing": True, "batch_size": 4}
JOB = "automodel_sk:job"


@pytest.fixture(scope="module")
def dataset() -> Any:
    return small_dataset()


@pytest.fixture
def location(tmp_path: Path) -> StudyLocation:
    return StudyLocation("shared", tmp_path / "runs")


def study_at(location: StudyLocation) -> optuna.Study:
    return optuna.create_study(
        storage=open_storage(location), study_name=location.study_name, load_if_exists=True
    )


def written_by_others(user_attrs: Mapping[str, Any], **more: Any) -> FrozenTrial:
    """Return a trial that looks as if it had been trained, and better than any."""
    distributions = SearchSpace.parse(SPACE).optuna_distributions()
    fields = {"params": GOOD, "distributions": distributions, "value": -1e9, **more}
    losses = {1: -1e9}
    return create_trial(intermediate_values=losses, user_attrs=dict(user_attrs), **fields)


def acting(folder: Path) -> dict[str, Any]:
    return {**ACTING, "default_root_dir": str(folder / "written")}


def test_a_queued_trial_writes_nowhere(
    location: StudyLocation, dataset: Any, tmp_path: Path
) -> None:
    study_at(location).enqueue_trial(GOOD, user_attrs={"retried_with": acting(tmp_path)})
    [record] = OptunaBackend().run(small_request(location, 1), dataset, Silent())
    assert record.state == "COMPLETE"
    assert record.tags == {"retried_with": {"batch_size": 4}}
    assert set(record.params) == {*SPACE, "batch_size"}
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_final_training_takes_no_more_than_the_space_from_the_best(
    location: StudyLocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noted = {"retried_with": acting(tmp_path), "steps": [10**15], "seconds": -1e300}
    study_at(location).add_trial(written_by_others(noted))
    frame = seasonal_panel(n_series=2, length=72)
    options = {"cpus": 1, "use_mlflow": False, "verbose": False, "num_samples": 1}
    model = create_auto_model(
        "MLP", 12, frame, SPACE, study_name="shared", storage=location.storage, **options
    )
    assert set(model.best_config) == {*SPACE, "batch_size"}
    assert model.trials["best_step"].tolist() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


BROKEN: dict[str, dict[str, Any]] = {
    "changes as text": {"retried_with": "abc"},
    "changes as a list": {"retried_with": [1]},
    "a larger batch": {"retried_with": {"windows_batch_size": 10**9}},
    "a batch of true": {"retried_with": {"windows_batch_size": True}},
    "a slot as a number": {"fitted_to_slot": 3},
    "more steps than asked for": {"fitted_to_slot": {"max_steps": 10**9, "val_check_steps": 1}},
    "steps of a slot as text": {"fitted_to_slot": {"max_steps": "9", "val_check_steps": "1"}},
    "steps as text": {"steps": "abc"},
    "steps as a number": {"steps": 3},
    "steps of texts": {"steps": ["a"]},
    "seconds as text": {"seconds": "abc"},
    "infinite seconds": {"seconds": float("inf")},
    "a reason as a list": {"reason": [1]},
    "a kind of failure as a list": {"failure": ["crashed"]},
    "a kind of failure that is none": {"failure": "rm -rf"},
    "a copy of text": {"copy_of": {"a": 1}},
    "an owner as a list": {"owner": [1]},
    "an owner of half": {"owner": json.dumps(["machine", 1])},
    "an owner of texts": {"owner": json.dumps(["machine", "a", "b", "c"])},
    "an owner of a huge number": {"owner": json.dumps(["machine", 10**30, 0.0, 1])},
    "counts as text": {"stopped": "abc", "machines_lost": "abc", "results_seen": "abc"},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_a_trial_notes_wrongly_counts_for_nothing(
    location: StudyLocation, dataset: Any, kind: str
) -> None:
    study, noted = study_at(location), BROKEN[kind]
    study.add_trial(written_by_others(noted))
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=noted))
    study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=noted))
    study.enqueue_trial({**GOOD, "learning_rate": 2e-3}, user_attrs=noted)
    records = OptunaBackend().run(small_request(location, 4), dataset, Silent())
    assert [r.state for r in records] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert set(records[0].params) == set(SPACE)
    assert records[0].duration_seconds < 60
    assert list(records[0].intermediate_values) == [1]
    assert all(isinstance(record.reason, (str, type(None))) for record in records)
    assert all(record.failure in (None, *FAILURES) for record in records)


@pytest.mark.parametrize(
    "params",
    [
        {"input_size": 10**9, "learning_rate": 1e-3},
        {"input_size": 12, "learning_rate": 1e9},
        {"input_size": "x", "learning_rate": 1e-3},
        {"input_size": 12, "learning_rate": "x"},
        {"default_root_dir": "/nowhere", "logger": 1},
    ],
)
def test_values_that_the_space_lacks_fail_alone(
    location: StudyLocation, dataset: Any, params: dict[str, Any]
) -> None:
    study = study_at(location)
    study.enqueue_trial(params)
    records = OptunaBackend().run(small_request(location, 2), dataset, Silent())
    drawn = not params.keys() & GOOD.keys()
    assert [r.state for r in records] == ["COMPLETE" if drawn else "FAIL", "COMPLETE"]
    assert all(record.params.keys() <= SPACE.keys() for record in records)

    distributions = {
        name: optuna.distributions.CategoricalDistribution([value])
        for name, value in params.items()
    }
    study.add_trial(written_by_others({}, params=params, distributions=distributions))
    records = OptunaBackend().run(small_request(location, 3), dataset, Silent())
    best = best_record(records)
    assert best is not None
    assert best.number < 2
    assert records[2].state == "FAIL"
    assert records[2].reason == "its parameters are not in the search space"


@pytest.mark.parametrize("identity", [[1], "no JSON", 7, {"data": 1}])
def test_an_identity_of_another_kind_is_none(
    location: StudyLocation, dataset: Any, identity: Any
) -> None:
    study_at(location).set_user_attr("automodel_sk:identity", identity)
    request = small_request(location, 1, identity={"data": "1"})
    assert len(OptunaBackend().run(request, dataset, Silent())) == 1


@pytest.fixture
def begun(location: StudyLocation) -> dict[str, Any]:
    """Begin a search, and return how its study describes it."""
    frame = seasonal_panel(n_series=2, length=72)
    options = {"cpus": 1, "use_mlflow": False, "verbose": False, "num_samples": 1}
    create_auto_model(
        "MLP", 12, frame, SPACE, study_name="shared", storage=location.storage, **options
    )
    job: dict[str, Any] = study_at(location).user_attrs[JOB]
    return job


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ray_address", "evil.example:6379"),
        ("resume", "overwrite"),
        ("storage", "/elsewhere"),
        ("mlflow_tracking_uri", "http://evil.example"),
        ("warm_start", "/a/model"),
        ("backend", "spark"),
        ("num_samples", "abc"),
        ("metric", ["mae"]),
        ("trial_timeout_minutes", "abc"),
        ("random_seed", {}),
        ("precision", "/tmp/plugin"),
    ],
)
def test_options_of_each_worker_come_from_no_study(
    location: StudyLocation, begun: dict[str, Any], option: str, value: Any
) -> None:
    assert read_search_spec(location).options.ray_address is None
    job = {**begun, "options": {**begun["options"], option: value}}
    study_at(location).set_user_attr(JOB, job)
    with pytest.raises(SearchError, match=f"can't read.*{option}"):
        read_search_spec(location)


@pytest.mark.parametrize(
    "changes",
    [
        {"h": "abc"},
        {"h": 10**9},
        {"trials": None},
        {"ends": "x"},
        {"ends": float("nan")},
        {"model_name": ["MLP"]},
        {"model_name": "os"},
        {"futr_exog": "abc"},
        {"options": "abc"},
        {"space": [1]},
        {"loss": {"kind": "os.system"}},
    ],
)
def test_a_description_of_another_kind_is_refused(
    location: StudyLocation, begun: dict[str, Any], changes: dict[str, Any]
) -> None:
    study_at(location).set_user_attr(JOB, {**begun, **changes})
    with pytest.raises(SearchError, match="in a way that this release can't read") as caught:
        read_search_spec(location)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("job", ["text", [1], 7])
def test_a_description_that_is_none_is_refused(
    location: StudyLocation, dataset: Any, job: Any
) -> None:
    study_at(location).set_user_attr(JOB, job)
    with pytest.raises(SearchError, match="it was not made by automodel_sk"):
        read_search_spec(location)


def test_a_search_that_runs_is_not_deleted(location: StudyLocation, dataset: Any) -> None:
    study = study_at(location)
    study.enqueue_trial(GOOD)
    trial = study.ask()
    elsewhere = Owner("elsewhere", 1, 0.0, 1)
    trial.set_user_attr("owner", json.dumps(elsewhere))
    trial.storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]
    request = small_request(location, 1, resume="overwrite")
    with pytest.raises(StudyMismatchError, match=r"searched by elsewhere \(process 1\)"):
        OptunaBackend().run(request, dataset, Silent())
    study.tell(trial, state=TrialState.FAIL)
    [record] = OptunaBackend().run(request, dataset, Silent())
    assert record.state == "COMPLETE"


@pytest.mark.parametrize(
    "constants",
    [{"hidden_size": 10**9}, {"windows_batch_size": 10**8}, {"max_steps": 10**12}],
)
def test_a_worker_takes_no_sizes_beyond_reason(
    begun: dict[str, Any], location: StudyLocation, constants: dict[str, Any], tmp_path: Path
) -> None:
    space = {**begun["space"], "constants": {**begun["space"]["constants"], **constants}}
    study_at(location).set_user_attr(JOB, {**begun, "space": space, "trials": 2})
    data = tmp_path / "data.csv"
    seasonal_panel(n_series=2, length=72).to_csv(data, index=False)
    words = ["worker", "--study", "shared", "--storage", location.storage, "--data", data]
    result = run(*words, "--cpus", 1, "--quiet")
    assert result.exit_code == 1
    assert f"study 'shared' sets {next(iter(constants))!r} to" in result.stderr
