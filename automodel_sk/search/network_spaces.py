"""The networks' default search spaces: a good first configuration and the space around it.

The first configuration is what published systems agree on: windows of two horizons (a week of
hourly data), a learning rate of 1e-3 that is halved three times, robust scaling by window. See
`docs/portfolio.md` for the sources and `docs/accuracy.md` for what the benchmark gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from automodel_sk.data.judged import JudgedData
from automodel_sk.search_space import Choice, Float, SearchSpace
from automodel_sk.search_space.domains import Domain
from automodel_sk.search_space.neuralforecast_spaces import neuralforecast_space
from automodel_sk.training.build import constructor_default

__all__ = ["PanelFacts", "first_config", "network_space", "panel_facts"]

MAX_STEPS = 1000

HIGHEST_RATE = 5e-3
"""With 8e-3, losses jump: a lucky validation is chosen, and the refit ends elsewhere. On M1 yearly,
one of two such MLPs had 1.9 times the error of a rate of 1e-3."""

_SHARED = ("input_size", "learning_rate", "scaler_type", "max_steps", "batch_size", "step_size")
_SMALL: Mapping[str, Mapping[str, Any]] = {
    "TiDE": {
        "hidden_size": 128,
        "decoder_output_dim": 8,
        "temporal_decoder_dim": 32,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
        "temporal_width": 4,
        "dropout": 0.2,
        "layernorm": True,
    },
    "PatchTST": {"hidden_size": 32, "n_heads": 4, "patch_len": 16, "revin": True},
    "GRU": {
        "encoder_hidden_size": 64,
        "encoder_n_layers": 1,
        "context_size": 10,
        "decoder_hidden_size": 64,
    },
    "TFT": {"hidden_size": 32, "n_head": 4},
    "MLP": {"hidden_size": 256, "num_layers": 2},
}
"""First values that train faster than the constructors' defaults, at about the same accuracy."""


@dataclass(frozen=True)
class PanelFacts:
    """What the networks' default spaces depend on.

    Parameters
    ----------
    h, season : int
        Horizon and steps of one season.
    trained_length : int
        Rows of the median series before the validation windows.
    mostly_zero : bool
        Whether more than 30% of the target's values are zero.
    """

    h: int
    season: int
    trained_length: int
    mostly_zero: bool = False

    @property
    def longest_input(self) -> int:
        """Largest sensible window: half of the median series."""
        return max(2, min(self.trained_length - self.h, self.trained_length // 2))

    @property
    def first_input(self) -> int:
        """Two horizons, or a week of hourly data."""
        wanted = max(2 * self.h, 7 * self.season if self.season == 24 else 0, 4)
        return max(2, min(wanted, self.longest_input))

    @property
    def scaler(self) -> str:
        """Scaling by window: the median's is zero where most values are."""
        return "standard" if self.mostly_zero else "robust"


def panel_facts(data: JudgedData) -> PanelFacts:
    """Return what the networks' first configurations depend on, for some data.

    Parameters
    ----------
    data : JudgedData
        The rows of trials, and what is known about them.
    """
    lengths = data.lengths[data.is_judged]
    zeros = float((data.frame["y"] == 0).mean())
    return PanelFacts(
        data.h, data.season, int(np.median(lengths)) - data.held_out, mostly_zero=zeros > 0.3
    )


def network_space(model_name: str, facts: PanelFacts) -> SearchSpace:
    """Return a network's default search space.

    It has neuralforecast's own parameters, narrower learning rates and windows that fit the
    data. The first configuration is in it.

    Examples
    --------
    >>> space = network_space("NHITS", PanelFacts(h=12, season=12, trained_length=120))
    >>> space.domains["input_size"].values, space.constants["num_lr_decays"]
    ((12, 24, 36, 48, 60), 3)
    """
    defaults = neuralforecast_space(model_name, facts.h)
    own = {n: d for n, d in defaults.domains.items() if n not in _SHARED}
    first = _SMALL.get(model_name, {})
    for name, domain in own.items():
        value = first.get(name, constructor_default(model_name, name))
        own[name] = _including(domain, value)
    own |= {
        "input_size": Choice(_inputs(defaults.domains["input_size"], facts)),
        "learning_rate": Float(1e-4, HIGHEST_RATE, log=True),
        "scaler_type": Choice(("robust", "standard")),
    }
    if "windows_batch_size" in own:
        own["windows_batch_size"] = Choice((64, 128, 256))
    constants = {
        **defaults.constants,
        "max_steps": MAX_STEPS,
        "batch_size": 64,
        "num_lr_decays": 3,
    }
    return SearchSpace(domains=own, constants=constants)


def _inputs(domain: Domain, facts: PanelFacts) -> tuple[int, ...]:
    sizes = {int(size) for size in domain.listed() or ()} | {facts.first_input}
    fitting = sorted(min(max(size, 2), facts.longest_input) for size in sizes)
    return tuple(dict.fromkeys(fitting))


def _including(domain: Domain, value: Any) -> Domain:
    """Return a choice that has a value too."""
    if not isinstance(domain, Choice) or value is None or value in domain.values:
        return domain
    return Choice((*domain.values, value))


def first_config(model_name: str, facts: PanelFacts) -> dict[str, Any]:
    """Return a network's first values of the tuned parameters; the rest is left to the sampler.

    Examples
    --------
    >>> first_config("DLinear", PanelFacts(h=12, season=12, trained_length=120))["learning_rate"]
    0.001
    """
    space = network_space(model_name, facts)
    first = {n: constructor_default(model_name, n) for n in space.domains}
    first |= dict(_SMALL.get(model_name, {}))
    first |= {
        "input_size": facts.first_input,
        "learning_rate": 1e-3,
        "scaler_type": facts.scaler,
        "windows_batch_size": 128,
    }
    return {name: value for name, value in first.items() if name in space.domains}
