"""Compute a dataset's profile: size, length, frequency, season and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.arguments.other_frames import as_pandas
from automodel_sk.catalog.scales import DatasetSize
from automodel_sk.data.calendar import is_calendar
from automodel_sk.data.frequency import infer_panel_frequency, season_length
from automodel_sk.data.panel import IntArray, Panel
from automodel_sk.data.period import frequency_in_words, season_in_words
from automodel_sk.data.preparation import MASK, WEIGHT
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.data.windows import WindowShape, count_windows
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError

__all__ = [
    "LARGE_ROWS",
    "SMALL_ROWS",
    "DatasetProfile",
    "analyse_dataset",
    "dataset_size",
    "profile_of",
]

SMALL_ROWS = 10_000
"""Below this many rows a dataset is small: one training takes seconds, noise between trials is
large, and an elaborate search overfits the validation window."""

LARGE_ROWS = 1_000_000
"""From this many rows on a dataset is large: trials are costly, and pruning early pays."""


@dataclass(frozen=True)
class DatasetProfile:
    """Size, shape and columns of a dataset.

    Parameters
    ----------
    n_rows, n_series : int
        Rows with an id and a time, and distinct series.
    min_length, max_length : int
        Rows of the shortest and of the longest series.
    median_length : float
        Median of the series' rows.
    freq : str or int
        Step between rows.
    season_length : int
        Steps after which the seasonal pattern repeats; 1 if there is none.
    futr_exog, hist_exog, stat_exog, unused_columns : tuple of str
        Exogenous columns by kind, and the columns that are in none of these lists.
    size : DatasetSize
        Class by number of rows; see `SMALL_ROWS` and `LARGE_ROWS`.
    has_zeros, has_negatives : bool
        Whether the target has zeros, and values below 0.
    lengths : numpy.ndarray of int, shape (n_series,)
        Rows of each series, in order of appearance.
    date_order : {"day first", "month first"}, optional
        Order of day and month if the times were text; ambiguous text passed later is read in this
        order.

    Examples
    --------
    >>> times = pd.date_range("2015-01-31", periods=60, freq="ME")
    >>> profile = analyse_dataset(pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0}))
    >>> print(profile)
    1 series of 60 rows, freq 'ME', season 12, small; no exogenous columns
    >>> profile.n_windows(input_size=24, h=12, val_size=12)
    24
    """

    n_rows: int
    n_series: int
    min_length: int
    max_length: int
    median_length: float
    freq: str | int
    season_length: int
    futr_exog: tuple[str, ...]
    hist_exog: tuple[str, ...]
    stat_exog: tuple[str, ...]
    unused_columns: tuple[str, ...]
    size: DatasetSize
    has_zeros: bool
    has_negatives: bool
    lengths: IntArray = field(compare=False, repr=False)
    date_order: str | None = field(default=None, compare=False, repr=False)

    def n_windows(
        self,
        input_size: int,
        h: int,
        val_size: int = 0,
        step_size: int = 1,
        *,
        start_padding_enabled: bool = False,
        multivariate: bool = False,
        min_available: tuple[float, float] = (0.0, 0.0),
    ) -> int:
        """Return the number of distinct training windows.

        Windows are counted the way neuralforecast draws them: series are aligned at their ends and
        zero-padded to the longest one, so a window may be only partly observed. Drawing more
        windows than this per batch repeats some of them.

        Parameters
        ----------
        input_size : int
            Past steps of a window.
        h : int
            Future steps of a window.
        val_size : int
            Steps at the end of each series that are held out of training.
        step_size : int
            Steps between the starts of two windows.
        start_padding_enabled : bool
            Whether each series is zero-padded at its start.
        multivariate : bool
            Whether one window holds all series.
        min_available : tuple of two floats in [0, 1]
            Fractions of a window's past and future that must be observed
            (`training_data_availability_threshold`); at least one step of each is always required.

        Returns
        -------
        int
            0 if the longest series is too short for a single window.

        Examples
        --------
        >>> times = pd.date_range("2020-01-01", periods=10, freq="D")
        >>> profile = analyse_dataset(pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0}))
        >>> profile.n_windows(4, 2), profile.n_windows(4, 2, start_padding_enabled=True)
        (6, 9)
        """
        shape = WindowShape(input_size, h, step_size, start_padding_enabled, min_available)
        return count_windows(self.lengths, shape, val_size, multivariate)

    def describe(self) -> pd.DataFrame:
        """Return the profile as a table.

        Returns
        -------
        pandas.DataFrame
            One row per property, column ``value``.

        Examples
        --------
        >>> frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3], "y": [1.0, 2.0, 3.0]})
        >>> analyse_dataset(frame).describe().loc["rows", "value"]
        3
        """
        values: dict[str, Any] = {
            "rows": self.n_rows,
            "series": self.n_series,
            "shortest series": self.min_length,
            "median series": self.median_length,
            "longest series": self.max_length,
            "frequency": self.freq,
            "season length": self.season_length,
            "known future columns": ", ".join(_in_short(self.futr_exog)) or "none",
            "historic columns": ", ".join(self.hist_exog) or "none",
            "static columns": ", ".join(self.stat_exog) or "none",
            "unused columns": ", ".join(self.unused_columns) or "none",
            "zeros in the target": self.has_zeros,
            "negative values in the target": self.has_negatives,
            "size": self.size.value,
        }
        index = pd.Index(values, name="property")
        return pd.DataFrame({"value": pd.Series(list(values.values()), index=index, dtype=object)})

    def __str__(self) -> str:
        return self.in_words()

    def in_words(self, season: int | None = None) -> str:
        """Return the characteristics in one line.

        Parameters
        ----------
        season : int, optional
            The season in use, if it is another one than that of the frequency.

        Returns
        -------
        str
        """
        freq = wording().step(self.freq)
        season = season or self.season_length
        rows = f"{self.min_length:,}"
        if self.max_length != self.min_length:
            rows += f" to {self.max_length:,}"
        kinds = {"known future": self.futr_exog, "historic": self.hist_exog}
        kinds["static"] = self.stat_exog
        columns = [f"{kind}: {', '.join(_in_short(n))}" for kind, n in kinds.items() if n]
        return (
            f"{self.n_series:,} series of {rows} rows, {frequency_in_words(freq)}, "
            f"{season_in_words(season, freq)}, {self.size.value}; "
            f"{'; '.join(columns) or 'no exogenous columns'}"
        )


def analyse_dataset(
    df: pd.DataFrame,
    *,
    freq: str | int | None = None,
    futr_exog: Sequence[str] = (),
    hist_exog: Sequence[str] = (),
    static_df: pd.DataFrame | None = None,
    stat_exog: Sequence[str] | None = None,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> DatasetProfile:
    """Compute the profile of a valid dataset.

    Parameters
    ----------
    df : pandas.DataFrame
        Long frame, one row per series and time.
    freq : str or int, optional
        Step between rows; inferred if not given.
    futr_exog, hist_exog : sequence of str
        Columns of `df` whose future values are known, and columns known only for the past.
    static_df : pandas.DataFrame, optional
        One row of features per series.
    stat_exog : sequence of str, optional
        Columns of `static_df`; all of them by default.
    id_col, time_col, target_col : str
        Column names of the series ids, times and values.

    Returns
    -------
    DatasetProfile

    Raises
    ------
    InvalidInputError
        If a column is missing, no row has both an id and a time, or the frequency is unknown or
        can't be inferred.

    Examples
    --------
    >>> times = pd.date_range("2020-01-01", periods=48, freq="h")
    >>> profile = analyse_dataset(pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0}))
    >>> profile.freq, profile.season_length, profile.size.value
    ('h', 24, 'small')
    """
    columns = (id_col, time_col, target_col)
    df, static_df = as_pandas(df), as_pandas(static_df)
    panel = _panel(df, columns)
    step = infer_panel_frequency(panel, time_col) if freq is None else freq
    parse_frequency(step)
    static = stat_exog if stat_exog is not None else _static_columns(static_df, id_col)
    return profile_of(df, panel, step, (futr_exog, hist_exog, static), columns)


def profile_of(
    df: pd.DataFrame,
    panel: Panel,
    freq: str | int,
    exogenous: tuple[Sequence[str], Sequence[str], Sequence[str]],
    columns: tuple[str, str, str] = ("unique_id", "ds", "y"),
) -> DatasetProfile:
    """Compute the profile of a dataset whose panel and frequency are known.

    Parameters
    ----------
    df : pandas.DataFrame
        Long frame.
    panel : Panel
        Its rows that have an id and a time.
    freq : str or int
        Step between rows.
    exogenous : tuple
        Exogenous columns known ahead, known only for the past, and static.
    columns : tuple of str
        Column names of the series ids, times and values.

    Returns
    -------
    DatasetProfile
    """
    futr_exog, hist_exog, static = exogenous
    known = {*columns, *futr_exog, *hist_exog, MASK, WEIGHT}
    target = _numbers(df[columns[2]])
    if MASK in df.columns:
        target = target[df[MASK].to_numpy(dtype=float, na_value=1.0) != 0]
    return DatasetProfile(
        n_rows=len(panel.codes),
        n_series=len(panel.ids),
        min_length=int(panel.lengths.min()),
        max_length=int(panel.lengths.max()),
        median_length=float(np.median(panel.lengths)),
        freq=freq,
        season_length=season_length(freq),
        futr_exog=tuple(map(str, futr_exog)),
        hist_exog=tuple(map(str, hist_exog)),
        stat_exog=tuple(map(str, static)),
        unused_columns=tuple(str(column) for column in df.columns if column not in known),
        size=dataset_size(len(panel.codes)),
        has_zeros=bool((target == 0).any()),
        has_negatives=bool((target < 0).any()),
        lengths=panel.lengths,
    )


def _in_short(names: Sequence[str]) -> list[str]:
    """Return names of columns, those of the calendar once for each part.

    Examples
    --------
    >>> _in_short(["price", "calendar_month_sin1", "calendar_month_cos1"])
    ['price', 'calendar_month']
    """
    parts = ("_".join(n.split("_")[:2]) if is_calendar(n) and n[-1].isdigit() else n for n in names)
    return list(dict.fromkeys(parts))


def dataset_size(n_rows: int) -> DatasetSize:
    """Return the size class of a dataset.

    Parameters
    ----------
    n_rows : int
        Total rows of all series.

    Returns
    -------
    DatasetSize
        SMALL below `SMALL_ROWS`, LARGE from `LARGE_ROWS` upwards.

    Examples
    --------
    >>> [dataset_size(n).value for n in (9_999, 10_000, 999_999, 1_000_000)]
    ['small', 'medium', 'medium', 'large']
    """
    if n_rows < SMALL_ROWS:
        return DatasetSize.SMALL
    return DatasetSize.MEDIUM if n_rows < LARGE_ROWS else DatasetSize.LARGE


def _panel(df: pd.DataFrame, columns: tuple[str, str, str]) -> Panel:
    """Return the panel of the rows that have an id and a time."""
    missing = [column for column in columns if column not in df.columns]
    if missing:
        raise InvalidInputError(
            f"column {missing[0]!r} is missing, found {list(map(str, df.columns))}; rename the "
            f'right one, e.g. df.rename(columns={{"old": "{missing[0]}"}})'
        )
    panel = Panel.of(df[columns[0]], df[columns[1]]).complete()
    if not len(panel.codes):
        raise InvalidInputError(
            f"df has no row with both {columns[0]!r} and {columns[1]!r}; pass at least one series"
        )
    return panel


def _numbers(column: pd.Series) -> npt.NDArray[Any]:
    """Return the target as numbers."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise InvalidInputError(
            f"column {column.name!r} must hold numbers, found {column.dtype}; convert it: "
            f'df["{column.name}"] = pd.to_numeric(df["{column.name}"])'
        )
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=float, na_value=np.nan)


def _static_columns(static_df: pd.DataFrame | None, id_col: str) -> list[str]:
    """Return the feature columns of the static frame."""
    return [] if static_df is None else [str(c) for c in static_df.columns if c != id_col]
