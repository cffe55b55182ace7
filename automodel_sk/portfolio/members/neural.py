"""Neural members: a fitted model of the catalog, as part of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk._utils.plain_json import plain_json
from automodel_sk.auto_model import AutoModel
from automodel_sk.catalog.models import is_joint
from automodel_sk.data.categories import check_known
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.forecasting.inputs import steps_to_compute
from automodel_sk.forecasting.predict import forecast
from automodel_sk.persistence.models import load_auto_model, save_auto_model
from automodel_sk.portfolio.data import PortfolioData
from automodel_sk.portfolio.members.base import Family, NotSupportedByMemberError

__all__ = ["NeuralMember"]

Array = npt.NDArray[np.float32]

_KEYS = ["unique_id", "ds"]


@dataclass(frozen=True)
class NeuralMember:
    """A fitted network.

    Parameters
    ----------
    model : AutoModel
        The network, fitted to the frame of a `PortfolioData`.

    Examples
    --------
    >>> from automodel_sk import create_auto_model
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": [0.0, 1.0, 2.0, 3.0] * 10})
    >>> config = {"max_steps": 2, "input_size": 8}
    >>> model = create_auto_model("MLP", 2, df, config, use_mlflow=False, verbose=False)
    >>> member = NeuralMember(model)
    >>> member.name, member.family, member.predict().shape, member.predict(h=3).shape
    ('MLP', 'neural', (1, 2), (1, 3))
    """

    model: AutoModel

    @property
    def name(self) -> str:
        """Name of the model, such as ``"NHITS"``."""
        return self.model.model_name

    @property
    def family(self) -> Family:
        """Always ``"neural"``."""
        return "neural"

    @property
    def futr_exog(self) -> tuple[str, ...]:
        """Columns of which it reads future values."""
        return self.model.state.task.futr_exog

    @property
    def hist_exog(self) -> tuple[str, ...]:
        """Columns of which it reads past values."""
        return self.model.state.task.hist_exog

    @property
    def stat_exog(self) -> tuple[str, ...]:
        """Static columns that it reads."""
        return self.model.state.task.stat_exog

    @property
    def cat_exog(self) -> tuple[str, ...]:
        """Columns that it treats as categories."""
        return self.model.state.task.cat_exog

    @property
    def past_rows(self) -> int:
        """Number of past rows that a forecast reads."""
        return int(self.model.state.past_rows)

    def predict(
        self,
        history: pd.DataFrame | None = None,
        *,
        futr_df: pd.DataFrame | None = None,
        static_df: pd.DataFrame | None = None,
        h: int | None = None,
    ) -> Array:
        """Forecast the steps after the end of each series.

        Parameters
        ----------
        history, futr_df, static_df : DataFrame, optional
            As in `FittedMember`; columns that the model does not use are ignored.
        h : int, optional
            Steps; the horizon of training if None. A model that forecasts its horizon at once needs
            `futr_df` up to the next multiple of it.

        Returns
        -------
        array of float32, shape (n_series, h)
            In the order of the series in `history`.

        Raises
        ------
        NotSupportedByMemberError
            A multivariate model is asked for other series than those of training.
        """
        steps = self.model.h if h is None else h
        ids = self.model.state.ids if history is None else history["unique_id"].unique()
        self._check_series(ids)
        past = None if history is None else self._past(history)
        future = self._future(futr_df)
        static = None if history is None else self._static(static_df)
        self._check_categories(df=past, futr_df=future, static_df=static)
        raw = forecast(
            self.model.to_neuralforecast(),
            history=past,
            futr_df=future,
            static_df=static,
            columns={},
            scores=self.model._calibrated,
            seed=self.model.state.task.random_seed,
            h=steps_to_compute(self.model.state, steps),
        )
        return _by_series(raw, self.model.state.column, ids)[:, :steps]

    def _check_series(self, ids: Any) -> None:
        known = list(self.model.state.ids)
        if is_joint(self.name) and list(ids) != known:
            raise NotSupportedByMemberError(
                f"{self.name} is multivariate: it forecasts the {len(known)} series of its training"
                " together, and no others"
            )

    def _past(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of a prepared frame that the model uses."""
        kept = [c for c in (MASK, WEIGHT) if c in frame.columns]
        return frame[list(dict.fromkeys([*_KEYS, "y", *self.futr_exog, *self.hist_exog, *kept]))]

    def _future(self, futr_df: pd.DataFrame | None) -> pd.DataFrame | None:
        if futr_df is None or not self.futr_exog:
            return None
        return futr_df[[*_KEYS, *self.futr_exog]]

    def _static(self, static_df: pd.DataFrame | None) -> pd.DataFrame | None:
        if static_df is None or not self.stat_exog:
            return None
        return static_df[["unique_id", *self.stat_exog]]

    def _check_categories(self, **frames: pd.DataFrame | None) -> None:
        """Raise if the network knows none of the categories of a frame, warn of unknown ones."""
        for name, frame in frames.items():
            if frame is not None:
                check_known(frame, self.model.state.categories, name)

    def refit(self, data: PortfolioData) -> NeuralMember:
        """Return the same configuration trained on other data."""
        static = self._static(data.static_df)
        return NeuralMember(self.model.refit(self._past(data.frame), static_df=static))

    def update(self, data: PortfolioData, max_steps: int | None = None) -> NeuralMember:
        """Return this network trained further on other data.

        Parameters
        ----------
        data : PortfolioData
            Old and new rows together.
        max_steps : int, optional
            Training steps; a fifth of those of the refit if None.
        """
        past, static = self._past(data.frame), self._static(data.static_df)
        return NeuralMember(self.model.update(past, static_df=static, max_steps=max_steps))

    def save(self, folder: Path) -> None:
        """Write the model as `AutoModel.save` does."""
        save_auto_model(self.model.state, folder)

    @classmethod
    def load(cls, folder: Path) -> NeuralMember:
        """Read a saved member; nothing in the folder is executed.

        Raises
        ------
        ModelFileError
            The folder is damaged, or holds no single model.
        """
        return cls(load_auto_model(folder, AutoModel))

    def describe(self) -> dict[str, Any]:
        """Return the configuration and the steps of its training."""
        model = self.model
        described: dict[str, Any] = plain_json(dict(model.best_config), strict=False)
        note = {} if model.training_note is None else {"training_note": model.training_note}
        steps = {} if model.trained_steps is None else {"trained_steps": model.trained_steps}
        return {**described, **steps, **note}


def _by_series(raw: pd.DataFrame, column: str, ids: Any) -> Array:
    """Return the forecasts in the order of `ids`, shape (n_series, n_steps)."""
    n_series = len(ids)
    values = raw[column].to_numpy(dtype=np.float32).reshape(n_series, -1)
    found = pd.Index(raw["unique_id"].to_numpy()[:: values.shape[1]])
    ordered: Array = values[found.get_indexer(pd.Index(ids))]
    return ordered
