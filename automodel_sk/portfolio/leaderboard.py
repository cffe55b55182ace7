"""The leaderboard: every candidate beside the ensemble."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk._utils.by_reason import by_reason
from automodel_sk.data.baselines import BASELINE_COLUMN
from automodel_sk.data.wording import short_text
from automodel_sk.portfolio.candidates import Candidate, member_labels
from automodel_sk.portfolio.combiners import Combination
from automodel_sk.portfolio.window_errors import Array, mean_error

__all__ = ["ENSEMBLE", "LEADERBOARD_COLUMNS", "LEFT_OUT", "Leaderboard", "json_able", "leaderboard"]

ENSEMBLE = "AutoEnsemble"

LEFT_OUT = "left_out"
"""Attribute of the table: the models that took no part, and why."""

LEADERBOARD_COLUMNS: Mapping[str, str] = {
    "model": "model, or 'AutoEnsemble'",
    "family": "naive, statistical, linear, tree, neural, pretrained, or ensemble",
    "score": "mean error on the validation windows; of the ensemble, on windows left out",
    "skill": "1 - score / score of SeasonalNaive",
    "weight": "weight in the ensemble",
    "seconds": "what the trial took; of the ensemble, what its members took",
    "state": "COMPLETE, PRUNED or FAIL",
    "member": "name of a member of the ensemble, as predict(member=...) takes it",
    "score_1": "score on the first window, and so on",
    "fallbacks": "series and windows that hold a seasonal-naive forecast instead",
    "reason": "why it failed, was pruned or fell back",
    "trial": "number of the trial",
    "params": "configuration, in JSON-able values",
}
"""What each column of `leaderboard` holds."""

_SHOWN = ("model", "family", "score", "skill", "weight", "seconds", "state", "mase", "skill_later")


class Leaderboard(pd.DataFrame):
    """A frame that prints its most important columns, so that a line fits a terminal.

    Everything else is that of a DataFrame. A selection of columns prints as any frame.
    """

    @property
    def _constructor(self) -> Any:
        return Leaderboard

    def __repr__(self) -> str:
        if not self._is_whole:
            return super().__repr__()
        others = ", ".join(str(name) for name in self if name not in _SHOWN)
        lines = [f"[left out: {names}: {reason}]" for names, reason in self._left_out]
        lines.append(f"[more columns: {others}]")
        notes = [textwrap.fill(line, 78, subsequent_indent=" ") for line in lines]
        table = self._short().to_string(float_format="{:.4g}".format)
        return "\n".join([table, *notes])

    def _repr_html_(self) -> Any:
        frame = pd.DataFrame(self._short() if self._is_whole else self)
        return frame._repr_html_()  # type: ignore[operator]  # as notebooks call it

    @property
    def _left_out(self) -> Iterable[tuple[str, str]]:
        return by_reason(self.attrs.get(LEFT_OUT, {}))

    @property
    def _is_whole(self) -> bool:
        return set(LEADERBOARD_COLUMNS) - {"score_1"} <= set(self)

    def _short(self) -> pd.DataFrame:
        return pd.DataFrame(self[[name for name in _SHOWN if name in self]])


def leaderboard(
    candidates: Sequence[Candidate],
    combination: Combination | None = None,
    naive_score: float = math.nan,
) -> pd.DataFrame:
    """Return every candidate beside the ensemble, the least score first.

    The ensemble's score is cross-validated: members and weights were chosen on other windows. A
    candidate's score is not corrected for that it may be the luckiest of many, so that the best
    candidate can stand above the ensemble and still be worse on later rows.

    Parameters
    ----------
    candidates : sequence of Candidate
        All candidates, including those that failed.
    combination : Combination, optional
        The ensemble; without it there is no row for it, and nobody has weight.
    naive_score : float
        Score of the seasonal-naive forecast, for the skill if it is no candidate.

    Returns
    -------
    DataFrame
        One row per candidate and one for the ensemble, with the columns of `LEADERBOARD_COLUMNS`
        (a ``score_`` column per window). Sorted by score; those without a score last.

    Examples
    --------
    >>> candidates = [
    ...     Candidate(0, "SeasonalNaive", "naive", errors=np.array([[2.0, 4.0]]), seconds=0.1),
    ...     Candidate(1, "NHITS", "neural", errors=np.array([[1.0, 2.0]]), seconds=9.0),
    ...     Candidate(2, "TFT", "neural", "FAIL", reason="out of memory"),
    ... ]
    >>> table = leaderboard(candidates)
    >>> table[["model", "score", "score_1", "score_2", "skill", "state"]]
               model  score  score_1  score_2  skill     state
    0          NHITS    1.5      1.0      2.0    0.5  COMPLETE
    1  SeasonalNaive    3.0      2.0      4.0    0.0  COMPLETE
    2            TFT    NaN      NaN      NaN    NaN      FAIL
    """
    labels = {} if combination is None else member_labels(candidates, combination)
    weights = {} if combination is None else combination.weights
    rows = [
        {**_row(candidate), "member": labels.get(i), "weight": weights.get(i, 0.0)}
        for i, candidate in enumerate(candidates)
    ]
    if combination is not None:
        seconds = sum(candidates[i].seconds for i in weights)
        rows.insert(0, {**_ENSEMBLE_ROW, **_scores(combination.errors), "seconds": seconds})
    return _sorted(pd.DataFrame(rows, columns=_columns(rows)), naive_score)


_ENSEMBLE_ROW: Mapping[str, Any] = {
    "model": ENSEMBLE,
    "family": "ensemble",
    "member": ENSEMBLE,
    "state": "COMPLETE",
    "fallbacks": 0,
    "params": {},
}


def _row(candidate: Candidate) -> dict[str, Any]:
    return {
        "model": candidate.name,
        "family": candidate.family,
        **_scores(candidate.errors),
        "seconds": candidate.seconds,
        "state": candidate.state,
        "fallbacks": candidate.n_fallbacks,
        "reason": candidate.reason,
        "trial": candidate.number,
        "params": json_able(candidate.config),
    }


def _scores(errors: Array | None) -> dict[str, float]:
    """Return the mean error over all windows and of each; NaN where nothing was observed."""
    if errors is None:
        return {}
    windows = {f"score_{w}": mean_error(of_one) for w, of_one in enumerate(errors.T, start=1)}
    scores = {"score": mean_error(errors), **windows}
    return {name: value if math.isfinite(value) else math.nan for name, value in scores.items()}


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns in order, with as many windows as the rows have."""
    named = {name for row in rows for name in row if name.startswith("score_")}
    windows = [f"score_{w}" for w in range(1, len(named) + 1)]
    names = list(LEADERBOARD_COLUMNS)
    place = names.index("score_1")
    return [*names[:place], *windows, *names[place + 1 :]]


