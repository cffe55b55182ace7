"""Train a tiny model once, so that forked processes start their first trial at once."""

from __future__ import annotations

import logging

from automodel_sk.training.task import TrainingTask
from automodel_sk.training.train import Decision, train_config

__all__ = ["warm_up"]

logger = logging.getLogger(__name__)

_TASK = TrainingTask(
    "NLinear", h=1, val_size=1, trainer_options={"accelerator": "cpu", "devices": 1}
)
_CONFIG = {"input_size": 1, "max_steps": 1, "val_check_steps": 1}


def warm_up() -> bool:
    """Train one step of a tiny model; return whether that was done.

    The first training of a process takes longer than later ones: libraries import, compile and
    allocate what they need. Forked processes inherit all of it. On a machine with a GPU nothing is
    trained, because an optimizer asks CUDA for its state, after which no process may be forked.
    """
    import pandas as pd
    import torch
    from neuralforecast.tsdataset import TimeSeriesDataset

    if torch.cuda.is_available():
        return False
    frame = pd.DataFrame({"unique_id": 0, "ds": range(4), "y": [0.0, 1.0, 0.0, 1.0]})
    try:
        data, *_ = TimeSeriesDataset.from_df(frame)
        train_config(_TASK, _CONFIG, data, lambda _number, _loss: Decision.CONTINUE)
    except Exception:  # a trial will report it
        logger.debug("no model could be trained beforehand", exc_info=True)
        return False
    return True
