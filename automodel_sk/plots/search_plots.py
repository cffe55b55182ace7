"""Plots of a search: trials, learning curves, parameter importances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import display_name
from automodel_sk.plots.figure_spec import Bars, FigureSpec, Line, Points, Subplot, log_suits
from automodel_sk.plots.study import as_study, tuned_values
from automodel_sk.trials import TrialRecord, best_record

__all__ = ["history", "importances", "learning_curves", "parameter_importances", "slices"]

_FEWEST_FOR_IMPORTANCE = 4
_MOST_CURVES = 200


def history(records: Sequence[TrialRecord], metric: str = "loss") -> FigureSpec:
    """Return each trial's score and the best so far, including pruned and failed trials.

    Parameters
    ----------
    records : sequence of TrialRecord
        The trials.
    metric : str
        Name of what they are judged by.
    """
    as_study(records)  # raises if there are no trials
    finished = [r for r in records if r.ran_to_its_end and _loss(r) is not None]
    pruned = [r for r in records if r.state == "PRUNED" and _loss(r) is not None]
    layers: list[Any] = [
        _points(finished, "complete", "model"),
        _points(pruned, "pruned early", "past", cross=True),
    ]
    cut = [r for r in records if r.state == "COMPLETE" and not r.ran_to_its_end]
    if cut:
        layers.append(_points(cut, "out of time", "past", cross=True))
    if finished:
        numbers = [r.number for r in finished]
        best = np.minimum.accumulate(np.array([_loss(r) for r in finished], dtype=float))
        end = max(r.number for r in records)
        layers.append(Line([*numbers, end], [*best, best[-1]], "best so far", "other", step=True))
    losses = [_loss(r) for r in (*finished, *pruned, *cut)]
    failed = sum(r.state == "FAIL" for r in records)
    title = f"Trials of the search ({failed} failed)" if failed else "Trials of the search"
    return FigureSpec([Subplot(layers, title, "trial", _axis(metric), log_y=log_suits(losses))])


def _axis(metric: str) -> str:
    return f"validation {display_name(metric)}"


def _loss(record: TrialRecord) -> float | None:
    """Return a trial's best loss."""
    if record.intermediate_values:
        return min(record.intermediate_values.values())
    return record.value


def _points(records: Sequence[TrialRecord], name: str, colour: str, cross: bool = False) -> Points:
    notes = [f"trial {r.number}: {_loss(r):.6g}" for r in records]
    return Points(
        [r.number for r in records], [_loss(r) for r in records], name, colour, cross, notes
    )


def learning_curves(records: Sequence[TrialRecord], metric: str = "loss") -> FigureSpec:
    """Return each trial's validation losses by training step, with the best trial on top."""
    as_study(records)
    curves = [r for r in records if r.intermediate_values]
    if not curves:
        raise InvalidInputError("no trial reported a validation loss; see trials['reason']")
    winner = best_record(records)
    others = [r for r in curves if r is not winner][-_MOST_CURVES:]
    order = {"PRUNED": 0, "FAIL": 0, "COMPLETE": 1}
    layers = [_curve(r) for r in sorted(others, key=lambda r: order[r.state])]
    if winner is not None:
        losses = winner.intermediate_values
        best = f"best, trial {winner.number}"
        layers.append(Line(list(losses), list(losses.values()), best, "other", width=2.4))
    values = [loss for r in curves for loss in r.intermediate_values.values()]
    panel = Subplot(
        layers, "Learning curves", "training step", _axis(metric), log_y=log_suits(values)
    )
    return FigureSpec([panel])


def _curve(record: TrialRecord) -> Line:
    losses = record.intermediate_values
    finished = record.state == "COMPLETE"
    name, colour = ("complete", "model") if finished else ("pruned early", "faint")
    return Line(list(losses), list(losses.values()), name, colour, width=1.0)


def parameter_importances(records: Sequence[TrialRecord]) -> dict[str, float]:
    """Return each parameter's share of the variance of the losses, largest first.

    Computed by functional ANOVA (Hutter et al., 2014) over the complete trials.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    usable = [r for r in records if r.state == "COMPLETE" and r.value is not None]
    if len(usable) < _FEWEST_FOR_IMPORTANCE and records:
        raise InvalidInputError(
            f"importances need at least {_FEWEST_FOR_IMPORTANCE} complete trials, found"
            f" {len(usable)}; raise num_samples, for example num_samples=20"
        )
    study = as_study(usable)
    if len({r.value for r in usable}) == 1 or not tuned_values(usable):
        raise InvalidInputError(
            "all complete trials have the same loss, so importances are undefined"
        )
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {name: float(share) for name, share in shares.items()}


def importances(records: Sequence[TrialRecord]) -> FigureSpec:
    """Return a bar chart of the parameter importances."""
    shares = dict(reversed(parameter_importances(records).items()))
    bars = Bars(list(shares), list(shares.values()), "importance", horizontal=True)
    title = "Which parameters mattered"
    height = max(2.2, 1.2 + 0.36 * len(shares))
    return FigureSpec(
        [Subplot([bars], title, "share of the variance of the loss")],
        panel_size=(9.0, height),
    )


def slices(
    records: Sequence[TrialRecord], params: Sequence[str] | None = None, metric: str = "loss"
) -> FigureSpec:
    """Return the losses against the values of each tuned parameter."""
    as_study(records)
    tuned = tuned_values(records)
    unknown = [name for name in params or () if name not in tuned]
    if unknown or not tuned:
        raise InvalidInputError(
            f"params names {unknown[0]!r}, tuned are {sorted(tuned)}"
            if unknown
            else "no parameter differs between the trials; raise num_samples"
        )
    names = list(params or tuned)
    losses = [_loss(r) for r in records if _loss(r) is not None]
    axis, log_y = _axis(metric), log_suits(losses)
    panels = [_slice(name, tuned[name], records, axis, log_y) for name in names]
    columns = min(3, len(panels))
    return FigureSpec(panels, columns, (9.0 / columns if columns > 1 else 6.0, 2.9))


def _slice(
    name: str, values: dict[int, Any], records: Sequence[TrialRecord], axis: str, log_y: bool
) -> Subplot:
    tried = [r for r in records if r.number in values and _loss(r) is not None]
    tried.sort(key=lambda r: values[r.number])
    layers = []
    for state, label, colour in (
        ("PRUNED", "pruned early", "past"),
        ("COMPLETE", "complete", "model"),
    ):
        own = [r for r in tried if r.state == state]
        notes = [f"trial {r.number}: {values[r.number]}" for r in own]
        x, y = [values[r.number] for r in own], [_loss(r) for r in own]
        layers.append(Points(x, y, label, colour, state == "PRUNED", notes))
    numeric = [value for value in values.values() if not isinstance(value, str)]
    return Subplot(layers, name, "", axis, log_x=log_suits(numeric), log_y=log_y)
