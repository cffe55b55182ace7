"""The estimator's side of sktime's and scikit-learn's contracts: tags, checks, test cases."""

from __future__ import annotations

from typing import Any

from sktime.forecasting.base import BaseForecaster

from automodel_sk.catalog import MODEL_CATALOG
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.frames.nixtla import looks_like_long_frame
from automodel_sk.search_space import Choice

__all__ = ["ForecasterContract"]


class ForecasterContract(BaseForecaster):  # type: ignore[misc]
    """What sktime and scikit-learn ask of the estimator beside fitting and forecasting."""

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
        known = MODEL_CATALOG.get(self.model) if isinstance(self.model, str) else None
        self.set_tags(
            **{
                "capability:exogenous": known is None or known.supports_exogenous,
                "capability:insample": known is None or not known.multivariate,
                "requires-fh-in-fit": self.h is None,
            }
        )

    def _check_X_y(self, X: Any = None, y: Any = None, **options: Any) -> Any:  # noqa: N802
        """Name the right entry point for long frames, which sktime misunderstands."""
        for name, data in (("y", y), ("X", X)):
            if looks_like_long_frame(data):
                raise InvalidInputError(
                    f"{name} is a long frame with columns 'unique_id' and 'ds', not an sktime "
                    "container; convert it with y, X = automodel_sk.frames.from_long(df), or pass "
                    "it to automodel_sk.create_auto_model('NHITS', h=12, dataset=df)"
                )
        return super()._check_X_y(X=X, y=y, **options)

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
        """Return parameter sets that train within a second.

        Parameters
        ----------
        parameter_set : str, default="default"
            Ignored; there is one list.

        Returns
        -------
        list of dict
            A fixed configuration, and a search of two trials.
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
        ]
