"""How a search is run: one frozen value object that travels through all layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from automodel_sk.masking import mask_secrets

__all__ = ["OptimizationConfig"]


@dataclass(frozen=True)
class OptimizationConfig:
    """How a search is run, tracked and stored.

    Nothing is checked here: `validate_all` checks every option together with
    the data and the search space.

    Parameters
    ----------
    backend : {"optuna", "ray"}, default "optuna"
        The library that searches.
    num_samples : int, optional
        Trials in all. Recommended from the model, the data, the space and the
        time budget when None.
    cpus, gpus : float, optional
        What the search may use in all, shared among its parallel trials.
        None: the machine's CPUs; a GPU if there is one.
    use_mlflow : bool, default True
        Track the search and each trial in MLflow.
    mlflow_tracking_uri : str, optional
        Where MLflow keeps its runs; a SQLite file `mlflow.db` in the current
        folder when None and none is set in MLflow itself.
    mlflow_experiment_name : str, default "automodel_sk"
        The MLflow experiment.
    mlflow_register_as : str, optional
        Name in MLflow's model registry: the fitted model becomes a new version
        of it. Not registered when None.
    use_pruning : bool, default True
        Stop trials early whose validation losses fall behind.
    time_budget_hours : float, optional
        Hours for search and refit together.
    random_seed : int, default 42
        Seeds the sampler and every model.
    verbose : bool, default True
        Show progress and a summary.
    study_name : str, optional
        Name of the study. The same call with the same name goes on where a
        stopped search left off. A name of date and time when None.
    storage : str or Path, optional
        Where trials are kept: a folder or a ``.journal`` file, a database URL
        (``postgresql://...``, ``sqlite:///...``), or ``":memory:"`` to keep
        nothing. The folder ``automodel_sk_runs`` when None.
    resume : {"auto", "never", "overwrite"}, default "auto"
        What happens when a study of that name exists. ``"auto"``: go on if
        data, space and model match, refuse if they don't. ``"never"``: refuse.
        ``"overwrite"``: delete it and start anew.
    metric : str or callable, optional
        What the search minimises, on the data's own scale, as the mean over
        windows and series: the name of a function of `utilsforecast.losses`,
        such as "mae", "smape", "mase" or "scaled_crps", or "huber"; a function
        of its signature ``(df, models, id_col, target_col, ...)``; or one of
        ``(y_true, y_pred)``, called with each window of each series. The
        training loss when None.
    n_windows : int, default 1
        Validation windows of `h` steps held out at the end of each series.
    step_size : int, optional
        Steps between validation windows; `h` when None.
    refit : {"full", "best_weights", "continue"}, default "full"
        The final model: ``"full"`` trains the best configuration anew on all
        the data; ``"best_weights"`` keeps the best trial's weights, which never
        saw the validation windows; ``"continue"`` trains on from those weights
        on all the data, a fifth of the steps.
    warm_start : AutoModel, path, DataFrame or sequence of mappings, optional
        Configurations to try before any other: the best of an earlier model, of
        a saved one or of a table of trials, or configurations as they are.
    patience : int, optional
        End the search once so many trials in a row were no better than the
        best; never when None.
    precision : str, default "auto"
        Lightning's precision of the trials, such as "32-true" or "bf16-mixed".
        ``"auto"`` takes bfloat16 where a short measurement on this machine and
        model finds it faster.
    refit_precision : str, default "32-true"
        Precision of the final training.
    trials_per_gpu : int, optional
        Trials that share one GPU; as many as its memory allows when None.
    trial_timeout_minutes : float, optional
        A trial that takes longer, or hangs for as long, is ended and recorded
        as failed; no limit when None.
    ray_address : str, optional
        A Ray cluster to search on, such as "auto" or "head:6379"; one of
        this process's own when None.
    freq : str or int, optional
        Frequency of the data, a pandas offset alias or 1 for integer times;
        inferred when None.
    season_length : int, optional
        Steps of one season, by which intervals are scaled; from `freq` when None.
    strict_mode : bool, default False
        Treat the validator's warnings as errors.

    Examples
    --------
    >>> OptimizationConfig(num_samples=20).backend
    'optuna'
    """

    backend: str = "optuna"
    num_samples: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    use_mlflow: bool = True
    mlflow_tracking_uri: str | None = None
    mlflow_experiment_name: str = "automodel_sk"
    mlflow_register_as: str | None = None
    use_pruning: bool = True
    time_budget_hours: float | None = None
    random_seed: int = 42
    verbose: bool = True
    study_name: str | None = None
    storage: str | Path | None = None
    resume: str = "auto"
    metric: str | Callable[..., Any] | None = None
    n_windows: int = 1
    step_size: int | None = None
    refit: str = "full"
    warm_start: Any = None
    patience: int | None = None
    precision: str = "auto"
    refit_precision: str = "32-true"
    trials_per_gpu: int | None = None
    trial_timeout_minutes: float | None = None
    ray_address: str | None = None
    freq: str | int | None = None
    season_length: int | None = None
    strict_mode: bool = False

    def __repr__(self) -> str:
        """Return all options, the passwords in addresses masked."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return mask_secrets(f"OptimizationConfig({options})")

    def to_dict(self) -> dict[str, Any]:
        """Return the options as a plain dict.

        Examples
        --------
        >>> OptimizationConfig().to_dict()["random_seed"]
        42
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}
