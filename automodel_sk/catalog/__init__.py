"""The models that can be tuned, with their losses and sizes. Trains nothing."""

from automodel_sk.catalog.models import (
    MODEL_CATALOG,
    ModelCharacteristics,
    get_characteristics,
    model_class,
    model_parameters,
)

__all__ = [
    "MODEL_CATALOG",
    "ModelCharacteristics",
    "get_characteristics",
    "model_class",
    "model_parameters",
]
