"""Temporary folders: gone with their process, and swept where it could not see to that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from automodel_sk.exceptions import StorageError
from automodel_sk.search import scratch
from automodel_sk.search.scratch import scratch_folder

HOLDING = """
import sys, time
from automodel_sk.search.scratch import scratch_folder
with scratch_folder("test") as folder:
    (folder / "secret").write_text("s3cr3t")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(scratch, "_SECONDS_TO_LOCK", -1.0)
    return tmp_path


def test_others_can_t_look_into_it() -> None:
    with scratch_folder("test") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_swept_and_nothing_else(temporary: Path) -> None:
    (temporary / "automodel_sk-test-of-somebody").mkdir()
    path = os.pathsep.join(p for p in sys.path if p)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with scratch_folder("test"):
            assert (left / "secret").exists(), "its process lives"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (left / "secret").exists()
    with scratch_folder("another"):
        assert left.exists()
    with scratch_folder("test"):
        assert not left.exists()
    assert [path.name for path in temporary.iterdir()] == ["automodel_sk-test-of-somebody"]


def test_a_young_folder_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_SECONDS_TO_LOCK", 60.0)
    folder = temporary / "automodel_sk-test-new"
    folder.mkdir()
    (folder / ".held").touch()
    with scratch_folder("test"):
        assert folder.exists()


def test_a_place_that_can_t_be_written_is_named(temporary: Path) -> None:
    place = temporary / "gone"
    with (
        pytest.raises(StorageError, match=f"temporary folder {place} can't be written"),
        scratch_folder("test", str(place)),
    ):
        pass


STARTING = """
import subprocess, sys, time
from pathlib import Path
from automodel_sk.search.ray.session import _reaped
folder = Path(sys.argv[1])
folder.mkdir()
log = open(folder / "log", "w")
agent = [sys.executable, "-c", "import time; time.sleep(600)"]
agent = subprocess.Popen(agent, stdout=log, start_new_session=True)
with _reaped(folder):
    print(agent.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_is_left_of_ray_is_ended(temporary: Path) -> None:
    folder = temporary / "ray"
    with subprocess.Popen(
        [sys.executable, "-c", STARTING, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        agent = psutil.Process(int(parent.stdout.readline()))
        time.sleep(1.5)
        assert agent.is_running()
        assert (folder / "log").exists(), "its program lives"
        parent.kill()
    assert not psutil.wait_procs([agent], timeout=100)[1]
    until = time.monotonic() + 100
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads ticks of Linux")
def test_a_step_of_the_clock_makes_no_other_owner(monkeypatch):
    from psutil import _pslinux

    from automodel_sk.search.study import ownership
    from automodel_sk.search.study.ownership import Owner

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        here, wall = Owner.here(), psutil.Process(child.pid).create_time()
        began = _pslinux.boot_time()
        other = here._replace(pid=child.pid, created=ownership._began(child.pid))
        monkeypatch.setattr(_pslinux, "boot_time", lambda: began + 30.0)
        assert psutil.Process(child.pid).create_time() != wall, "the clock was not stepped"
        assert Owner.here() == here
        assert other.is_alive(has_heartbeat=False)
        assert not other._replace(created=other.created - 500).is_alive(has_heartbeat=False)
        child.communicate(b"\n")
    assert not other.is_alive(has_heartbeat=False)
