"""The estimator's side of the sktime and scikit-learn contracts: tags, checks, test parameters."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.utils.validation.forecasting import check_fh

from automodel_sk.data.wording import shown
from automodel_sk.estimator.categories import refused_categories
from automodel_sk.estimator.checks import (
    check_horizon,
    check_one_study,
    probabilities,
    refuse_missing,
    refuse_missing_exogenous,
    refuse_plain_values,
    warn_unused,
)
from automodel_sk.estimator.inputs import columns_in_order, sorted_by_index
from automodel_sk.estimator.models import abilities
from automodel_sk.estimator.upstream import (
    columns_of,
    is_split,
    is_vectorized,
    own_horizon,
    taking_missing,
    unchanged_on_error,
)
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.nixtla import looks_like_long_frame
from automodel_sk.search_space import Choice
from automodel_sk.validation.data.categories import named_categories

__all__ = ["ForecasterContract"]


def _steps(fh: Any) -> str:
    """Format a horizon for a message."""
    return shown(list(fh.to_pandas()) if isinstance(fh, ForecastingHorizon) else fh)


class ForecasterContract(BaseForecaster):  # type: ignore[misc]
    """The methods and tags that sktime and scikit-learn require besides fit and predict."""

    _tags = {  # noqa: RUF012
        "authors": "the automodel_sk maintainers",
        "maintainers": "the automodel_sk maintainers",
        "python_dependencies": ["neuralforecast"],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": False,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:non_contiguous_X": False,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": False,
        "capability:unequal_length": True,
        "capability:update": True,
        "capability:pretrain": True,
        "pretrain:fitted_params": ["pretrained_model_"],
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": True,
        "X-y-must-have-same-index": True,
    }
    _config = {"remember_data": False}  # noqa: RUF012

    def __dynamic_tags__(self) -> None:
        """Set the tags that depend on parameters."""
        able = abilities(self.model)
        self.set_tags(
            **{
                "capability:exogenous": able.exogenous,
                "capability:categorical_in_X": bool(named_categories(self.config)),
                "capability:insample": able.insample,
                "capability:missing_values": getattr(self, "fill_gaps", None) is not None,
                "requires-fh-in-fit": self.h is None,
            }
        )

    def _check_X_y(self, X: Any = None, y: Any = None, **options: Any) -> Any:  # noqa: N802
        """Raise for long frames, which sktime misreads, and name the function that accepts them."""
        for name, data in (("y", y), ("X", X)):
            if looks_like_long_frame(data):
                raise InvalidInputError(
                    f"{name} is a long frame with columns 'unique_id' and 'ds', not an sktime "
                    "container; convert it with y, X = automodel_sk.frames.from_long(df), or pass "
                    "it to automodel_sk.create_auto_model('NHITS', h=12, dataset=df)"
                )
        if not self.is_fitted:
            warn_unused(self.model, X)
        refuse_plain_values(y)
        unread = False
        if not self.get_tag("capability:missing_values"):
            refuse_missing(y)
            unread = refuse_missing_exogenous(X, y, self.hist_exog)
        try:
            with taking_missing(self) if unread else nullcontext():
                checked = super()._check_X_y(X=X, y=self._in_order_of_fit(y), **options)
        except TypeError as error:
            refused = None if X is None else refused_categories(X, self.model)
            if refused is None or isinstance(error, InvalidInputError):
                raise
            raise refused from error
        if is_split(checked[1]) and not self.is_fitted:
            check_one_study(self, columns_of(self))
        return checked

    def _check_fh(self, fh: Any, pred_int: bool = False) -> Any:
        """Name the parameter `h` in the error if setting it would help."""
        check_horizon(fh)
        fixed = self.get_tag("requires-fh-in-fit")
        if fh is None and fixed and not self.is_fitted:
            raise InvalidInputError(
                "fh is missing; pass it to fit, e.g. fh=12, or build the forecaster with h=12 and "
                "pass fh to predict"
            )
        try:
            return own_horizon(self, fh, pred_int)
        except ValueError as error:
            if fh is None or not fixed or not self.is_fitted:
                raise
            check_fh(fh)  # raises if fh itself is invalid
            raise InvalidInputError(
                f"the model was built for the fh of fit and can't forecast fh={_steps(fh)}; build"
                " the forecaster with h set to the largest step needed: fh may then change at"
                " each predict, and predict_residuals and reconcilers such as 'mint_shrink' work"
            ) from error

    def _in_order_of_fit(self, y: Any) -> Any:
        """Return later rows with the column order of fit: sktime matches columns by position."""
        if not self.is_fitted:
            return y
        vectorized = is_vectorized(self)
        if isinstance(y, np.ndarray) and y.ndim > 1 and y.shape[1] > 1 and not vectorized:
            raise InvalidInputError(
                f"y has {y.shape[1]} columns and the y of fit had one; pass the column to forecast,"
                " e.g. y[:, :1]"
            )
        if not isinstance(y, pd.DataFrame):
            return y
        return columns_in_order(y, list(self.forecasters_.columns) if vectorized else [None])

    def predict_quantiles(self, fh: Any = None, X: Any = None, alpha: Any = None) -> pd.DataFrame:
        """Forecast quantiles.

        Parameters
        ----------
        fh : int, list, ForecastingHorizon, optional
            Steps to forecast; those of `fit` if None.
        X : time series in an sktime container, optional
            Future exogenous data.
        alpha : float or list of float, optional
            Quantiles between 0 and 1; 0.05 and 0.95 if None.

        Returns
        -------
        pandas.DataFrame
            One column per variable and quantile. Sorted by index, as sktime's type check requires;
            point forecasts keep the order of `y`.
        """
        alpha = probabilities("alpha", [0.05, 0.95] if alpha is None else alpha)
        return sorted_by_index(super().predict_quantiles(fh=fh, X=X, alpha=alpha))

    def predict_interval(self, fh: Any = None, X: Any = None, coverage: Any = 0.90) -> pd.DataFrame:
        """Forecast prediction intervals.

        Parameters
        ----------
        fh : int, list, ForecastingHorizon, optional
            Steps to forecast; those of `fit` if None.
        X : time series in an sktime container, optional
            Future exogenous data.
        coverage : float or list of float, default=0.9
            Nominal coverage of the intervals, between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            Columns by variable, coverage and "lower" or "upper". Sorted by index, as sktime's type
            check requires; point forecasts keep the order of `y`.
        """
        coverage = probabilities("coverage", coverage)
        return sorted_by_index(super().predict_interval(fh=fh, X=X, coverage=coverage))

    def update(self, y: Any, X: Any = None, update_params: bool = True) -> Any:
        """Update the forecaster with newer rows; if it raises, the forecaster is unchanged.

        Parameters
        ----------
        y : time series in an sktime container
            The new rows; the name of the series may differ from that of earlier rows.
        X : time series in an sktime container, optional
            Exogenous data of these rows.
        update_params : bool, default=True
            Whether to train the model again, as set by `on_update`; otherwise forecasts start after
            the new rows, from the current model.

        Returns
        -------
        self
            The forecaster.
        """
        with unchanged_on_error(self):
            return super().update(y, X=X, update_params=update_params)

    def update_predict_single(
        self, y: Any = None, fh: Any = None, X: Any = None, update_params: bool = True
    ) -> Any:
        """Update with newer rows and forecast; if it raises, the forecaster is unchanged.

        Parameters
        ----------
        y : time series in an sktime container
            As in `update`.
        fh : int, list, ForecastingHorizon, optional
            Steps to forecast; those of `fit` if None.
        X : time series in an sktime container, optional
            Exogenous data of these rows and of the steps to forecast.
        update_params : bool, default=True
            As in `update`.

        Returns
        -------
        time series in an sktime container
            The point forecasts.
        """
        with unchanged_on_error(self):
            return super().update_predict_single(y, fh=fh, X=X, update_params=update_params)

    def __sklearn_is_fitted__(self) -> bool:
        return bool(self.is_fitted)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True),
            input_tags=InputTags(two_d_array=True),
        )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameter sets whose training takes less than a second.

        Parameters
        ----------
        parameter_set : str, default="default"
            Ignored; there is one list.

        Returns
        -------
        list of dict
            A fixed configuration, a search of two trials, and two models.
        """
        tiny = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
        return [
            {"model": "MLP", "config": tiny, "cpus": 1, "gpus": 0},
            {
                "model": "MLP",
                "config": {**tiny, "learning_rate": Choice((1e-3, 1e-2))},
                "num_samples": 2,
                "pi_method": "quantile",
                "cpus": 1,
                "gpus": 0,
                "random_state": 1,
            },
            {
                "model": ["SeasonalNaive", "MLP"],
                "config": {"MLP": tiny},
                "num_samples": 1,
                "n_windows": 1,
                "cpus": 1,
                "gpus": 0,
            },
        ]
