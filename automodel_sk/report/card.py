"""The card that represents a model in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk.data.period import frequency_in_words
from automodel_sk.metrics import display_name
from automodel_sk.report.summary import counts_of_trials
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
    trials = [f"{count} {word}" for word, count in counts_of_trials(model).items()]
    return render(
        "card.html.j2",
        model=model,
        metric=display_name(model.state.metric_name),
        trials=", ".join(trials) or "none, the configuration was fixed",
        frequency=frequency_in_words(model.freq),
        n_series=len(model.state.ids),
    )
