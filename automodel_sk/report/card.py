"""The card that represents a model in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk.report.templating import render

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel

__all__ = ["card"]


def card(model: AutoModel) -> str:
    """Return a small HTML table about a model.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

    Returns
    -------
    str
        HTML that uses the colours of the surrounding page.
    """
    counts = model.trials["state"].value_counts()
    found = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    trials = [f"{counts[state]} {word}" for state, word in found.items() if state in counts]
    return render(
        "card.html.j2",
        model=model,
        trials=", ".join(trials) or "none, the configuration was fixed",
        n_series=len(model.state.ids),
    )
