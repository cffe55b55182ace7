"""Which series candidates are judged on where there are more than a search needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from automodel_sk.portfolio.data import PortfolioData

__all__ = ["MOST_JUDGED", "SAMPLED", "stratified_sample"]

MOST_JUDGED = 10_000
"""Series up to which all of them are judged."""

SAMPLED = 2_000
"""Series that are judged where there are more. Which of two candidates errs less is known from
these as well as from all: the standard error of a mean over them is 2% of what series differ by."""

_ZERO_SHARES = (1e-9, 0.3, 0.7)
_LENGTH_CLASSES = 4


def stratified_sample(data: PortfolioData, n: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return which series to judge candidates on.

    Series that are long enough for the windows are ordered by classes of length and of the share of
    zeros, and by scale within each; every so many of them is taken. So each kind of series has the
    share in the sample that it has in the data, whatever the series are called.

    Parameters
    ----------
    data : PortfolioData
        All series.
    n : int
        Number of series to take.
    seed : int
        Where to start.

    Returns
    -------
    array of bool, shape (n_series,)

    Examples
    --------
    >>> import pandas as pd
    >>> y = np.repeat([0.0, 0.0, 5.0, 7.0, 1e6, 2e6], 9)
    >>> frame = pd.DataFrame({"unique_id": np.repeat(list("abcdef"), 9), "ds": [*range(9)] * 6})
    >>> data = PortfolioData(frame.assign(y=y), h=2, freq=1, season=1)
    >>> chosen = stratified_sample(data, 3, seed=0)
    >>> chosen.reshape(3, 2).sum(axis=1).tolist()
    [1, 1, 1]
    """
    judged = np.flatnonzero(data.is_judged)
    chosen = np.zeros(len(data.lengths), dtype=bool)
    if len(judged) <= n:
        chosen[judged] = True
        return chosen
    starts = np.r_[0, data.lengths.cumsum()[:-1]]
    y = data.frame["y"].to_numpy(dtype=float)
    zeros = np.add.reduceat((y == 0).astype(float), starts) / data.lengths
    scale = np.add.reduceat(np.abs(y), starts) / data.lengths
    edges = np.quantile(data.lengths[judged], np.linspace(0, 1, _LENGTH_CLASSES + 1)[1:-1])
    lengths = np.searchsorted(edges, data.lengths)
    keys = (scale, np.searchsorted(_ZERO_SHARES, zeros), lengths)
    order = judged[np.lexsort([key[judged] for key in keys])]
    first = np.random.default_rng(seed).random()
    chosen[order[((np.arange(n) + first) * len(order) / n).astype(int)]] = True
    return chosen
