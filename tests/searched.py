"""A small search whose series have names that a page or a formula might trip over."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from automodel_sk.search_space import Choice, Float

if TYPE_CHECKING:
    from automodel_sk import AutoModel

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "north & $5 off$",
    "south",
)


def hostile_panel(length: int = 70) -> pd.DataFrame:
    """Return weekly seasons with noise, each series at a level of its own (daily)."""
    rng = np.random.default_rng(0)
    step = np.arange(length)
    frames = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2024-01-01", periods=length, freq="D"),
                "y": (k + 1) * (20 + 5 * np.sin(2 * np.pi * step / 7) + rng.normal(0, 1, length)),
            }
        )
        for k, name in enumerate(HOSTILE)
    ]
    return pd.concat(frames, ignore_index=True)


@cache
def searched_model() -> AutoModel:
    """Return the model of a search of six trials; not to be changed."""
    from automodel_sk import create_auto_model

    space = {
        "input_size": Choice([7, 14]),
        "learning_rate": Float(1e-4, 1e-1, log=True),
        "scaler_type": Choice(["standard", "identity"]),
        "hidden_size": 16,
        "max_steps": 20,
    }
    return create_auto_model(
        "MLP",
        7,
        hostile_panel(),
        space,
        num_samples=6,
        cpus=1,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