def _sorted(table: pd.DataFrame, naive_score: float) -> pd.DataFrame:
    """Return the rows by score, with the skill; the ensemble first among equals."""
    tried = table.loc[table["model"] == BASELINE_COLUMN, "score"].min()
    baseline = naive_score if math.isnan(tried) else tried
    skill = 1 - table["score"] / baseline if baseline > 0 else math.nan
    table = table.assign(skill=skill, trial=table["trial"].astype("Int64"))
    table = table.astype(
        {name: float for name in table if str(name).startswith(("score", "skill"))}
    )
    order = table.assign(_after=table["family"] != "ensemble").sort_values(
        ["score", "_after", "model", "trial"], kind="stable", na_position="last"
    )
    return order.drop(columns="_after").reset_index(drop=True)


def json_able(value: Any) -> Any:
    """Return a value as JSON knows it; what JSON does not know becomes its text.

    Examples
    --------
    >>> json_able({"lr": np.float64(0.5), "sizes": (1, 2), "loss": float("nan"), 3: None})
    {'lr': 0.5, 'sizes': [1, 2], 'loss': 'nan', '3': None}
    """
    if isinstance(value, (np.generic, np.ndarray)):
        return json_able(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): json_able(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_able(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return (
        value if value is None or isinstance(value, (str, bool, int)) else short_text(repr(value))
    )
