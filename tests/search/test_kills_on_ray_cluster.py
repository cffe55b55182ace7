"""A search on a cluster, killed at seeded random moments, loses no ended trial and resumes.

The cluster outlives the searches, with what a killed one left running there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster
from siege import Ray, Siege

from automodel_sk.search.ray import session


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    session._close()  # an earlier test's session, whose token the new processes would ask for
    resources = {"num_cpus": 2, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=resources)
    yield cluster
    session._close()
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [4, 5])
def test_fifty_kills_in_two_parts(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    processes = cluster.head_node.all_processes["raylet"]
    backend = Ray(cluster.address, psutil.Process(processes[0].process.pid))
    siege = Siege(backend, tmp_path, seed)
    siege.go_on(kills=25)
    assert siege.cut_off >= 10
