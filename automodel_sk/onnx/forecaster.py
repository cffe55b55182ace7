"""`OnnxForecaster`: forecasts of long frames with an ONNX file, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.boundary import public
from automodel_sk.arguments.frame_rule import Frame
from automodel_sk.data.columns import ColumnNames
from automodel_sk.forecasting.future_values import future_values, of_steps, times_after
from automodel_sk.forecasting.history import usable_history
from automodel_sk.forecasting.inputs import checked_static
from automodel_sk.forecasting.predict import tidy
from automodel_sk.onnx.description import Description, read_description
from automodel_sk.onnx.session import open_session, run
from automodel_sk.onnx.windows import last_windows

__all__ = ["OnnxForecaster", "table_of"]


class OnnxForecaster:
    """Forecast with a file that `AutoModel.to_onnx` wrote.

    Needs onnxruntime (``pip install 'automodel_sk[onnx]'``); torch, neuralforecast and Lightning
    are not imported.

    Parameters
    ----------
    path : str or Path
        The file.

    Attributes
    ----------
    h : int
        Number of steps that are forecast.
    freq : str or int
        Frequency of the data.

    Raises
    ------
    ModelFileError
        The file is missing or was not written by `AutoModel.to_onnx`.
    MissingDependencyError
        onnxruntime is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from automodel_sk import create_auto_model
    >>> values = [float(step % 4) for step in range(40)]
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": values})
    >>> config = {"max_steps": 2, "input_size": 8, "hidden_size": 8, "num_layers": 1}
    >>> model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     forecaster = OnnxForecaster(model.to_onnx(Path(folder) / "mlp.onnx"))
    >>> forecaster
    OnnxForecaster('MLP', h=2)
    >>> forecast = forecaster.predict(df)
    >>> forecast.columns.tolist(), forecast["ds"].tolist()
    (['unique_id', 'ds', 'MLP'], [40, 41])
    >>> bool(((forecast["MLP"] - model.predict()["MLP"]).abs() < 1e-5).all())
    True
    """

    @public()
    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._session = open_session(path)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._description = read_description(metadata, path)

    @property
    def h(self) -> int:
        """Number of steps that are forecast."""
        return self._description.h

    @property
    def freq(self) -> str | int:
        """Frequency of the data."""
        return self._description.freq

    @property
    def _columns(self) -> ColumnNames | None:
        """The user's column names, if frames have to be renamed."""
        names = self._description.names
        return names if names.differ else None

    @public(dataset=Frame("dataset", optional=False))
    def predict(
        self,
        dataset: pd.DataFrame,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        dataset : DataFrame
            Long frame with the history of the series, as in `AutoModel.predict`. More rows than the
            network reads are ignored.
        futr_df, static_df : DataFrame, optional
            Future and static values, if the network reads some.

        Returns
        -------
        DataFrame
            Columns `unique_id`, `ds` and the model's name, followed by those of the quantiles that
            it was trained for; `h` rows per series. Gaps are filled and values clipped at zero as
            `AutoModel.predict` does.

        Raises
        ------
        InvalidInputError
            Columns or values are missing.
        """
        own = self._description
        history = usable_history(dataset, own.task, own.freq, own.date_order, own.ids, own.treated)
        times = times_after(history, own.freq, own.h)
        future = future_values(futr_df, own.futr_exog, history, own.h, own.freq, own.date_order)
        inputs = last_windows(
            history,
            own.input_size,
            hist_exog=own.hist_exog,
            futr_exog=own.futr_exog,
            stat_exog=own.stat_exog,
            futr_df=of_steps(future, times),
            static_df=checked_static(static_df, history, own.stat_exog),
        )
        raw = run(self._session, inputs, together=own.ids is not None)
        return own.treated.of_forecast(table_of(raw, times, own))

    def __repr__(self) -> str:
        return f"OnnxForecaster({self._description.model_name!r}, h={self.h})"


class _Named:
    """Stands for the network where only its name is needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def table_of(raw: npt.NDArray[Any], times: pd.DataFrame, description: Description) -> pd.DataFrame:
    """Return outputs as a table.

    Parameters
    ----------
    raw : array of shape (n_series, h, n_outputs)
        The outputs of a file.
    times : DataFrame
        Columns unique_id and ds.
    description : Description
        What the outputs are.
    """
    flat = raw.reshape(len(times), -1)
    name = description.column
    outputs = {f"{name}{e}": flat[:, place] for place, e in enumerate(description.endings)}
    return tidy(times.assign(**outputs), _Named(name))
