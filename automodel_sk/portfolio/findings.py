"""What stands out in a search over several models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from automodel_sk.diagnosis import Diagnosis, Finding
from automodel_sk.portfolio.candidates import Candidate
from automodel_sk.portfolio.state import EnsembleState
from automodel_sk.portfolio.window_errors import mean_error
from automodel_sk.portfolio.window_record import WindowRecord

__all__ = ["diagnose_portfolio"]

_MORE_TIME = 2
"""How many times the time of a search to try where time was short."""


def diagnose_portfolio(state: EnsembleState) -> Diagnosis:
    """Return the findings about an ensemble, the most important first.

    Parameters
    ----------
    state : EnsembleState
        The ensemble, its candidates and their forecasts of the windows.

    Returns
    -------
    Diagnosis
    """
    return Diagnosis(finding for rule in _RULES for finding in rule(state))


def _failures(state: EnsembleState) -> Iterator[Finding]:
    candidates = state.record.candidates
    usable = {c.name for c in candidates if c.forecasts is not None}
    failed = {c.name: c.reason for c in candidates if c.name not in usable and c.reason}
    if failed:
        name, reason = next(iter(failed.items()))
        models = "1 model has" if len(failed) == 1 else f"{len(failed)} models have"
        first = f"{name}: {reason}" if len(failed) == 1 else f"first {name}: {reason}"
        text = f"{models} no forecasts, {first.rstrip('.')}."
        yield Finding("failures", text, failed, {"exclude": list(failed)})


def _not_better_than_naive(state: EnsembleState) -> Iterator[Finding]:
    score, naive = state.score, state.record.naive_score
    if score >= naive:
        text = (
            "The ensemble is no better than the seasonal-naive forecast. More data or exogenous"
            " columns that explain the target may help, longer searches hardly do."
        )
        evidence = {"score": score, "SeasonalNaive": naive}
        yield Finding("not_better_than_naive", text, evidence, {"models": ["SeasonalNaive"]})


def _networks(state: EnsembleState) -> Iterator[Finding]:
    """Find networks that do not beat the baselines, or add nothing to the other members."""
    record, weights = state.record, state.weights_by_number
    networks = _best_errors(record, "neural")
    if not networks or any(weights.get(c.number) for c in _of_family(record, "neural")):
        return
    baselines = _best_errors(record, "naive") or {"SeasonalNaive": record.naive_score}
    best = min(baselines, key=lambda name: baselines[name])
    advice = "Give them more time, or leave them out to spend it on the other models."
    suggestion = {"time_budget_hours": _more_hours(state), "exclude": list(networks)}
    if min(networks.values()) >= baselines[best]:
        text = f"None of {len(networks)} networks beats {best}, so that none has weight. {advice}"
        evidence = {**networks, best: baselines[best]}
        yield Finding("networks_behind_baselines", text, evidence, suggestion)
        return
    text = (
        f"None of {len(networks)} networks has weight: out of sample they add nothing to the other"
        f" members. {advice}"
    )
    combined = mean_error(state.combination.errors)
    yield Finding("no_network", text, {**networks, "ensemble": combined}, suggestion)


def _of_family(record: WindowRecord, family: str) -> list[Candidate]:
    return [c for c in record.judged if c.family == family]


def _best_errors(record: WindowRecord, family: str) -> dict[str, float]:
    """Return the best score of each model of a family."""
    found: dict[str, float] = {}
    for candidate in record.judged:
        if candidate.family == family and candidate.errors is not None:
            known = found.get(candidate.name, float("inf"))
            found[candidate.name] = min(known, candidate.score)
    return found


def _cut_members(state: EnsembleState) -> Iterator[Finding]:
    notes = {name: part.note for name, part in state.team.by_name.items() if part.note}
    if notes:
        name, note = next(iter(notes.items()))
        members = "1 member was" if len(notes) == 1 else f"{len(notes)} members were"
        text = (
            f"The time ended before {members} refitted in full, {name}: {note.rstrip('.')}."
            " A larger time budget leaves more for the refit."
        )
        yield Finding("cut_members", text, notes, {"time_budget_hours": _more_hours(state)})


def _not_reached(state: EnsembleState) -> Iterator[Finding]:
    """Find a search whose time ended before each model had a trial that ended."""
    stopped = Counter(c.name for c in state.record.candidates if c.state == "PRUNED")
    complete = {c.name for c in state.record.candidates if c.is_complete}
    never = {name: count for name, count in stopped.items() if name not in complete}
    if never:
        text = (
            f"{_listed(never)} had no trial that ran to its end, so that no weight was possible."
            " A larger time budget may change that."
        )
        yield Finding("no_complete_trial", text, never, {"time_budget_hours": _more_hours(state)})


def _fallbacks(state: EnsembleState) -> Iterator[Finding]:
    record = state.record
    counts = {c.name: c.n_fallbacks for c in record.candidates if c.n_fallbacks}
    if counts:
        name = max(counts, key=lambda n: counts[n])
        forecasts = len(record.combined) * record.data.n_windows
        reason = next((c.reason for c in record.candidates if c.name == name and c.reason), None)
        because = f" ({reason.rstrip('.')})" if reason else ""
        text = (
            f"{name} failed or ran out of time in {counts[name]} of {forecasts} forecasts of series"
            f" and windows{because}; these repeat the last season. A larger time budget helps if"
            " time was short."
        )
        suggestion = {"time_budget_hours": _more_hours(state)}
        yield Finding("fallbacks", text, {**counts, "forecasts": forecasts}, suggestion)


def _few_windows(state: EnsembleState) -> Iterator[Finding]:
    data, validation = state.record.data, state.combination.validation
    evidence = {"n_windows": data.n_windows, "validation": validation}
    rows = int(data.lengths.max())
    fitting = max(1, min(3, (rows - max(2 * data.h + 1, 10)) // data.h))
    suggestion = {"n_windows": fitting} if fitting > 1 else {}
    advice = "" if suggestion else " Longer series would allow more windows."
    if validation == "none":
        text = (
            "Members were chosen by the same single window that the score is measured on, so that"
            " the score is too good. Compare them on more windows." + advice
        )
        yield Finding("not_validated", text, evidence, suggestion)
    elif data.n_windows == 1:
        text = "The models were compared on a single window, which may favour one by luck." + advice
        yield Finding("one_window", text, evidence, suggestion)


def _listed(names: dict[str, int]) -> str:
    """Return names as a list of words."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _more_hours(state: EnsembleState) -> float:
    """Return a larger time budget than the search had, in hours."""
    records = state.records
    starts = [r.datetime_start for r in records if r.datetime_start is not None]
    ends = [r.datetime_complete for r in records if r.datetime_complete is not None]
    seconds = sum(candidate.seconds for candidate in state.record.candidates)
    if starts and ends:
        seconds = (max(ends) - min(starts)).total_seconds()
    return float(f"{max(1 / 60, _MORE_TIME * seconds / 3600):.2g}")


_RULES: tuple[Callable[[EnsembleState], Iterator[Finding]], ...] = (
    _failures,
    _not_better_than_naive,
    _networks,
    _cut_members,
    _not_reached,
    _few_windows,
    _fallbacks,
)
"""The rules; what one finds counts for more than what those after it find."""
