"""Generate the code that trains a model's configuration again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automodel_sk.catalog.losses import trained_quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automodel_sk.auto_model import AutoModel
    from automodel_sk.data.treatment import Treatment
    from automodel_sk.training.task import TrainingTask

__all__ = ["forecaster_code", "model_code", "search_code"]

_NAMED = {"MAE", "MSE", "RMSE", "MAPE", "SMAPE"}


def model_code(model: AutoModel) -> str:
    """Return the code that trains the best configuration without a search.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

    Returns
    -------
    str
        Python code; the reader provides `df` and `static_df`.
    """
    imported, loss = _loss(model.state.loss)
    task = model.state.task
    arguments = [repr(model.model_name), f"h={model.h}", "dataset=df", "config=config", loss]
    arguments += _exogenous(task, "futr", "hist")
    arguments += ["static_df=static_df"] if task.stat_exog else []
    arguments += _exogenous(task, "stat")
    arguments += _treatment(model.state.treatment)
    arguments.append(f"random_seed={task.random_seed}")
    return _code(model, "create_auto_model", imported, f"model = {_call(arguments)}")


def search_code(
    models: list[str], task: TrainingTask, treatment: Treatment, loss: Any = None
) -> str:
    """Return the code that searches over several models again, with the loss of their networks."""
    imported, given = ([], None) if loss is None else _loss(loss)
    arguments = [repr(models), f"h={task.h}", "dataset=df", *([given] if given else [])]
    arguments += _exogenous(task, "futr", "hist")
    arguments += ["static_df=static_df"] if task.stat_exog else []
    arguments += _exogenous(task, "stat") + _treatment(treatment)
    lines = ["from automodel_sk import create_auto_model", *imported, ""]
    return "\n".join([*lines, f"model = {_call(arguments)}"])


def forecaster_code(
    model: AutoModel, *, exogenous: bool, static: bool, further: Sequence[str] = ()
) -> str:
    """Return the code that fits the best configuration with the estimator, without a search.

    Parameters
    ----------
    model : AutoModel
        The model of the fitted estimator.
    exogenous, static : bool
        Whether the estimator was fitted with exogenous data and with static values.
    further : sequence of str
        Further arguments of the estimator, such as ``"season_length=6"``.

    Returns
    -------
    str
        Python code; the reader provides `y`, `X` and `static`.
    """
    imported, loss = _loss(model.state.loss)
    arguments = [repr(model.model_name), "config", loss]
    arguments += ["static=static"] if static else []
    arguments += further
    arguments.append(f"random_state={model.state.task.random_seed}")
    data = "y, X=X" if exogenous else "y"
    made = f"forecaster = {_call(arguments, 'AutoNeuralForecaster')}"
    fitted = f"forecaster.fit({data}, fh=range(1, {model.h + 1}))"
    return _code(model, "AutoNeuralForecaster", imported, f"{made}\n{fitted}")


def _treatment(treatment: Treatment) -> list[str]:
    """Return the arguments for what the model does to its data and forecasts, if anything."""
    given = {"fill_gaps": treatment.fill_gaps, "non_negative": treatment.non_negative}
    return [f"{name}={value!r}" for name, value in given.items() if value]


def _exogenous(task: TrainingTask, *kinds: str) -> list[str]:
    """Return the arguments that name the exogenous columns of some kinds, if there are any."""
    columns = {kind: list(getattr(task, f"{kind}_exog")) for kind in kinds}
    return [f"{kind}_exog_list={names}" for kind, names in columns.items() if names]


def _call(arguments: list[str], name: str = "create_auto_model") -> str:
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name}(\n{lines})"


def _code(model: AutoModel, name: str, imported: list[str], statements: str) -> str:
    """Return a program: imports, configuration and the call."""
    settings = "".join(f"    {key!r}: {value!r},\n" for key, value in model.best_config.items())
    lines = [f"from automodel_sk import {name}", *imported, "", f"config = {{\n{settings}}}"]
    if model.best_step is not None:
        lines.append(f"# in the search the validation loss was best after {model.best_step} steps")
    if model.training_note is not None:
        lines.append(f"# {model.training_note}")
    return "\n".join([*lines, statements])


def _loss(loss: Any) -> tuple[list[str], str]:
    """Return the imports and the argument that create a loss."""
    kind = type(loss).__name__
    imported = [f"from neuralforecast.losses.pytorch import {kind}"]
    if kind in _NAMED:
        return [], f"loss={kind.lower()!r}"
    known = trained_quantiles(loss)
    if known:
        given = f"quantiles={sorted(known)}" if hasattr(loss, "quantiles") else f"q={known[0]}"
        return imported, f"loss={kind}({given})"
    if kind == "DistributionLoss":
        return imported, f"loss=DistributionLoss({loss.distribution!r})"
    return imported, f"loss={kind}()"
