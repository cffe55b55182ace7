"""Describe a search's data and its fitted model for MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from automodel_sk.arguments.packages import refusal_without
from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.preparation import MASK
from automodel_sk.data.wording import wording
from automodel_sk.forecasting.predict import loss_family
from automodel_sk.tracking import DataRecord, ModelRecord

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.forecasting.state import ModelState
    from automodel_sk.search.prepared import SearchData

__all__ = ["data_record", "model_record", "report_file"]

_EXAMPLE_ROWS = 100
_SCRIPT = Path(__file__).parents[1] / "serving" / "script.py"  # copied into the stored model


def model_record(model: AutoModel) -> ModelRecord:
    """Return the record of a fitted model.

    Parameters
    ----------
    model : AutoModel
        The model.

    Returns
    -------
    ModelRecord
        Nothing is written yet.
    """
    state, score = model.state, model.best_score
    return ModelRecord(
        name=model.model_name,
        script=_SCRIPT,
        save=model.save,
        example=partial(_example, state),
        columns=_columns(state),
        forecast=_forecast_columns(state),
        params=model.best_config,
        metrics={} if score is None else {"best_score": score},
        packages=getattr(state, "packages", ()),
    )


def data_record(data: SearchData, names: ColumnNames) -> DataRecord:
    """Return a record that identifies a search's data without containing any values.

    Parameters
    ----------
    data : SearchData
        The data of the search.
    names : ColumnNames
        The user's names of the columns.

    Returns
    -------
    DataRecord
    """
    ids, times = data.frame["unique_id"], data.frame["ds"]
    columns = dict.fromkeys(map(str, data.frame.columns), "double")
    columns |= dict.fromkeys(_text_columns(data.frame), "string")
    columns["unique_id"] = _kind(ids.head(1))
    columns["ds"] = "datetime" if pd.api.types.is_datetime64_any_dtype(times) else "long"
    profile = {
        "num_rows": data.profile.n_rows,
        "num_series": data.profile.n_series,
        "freq": str(data.profile.freq),
        "first": str(times.min()),
        "last": str(times.max()),
    }
    theirs = dict(zip(ColumnNames().names, names.names, strict=True))
    columns = {theirs.get(name, name): kind for name, kind in columns.items()}
    return DataRecord(data.fingerprint, columns, profile)


def report_file(model: AutoModel) -> dict[str, Any]:
    """Return the function that writes the report of a model by the name of the file.

    Empty if the report would train the model once more, if the data have numbers for the user's
    ids and times, or without plotly, which the end of the search says.

    Parameters
    ----------
    model : AutoModel
        A fitted model.

    Returns
    -------
    dict of str to callable
    """
    state = model.state
    readable = wording().is_of_frames
    has_intervals = state.fitted is None or state.scores is not None
    lacks_plotly = refusal_without("plotly", "report") is not None
    if lacks_plotly or not readable or state.kept_forecasts() is None:
        return {}
    if has_intervals or loss_family(state.loss) != "point":
        return {"report.html": model.report}
    return {}


def _text_columns(frame: pd.DataFrame) -> list[Any]:
    is_text, is_object = pd.api.types.is_string_dtype, pd.api.types.is_object_dtype
    return [name for name, kind in frame.dtypes.items() if is_object(kind) or is_text(kind)]


def _columns(state: ModelState) -> Mapping[str, str]:
    # Times and ids may also arrive as text, from JSON or a CSV file; and MLflow would reject whole
    # numbers in a column of type double.
    # MLflow drops columns that are not named here, so a mask counts even if training had none.
    task = state.task
    ahead = state.asked_ahead
    names = [*state.columns.names, *ahead, *task.hist_exog, *task.stat_exog, MASK]
    return dict.fromkeys(names, "any")


def _forecast_columns(state: ModelState) -> Mapping[str, str]:
    ids, times, _ = state.columns.names
    return {ids: _kind(pd.Series(state.ids)), times: "any", state.column: "double"}


def _kind(ids: pd.Series[Any]) -> str:
    kind = pd.api.types.infer_dtype(ids, skipna=False)
    return {"string": "string", "integer": "long"}.get(kind, "any")


def _example(state: ModelState) -> pd.DataFrame:
    """Return the end of the first series, without the target if it is to be forecast."""
    stored = state.history()
    first: Any = stored["unique_id"].iloc[0]
    rows: pd.DataFrame = (
        stored[stored["unique_id"] == first].tail(_EXAMPLE_ROWS).reset_index(drop=True)
    )
    known = {*ColumnNames().names, *_columns(state)}
    rows = rows.drop(columns=[name for name in rows if name not in known])
    if state.asked_ahead:
        rows.loc[rows.index[-state.h :], "y"] = None
    if state.task.stat_exog:
        rows = rows.merge(state.stored_static(), on="unique_id")
    return state.columns.theirs(rows)
