"""Connect to Ray: reuse the user's session, or start a quiet local one."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray

from automodel_sk._utils.interrupts import handlers_kept
from automodel_sk._utils.machine import n_cpus
from automodel_sk._utils.secrets import mask_secrets, shown_address
from automodel_sk.exceptions import SearchError
from automodel_sk.search.ray import reaper
from automodel_sk.search.ray.upstream import forget_token, mute_messages, start_local
from automodel_sk.search.scratch import scratch_folder

__all__ = ["quiet_tune", "ray_session", "signals_given_back"]

logger = logging.getLogger(__name__)

_SECONDS_TO_ANSWER = 5.0

_QUIET_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_LONGEST_SOCKET, _LONGEST_SOCKET_ON_MACOS = 107, 103
_REST_OF_A_SOCKET = len(
    "/automodel_sk-ray-abcdefgh/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store"
)
_SHORT_FOLDER = "/tmp"
_QUIET_TUNE = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_AUTO_INIT": "1",
    # Each message costs the driver some 15 ms, and a trial waits for the answer: reports of a fifth
    # of a second come together. They are judged one by one, and those after a stop are dropped.
    "TUNE_RESULT_BUFFER_LENGTH": "1000",
    "TUNE_RESULT_BUFFER_MIN_TIME_S": "0.2",
    "TUNE_RESULT_BUFFER_MAX_TIME_S": "2",  # one second for every ten trials that run
    "TUNE_WARN_THRESHOLD_S": "60",
}


class _Session:
    """A connection to Ray that this package opened: to a cluster, or to a local Ray instance.

    Parameters
    ----------
    address : str, optional
        Address of the cluster.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address
        self._id: tuple[str, str] | None = None
        with contextlib.ExitStack() as undo, _muted(), signals_given_back("SIGTERM"):
            undo.enter_context(mute_messages())
            if address is None:
                folder = undo.enter_context(_own_folder())
                undo.callback(self._leave)  # before its folder is removed
                _start(folder)
            else:
                undo.callback(self._leave)
                _join(address)
            self._id = _connection()
            self._undo = undo.pop_all()

    def is_current(self) -> bool:
        """Return whether Ray is still connected as before; the user may have shut it down."""
        return ray.is_initialized() and _connection() == self._id

    def _leave(self) -> None:
        if self._id is None or self.is_current():
            ray.shutdown()

    def close(self) -> None:
        """Close the connection."""
        with _muted():
            self._undo.close()


def _connection() -> tuple[str, str]:
    """Return values that identify this connection to Ray."""
    context = ray.get_runtime_context()
    return context.get_node_id(), context.get_job_id()


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Give Ray a folder for its files, with a token for its processes."""
    with scratch_folder("ray", _socket_folder()) as folder, _reaped(folder):
        token = folder / "auth_token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        try:
            with _variables({**_QUIET_RAY, "RAY_AUTH_TOKEN_PATH": str(token)}, "RAY_AUTH_MODE"):
                forget_token()
                yield folder
        finally:
            forget_token()


def _socket_folder() -> str | None:
    """Return a folder in which the names of Ray's sockets are short enough, or None."""
    most = _LONGEST_SOCKET_ON_MACOS if sys.platform == "darwin" else _LONGEST_SOCKET
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) + _REST_OF_A_SOCKET <= most or not Path(_SHORT_FOLDER).is_dir():
        return None
    logger.warning(
        "Ray keeps its files in %s: in the temporary folder %s the names of its sockets would be"
        " longer than the %d bytes that the system takes; set TMPDIR to a shorter folder to have"
        " them elsewhere",
        _SHORT_FOLDER,
        usual,
        most,
    )
    return _SHORT_FOLDER


@contextmanager
def _reaped(folder: Path) -> Iterator[None]:
    """Make sure that no Ray process outlives this process, even if it is killed."""
    if sys.platform != "linux":
        yield
        return
    command = [sys.executable, "-I", reaper.__file__, str(os.getpid()), str(folder)]
    with subprocess.Popen(
        command,
        cwd="/",
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.kill()


def _start(folder: Path) -> None:
    """Start Ray on this machine."""
    with handlers_kept():
        start_local(folder, n_cpus())


def _join(address: str) -> None:
    """Connect to a cluster."""
    try:
        _check_listening(address)
        with handlers_kept():
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as exc:
        place = shown_address(address)
        reason = next(iter(mask_secrets(str(exc)).strip().splitlines()), type(exc).__name__)
        raise SearchError(
            f"ray_address={place!r} can't be reached ({reason}); start a cluster"
            " with 'ray start --head', or leave ray_address out to search on this machine"
        ) from None


def _check_listening(address: str) -> None:
    """Raise if nothing listens at an address, since Ray would keep trying for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()


_ours: _Session | None = None


@contextmanager
def ray_session(address: str | None = None) -> Iterator[None]:
    """Connect to Ray: reuse the user's session, or start one.

    A session started here is kept for the next search, and shut down if the search failed with an
    error.

    Parameters
    ----------
    address : str, optional
        A cluster, as in `OptimizationConfig.ray_address`.

    Raises
    ------
    SearchError
        There is no cluster at the address.
    """
    global _ours
    if _ours is not None and not (_ours.is_current() and _ours.address == address):
        _close()
    if not ray.is_initialized():
        atexit.register(_close)
        _ours = _Session(address)
    try:
        yield
    except BaseException:
        _close()
        raise


def _close() -> None:
    global _ours
    atexit.unregister(_close)
    if _ours is not None:
        ours, _ours = _ours, None
        ours.close()


@contextmanager
def quiet_tune(at_a_time: int) -> Iterator[str]:
    """Mute Ray Tune, and give it a temporary folder for its output.

    Parameters
    ----------
    at_a_time : int
        Maximum number of parallel trials, whose processes start together. By default Tune starts
        those of a searcher one after another, so that the first trials run alone for seconds.
    """
    with (
        scratch_folder("tune") as folder,
        _variables({**_QUIET_TUNE, "TUNE_MAX_PENDING_TRIALS_PG": str(at_a_time)}),
        _muted(),
    ):
        yield str(folder)


@contextmanager
def signals_given_back(*names: str) -> Iterator[None]:
    """Restore the signal handlers that Ray replaces and does not restore."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in known if in_main_thread}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _variables(values: Mapping[str, str], *set_by_ray: str) -> Iterator[None]:
    """Set environment variables temporarily, except those that the user has set."""
    ours = {name: value for name, value in values.items() if name not in os.environ}
    new = [name for name in (*ours, *set_by_ray) if name not in os.environ]
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _muted() -> Iterator[None]:
    """Mute Ray's log lines, except its own errors."""
    names = [name for name in logging.Logger.manager.loggerDict if name.split(".")[0] == "ray"]
    loggers = [logging.getLogger(name) for name in {*names, "ray"}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
