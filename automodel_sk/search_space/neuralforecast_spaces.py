"""Search spaces of neuralforecast's own Auto classes, declared as data.

They leave out what the search sets itself: the horizon, the loss, the number of series and
``random_seed``, which neuralforecast tunes. Three parameters are written differently with the same
meaning:

- an ``input_size`` below 1, which neuralforecast reads as 3 horizons, is written as 3 horizons
  (RNN, LSTM, GRU, TCN, DilatedRNN); ``inference_input_size``, which is below 1 in all these models
  and so equals ``input_size``, is omitted;
- ``max_steps``, which neuralforecast draws as a float rounded to hundreds, is an integer;
- a ``step_size`` of 1 or one horizon is a single value if the horizon is 1.

If every trial of a model would fail at a short horizon, its space differs: longer windows, shorter
patches, fewer periods, or stacks that can forecast a single step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import index
from typing import Any, SupportsIndex, TypeAlias

from automodel_sk.catalog.models import get_characteristics
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.search_space import Choice, Domain, Float, Integer, SearchSpace

__all__ = ["neuralforecast_space"]


@dataclass(frozen=True)
class _Horizons:
    """A choice of step counts that scale with the horizon."""

    multiples: tuple[int, ...]
    fixed: tuple[int, ...] = ()

    def at(self, h: int) -> Choice:
        """Return the choice for a horizon of ``h`` steps."""
        counts = (*self.fixed, *(h * multiple for multiple in self.multiples))
        return Choice(tuple(dict.fromkeys(counts)))


_Row: TypeAlias = Mapping[str, "Domain | _Horizons"]

_STEPS_BY_HUNDREDS = Integer(500, 1500, step=100)
_PERCEPTRON_SIZES: _Row = {"hidden_size": Choice((256, 512, 1024)), "num_layers": Integer(2, 5)}
_CELL_SIZES = Choice((16, 32, 64, 128))
_DROPOUT = Float(0.0, 0.99)

# Groups that the rows build on; a row's own entries override the group's.
_ONE_BY_ONE: _Row = {
    "input_size": _Horizons((1, 2, 3, 4, 5)),
    "step_size": _Horizons((1,), fixed=(1,)),
    "learning_rate": Float(1e-4, 1e-1, log=True),
    "scaler_type": Choice((None, "robust", "standard")),
    "max_steps": Choice((500, 1000, 2000)),
    "batch_size": Choice((32, 64, 128, 256)),
    "windows_batch_size": Choice((128, 256, 512, 1024)),
}
_JOINT: _Row = {name: d for name, d in _ONE_BY_ONE.items() if name != "windows_batch_size"}
_SEQUENTIAL: _Row = {
    "input_size": _Horizons((3, 4, 16, 64)),
    "learning_rate": Float(1e-4, 1e-1, log=True),
    "max_steps": Choice((500, 1000)),
    "batch_size": Choice((16, 32)),
    "encoder_hidden_size": _CELL_SIZES,
    "context_size": Choice((5, 10, 50)),
    "decoder_hidden_size": _CELL_SIZES,
}
_LAYERED: _Row = {**_SEQUENTIAL, "encoder_n_layers": Integer(1, 3)}
_QUICK: _Row = {**_ONE_BY_ONE, "max_steps": Choice((500, 1000))}
_BY_HUNDREDS: _Row = {**_ONE_BY_ONE, "max_steps": _STEPS_BY_HUNDREDS}
_ATTENTION: _Row = {
    **_ONE_BY_ONE,
    "hidden_size": Choice((64, 128, 256)),
    "n_head": Choice((4, 8)),
}
_JOINT_ANY_SCALER: _Row = {
    **_JOINT,
    "scaler_type": Choice((None, "robust", "standard", "identity")),
}
_MIXING: _Row = {
    **_JOINT,
    "input_size": _Horizons((1, 2, 3, 4)),
    "learning_rate": Float(1e-4, 1e-2, log=True),
    "scaler_type": Choice(("identity", "robust", "standard")),
    "n_block": Choice((1, 2, 4, 6, 8)),
    "ff_dim": Choice((32, 64, 128)),
    "dropout": _DROPOUT,
}
_STAR: _Row = {
    **_JOINT_ANY_SCALER,
    "hidden_size": Choice((64, 128, 256, 512)),
    "d_core": Choice((64, 128, 256, 512)),
}

_SPACES: Mapping[str, _Row] = {
    "RNN": _LAYERED,
    "LSTM": _LAYERED,
    "GRU": _LAYERED,
    "TCN": {**_SEQUENTIAL, "decoder_hidden_size": Choice((32, 64))},
    "DeepAR": {
        **_ONE_BY_ONE,
        "scaler_type": Choice(("robust", "minmax1")),
        "lstm_hidden_size": Choice((32, 64, 128, 256)),
        "lstm_n_layers": Integer(1, 3),
        "lstm_dropout": Float(0.0, 0.5),
    },
    "DilatedRNN": {
        **_SEQUENTIAL,
        "cell_type": Choice(("LSTM", "GRU")),
        "dilations": Choice(([[1, 2], [4, 8]], [[1, 2, 4, 8]])),
    },
    "BiTCN": {**_ONE_BY_ONE, "hidden_size": Choice((16, 32)), "dropout": _DROPOUT},
    "xLSTM": {
        **_ONE_BY_ONE,
        "encoder_hidden_size": _CELL_SIZES,
        "encoder_n_blocks": Integer(1, 3),
        "encoder_dropout": _DROPOUT,
        "decoder_hidden_size": _CELL_SIZES,
    },
    "MLP": {**_QUICK, **_PERCEPTRON_SIZES},
    "NBEATS": _QUICK,
    "NBEATSx": _QUICK,
    "NHITS": {
        **_BY_HUNDREDS,
        "n_pool_kernel_size": Choice(
            ([2, 2, 1], [1, 1, 1], [2, 2, 2], [4, 4, 4], [8, 4, 1], [16, 8, 1])
        ),
        "n_freq_downsample": Choice(
            ([168, 24, 1], [24, 12, 1], [180, 60, 1], [60, 8, 1], [40, 20, 1], [1, 1, 1])
        ),
    },
    "DLinear": {**_BY_HUNDREDS, "moving_avg_window": Choice((11, 25, 51))},
    "NLinear": _BY_HUNDREDS,
    "TiDE": {
        **_BY_HUNDREDS,
        "learning_rate": Float(1e-5, 1e-2, log=True),
        "hidden_size": Choice((256, 512, 1024)),
        "decoder_output_dim": Choice((8, 16, 32)),
        "temporal_decoder_dim": Choice((32, 64, 128)),
        "num_encoder_layers": Choice((1, 2, 3)),
        "num_decoder_layers": Choice((1, 2, 3)),
        "temporal_width": Choice((4, 8, 16)),
        "dropout": Choice((0.0, 0.1, 0.2, 0.3, 0.5)),
        "layernorm": Choice((True, False)),
    },
    "DeepNPTS": {
        **_BY_HUNDREDS,
        "hidden_size": Choice((16, 32, 64)),
        "dropout": _DROPOUT,
        "n_layers": Choice((1, 2, 4)),
    },
    "KAN": {
        **_BY_HUNDREDS,
        "grid_size": Choice((5, 10, 15)),
        "spline_order": Choice((2, 3, 4)),
        "hidden_size": Choice((64, 128, 256, 512)),
    },
    "TFT": _ATTENTION,
    "VanillaTransformer": _ATTENTION,
    "Informer": _ATTENTION,
    "Autoformer": _ATTENTION,
    "FEDformer": {**_ONE_BY_ONE, "hidden_size": Choice((64, 128, 256))},
    "PatchTST": {
        **_ONE_BY_ONE,
        "input_size": _Horizons((1, 2, 3)),
        "max_steps": Choice((500, 1000, 5000)),
        "hidden_size": Choice((16, 128, 256)),
        "n_heads": Choice((4, 16)),
        "patch_len": Choice((16, 24)),
        "revin": Choice((False, True)),
    },
    "iTransformer": {**_JOINT, "hidden_size": Choice((64, 128, 256)), "n_heads": Choice((4, 8))},
    "TimeXer": {**_JOINT, "hidden_size": Choice((128, 256, 512)), "n_heads": Choice((4, 8))},
    "TimesNet": {
        **_ONE_BY_ONE,
        "scaler_type": Choice(("robust", "standard")),
        "batch_size": Choice((32, 64, 128)),
        "windows_batch_size": Choice((32, 64, 128, 256)),
        "hidden_size": Choice((32, 64, 128)),
        "conv_hidden_size": Choice((32, 64, 128)),
    },
    "StemGNN": {
        **_JOINT,
        "input_size": _Horizons((1, 2, 3, 4)),
        "n_stacks": Choice((2,)),
        "multi_layer": Choice((3, 5, 7)),
    },
    "TSMixer": _MIXING,
    "TSMixerx": _MIXING,
    "MLPMultivariate": {**_JOINT, **_PERCEPTRON_SIZES, "max_steps": Choice((500, 1000))},
    "SOFTS": _STAR,
    "SOFTSSharp": {**_STAR, "pe_keep_prob": Choice((0.25, 0.5, 0.75, 1.0))},
    "TimeMixer": {
        **_JOINT_ANY_SCALER,
        "d_model": Choice((16, 32, 64)),
        "d_ff": Choice((16, 32, 64)),
        "down_sampling_layers": Choice((1, 2)),
    },
    "RMoK": {
        **_JOINT_ANY_SCALER,
        "taylor_order": Choice((3, 4, 5)),
        "jacobi_degree": Choice((4, 5, 6)),
        "wavelet_function": Choice(("mexican_hat", "morlet", "dog", "meyer", "shannon")),
    },
    "XLinear": {
        **_JOINT,
        "max_steps": Choice((500, 1000)),
        "hidden_size": Choice((64, 128, 256)),
        "use_norm": Choice((True, False)),
    },
}


def neuralforecast_space(model_name: str, h: int, n_series: int = 1) -> SearchSpace:
    """Return the default search space of a model.

    Parameters
    ----------
    model_name : str
        Name of the model, such as ``"NHITS"``.
    h : int
        Forecast horizon, in time steps; ``input_size`` and ``step_size`` follow it.
    n_series : int, default 1
        Number of series. Validated but otherwise unused: none of neuralforecast's default spaces
        depends on it.

    Returns
    -------
    SearchSpace

    Raises
    ------
    InvalidInputError
        If the model is unknown or has no default space, or if ``h`` or ``n_series`` is not an
        integer of at least 1.

    Examples
    --------
    >>> space = neuralforecast_space("DLinear", h=24)
    >>> space.domains["input_size"]
    Choice(values=(24, 48, 72, 96, 120), grid=False)
    >>> space.domains["max_steps"]
    Integer(low=500, high=1500, log=False, step=100)
    """
    characteristics = get_characteristics(model_name)
    horizon = _count("h", h, 12)
    _count("n_series", n_series, 1)
    if not characteristics.has_default_space:
        raise InvalidInputError(_NO_DEFAULT_SPACE.format(model_name))
    row = _SPACES[model_name]
    entries = {name: d.at(horizon) if isinstance(d, _Horizons) else d for name, d in row.items()}
    suit = _SUITED.get(model_name)
    return SearchSpace.parse(entries if suit is None else {**entries, **suit(entries, horizon)})


_Entries: TypeAlias = Mapping[str, Any]


def _windows(entries: _Entries, resized: Callable[[int], int]) -> dict[str, Any]:
    sizes = (resized(size) for size in entries["input_size"].values)
    return {"input_size": Choice(tuple(dict.fromkeys(sizes)))}


def _of_two_steps(entries: _Entries, _h: int) -> dict[str, Any]:
    """Require two steps: the decoder starts from half a window, and a convolution needs two."""
    return _windows(entries, lambda size: max(size, 2))


def _for_autoformer(entries: _Entries, h: int) -> dict[str, Any]:
    """Use windows long enough for the number of delays that the model correlates."""
    least = {1: 5, 2: 4, 3: 6}.get(h, h)
    return _windows(entries, lambda size: max(size, least))


def _for_time_mixer(entries: _Entries, _h: int) -> dict[str, Any]:
    """Use windows that can be halved twice."""
    return _windows(entries, lambda size: -(-size // 4) * 4)


def _for_nbeats(_entries: _Entries, h: int) -> dict[str, Any]:
    """Leave out trend and season at a horizon of one step, which has neither."""
    return {"stack_types": ["identity"] * 3} if h == 1 else {}


def _for_time_xer(_entries: _Entries, h: int) -> dict[str, Any]:
    """Use patches that fit into the shortest window, which is one horizon."""
    return {"patch_len": h} if h < _PATCH else {}


def _for_times_net(_entries: _Entries, h: int) -> dict[str, Any]:
    """Use at most as many periods as the shortest window and the horizon contain."""
    return {"top_k": h} if h < _PERIODS else {}


_PATCH, _PERIODS = 16, 5
"""What TimeXer and TimesNet take by themselves."""

_SUITED: Mapping[str, Callable[[_Entries, int], dict[str, Any]]] = {
    "BiTCN": _of_two_steps,
    "VanillaTransformer": _of_two_steps,
    "Informer": _of_two_steps,
    "FEDformer": _of_two_steps,
    "Autoformer": _for_autoformer,
    "NBEATS": _for_nbeats,
    "NBEATSx": _for_nbeats,
    "TimeXer": _for_time_xer,
    "TimesNet": _for_times_net,
    "TimeMixer": _for_time_mixer,
}


_NO_DEFAULT_SPACE = (
    "model_name {!r} has no default search space, because it reconciles the forecasts of another"
    " model; pass config with that model's name, the summing matrix, the method and the other"
    " model's parameters, for example config={{'model': 'NHITS', 'S': S,"
    " 'reconciliation': 'BottomUp', 'max_steps': 500}}"
)


def _count(name: str, value: object, example: int) -> int:
    """Return a Python integer of at least 1."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and index(value) > 0:
        return index(value)
    raise InvalidInputError(
        f"{name} must be a whole number of at least 1, got {value!r}; try {example}"
    )
