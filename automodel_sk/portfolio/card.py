"""The ensemble in a few lines: a text, and the card that represents it in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_sk._utils.by_reason import by_reason
from automodel_sk._utils.text_block import TextBlock
from automodel_sk.data.period import frequency_in_words
from automodel_sk.metrics import display_name
from automodel_sk.portfolio.state import NAME
from automodel_sk.report.templating import render

if TYPE_CHECKING:
    from automodel_sk.portfolio.ensemble import AutoEnsemble
    from automodel_sk.portfolio.state import EnsembleState

__all__ = ["ensemble_card", "ensemble_summary"]

_TOP = 8


def ensemble_summary(state: EnsembleState) -> TextBlock:
    """Return the members, their weights, the score and the models left out.

    Parameters
    ----------
    state : EnsembleState
        A fitted ensemble.

    Returns
    -------
    TextBlock
    """
    team = state.team
    count = len(team.parts)
    members = "1 member" if count == 1 else f"{count} members, {team.kind}"
    ordered = sorted(team.by_name.items(), key=lambda pair: -pair[1].weight)
    lines = [f"{NAME} of {members}"]
    lines += [f"  {part.weight:.2f}  {name}" for name, part in ordered]
    lines.append(_score_line(state))
    judged, fitted = len(state.record.data.lengths), len(state.data.lengths)
    if judged < fitted:
        lines.append(f"chosen on a sample of {judged:,} of {fitted:,} series")
    lines += [f"{name}: {part.note}" for name, part in ordered if part.note]
    if state.left_out:
        lines.append("left out:")
        lines += [f"  {names}: {reason}" for names, reason in by_reason(state.left_out)]
    return TextBlock("\n".join(lines))


def _score_line(state: EnsembleState) -> str:
    """Return the score beside that of the seasonal-naive forecast."""
    record = state.record
    windows = record.data.n_windows
    own, naive = state.score, record.naive_score
    share = 1 - own / naive if naive > 0 else float("nan")
    beside = f"seasonal naive {naive:.4g}"
    if share == share:
        beside += f" ({abs(share):.0%} {'better' if share >= 0 else 'worse'})"
    where = "1 window" if windows == 1 else f"{windows} windows"
    count = len(record.candidates)
    candidates = "1 candidate" if count == 1 else f"{count} candidates"
    return f"{display_name(record.metric_name)} {own:.4g} on {where}, {beside}; {candidates}"


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
    columns = ["model", "family", "score", "skill", "weight", "seconds", "state"]
    table = ensemble.leaderboard()[columns]
    naive = table.loc[table["model"] == "SeasonalNaive"].head(1)
    rows = table.head(_TOP)
    if len(naive) and not naive.index.isin(rows.index).any():
        rows = rows.head(_TOP - 1)
    else:
        naive = naive.head(0)
    shown = [*rows.to_dict("records"), *naive.to_dict("records")]
    return render(
        "ensemble_card.html.j2",
        model=ensemble,
        frequency=frequency_in_words(ensemble.freq),
        n_series=len(ensemble.state.ids),
        rows=[{**row, "weight": row["weight"] or None} for row in shown],
        metric=display_name(ensemble.metric_name),
        score=_score_line(ensemble.state),
        more=max(0, len(table) - len(shown)),
        left_out=ensemble.left_out,
    )
