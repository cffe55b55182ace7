"""What MLflow runs to load a logged model: this file is stored beside it, no pickle is."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

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
            return answer(self.model, model_input, params or {})
        except AutoModelError as error:
            # Only MLflow's own errors reach whoever sent a request.
            raise MlflowException.invalid_parameter_value(str(error)) from error


set_model(ServedModel())
