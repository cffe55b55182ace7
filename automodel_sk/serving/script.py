"""Script that MLflow runs to load a logged model; stored next to the model instead of a pickle."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PyFuncModel, PythonModel, PythonModelContext

from automodel_sk.auto_model import AutoModel
from automodel_sk.exceptions import AutoModelError
from automodel_sk.serving.requests import answer


class ServedModel(PythonModel):  # type: ignore[misc]  # upstream is untyped
    """Forecasts from a long frame."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the saved model."""
        self.model = AutoModel.load(context.artifacts["model"])

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Forecast what a request asks for."""
        try:
            return answer(self.model, model_input, params or {}, sent=_as_sent())
        except AutoModelError as error:
            problem = str(error)
        # Clients only see MLflow's own exceptions; raised outside the handler, without a cause.
        raise MlflowException.invalid_parameter_value(problem)


def _as_sent() -> Any:
    """Return the request before MLflow dropped the columns that are not in the signature.

    MLflow drops them silently, so rows with misspelt columns would look like no rows at all.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "predict" and isinstance(
            frame.f_locals.get("self"), PyFuncModel
        ):
            return frame.f_locals.get("data")
        frame = frame.f_back
    return None


set_model(ServedModel())
