"""Compare pruners by replaying them on complete learning curves of a search.

    python -m benchmarks.pruners [--data DIR] [--trials 12] [--steps 300] [--draws 30]

Trains configurations from neuralforecast's own NHITS space to the end. Then replays searches over
half of them in random order: each rule sees their curves one after another and stops those it would
have stopped. The rules are Optuna's pruners and this package's own, called as in a search. A good
rule trains few steps and still finds the best loss.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.trial import TrialState

from automodel_sk.search.optuna.lagging_pruner import LaggingPruner
from automodel_sk.training.task import PLATEAU
from automodel_sk.training.train import since_best
from benchmarks.datasets import NAMES, Dataset, load, needs_files
from benchmarks.spaces import upstream_space
from benchmarks.tables import markdown

MODEL = "NHITS"
COMPARED = 2
"""Trials that a median is taken of at least, as in a search of ten."""

Curve = Sequence[float]
"""A trial's validation loss by report."""


@dataclass(frozen=True)
class Rule:
    """A rule that stops trials."""

    name: str
    pruner: Callable[[int], BasePruner] = lambda _: NopPruner()
    plateau: float | None = None


def _median(warmup: int) -> Callable[[int], BasePruner]:
    return lambda _: MedianPruner(n_startup_trials=COMPARED, n_warmup_steps=warmup)


def _lagging(warmup: int) -> Callable[[int], BasePruner]:
    settings = {"n_startup_trials": COMPARED, "n_warmup_steps": warmup}
    return lambda _: LaggingPruner(MedianPruner(**settings), **settings)


SHARES = (0.1, PLATEAU, 0.2)

RULES = (
    Rule("none"),
    *(Rule(f"median from {warmup}", _median(warmup)) for warmup in (5, 10, 20)),
    Rule("Hyperband from 5", lambda n: HyperbandPruner(5, n, 3)),
    *(Rule(f"plateau {share:.0%}", plateau=share) for share in SHARES),
    Rule("median from 10, laggards", _lagging(10)),
    *(
        Rule(f"median from {warmup}, laggards, plateau of {share:.0%}", _lagging(warmup), share)
        for warmup in (5, 10, 20)
        for share in SHARES
    ),
)


def curves(data: Dataset, trials: int, steps: int, seed: int = 1) -> list[list[float]]:
    """Return the losses of `trials` trials, each trained to the end; failed ones are left out."""
    from automodel_sk import create_auto_model

    model = create_auto_model(
        MODEL,
        h=data.h,
        dataset=data.train,
        config=upstream_space(MODEL, data.h, steps),
        num_samples=trials,
        random_seed=seed,
        use_pruning=False,
        refit="best_weights",
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
    losses = [list(record.intermediate_values.values()) for record in model._records]
    longest = max(map(len, losses))
    return [curve for curve in losses if len(curve) == longest]


def played_back(rule: Rule, played: Sequence[Curve]) -> tuple[float, float]:
    """Return the share of reports made, and the ratio of the best loss to that of all curves."""
    n_reports = len(played[0])
    study = optuna.create_study(pruner=rule.pruner(n_reports), study_name="played back")
    seen = [_shown(study, rule, curve) for curve in played]
    best = min(min(curve) for curve in seen)
    whole = min(min(curve) for curve in played)
    return sum(map(len, seen)) / (n_reports * len(played)), best / whole


def _shown(study: optuna.Study, rule: Rule, curve: Curve) -> list[float]:
    """Let a trial report until a rule stops it; return its reports."""
    trial = study.ask()
    patience = math.inf if rule.plateau is None else math.ceil(rule.plateau * len(curve))
    losses: list[float] = []
    state = TrialState.COMPLETE
    for number, loss in enumerate(curve, start=1):
        losses.append(loss)
        trial.report(loss, step=number)
        if trial.should_prune():
            state = TrialState.PRUNED
            break
        if since_best(losses) >= patience:
            break
    study.tell(trial, min(losses) if state is TrialState.COMPLETE else None, state)
    return losses


def rows(name: str, found: Sequence[Curve], draws: int) -> Iterator[dict[str, object]]:
    """Yield one row per rule, over searches of half of the curves in random order."""
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(len(found))[: len(found) // 2] for _ in range(draws)]
    for rule in RULES:
        results = np.array([played_back(rule, [found[i] for i in some]) for some in drawn])
        yield {
            "data": name,
            "rule": rule.name,
            "steps trained": f"{results[:, 0].mean():.0%}",
            "best loss / best of all": f"{results[:, 1].mean():.3f}",
            "median": f"{np.median(results[:, 1]):.3f}",
            "worst": f"{results[:, 1].max():.3f}",
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with " + ", ".join(NAMES[1:]))
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--curves", type=Path, help="file to keep the curves in, or to read them")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = options.data and options.data.resolve()
    kept = options.curves and options.curves.resolve()
    known = json.loads(kept.read_text()) if kept and kept.exists() else {}
    with tempfile.TemporaryDirectory(prefix="automodel_sk-pruners-") as place:
        os.chdir(place)
        for name in NAMES:
            if name not in known and (folder or not needs_files(name)):
                known[name] = curves(load(name, folder), options.trials, options.steps)
        if kept:
            kept.write_text(json.dumps(known))
    table = [row for name, found in known.items() for row in rows(name, found, options.draws)]
    print(markdown(pd.DataFrame(table)))


if __name__ == "__main__":
    main()
