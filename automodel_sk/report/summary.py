"""A model in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk._utils.text_block import TextBlock
from automodel_sk.data.period import steps_in_words
from automodel_sk.evaluation.outcome import outcome_of
from automodel_sk.metrics import display_name

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["counts_of_trials", "model_summary"]


def counts_of_trials(model: AutoModel) -> dict[str, int]:
    """Return the trials by how they ended, in words; none that did not happen.

    Parameters
    ----------
    model : AutoModel
        A fitted model.
    """
    records = model.state.records
    found = {
        "complete": sum(r.ran_to_its_end for r in records),
        "pruned": sum(r.state == "PRUNED" for r in records),
        "out of time": sum(r.state == "COMPLETE" and not r.ran_to_its_end for r in records),
        "failed": sum(r.state == "FAIL" for r in records),
    }
    return {word: count for word, count in found.items() if count}


def model_summary(model: AutoModel) -> TextBlock:
    """Return what a model forecasts, what it is worth, and the search behind it.

    Parameters
    ----------
    model : AutoModel
        A fitted model; nothing is trained.

    Returns
    -------
    TextBlock
    """
    state, outcome = model.state, outcome_of(model)
    n_series = len(state.ids)
    series = "1 series" if n_series == 1 else f"{n_series:,} series"
    lines = [f"{state.model_name}: forecasts {steps_in_words(state.h, state.freq)} of {series}"]
    if outcome is not None:
        lines += outcome.sentence().splitlines()
    elif state.best_score is not None:
        lines.append(f"best {display_name(state.metric_name)} {state.best_score:.5g}")
    counts = ", ".join(f"{count} {word}" for word, count in counts_of_trials(model).items())
    if counts:
        lines.append(f"trials: {counts}")
    if state.strategy is not None:
        lines.append(f"search: {state.strategy.description}")
    if state.note is not None:
        lines.append(f"note: {state.note}")
    settings = ", ".join(f"{name}={value!r}" for name, value in state.config.items())
    lines.append(f"configuration: {settings}")
    return TextBlock("\n".join(lines))
