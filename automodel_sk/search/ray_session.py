"""Ray, as this process uses it: the user's own where there is one, else a quiet one of ours."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray

from automodel_sk.exceptions import SearchError
from automodel_sk.search.worker_pool import usable_cpus

__all__ = ["quiet_tune", "ray_session"]

_QUIET_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_QUIET_TUNE = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_AUTO_INIT": "1",
    "TUNE_WARN_THRESHOLD_S": "60",
}


class _OwnRay:
    """A Ray of ours on this machine, in a folder of its own that goes with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="automodel_sk-ray-"))
        token = self.folder / "auth_token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self._variables = contextlib.ExitStack()
        self._variables.enter_context(
            _variables({**_QUIET_RAY, "RAY_AUTH_TOKEN_PATH": str(token)}, "RAY_AUTH_MODE")
        )
        with _muted():
            ray.init(
                num_cpus=usable_cpus(),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _temp_dir=str(self.folder),
            )

    def close(self) -> None:
        """End it, and see its files gone."""
        with _muted():
            ray.shutdown()
        self._variables.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_own: _OwnRay | None = None


@contextmanager
def ray_session(address: str | None = None) -> Iterator[None]:
    """Have Ray at hand; one of ours is kept for the next search, and ended where this one broke.

    Parameters
    ----------
    address : str, optional
        A cluster, as in `OptimizationConfig.ray_address`.

    Raises
    ------
    SearchError
        There is no cluster at the address.
    """
    _start(address)
    try:
        yield
    except BaseException:
        _close()
        raise


def _start(address: str | None) -> None:
    global _own
    if ray.is_initialized():
        return
    if address is not None:
        _join(address)
        return
    if _own is None:
        atexit.register(_close)
    _own = _OwnRay()


def _join(address: str) -> None:
    """Connect to a cluster."""
    with _muted():
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as exc:
            reason = next(iter(str(exc).strip().splitlines()), type(exc).__name__)
            raise SearchError(
                f"ray_address={address!r} can't be reached ({reason}); start a cluster with"
                " 'ray start --head', or leave ray_address out to search on this machine"
            ) from None


def _close() -> None:
    global _own
    if _own is not None:
        _own.close()
        _own = None


@contextmanager
def quiet_tune() -> Iterator[str]:
    """Mute Ray Tune, and give it a folder for what nobody reads."""
    with (
        tempfile.TemporaryDirectory(prefix="automodel_sk-tune-") as folder,
        _variables(_QUIET_TUNE),
        _muted(),
    ):
        yield folder


@contextmanager
def _variables(values: Mapping[str, str], *set_by_ray: str) -> Iterator[None]:
    """Set environment variables for a while; those that the user has set stay."""
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
    """Mute Ray's log lines, below errors of its own making as well."""
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
