"""Measure the requests per second that a model serves, and check each client's answer.

    python -m benchmarks.serving [--seconds 5] [--clients 1 4 16] [--json RESULT]

Uses `predict` in threads, with copies that share the weights and, for comparison, one at a time
with Lightning's trainer; and HTTP, with `mlflow models serve`. Each request contains another
history, and each answer is compared with the answer to the same request alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from automodel_sk import AutoModel, create_auto_model
from automodel_sk.training import inference
from benchmarks.tables import markdown

H = 12
PASTS = 32
CASES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "MLP": ("MLP", {"hidden_size": 64, "num_layers": 2}, None),
    "NHITS": ("NHITS", {}, None),
    "NHITS, normal": ("NHITS", {}, "normal"),
    "TFT": ("TFT", {"hidden_size": 64}, None),
}

Ask = Callable[[int], pd.DataFrame]


def data(n_series: int = 8, length: int = 400) -> pd.DataFrame:
    steps, draws = np.arange(length), np.random.default_rng(0)
    waves = [100 * (k + 1) + 10 * np.sin(steps / 4 + k) for k in range(n_series)]
    days = pd.date_range("2024-01-01", periods=length)
    frames = [
        pd.DataFrame({"unique_id": f"s{k}", "ds": days, "y": wave + draws.normal(size=length)})
        for k, wave in enumerate(waves)
    ]
    return pd.concat(frames, ignore_index=True)


def pasts(df: pd.DataFrame) -> list[pd.DataFrame]:
    times = df["ds"].unique()
    return [df[df["ds"] <= times[-1 - k]] for k in range(PASTS)]


def fit(case: str, df: pd.DataFrame) -> AutoModel:
    name, config, loss = CASES[case]
    return create_auto_model(
        name,
        H,
        df,
        {"input_size": 48, "max_steps": 20, **config},
        loss,
        use_mlflow=False,
        verbose=False,
        cpus=1,
        gpus=0,
        storage=":memory:",
    )


def measure(ask: Ask, expected: list[pd.DataFrame], clients: int, seconds: float) -> dict[str, Any]:
    """Return the requests per second of `clients` clients, and the number of wrong answers."""
    ends, lock = time.perf_counter() + seconds, threading.Lock()
    done, wrong = [0], [0]

    def client(number: int) -> None:
        while time.perf_counter() < ends:
            number = (number + 7) % PASTS
            right = _same(ask, number, expected[number])
            with lock:
                done[0] += 1
                wrong[0] += not right

    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    rate = done[0] / (time.perf_counter() - started)
    cpu_ms = 1000 * (time.process_time() - cpu) / done[0]
    return {
        "clients": clients,
        "requests a second": round(rate, 1),
        "CPU ms a request": round(cpu_ms, 1),
        "answers": done[0],
        "wrong": wrong[0],
    }


def _same(ask: Ask, number: int, expected: pd.DataFrame) -> bool:
    try:
        got = ask(number)
        pd.testing.assert_frame_equal(got, expected, rtol=1e-5, check_dtype=False)
    except Exception:
        return False
    return True


def in_process(model: AutoModel, clients: list[int], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the figures of `predict` in threads."""
    requests = pasts(data())

    def ask(number: int) -> pd.DataFrame:
        return model.predict(requests[number])

    expected = [ask(number) for number in range(PASTS)]
    by_trainer = mock.patch.object(inference, "without_a_trainer", return_value=False)
    ways: dict[str, Any] = {
        "predict": contextlib.nullcontext(),
        "predict, one at a time by a trainer": by_trainer,
    }
    for way, context in ways.items():
        with context:
            for number in clients:
                yield {"way": way, **measure(ask, expected, number, seconds)}


@contextlib.contextmanager
def served(model: AutoModel, folder: Path) -> Iterator[str]:
    """Serve a model with MLflow; yield the URL for requests."""
    import mlflow

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    name = model.log_to_mlflow(uri)
    mlflow.set_tracking_uri(uri)
    path = mlflow.artifacts.download_artifacts(name, dst_path=str(folder / "served"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", path]
    command += ["--env-manager", "local", "--workers", "1", "--port", str(port)]
    log = (folder / "serve.log").open("w")
    own = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    started = {"cwd": folder, "stdout": log, "stderr": log, "env": {**os.environ, "PATH": own}}
    with log, subprocess.Popen(command, **started) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/ping", server, folder / "serve.log")
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            _end(server)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End a server and its child processes."""
    import psutil

    if server.poll() is None:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.terminate()
        server.wait(30)


def over_http(model: AutoModel, clients: list[int], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the figures of `mlflow models serve`."""
    bodies = [body(past) for past in pasts(data())]
    with tempfile.TemporaryDirectory() as folder, served(model, Path(folder)) as address:

        def ask(number: int) -> pd.DataFrame:
            return answered(address, bodies[number])

        expected = [ask(number) for number in range(PASTS)]
        for number in clients:
            row = measure(ask, expected, number, seconds)
            row.pop("CPU ms a request")  # the server's CPU time can't be measured from here
            yield {"way": "mlflow models serve", **row}


def body(past: pd.DataFrame, **params: Any) -> bytes:
    """Return a request for the steps after a history."""
    rows = past.assign(ds=past["ds"].astype(str)).to_dict("split", index=False)
    frame = {key: rows[key] for key in ("columns", "data")}
    return json.dumps({"dataframe_split": frame, "params": params}).encode()


def answered(address: str, body: bytes) -> pd.DataFrame:
    """Return the forecast in a server's response."""
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return pd.DataFrame(json.load(answer)["predictions"])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", type=Path, help="also write the rows to a file")
    options = parser.parse_args(arguments)
    rows = []
    for case in options.cases:
        model = fit(case, data())
        for measured in (in_process, over_http):
            for row in measured(model, options.clients, options.seconds):
                rows.append({"model": case, **row})
                print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(pd.DataFrame(rows)))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
