"""Write a network to an ONNX file, and check the file against the network."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.exceptions import InvalidInputError, StorageError
from automodel_sk.forecasting.future_values import times_after
from automodel_sk.forecasting.inputs import prepared_static
from automodel_sk.forecasting.predict import forecast, loss_family
from automodel_sk.forecasting.state import ModelState
from automodel_sk.onnx.description import KEY, described, read_description
from automodel_sk.onnx.forecaster import table_of
from automodel_sk.onnx.graph import window_graph
from automodel_sk.onnx.packages import need
from automodel_sk.onnx.session import open_session, run
from automodel_sk.onnx.windows import last_windows
from automodel_sk.training.build import module_of
from automodel_sk.training.inference import private_copy
from automodel_sk.training.patches.isolation import quiet

__all__ = ["export"]

Array = npt.NDArray[np.float32]

_CHECKED = 32
"""Series that a file is checked on."""

_TOLERANCE = 1e-3
_HALF_TOLERANCE = 5e-2
"""Largest difference between file and network, in units of the values. The network may forecast in
half precision, the file never does."""

_FULL = (None, 32, "32", "32-true")
_NEVER = {
    "HINT": "it reconciles samples of another network",
    "Informer": "it draws random numbers for every forecast",
    "TimesNet": "the periods that it folds a series by depend on its values",
}


def export(state: ModelState, path: Path) -> Path:
    """Write a model's network to an ONNX file; see `AutoModel.to_onnx`."""
    _check_exportable(state)
    need("to_onnx", "onnx", "onnxscript", "onnxruntime")
    if not path.parent.is_dir() or path.is_dir():  # before the work of minutes for large networks
        raise StorageError(f"{path} can't be written; pass a file in a folder that exists")
    history, future, static = _sample(state)
    inputs = _inputs(state, history, future, static)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(state, inputs, part)
        _check(state, part, inputs, history, future, static)
        part.replace(path)
    except OSError as exc:
        raise StorageError(f"{path} can't be written ({exc}); pass another path") from exc
    finally:
        part.unlink(missing_ok=True)
    return path


def _check_exportable(state: ModelState) -> None:
    """Raise if a model can't be exported, with the reason."""
    reason = _reason(state)
    if reason is not None:
        raise InvalidInputError(
            f"{state.model_name} can't be exported to ONNX: {reason}; use save and AutoModel.load"
        )


def _reason(state: ModelState) -> str | None:
    """Return why a model can't be exported."""
    network = state.module
    if state.model_name in _NEVER:
        return _NEVER[state.model_name]
    if network.RECURRENT:
        return "it forecasts step by step from its own samples or forecasts"
    if loss_family(network.loss) in ("distribution", "implicit"):
        return f"its loss {type(network.loss).__name__} samples; try loss='mae' or 'mqloss'"
    if state.task.cat_exog:
        return f"it reads categories, {list(state.task.cat_exog)}, and the file numbers alone"
    if network.scaler.scaler_type == "revin" and (state.task.futr_exog or state.task.hist_exog):
        return "its scaler 'revin' with exogenous columns; try scaler_type='robust'"
    if state.reconciliation is not None:
        return "its forecasts are reconciled; export the model that reconcile was called on"
    return None


def _sample(state: ModelState) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None]:
    """Return rows of some series, of all if these are forecast together, and values ahead."""
    frame = state.history()
    if not state.module.MULTIVARIATE:
        frame = frame[frame["unique_id"].isin(state.ids[:_CHECKED])].reset_index(drop=True)
    columns = list(state.task.futr_exog)
    future = None
    if columns:  # any values do
        future = times_after(frame, state.freq, state.h)
        last = frame.groupby("unique_id", observed=True, sort=False)[columns].last()
        future = future.merge(last, left_on="unique_id", right_index=True, how="left")
    return frame, future, prepared_static(state, None, frame)


def _inputs(
    state: ModelState,
    history: pd.DataFrame,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
) -> dict[str, Array]:
    task = state.task
    return last_windows(
        history,
        state.module.input_size,
        hist_exog=task.hist_exog,
        futr_exog=task.futr_exog,
        stat_exog=task.stat_exog,
        futr_df=futr_df,
        static_df=static_df,
    )


def _write(state: ModelState, inputs: Mapping[str, Array], path: Path) -> None:
    """Translate the network to ONNX."""
    import torch

    network = module_of(private_copy(state.fitted)).cpu().eval()
    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    shapes = None if network.MULTIVARIATE else {name: {0: "n_series"} for name in tensors}
    if shapes is not None:  # a single series would be taken for a constant number
        tensors = {name: torch.cat([values, values]) for name, values in tensors.items()}
    try:
        with quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                window_graph(network),
                kwargs=tensors,
                dynamo=True,
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
    except Exception as exc:  # the exporter may raise anything in one of 36 models
        raise InvalidInputError(
            f"{state.model_name} can't be exported to ONNX: the exporter of torch does not"
            f" translate it ({_innermost(exc)}); use save and AutoModel.load"
        ) from exc
    program.model.metadata_props[KEY] = described(state)
    program.save(str(path))


def _innermost(exc: BaseException) -> str:
    """Return the first line of the error that an error goes back to."""
    while exc.__cause__ is not None:
        exc = exc.__cause__
    text = str(exc).strip()
    return text.splitlines()[0][:200] if text else type(exc).__name__


def _check(
    state: ModelState,
    path: Path,
    inputs: Mapping[str, Array],
    history: pd.DataFrame,
    futr_df: pd.DataFrame | None,
    static_df: pd.DataFrame | None,
) -> None:
    """Raise if a file forecasts otherwise than its network."""
    table = forecast(
        state.fitted,
        history=history,
        futr_df=futr_df,
        static_df=static_df,
        columns={},
        scores=_no_scores,
        seed=state.task.random_seed,
    )
    session = open_session(path)
    own = read_description(session.get_modelmeta().custom_metadata_map, path)
    raw = run(session, inputs, together=own.ids is not None)
    found = table_of(raw, table[["unique_id", "ds"]], own)
    worst = _largest_gap(found.iloc[:, 2:], table.iloc[:, 2:])
    half = state.module.trainer_kwargs.get("precision") not in _FULL
    if not worst <= (_HALF_TOLERANCE if half else _TOLERANCE):
        raise InvalidInputError(
            f"{state.model_name} can't be exported to ONNX: the file forecasts otherwise, by"
            f" {worst:.1%} of the values; use save and AutoModel.load"
        )


def _largest_gap(found: pd.DataFrame, expected: pd.DataFrame) -> float:
    """Return the largest difference in units of the values; infinite if columns differ."""
    if list(found.columns) != list(expected.columns):
        return float("inf")
    values = expected.to_numpy(dtype=float)
    sizes = np.maximum(np.abs(values), np.abs(values).mean())
    gaps = np.abs(found.to_numpy(dtype=float) - values)
    return float((gaps / np.where(sizes > 0, sizes, 1)).max())


def _no_scores() -> Any:  # pragma: no cover - no quantiles are asked for
    raise AssertionError
