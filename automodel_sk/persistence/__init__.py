"""Saved models: folders of JSON and safetensors, replaced atomically, never executed."""

from automodel_sk.persistence.models import (
    FORMAT_VERSION,
    load_any_model,
    load_auto_model,
    load_trials,
    save_auto_model,
)

__all__ = [
    "FORMAT_VERSION",
    "load_any_model",
    "load_auto_model",
    "load_trials",
    "save_auto_model",
]
