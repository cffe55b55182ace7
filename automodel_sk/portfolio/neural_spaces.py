"""The networks of a portfolio: a good first configuration and the space around it.

The first configuration is what published systems agree on: windows of two horizons (a week of
hourly data), a learning rate of 1e-3 that is halved three times, robust scaling by window. See
`docs/portfolio.md` for the sources and for what the benchmark gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automodel_sk.search_space import Choice, Float, SearchSpace
from automodel_sk.search_space.default_spaces import default_search_space
from automodel_sk.search_space.domains import Domain
from automodel_sk.training.build import constructor_default

__all__ = ["AUTO_NETWORKS", "PanelFacts", "first_config", "network_space", "networks_for"]

_SHORT_SEASONS = ("NHITS", "MLP", "NBEATS", "PatchTST", "GRU")
"""For seasons of at most 12 steps: after 300 steps on M1 monthly, perceptrons have 0.88 of the
seasonal-naive error, linear models and TiDE 1.2."""

_LONG_SEASONS = ("DLinear", "TiDE", "NHITS", "PatchTST", "MLP", "GRU")
"""For longer seasons: after 300 steps on ETTh1, linear models and TiDE have the lowest error, at a
tenth of the time."""

_FOR_COVARIATES = "TFT"

AUTO_NETWORKS = tuple(dict.fromkeys((*_SHORT_SEASONS, *_LONG_SEASONS, _FOR_COVARIATES)))
"""The networks that "auto" draws from."""

MAX_STEPS = 1000

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

_SHORT_SEASON = 12


@dataclass(frozen=True)
class PanelFacts:
    """What the networks' first configurations depend on.

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


def networks_for(season: int, has_covariates: bool = False) -> tuple[str, ...]:
    """Return the networks that suit some data, in the order in which they are tried.

    Parameters
    ----------
    season : int
        Steps of one season.
    has_covariates : bool
        Whether there are exogenous columns.

    Examples
    --------
    >>> networks_for(12)[:3], networks_for(24)[:3]
    (('NHITS', 'MLP', 'NBEATS'), ('DLinear', 'TiDE', 'NHITS'))
    """
    names = _LONG_SEASONS if season > _SHORT_SEASON else _SHORT_SEASONS
    return (*names, _FOR_COVARIATES) if has_covariates else names


def network_space(model_name: str, facts: PanelFacts) -> SearchSpace:
    """Return the search space of a network in a portfolio.

    It has the model's own default parameters, narrower learning rates and windows that fit the
    data. The first configuration is in it.

    Examples
    --------
    >>> space = network_space("NHITS", PanelFacts(h=12, season=12, trained_length=120))
    >>> space.domains["input_size"].values, space.constants["num_lr_decays"]
    ((12, 24, 36, 48, 60), 3)
    """
    defaults = default_search_space(model_name, facts.h)
    own = {n: d for n, d in defaults.domains.items() if n not in _SHARED}
    first = _SMALL.get(model_name, {})
    for name, domain in own.items():
        value = first.get(name, constructor_default(model_name, name))
        own[name] = _including(domain, value)
    own |= {
        "input_size": Choice(_inputs(defaults.domains["input_size"], facts)),
        "learning_rate": Float(1e-4, 1e-2, log=True),
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
