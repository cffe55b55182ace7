"""`DataValidator`: all checks of a dataset, as methods of one class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from automodel_sk.arguments.other_frames import as_pandas
from automodel_sk.data.times.steps import parse_frequency
from automodel_sk.validation.data.checked import CheckedData, check_data, known_frequency
from automodel_sk.validation.data.exogenous import Exogenous, check_future
from automodel_sk.validation.data.lengths import check_lengths, checked_whole_number
from automodel_sk.validation.data.rows import read_panel
from automodel_sk.validation.data.structure import Names, check_columns, is_frame
from automodel_sk.validation.result import Findings, ValidationResult, never_raises

__all__ = ["DataValidator"]

_UNREADABLE = (
    "df can't be checked; pass a plain pandas DataFrame with columns unique_id, ds and y,"
    " frames as static_df and futr_df, and whole numbers as sizes"
)


@dataclass(frozen=True)
class DataValidator:
    """Find the errors in a dataset and say how to fix them.

    Parameters
    ----------
    strict_mode : bool
        Whether warnings count as errors.
    id_col, time_col, target_col : str
        Column names of the series ids, times and values.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 4, 5], "y": [1.0, 2.0, 0.5, 3.0]})
    >>> result = DataValidator().validate_dataset(frame)
    >>> result.is_valid
    True
    >>> print(result.warnings[0])
    column 'ds' lacks 1 time at freq=1 in 1 series, first in series 'a' from 2 to 4; fill ...
    """

    strict_mode: bool = False
    id_col: str = "unique_id"
    time_col: str = "ds"
    target_col: str = "y"

    @never_raises(_UNREADABLE)
    def validate_dataset(
        self,
        df: Any,
        *,
        freq: Any = None,
        h: Any = None,
        input_size: Any = None,
        val_size: Any = None,
        n_windows: Any = None,
        joint: bool = False,
        categories: Sequence[str] = (),
        futr_exog: Sequence[str] = (),
        hist_exog: Sequence[str] = (),
        static_df: Any = None,
        stat_exog: Sequence[str] = (),
        futr_df: Any = None,
    ) -> ValidationResult:
        """Validate a long frame and its exogenous data; never raises.

        Parameters
        ----------
        df : pandas.DataFrame
            One row per series and time.
        freq : str or int, optional
            The step between rows; inferred if not given.
        h : int, optional
            Forecast horizon; lengths and `futr_df` are checked against it.
        input_size : int, optional
            The largest number of past steps a model takes as input.
        val_size : int, optional
            Steps at the end of each series held out for validation, 0 for none; `h` by default.
        n_windows : int, optional
            Number of windows in these steps, for messages.
        joint : bool
            Whether the model takes all series at once, so that they should end together.
        categories : sequence of str
            Exogenous columns that may hold text because the model treats them as categorical.
        futr_exog, hist_exog, stat_exog : sequence of str
            Columns with known future values, columns known only for the past, columns of
            `static_df`.
        static_df : pandas.DataFrame, optional
            Static features, one row per series.
        futr_df : pandas.DataFrame, optional
            Values of `futr_exog` for the `h` steps after the end of each series.

        Returns
        -------
        ValidationResult

        Examples
        --------
        >>> DataValidator().validate_dataset(None).errors
        ["df must be a pandas DataFrame, got None; pass a frame with columns 'unique_id', ..."]
        """
        findings = Findings()
        df, static_df, futr_df = map(as_pandas, (df, static_df, futr_df))
        sizes = _Sizes.read(h, input_size, val_size, findings)
        data = check_data(
            df,
            names=self._names,
            freq=freq,
            h=sizes.h,
            futr_exog=futr_exog,
            hist_exog=hist_exog,
            static_df=static_df,
            stat_exog=stat_exog,
            categories=categories,
            findings=findings,
        )
        findings = data.for_model(
            sizes.h,
            input_size=sizes.input_size,
            val_size=sizes.val_size,
            n_windows=n_windows,
            joint=joint,
            futr_df=futr_df,
        )
        return findings.result(self.strict_mode)

    @never_raises(_UNREADABLE)
    def validate_for_model(
        self, check: Callable[[], CheckedData], h: Any, **needs: Any
    ) -> ValidationResult:
        """Return the findings about data that may be checked already, and those of one model.

        Parameters
        ----------
        check : callable
            Returns the checked data; what it raises becomes a finding.
        h : object
            Forecast horizon; ignored if it is unusable, which the check of the data reports.
        **needs
            What the model needs, as in `CheckedData.for_model`.

        Returns
        -------
        ValidationResult
        """
        steps = checked_whole_number(h, "h", 1, Findings())
        return check().for_model(steps, **needs).result(self.strict_mode)

    @never_raises(_UNREADABLE)
    def validate_horizon(
        self, df: Any, h: Any, *, input_size: Any = None, val_size: Any = None
    ) -> ValidationResult:
        """Check that the series are long enough for a horizon; never raises.

        At least one series must be; a warning names those that are too short.

        Parameters
        ----------
        df : pandas.DataFrame
            One row per series and time.
        h : int
            Steps to forecast, at least 1.
        input_size, val_size : int, optional
            As in `validate_dataset`.

        Returns
        -------
        ValidationResult

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3], "y": [1.0, 2.0, 3.0]})
        >>> DataValidator().validate_horizon(frame, h=1).errors
        []
        >>> DataValidator().validate_horizon(frame, h=2).errors
        ["h=2 holds out 2 rows at the end of each series for validation, and needs at least ..."]
        """
        findings, names, df = Findings(), self._names, as_pandas(df)
        if h is None:
            findings.error("h must be a whole number of at least 1, got None; try h=12")
        sizes = _Sizes.read(h, input_size, val_size, findings)
        if is_frame(df, "df", findings) and check_columns(df, names, findings):
            panel = read_panel(df, names, findings)
            if panel is not None:
                check_lengths(panel, sizes.h, sizes.input_size, sizes.val_size, findings)
        return findings.result(self.strict_mode)

    @never_raises(_UNREADABLE)
    def validate_future(
        self,
        df: Any,
        futr_df: Any,
        h: Any,
        *,
        futr_exog: Sequence[str] = (),
        freq: Any = None,
        categories: Sequence[str] = (),
    ) -> ValidationResult:
        """Check that a future frame holds the next rows of each series; never raises.

        Parameters
        ----------
        df : pandas.DataFrame
            At least the last row of each series; the target is ignored.
        futr_df : pandas.DataFrame
            Values of `futr_exog` for the `h` steps after the end of each series.
        h : int
            Forecast horizon.
        futr_exog : sequence of str
            Columns that must exist.
        freq : str or int, optional
            The step between rows; if not given, the times are not checked against the ends of the
            series.
        categories : sequence of str
            As in `validate_dataset`.

        Returns
        -------
        ValidationResult

        Examples
        --------
        >>> import pandas as pd
        >>> df = pd.DataFrame({"unique_id": ["a"], "ds": [3], "y": [1.0]})
        >>> futr_df = pd.DataFrame({"unique_id": ["a"], "ds": [5], "price": [2.0]})
        >>> DataValidator().validate_future(df, futr_df, 1, futr_exog=["price"], freq=1).errors
        ["futr_df lacks 1 row in 1 series, first series 'a' at 4; it needs each of ..."]
        """
        findings, names = Findings(), self._names
        df, futr_df = as_pandas(df), as_pandas(futr_df)
        steps = checked_whole_number(h, "h", 1, findings)
        exogenous = Exogenous.read(futr_exog, (), (), findings, categories)
        freq = known_frequency(freq, findings)
        panel = read_panel(df, names, findings) if is_frame(df, "df", findings) else None
        if panel is not None:
            step = None if freq is None else parse_frequency(freq)
            check_future(futr_df, exogenous, panel.complete(), steps, step, names, findings)
        return findings.result(self.strict_mode)

    @property
    def _names(self) -> Names:
        return Names(self.id_col, self.time_col, self.target_col)


@dataclass(frozen=True)
class _Sizes:
    """The step counts that series lengths are checked against."""

    h: int | None
    input_size: int | None
    val_size: int | None

    @classmethod
    def read(cls, h: Any, input_size: Any, val_size: Any, findings: Findings) -> _Sizes:
        """Read the step counts, with an error for each that is invalid."""
        return cls(
            checked_whole_number(h, "h", 1, findings),
            checked_whole_number(input_size, "input_size", 1, findings),
            checked_whole_number(val_size, "val_size", 0, findings),
        )
