"""What stands out in a search over several models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from automodel_sk.diagnosis import Diagnosis, Finding
from automodel_sk.portfolio.window_errors import mean_error
from automodel_sk.portfolio.window_record import WindowRecord

__all__ = ["diagnose_portfolio"]


def diagnose_portfolio(
    record: WindowRecord, score: float, weights: Mapping[int, float]
) -> Diagnosis:
    """Return the findings about a portfolio, the most important first.

    Parameters
    ----------
    record : WindowRecord
        The candidates and their forecasts of the windows.
    score : float
        Cross-validated score of the ensemble.
    weights : mapping of int to float
        Weights by number of the candidate.

    Returns
    -------
    Diagnosis
    """
    return Diagnosis(
        [
            *_failures(record),
            *_not_better_than_naive(record, score),
            *_no_network(record, weights),
            *_fallbacks(record),
            *_one_window(record),
        ]
    )


def _failures(record: WindowRecord) -> Iterator[Finding]:
    failed = {c.name: c.reason for c in record.candidates if c.forecasts is None and c.reason}
    if failed:
        name, reason = next(iter(failed.items()))
        text = f"{len(failed)} models have no forecasts, first {name}: {reason}."
        yield Finding("failures", text, failed)


def _not_better_than_naive(record: WindowRecord, score: float) -> Iterator[Finding]:
    naive = record.naive_score
    if score >= naive:
        text = (
            "The ensemble is no better than the seasonal-naive forecast. More data or exogenous"
            " columns that explain the target may help, longer searches hardly do."
        )
        yield Finding("not better than naive", text, {"score": score, "SeasonalNaive": naive})


def _no_network(record: WindowRecord, weights: Mapping[int, float]) -> Iterator[Finding]:
    networks = [c for c in record.candidates if c.family == "neural"]
    found = {c.name: record.errors(c) for c in networks}
    errors = {name: mean_error(e) for name, e in found.items() if e is not None}
    if errors and not any(weights.get(c.number) for c in networks):
        text = (
            f"None of {len(errors)} networks has weight: out of sample they add nothing to the"
            " other members. A larger time budget may change that."
        )
        yield Finding(
            "no network",
            text,
            {**errors, "ensemble": mean_error(record.errors_of(record.combined))},
        )


def _fallbacks(record: WindowRecord) -> Iterator[Finding]:
    counts = {c.name: c.n_fallbacks for c in record.candidates if c.n_fallbacks}
    if counts:
        name = max(counts, key=lambda n: counts[n])
        text = (
            f"{name} failed or ran out of time on {counts[name]} series and windows, where it"
            " holds the seasonal-naive forecast. A larger time budget helps if time was short."
        )
        yield Finding("fallbacks", text, counts)


def _one_window(record: WindowRecord) -> Iterator[Finding]:
    if record.data.n_windows == 1:
        text = "The models were compared on a single window, which may favour one by luck."
        yield Finding("one window", text, {"n_windows": 1}, {"n_windows": 3})
