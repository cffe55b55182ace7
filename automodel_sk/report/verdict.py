"""Judge whether a model is any good, in sentences for any reader."""

from __future__ import annotations

from dataclasses import dataclass

from automodel_sk.data.baselines import BASELINE_COLUMN, BASELINES
from automodel_sk.data.period import steps_in_words
from automodel_sk.evaluation.backtest import Backtest

__all__ = ["Verdict", "verdict"]

_TINY = 1e-12
_SAME = 1e-4
"""Errors that differ by less than this share are equal."""
_ADVICE = "Use the baseline, or search longer and on more data."


@dataclass(frozen=True)
class Verdict:
    """A verdict on a model.

    Parameters
    ----------
    tone : {"good", "bad", "unknown"}
        How to display it.
    headline : str
        The verdict in one sentence.
    details : tuple of str
        The evidence for it.
    """

    tone: str
    headline: str
    details: tuple[str, ...] = ()


def verdict(test: Backtest, season: int, freq: str | int = 1) -> Verdict:
    """Judge a model by its errors compared with those of the baselines.

    Parameters
    ----------
    test : Backtest
        The backtest with the errors.
    season : int
        Steps of one season.
    freq : str or int
        Frequency of the data.

    Returns
    -------
    Verdict
        Bad if any baseline is at least as good.
    """
    errors = {str(name): float(error) for name, error in test.scores()["MASE"].items()}
    own = errors.pop(test.model)
    naive = "the seasonal-naive forecast" if season > 1 else "the naive forecast"
    details = (_share_of_series(test, naive), _basis(test, freq))
    best = min(errors, key=lambda name: errors[name])
    rule = naive if best == BASELINE_COLUMN else f"{best} ({BASELINES[best]})"
    if abs(own - errors[best]) <= _SAME * errors[best]:
        headline = f"{test.model} is no better than a baseline: it is as accurate as {rule}."
        return Verdict("bad", headline, (_ADVICE, *details))
    if own < errors[best]:
        saved = _percent(1 - own / errors[BASELINE_COLUMN])
        return Verdict(
            "good", f"{test.model}'s error is {saved} lower than that of {naive}.", details
        )
    more = _percent(own / max(errors[best], _TINY) - 1)
    headline = (
        f"{test.model} does not beat a baseline: its error is {more} higher than that of {rule}."
    )
    return Verdict("bad", headline, (_ADVICE, *details))


def _percent(share: float) -> str:
    """Format a share in percent; anything above tenfold reads "many times".

    Examples
    --------
    >>> _percent(0.254), _percent(0.004), _percent(1e9)
    ('25%', '0.4%', 'many times')
    """
    if share > 10:
        return "many times"
    return f"{share:.0%}" if share >= 0.0995 else f"{share:.1%}"


def _share_of_series(test: Backtest, naive: str) -> str:
    errors = test.by_series()
    wins = int((errors[test.model] < (1 - _SAME) * errors[BASELINE_COLUMN]).sum())
    return f"It is more accurate than {naive} in {wins:,} of {len(errors):,} series."


def _basis(test: Backtest, freq: str | int) -> str:
    h = int(test.scaled["step"].max())
    windows = test.windows.count
    times = "once" if windows == 1 else f"{windows} times"
    return (
        f"Measured {times} on {steps_in_words(h, freq)} at the end of the data, not used for"
        " training. Some of them were used to choose its configuration, so expect the error on new"
        " data to be somewhat larger."
    )
