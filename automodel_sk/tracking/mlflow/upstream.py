"""MLflow's private names that the store needs.

Written for MLflow 3.13 to 3.17; ``tests/tracking/test_tracking.py`` ends runs with it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["end_run"]


def end_run(client: Any, run_id: str, status: str, end: int) -> None:
    """End a run without a message.

    The client's own method prints the run's URL unless an environment variable is set, which a
    thread must not change.
    """
    from mlflow.entities import RunStatus

    store = client._tracking_client.store
    store.update_run_info(run_id, RunStatus.from_string(status), end, None)
