"""What an ONNX file says of itself: the data that it forecasts from, and what it returns."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from automodel_sk.data.columns import ColumnNames
from automodel_sk.data.treatment import Treatment
from automodel_sk.exceptions import ModelFileError
from automodel_sk.forecasting.state import ModelState
from automodel_sk.persistence.manifest import StoredColumns, StoredTreatment
from automodel_sk.persistence.schema import Stored, checked
from automodel_sk.persistence.strict_json import parse_json
from automodel_sk.training.task import TrainingTask

__all__ = ["KEY", "Description", "described", "read_description"]

KEY = "automodel_sk"
"""The entry of the file's metadata that holds the description."""

FORMAT = 1

Size = Annotated[int, Field(ge=1, le=2**31)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Ids = list[StrictStr] | list[StrictInt] | list[StrictBool]


class Description(Stored):
    """The description in the metadata of an ONNX file.

    Attributes
    ----------
    model_name, column : str
        The model, and the name of the column of its forecasts.
    h, input_size : int
        Steps ahead, and past steps that they are forecast from.
    freq : str or int
        Frequency of the data.
    endings : tuple of str
        What distinguishes the columns of the outputs.
    ids : list, optional
        The series of a network that forecasts all of them together.
    treatment : StoredTreatment, optional
        What is done to data and forecasts; nothing if a file does not say it.
    """

    format: Literal[1]
    model_name: Name
    column: Name
    h: Size
    input_size: Size
    freq: str | int
    futr_exog: Names
    hist_exog: Names
    stat_exog: Names
    endings: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    date_order: Literal["day first", "month first"] | None
    columns: StoredColumns
    ids: Ids | None = None
    treatment: StoredTreatment | None = None

    @property
    def task(self) -> TrainingTask:
        """What the checks of inputs need to know."""
        return TrainingTask(
            self.model_name,
            self.h,
            self.h,
            n_series=len(self.ids or ()) or 1,
            futr_exog=self.futr_exog,
            hist_exog=self.hist_exog,
            stat_exog=self.stat_exog,
        )

    @property
    def names(self) -> ColumnNames:
        """The user's names of columns."""
        return self.columns.decode()

    @property
    def treated(self) -> Treatment:
        """What is done to data and forecasts."""
        return Treatment() if self.treatment is None else self.treatment.decode()


def described(state: ModelState) -> str:
    """Return the description of a model as JSON."""
    network, task = state.module, state.task
    joint = bool(network.MULTIVARIATE)
    description: dict[str, Any] = {
        "format": FORMAT,
        "model_name": state.model_name,
        "column": state.column,
        "h": state.h,
        "input_size": int(network.input_size),
        "freq": state.freq,
        "futr_exog": list(task.futr_exog),
        "hist_exog": list(task.hist_exog),
        "stat_exog": list(task.stat_exog),
        "endings": list(network.loss.output_names),
        "date_order": state.date_order,
        "columns": asdict(state.columns),
        "ids": list(state.ids) if joint else None,
        "treatment": asdict(state.treatment),
    }
    return json.dumps(description)


def read_description(metadata: dict[str, str], path: Path) -> Description:
    """Return the description in the metadata of a file.

    Raises
    ------
    ModelFileError
        The file was not written by `AutoModel.to_onnx`, or by a newer release.
    """
    text = metadata.get(KEY)
    if text is None:
        raise ModelFileError(f"{path} was not written by AutoModel.to_onnx; write it again")
    found = parse_json(text, path)
    return checked(Description, found if isinstance(found, dict) else {}, path)
