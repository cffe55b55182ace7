"""Ray beyond one machine: nodes that leave, clusters by address, the user's own Ray."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import ray
from backend_contract import SPACE, RecordingCallback, make_dataset, request_for, side_by_side
from ray._private import services
from ray.cluster_utils import Cluster

from automodel_sk.exceptions import SearchError
from automodel_sk.search.ray import session
from automodel_sk.search.ray.backend import RayBackend
from automodel_sk.search.ray.session import ray_session

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset() -> Any:
    return make_dataset()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    session._close()  # an earlier test's session, whose token the new processes would ask for
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def machine_at_work(machines: list[Any]) -> Any:
    """Return a machine with the process of a trial, wherever Ray started it."""
    actors = ray._private.state.actors().values()
    at_work = {a["Address"]["NodeID"] for a in actors if a["State"] == "ALIVE"}
    return next(machine for machine in machines if machine.node_id in at_work)


def test_trials_of_a_machine_that_leaves_run_elsewhere(
    dataset: Any, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    machines = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
    space = {**SPACE, "max_steps": 400, "val_check_steps": 10}
    request = side_by_side(request_for("ray", space=space, num_samples=5))
    request = replace(request, ray_address=cluster.address)

    left = []

    def leave() -> None:
        left.append(machine_at_work(machines))
        cluster.remove_node(left[0], allow_graceful=False)

    records = list(RayBackend().run(request, dataset, RecordingCallback(at=(0, 3), do=leave)))
    assert left
    assert [(r.number, r.state) for r in records] == [(n, "COMPLETE") for n in range(5)]
    assert {r.params["windows_batch_size"] for r in records} == {16}
    assert "its machine was lost; it is retried" in caplog.text


def test_a_cluster_that_asks_for_no_token_is_used_after_our_own_ray_which_does(
    dataset: Any, request: pytest.FixtureRequest
) -> None:
    space = {**SPACE, "max_steps": 2}
    asked = request_for("ray", space=space, num_samples=1)
    assert [r.state for r in RayBackend().run(asked, dataset, RecordingCallback())] == ["COMPLETE"]
    cluster = request.getfixturevalue("cluster")  # which closes our own
    cluster.add_node(num_cpus=1)
    asked = request_for("ray", space=space, num_samples=1)
    asked = replace(asked, ray_address=cluster.address)
    assert [r.state for r in RayBackend().run(asked, dataset, RecordingCallback())] == ["COMPLETE"]


def test_the_users_own_ray_is_used_and_left_alone(dataset: Any) -> None:
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        job = ray.get_runtime_context().get_job_id()
        space = {**SPACE, "max_steps": 2}
        records = RayBackend().run(request_for("ray", space=space), dataset, RecordingCallback())
        assert [r.state for r in records] == ["COMPLETE"] * 3
        with pytest.raises(ZeroDivisionError), ray_session():
            raise ZeroDivisionError
        assert ray.is_initialized()
        assert ray.get_runtime_context().get_job_id() == job
    finally:
        ray.shutdown()


def test_a_session_of_ours_is_kept_and_ended_where_a_search_broke() -> None:
    with ray_session():
        job = ray.get_runtime_context().get_job_id()
    with ray_session():
        assert ray.get_runtime_context().get_job_id() == job
    with pytest.raises(ZeroDivisionError), ray_session():
        raise ZeroDivisionError
    assert not ray.is_initialized()


def test_an_address_in_the_environment_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    session._close()
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with ray_session():
        assert ray.is_initialized()
    session._close()


def test_an_address_without_a_cluster_is_named_at_once() -> None:
    named = pytest.raises(SearchError, match=r"ray_address='127\.0\.0\.1:1' can't be reached")
    started = time.monotonic()
    with named, ray_session("127.0.0.1:1"):
        pass
    assert time.monotonic() - started < 3
    assert not ray.is_initialized()


def test_no_cluster_to_be_found_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ray looks through the machine's processes, and would find the instances of other tests.
    monkeypatch.setattr(services, "_find_address_from_flag", lambda flag: set())
    services.find_gcs_addresses.cache_clear()
    with (
        pytest.raises(SearchError, match=r"can't be reached.*ray start --head"),
        ray_session("auto"),
    ):
        pass
