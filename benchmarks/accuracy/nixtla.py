"""neuralforecast's AutoNHITS with a time budget."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from benchmarks.accuracy.exchange import Request
from benchmarks.accuracy.local_models import LEVELS, interval_column
from benchmarks.accuracy.task import KEYS, QUANTILES, Dataset
from benchmarks.nixtla_peer import UNLIMITED
from benchmarks.spaces import QUIET_TRAINER


@dataclass(frozen=True)
class AutoNHITS:
    """The Auto class on Optuna with its default space and a quantile loss.

    Its own `time_budget` ends the search: no trial starts later, the running one finishes, and the
    refit follows. It therefore takes longer than the budget.
    """

    name: str = "AutoNHITS"
    has_budget = True
    has_seed = True
    modules = ("neuralforecast", "neuralforecast.auto", "optuna")
    package = "neuralforecast"

    def run(self, data: Dataset, request: Request) -> pd.DataFrame:
        """Fit and forecast."""
        import neuralforecast.auto
        import optuna
        from neuralforecast import NeuralForecast
        from neuralforecast.losses.pytorch import MQLoss

        auto = neuralforecast.auto.AutoNHITS
        space = auto.get_default_config(data.h, backend="ray")
        fixed = {**QUIET_TRAINER, "futr_exog_list": list(data.futr_exog) or None}
        model = auto(
            h=data.h,
            loss=MQLoss(level=LEVELS),
            backend="optuna",
            config=auto._ray_config_to_optuna({**space, **fixed, "random_seed": request.seed}),
            search_alg=optuna.samplers.TPESampler(seed=request.seed),
            num_samples=UNLIMITED,
            time_budget=request.seconds,
        )
        fitted = NeuralForecast(models=[model], freq=data.freq)
        fitted.fit(data.train)
        return _as_quantiles(fitted.predict(futr_df=data.future if data.futr_exog else None))


def _as_quantiles(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.rename(columns=lambda column: column.removesuffix(".0"))
    frame = frame.rename(columns={"AutoNHITS-median": "AutoNHITS"})
    quantiles = {str(q): frame[interval_column("AutoNHITS", q)] for q in QUANTILES}
    return frame[KEYS].assign(point=frame["AutoNHITS"], **quantiles)
