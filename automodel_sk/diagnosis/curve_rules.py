"""Rules on the learning curves: training that is too short or too long."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from automodel_sk.diagnosis.findings import Finding
from automodel_sk.diagnosis.search_record import SearchRun
from automodel_sk.trials import TrialRecord

__all__ = ["overfitting", "underfitting"]

AT_THE_END = 0.95
"""A best step behind this share of the training is at its end."""

LAST_PART, STILL_FALLING = 0.2, 0.02
"""A curve still falls where its last fifth brings so much of all that it gained."""

EARLY, RISEN = 0.5, 0.1
"""A curve turned where it was best before half of the training, and then lost so much of
what it had gained."""

FEWEST_REPORTS = 5


def underfitting(run: SearchRun) -> Iterator[Finding]:
    """Find top trials whose losses were still falling when training ended."""
    falling = [record for record in run.leaders if _falls_to_the_end(run, record)]
    if not _most(falling, run.leaders):
        return
    longest = max(run.max_steps(record) for record in falling)
    steps = {record.number: _best_step(record) for record in falling}
    yield Finding(
        "underfitting",
        f"The losses of {len(falling)} of the {len(run.leaders)} best trials were still falling at"
        " the end of their training. Train longer.",
        {"best_steps": steps, "max_steps": longest},
        {"max_steps": 2 * longest},
    )


def overfitting(run: SearchRun) -> Iterator[Finding]:
    """Find top trials whose losses reached their minimum early and then rose."""
    risen = {record.number: rise for record in run.leaders if (rise := _rise(run, record))}
    if not _most(risen, run.leaders):
        return
    rates = [record.params.get("learning_rate") for record in run.leaders]
    known = [rate for rate in rates if isinstance(rate, (int, float))]
    steps = {record.number: _best_step(record) for record in run.leaders if record.number in risen}
    yield Finding(
        "overfitting",
        f"The losses of {len(risen)} of the {len(run.leaders)} best trials were lowest early and"
        " rose after that: the model overfits the training data. Lower learning_rate, choose a"
        " smaller model, or give it more series. (The final model stops at the best step in any"
        " case.)",
        {"best_steps": steps, "rise": risen},
        {"learning_rate": min(known) / 3} if known else {},
    )


def _most(found: Sized, leaders: Sized) -> bool:
    """Return whether most of the top trials agree; a single curve may be chance."""
    return 2 * len(found) > len(leaders)


def _best_step(record: TrialRecord) -> int:
    losses = record.intermediate_values
    return min(losses, key=lambda step: losses[step])


def _curve(record: TrialRecord) -> list[float]:
    return [loss for _, loss in sorted(record.intermediate_values.items())]


def _falls_to_the_end(run: SearchRun, record: TrialRecord) -> bool:
    curve = _curve(record)
    if len(curve) < FEWEST_REPORTS or _best_step(record) < AT_THE_END * run.max_steps(record):
        return False
    gained = curve[0] - min(curve)
    before = min(curve[: round(len(curve) * (1 - LAST_PART))])
    return gained > 0 and before - min(curve) >= STILL_FALLING * gained


def _rise(run: SearchRun, record: TrialRecord) -> float | None:
    """Return the share of a trial's improvement that it lost again; None if it is negligible."""
    curve = _curve(record)
    gained = curve[0] - min(curve)
    if len(curve) < FEWEST_REPORTS or gained <= 0:
        return None
    if _best_step(record) > EARLY * run.max_steps(record):
        return None
    share = (curve[-1] - min(curve)) / gained
    return round(share, 3) if share >= RISEN else None
