"""Attach a long text to a trial, in pieces that every database takes."""

from __future__ import annotations

from optuna.trial import FrozenTrial, Trial

from automodel_sk.search.study.attributes import count_of

__all__ = ["attach", "attachment_of"]

_PIECES = "attached"
_LONGEST_PIECE = 50_000
"""MySQL's text columns hold 65,535 bytes."""

_MOST_PIECES = 100


def attach(trial: Trial, text: str) -> None:
    """Store a text with a running trial.

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial.
    text : str
        The text, in ASCII.
    """
    starts = range(0, len(text), _LONGEST_PIECE)
    for place, start in enumerate(starts):
        trial.set_user_attr(f"{_PIECES}:{place}", text[start : start + _LONGEST_PIECE])
    trial.set_user_attr(_PIECES, len(starts))  # last: a text without its number is incomplete


def attachment_of(trial: FrozenTrial) -> str | None:
    """Return the text attached to a trial, or None if there is none that is complete.

    Parameters
    ----------
    trial : FrozenTrial
        A trial of any study.
    """
    count = count_of(trial, _PIECES)
    places = range(count if count <= _MOST_PIECES else 0)
    pieces = [trial.user_attrs.get(f"{_PIECES}:{place}") for place in places]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(texts) if texts and len(texts) == count else None
