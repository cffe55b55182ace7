"""What can be tuned: the models, their default spaces, losses and sizes. Trains nothing."""

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
