"""The networks that "auto" draws from, in the order in which they are tried."""

from __future__ import annotations

__all__ = ["AUTO_NETWORKS", "SHORT_SEASON", "networks_for", "other_networks"]

_SHORT_SEASONS = ("NHITS", "MLP", "NBEATS", "PatchTST", "GRU")
"""For seasons of at most 12 steps: after 300 steps on M1 monthly, perceptrons have 0.88 of the
seasonal-naive error, linear models and TiDE 1.2."""

_LONG_SEASONS = ("DLinear", "TiDE", "NHITS", "PatchTST", "MLP", "GRU")
"""For longer seasons: after 300 steps on ETTh1, linear models and TiDE have the lowest error, at a
tenth of the time."""

_FOR_COVARIATES = "TFT"

SHORT_SEASON = 12
"""Steps of the longest season that counts as short."""

AUTO_NETWORKS = tuple(dict.fromkeys((*_SHORT_SEASONS, *_LONG_SEASONS, _FOR_COVARIATES)))
"""The networks that "auto" draws from."""


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
    names = _LONG_SEASONS if season > SHORT_SEASON else _SHORT_SEASONS
    return (*names, _FOR_COVARIATES) if has_covariates else names


def other_networks(season: int, has_covariates: bool = False) -> dict[str, str]:
    """Return why the other networks of "auto" do not suit some data, by name.

    Parameters
    ----------
    season, has_covariates
        As in `networks_for`.

    Examples
    --------
    >>> other_networks(24)["TFT"]
    'its attention pays off with exogenous variables, of which there are none'
    >>> other_networks(12, has_covariates=True)
    {'DLinear': 'for seasons of more than 12 steps', 'TiDE': 'for seasons of more than 12 steps'}
    """
    many = season > SHORT_SEASON
    seasons = f"for seasons of {'at most' if many else 'more than'} {SHORT_SEASON} steps"
    reasons = dict.fromkeys(AUTO_NETWORKS, seasons)
    reasons[_FOR_COVARIATES] = (
        "its attention pays off with exogenous variables, of which there are none"
    )
    suited = networks_for(season, has_covariates)
    return {name: reason for name, reason in reasons.items() if name not in suited}
