"""Well-tuned neural forecasts with one call.

The public names are loaded on first use, so that importing the package costs
next to nothing and pulls in neither torch, Ray, MLflow nor sktime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automodel_sk.auto_model import AutoModel
    from automodel_sk.auto_model_factory import (
        AutoModelFactory,
        OptimizationConfig,
        create_auto_model,
    )
    from automodel_sk.catalog.models import MODEL_CATALOG, ModelCharacteristics
    from automodel_sk.catalog.scales import DatasetSize, ModelComplexity, SearchComplexity
    from automodel_sk.forecaster import AutoNeuralForecaster
    from automodel_sk.frames import from_long, to_long
    from automodel_sk.onnx.forecaster import OnnxForecaster
    from automodel_sk.portfolio.ensemble import AutoEnsemble
    from automodel_sk.search_algorithm_selector import (
        SearchAlgorithmSelector,
        SearchStrategy,
        recommend_num_samples,
    )
    from automodel_sk.validation import (
        ConfigValidator,
        DataValidator,
        ValidationResult,
        validate_all,
    )

__version__ = "0.1.0"

_HOMES = {
    "AutoEnsemble": "portfolio.ensemble",
    "AutoModel": "auto_model",
    "AutoModelFactory": "auto_model_factory",
    "AutoNeuralForecaster": "forecaster",
    "ConfigValidator": "validation",
    "DataValidator": "validation",
    "DatasetSize": "catalog.scales",
    "MODEL_CATALOG": "catalog",
    "ModelCharacteristics": "catalog",
    "ModelComplexity": "catalog.scales",
    "OnnxForecaster": "onnx.forecaster",
    "OptimizationConfig": "auto_model_factory",
    "SearchAlgorithmSelector": "search_algorithm_selector",
    "SearchComplexity": "catalog.scales",
    "SearchStrategy": "search_algorithm_selector",
    "ValidationResult": "validation",
    "create_auto_model": "auto_model_factory",
    "from_long": "frames",
    "recommend_num_samples": "search_algorithm_selector",
    "to_long": "frames",
    "validate_all": "validation",
}

__all__ = [
    "MODEL_CATALOG",
    "AutoEnsemble",
    "AutoModel",
    "AutoModelFactory",
    "AutoNeuralForecaster",
    "ConfigValidator",
    "DataValidator",
    "DatasetSize",
    "ModelCharacteristics",
    "ModelComplexity",
    "OnnxForecaster",
    "OptimizationConfig",
    "SearchAlgorithmSelector",
    "SearchComplexity",
    "SearchStrategy",
    "ValidationResult",
    "__version__",
    "create_auto_model",
    "from_long",
    "recommend_num_samples",
    "to_long",
    "validate_all",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
