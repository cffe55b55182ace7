"""Rules on the trials: failures, memory, time, number of trials, pruning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from automodel_sk.diagnosis.findings import Finding
from automodel_sk.diagnosis.search_record import OUT_OF_TIME, SearchRun, best_loss
from automodel_sk.training.memory import smaller_batches
from automodel_sk.trials import TrialRecord

__all__ = ["failures", "few_trials", "flat", "memory", "no_pruning", "pruned_too_early", "time_up"]

FAILED_SHARE = 0.2
"""From this share of failed trials on, the search lacks what they would have shown."""

LATE_SHARE = 0.8
"""A best trial behind this share of the search was found late."""

WORTHWHILE = 0.01
"""A loss that is lower by this share is an improvement."""

FLAT_SHARE = 0.02
"""Trials whose losses lie within this share of the best are as good as equal."""

PRUNED_SHARE = 0.8
"""From this share of pruned trials on, few are left to learn from."""

ENOUGH_TO_JUDGE = 5
ENOUGH_TO_PRUNE = 20


def failures(run: SearchRun) -> Iterator[Finding]:
    """Find many failed trials and their cause."""
    others = [record for record in run.failed if record.failure != "out_of_memory"]
    if not others or len(others) < FAILED_SHARE * len(run.records):
        return
    reasons = Counter(record.reason or "without a known reason" for record in others)
    reason, count = reasons.most_common(1)[0]
    diverged = [record for record in others if record.failure == "diverged"]
    rates = [record.params.get("learning_rate") for record in diverged]
    known = [rate for rate in rates if isinstance(rate, (int, float))]
    yield Finding(
        "failures",
        f"{len(others)} of {len(run.records)} trials failed, {count} of them so: {reason[:200]}."
        + (" They diverged: lower learning_rate, or scale the series." if diverged else ""),
        {"failed": len(others), "trials": len(run.records), "reasons": dict(reasons)},
        {"learning_rate": min(known) / 10, "scaler_type": "standard"} if known else {},
    )


def memory(run: SearchRun) -> Iterator[Finding]:
    """Find trials that ran out of memory, even if they then succeeded with smaller batches."""
    lacking = [r for r in run.records if "retried_with" in r.tags or r.failure == "out_of_memory"]
    if not lacking:
        return
    tried = [{**record.params, **record.tags.get("retried_with", {})} for record in lacking]
    sizes = [int(config.get("windows_batch_size") or 1024) for config in tried]
    yield Finding(
        "memory",
        f"{len(lacking)} of {len(run.records)} trials ran out of memory. Lower windows_batch_size"
        " or input_size, or run fewer trials in parallel (cpus).",
        {"trials": [r.number for r in lacking], "windows_batch_size": min(sizes)},
        smaller_batches({"windows_batch_size": min(sizes)}) or {},
    )


def time_up(run: SearchRun) -> Iterator[Finding]:
    """Find a search that the time budget ended before all its trials ran."""
    stopped = [record for record in run.records if record.reason == OUT_OF_TIME]
    asked = run.strategy.num_samples if run.strategy else len(run.records)
    ended = len(run.records) - len(stopped)
    if not stopped or ended >= asked:
        return
    best = run.best in stopped
    hours = _elapsed_hours(run.records) * asked / max(1, ended)
    yield Finding(
        "time_budget",
        f"The time budget was used up after {ended} of {asked} trials"
        + (", and it cut off the best of them." if best else ".")
        + " Give it more time, or shorten each trial with max_steps.",
        {"ended": ended, "asked": asked, "best_was_cut_off": best},
        {"time_budget_hours": float(f"{hours:.2g}")} if hours else {},
    )


def _elapsed_hours(records: Sequence[TrialRecord]) -> float:
    """Return the hours from the start of the first trial to the end of the last; 0 if unknown."""
    starts = [r.datetime_start for r in records if r.datetime_start is not None]
    ends = [r.datetime_complete for r in records if r.datetime_complete is not None]
    return (max(ends) - min(starts)).total_seconds() / 3600 if starts and ends else 0.0


def few_trials(run: SearchRun) -> Iterator[Finding]:
    """Find a search that was still improving when it ended."""
    if len(run.complete) < 2 or len(run.usable) < ENOUGH_TO_JUDGE:
        return
    if run.strategy is not None and run.strategy.exhaustive:
        return
    losses = [best_loss(record) for record in run.usable if record.ran_to_its_end]
    at = losses.index(min(losses)) + 1
    before = min(losses[: at - 1], default=None)
    if before is None or at <= LATE_SHARE * len(losses):
        return
    gain = (before - losses[at - 1]) / max(abs(before), 1e-12)
    if gain < WORTHWHILE:
        return
    algorithm = run.strategy.algorithm_name if run.strategy else "The search"
    yield Finding(
        "few_trials",
        f"{algorithm} was still improving when it ended: complete trial {at} of {len(losses)} was"
        f" the best, by {gain:.1%}. Run more trials; with the same study_name, the search resumes"
        " from here.",
        {"best": at, "complete": len(losses), "gain": gain},
        {"num_samples": 2 * len(run.records)},
    )


def flat(run: SearchRun) -> Iterator[Finding]:
    """Find trials whose losses hardly differ."""
    losses = [best_loss(record) for record in run.complete]
    if len(losses) < ENOUGH_TO_JUDGE or len(run.pruned) > len(losses):
        return
    spread = (median(losses) - losses[0]) / max(abs(losses[0]), 1e-12)
    if spread >= FLAT_SHARE:
        return
    one_window = run.val_size <= run.h
    yield Finding(
        "flat",
        f"Half of the complete trials lie within {spread:.2%} of the best: more trials in this"
        " space will gain little. Try another model, or other columns"
        + ("; use several validation windows to separate close trials." if one_window else "."),
        {"best": losses[0], "median": median(losses), "complete": len(losses)},
        {"n_windows": 3} if one_window else {},
    )


def pruned_too_early(run: SearchRun) -> Iterator[Finding]:
    """Find a pruner that stopped promising trials, or nearly all."""
    if len(run.usable) < ENOUGH_TO_JUDGE or not run.pruned:
        return
    share = len(run.pruned) / len(run.usable)
    bar = best_loss(run.complete[0]) if run.complete else float("inf")
    better = [record.number for record in run.pruned if best_loss(record) < bar]
    if not better and (share < PRUNED_SHARE or len(run.complete) >= ENOUGH_TO_JUDGE):
        return
    yield Finding(
        "pruned_too_early",
        f"{len(run.pruned)} of {len(run.usable)} trials were pruned"
        + (f", {len(better)} of them below the best complete trial's loss." if better else ".")
        + " Fluctuating losses mislead the pruner: run each trial to its end.",
        {"pruned": len(run.pruned), "complete": len(run.complete), "better": better},
        {"use_pruning": False},
    )


def no_pruning(run: SearchRun) -> Iterator[Finding]:
    """Find a pruner that stopped nothing."""
    strategy = run.strategy
    if strategy is None or strategy.pruner_name is None or run.pruned:
        return
    names = ("n_warmup_steps", "min_resource", "grace_period")
    warmup = next((strategy.pruner_kwargs[n] for n in names if n in strategy.pruner_kwargs), 0)
    too_few = strategy.n_reports <= warmup
    if not too_few and len(run.complete) < ENOUGH_TO_PRUNE:
        return
    why = (
        f"it waits for report {warmup} and a trial makes {strategy.n_reports}"
        if too_few
        else "no trial fell behind the others by then"
    )
    steps = min((run.max_steps(record) for record in run.complete), default=0)
    yield Finding(
        "no_pruning",
        f"{strategy.pruner_name} stopped none of {len(run.usable)} trials: {why}."
        + (" Validate more often, so that weak trials end early." if too_few else ""),
        {"reports": strategy.n_reports, "warmup": warmup, "complete": len(run.complete)},
        {"val_check_steps": max(1, steps // (4 * warmup))} if too_few and steps > warmup else {},
    )
