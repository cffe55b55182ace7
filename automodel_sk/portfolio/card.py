"""The card that represents an ensemble in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk.report.templating import render

if TYPE_CHECKING:
    from automodel_sk.portfolio.ensemble import AutoEnsemble

__all__ = ["ensemble_card"]

_TOP = 8


def ensemble_card(ensemble: AutoEnsemble) -> str:
    """Return a small HTML table with the best of the leaderboard.

    Parameters
    ----------
    ensemble : AutoEnsemble
        A fitted ensemble.

    Returns
    -------
    str
        HTML that uses the colours of the surrounding page.
    """
    columns = ["model", "family", "score", "skill", "seconds", "weight"]
    rows = ensemble.leaderboard()[columns].head(_TOP)
    return render(
        "ensemble_card.html.j2",
        model=ensemble,
        n_series=len(ensemble.state.ids),
        rows=rows.to_dict("records"),
        metric=ensemble.state.record.metric,
        more=max(0, len(ensemble.candidates) + 1 - _TOP),
    )
