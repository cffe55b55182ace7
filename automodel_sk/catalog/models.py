"""The table of models that can be tuned.

It has one row per model behind neuralforecast's Auto classes: the name of its class in
``neuralforecast.models``, its family, its supported inputs, and the cost of one training. The other
entries are derived:

- ``complexity`` depends on the family. One linear map or plain perceptron from window to horizon is
  SIMPLE; stacks of residual, spline, mixing, recurrent or convolutional blocks are MODERATE;
  attention, matrix memories, graphs and spectral blocks are COMPLEX. A reconciliation counts as the
  stack that it usually wraps.
- ``recommended_input_size_range`` depends on the complexity: 7 to 14 steps for SIMPLE, 14 to 28 for
  MODERATE, 24 to 168 for COMPLEX.

Times and memory are measured by ``python -m benchmarks.measure_catalog``: each model trains in a
separate process, on one CPU thread (AMD EPYC, 3rd generation, shared with other work), on
neuralforecast's AirPassengersPanel (2 monthly series of 144 observations), h=12, with the middle
values of its default search space. Minutes are the median CPU time of 10 steps after 3 steps of
warm-up, times 1,000 steps. Megabytes (2**20 bytes) are the peak resident memory of those 13 steps
minus the resident memory after the imports. Other data and other hardware scale both; take them as
orders of magnitude. HINT has no default space and is measured around the middle NHITS, with a total
on top of the two series and a Gaussian mixture as loss.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from math import nan
from types import MappingProxyType
from typing import Any

from automodel_sk.arguments.number_rule import shown
from automodel_sk.catalog.scales import ModelComplexity
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "MODEL_CATALOG",
    "ModelCharacteristics",
    "get_characteristics",
    "is_joint",
    "model_class",
    "model_parameters",
    "nearest_model",
]


@dataclass(frozen=True)
class ModelCharacteristics:
    """The supported inputs of a model and the cost of one training.

    Parameters
    ----------
    name : str
        Name of the class in ``neuralforecast.models``.
    complexity : ModelComplexity
        Cost of one training, by family.
    recommended_input_size_range : tuple of int
        Smallest and largest recommended ``input_size``, in time steps.
    supports_exogenous : bool
        Supports future-known or historic exogenous variables.
    supports_static : bool
        Supports static exogenous variables.
    typical_training_time_minutes : float
        CPU minutes per 1,000 steps on one thread; nan if not measured.
    memory_footprint_mb : float
        Memory used by training, in units of 2**20 bytes; nan if not measured.
    supports_future_exogenous, supports_historic_exogenous : bool
        The two kinds of ``supports_exogenous``.
    supports_categorical : bool
        Supports categorical exogenous variables.
    multivariate : bool
        Forecasts all series jointly and requires ``n_series``.
    recurrent : bool
        Forecasts one step at a time, feeding its output back.
    has_default_space : bool
        Whether ``neuralforecast_space`` has a space for the model.
    family : str
        Architecture family, which determines ``complexity``.

    Examples
    --------
    >>> tft = MODEL_CATALOG["TFT"]
    >>> tft.complexity.value, tft.recommended_input_size_range, tft.supports_static
    ('complex', (24, 168), True)
    """

    name: str = ""
    complexity: ModelComplexity = ModelComplexity.MODERATE
    recommended_input_size_range: tuple[int, int] = (14, 28)
    supports_exogenous: bool = False
    supports_static: bool = False
    typical_training_time_minutes: float = nan
    memory_footprint_mb: float = nan
    supports_future_exogenous: bool = False
    supports_historic_exogenous: bool = False
    supports_categorical: bool = False
    multivariate: bool = False
    recurrent: bool = False
    has_default_space: bool = True
    family: str = ""


_FAMILIES = {
    "linear": ModelComplexity.SIMPLE,
    "perceptron": ModelComplexity.SIMPLE,
    "residual": ModelComplexity.MODERATE,
    "spline": ModelComplexity.MODERATE,
    "mixer": ModelComplexity.MODERATE,
    "recurrent": ModelComplexity.MODERATE,
    "convolution": ModelComplexity.MODERATE,
    "reconciliation": ModelComplexity.MODERATE,
    "attention": ModelComplexity.COMPLEX,
    "matrix memory": ModelComplexity.COMPLEX,
    "graph": ModelComplexity.COMPLEX,
    "spectral": ModelComplexity.COMPLEX,
}

_INPUT_SIZE_RANGES = {
    ModelComplexity.SIMPLE: (7, 14),
    ModelComplexity.MODERATE: (14, 28),
    ModelComplexity.COMPLEX: (24, 168),
}

_WITHOUT_DEFAULT_SPACE = frozenset({"reconciliation"})

# Letters: Future, Historic, Static and Categorical exogenous variables; Multivariate; Recurrent.
# Then minutes per 1,000 steps and megabytes.
_TABLE = (
    ("RNN", "recurrent", "FHSCR", 0.27, 25),
    ("LSTM", "recurrent", "FHSCR", 0.7, 49),
    ("GRU", "recurrent", "FHSCR", 0.85, 41),
    ("TCN", "convolution", "FHSC", 0.6, 43),
    ("DeepAR", "recurrent", "FHSCR", 2.4, 96),
    ("DilatedRNN", "recurrent", "FHSC", 1.2, 90),
    ("BiTCN", "convolution", "FHSC", 1.3, 69),
    ("xLSTM", "matrix memory", "FHSC", 5.0, 276),
    ("MLP", "perceptron", "FHSC", 0.42, 36),
    ("NBEATS", "residual", "", 1.4, 84),
    ("NBEATSx", "residual", "FHSC", 1.4, 82),
    ("NHITS", "residual", "FHSC", 1.5, 82),
    ("DLinear", "linear", "", 0.17, 17),
    ("NLinear", "linear", "", 0.14, 16),
    ("TiDE", "residual", "FHSC", 1.7, 86),
    ("DeepNPTS", "perceptron", "FHSC", 0.23, 21),
    ("KAN", "spline", "FHSC", 0.65, 64),
    ("TFT", "attention", "FHS", 17.0, 697),
    ("VanillaTransformer", "attention", "FC", 13.0, 451),
    ("Informer", "attention", "FC", 15.0, 438),
    ("Autoformer", "attention", "FC", 17.0, 875),
    ("FEDformer", "attention", "FC", 20.0, 404),
    ("PatchTST", "attention", "", 2.2, 71),
    ("iTransformer", "attention", "FM", 0.68, 59),
    ("TimeXer", "attention", "HSCM", 1.8, 127),
    ("TimesNet", "spectral", "FC", 140.0, 281),
    ("StemGNN", "graph", "M", 1.9, 140),
    ("HINT", "reconciliation", "", 1.4, 87),
    ("TSMixer", "mixer", "M", 0.27, 21),
    ("TSMixerx", "mixer", "FHSCM", 0.46, 30),
    ("MLPMultivariate", "perceptron", "FHSCM", 0.35, 33),
    ("SOFTS", "mixer", "M", 0.62, 60),
    ("SOFTSSharp", "mixer", "M", 0.63, 70),
    ("TimeMixer", "mixer", "M", 0.64, 45),
    ("RMoK", "spline", "M", 0.21, 21),
    ("XLinear", "mixer", "FHSCM", 0.22, 23),
)


def _characteristics(
    name: str, family: str, letters: str, minutes: float, megabytes: float
) -> ModelCharacteristics:
    """Return one row of the table, including the derived entries."""
    complexity = _FAMILIES[family]
    return ModelCharacteristics(
        name=name,
        complexity=complexity,
        recommended_input_size_range=_INPUT_SIZE_RANGES[complexity],
        supports_exogenous="F" in letters or "H" in letters,
        supports_static="S" in letters,
        typical_training_time_minutes=minutes,
        memory_footprint_mb=megabytes,
        supports_future_exogenous="F" in letters,
        supports_historic_exogenous="H" in letters,
        supports_categorical="C" in letters,
        multivariate="M" in letters,
        recurrent="R" in letters,
        has_default_space=family not in _WITHOUT_DEFAULT_SPACE,
        family=family,
    )


MODEL_CATALOG: Mapping[str, ModelCharacteristics] = MappingProxyType(
    {row[0]: _characteristics(*row) for row in _TABLE}
)
"""All models by class name."""


def get_characteristics(model_name: str) -> ModelCharacteristics:
    """Return the catalog entry of a model.

    Parameters
    ----------
    model_name : str
        Name of a class of ``neuralforecast.models``, such as ``"NHITS"``.

    Returns
    -------
    ModelCharacteristics

    Raises
    ------
    InvalidInputError
        If the catalog has no model of this name; the message suggests the most similar one.

    Examples
    --------
    >>> get_characteristics("DLinear").supports_exogenous
    False
    >>> get_characteristics("AutoNHITS")
    Traceback (most recent call last):
        ...
    automodel_sk.exceptions.InvalidInputError: model_name 'AutoNHITS' is unknown; try 'NHITS'
    """
    if not isinstance(model_name, str):
        raise InvalidInputError(
            f"model_name must be a string, got {shown(model_name)}; try 'NHITS'"
        )
    if model_name in MODEL_CATALOG:
        return MODEL_CATALOG[model_name]
    nearest = nearest_model(model_name)
    advice = f"try {nearest!r}" if nearest else f"try one of {', '.join(MODEL_CATALOG)}"
    raise InvalidInputError(f"model_name {shown(model_name)} is unknown; {advice}")


def read_model_name(model: Any) -> Any:
    """Return a model's name as in the catalog, however it was written.

    Parameters
    ----------
    model : str or type
        A name in any case, with or without ``Auto`` before it, or the class of a neuralforecast
        model.

    Returns
    -------
    object
        The argument itself if it names no model; the validator then reports it.

    Examples
    --------
    >>> read_model_name("AutoNHITS"), read_model_name("patchtst"), read_model_name("NHIT")
    ('NHITS', 'PatchTST', 'NHIT')
    """
    is_class = issubclass(type(model), type) and model.__module__.split(".")[0] == "neuralforecast"
    name = model.__name__ if is_class else model
    if not issubclass(type(name), str):
        return model
    names = {known.lower(): known for known in MODEL_CATALOG}
    return names.get(name.lower()) or names.get(name.lower().removeprefix("auto")) or model


def is_joint(model_name: str) -> bool:
    """Return whether a model forecasts all series jointly, each identified by its position.

    Parameters
    ----------
    model_name : str
        Key of `MODEL_CATALOG`.

    Returns
    -------
    bool
        True for multivariate models, and for HINT, whose matrix has a row for each series; False
        for what is no model of the catalog, such as an ensemble.

    Examples
    --------
    >>> is_joint("TSMixer"), is_joint("HINT"), is_joint("NHITS")
    (True, True, False)
    """
    known = MODEL_CATALOG.get(model_name)
    return model_name == "HINT" or (known is not None and known.multivariate)


def nearest_model(model_name: str) -> str | None:
    """Return the model that a misspelled name most likely means; None if none is similar.

    Examples
    --------
    >>> nearest_model("NHIT"), nearest_model("AutoNHITS"), nearest_model("x")
    ('NHITS', 'NHITS', None)
    """
    names = {name.lower(): name for name in MODEL_CATALOG}
    typed = "".join(letter for letter in model_name.lower() if letter.isalnum())
    spellings = (typed, typed.removeprefix("auto"))
    for spelling in spellings:
        if spelling in names:
            return names[spelling]
    for spelling in spellings:
        for close in get_close_matches(spelling, names, n=1, cutoff=0.7):
            return names[close]
    return None


def model_class(model_name: str) -> type[Any]:
    """Return the class of a model; imports neuralforecast, which takes seconds.

    Parameters
    ----------
    model_name : str
        Name of the model, such as ``"NHITS"``.

    Returns
    -------
    type
        The class in ``neuralforecast.models``.

    Raises
    ------
    InvalidInputError
        If the catalog has no model of this name.

    Examples
    --------
    >>> model_class("NHITS").__name__
    'NHITS'
    """
    name = get_characteristics(model_name).name
    found: type[Any] = getattr(import_module("neuralforecast.models"), name)
    return found


def model_parameters(model_name: str) -> frozenset[str]:
    """Return the names of all parameters of a model's constructor.

    Parameters of its base class are included, but not the arguments of Lightning's Trainer that
    most models pass on.

    Parameters
    ----------
    model_name : str
        Name of the model, such as ``"NHITS"``.

    Returns
    -------
    frozenset of str

    Raises
    ------
    InvalidInputError
        If the catalog has no model of this name.

    Examples
    --------
    >>> {"n_blocks", "learning_rate", "input_size"} <= model_parameters("NHITS")
    True
    >>> sorted(model_parameters("HINT"))
    ['S', 'alias', 'h', 'model', 'reconciliation']
    """
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return frozenset(
        name
        for owner in model_class(model_name).__mro__
        if owner.__module__.startswith("neuralforecast.") and "__init__" in vars(owner)
        for name, parameter in inspect.signature(vars(owner)["__init__"]).parameters.items()
        if name != "self" and parameter.kind not in variadic
    )
