"""Read and check the data of a search once, for any number of models planned on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from automodel_sk.arguments.conversion import convert
from automodel_sk.data.analysis import DatasetProfile, profile_of
from automodel_sk.data.held_out import of_series
from automodel_sk.data.judged import JudgedData
from automodel_sk.data.panel import BoolArray
from automodel_sk.data.preparation import align_static, date_order, prepare_frame, read_times
from automodel_sk.data.treatment import Treatment, treated
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.options import OptimizationConfig
from automodel_sk.search.study.identity import data_digests, data_facts
from automodel_sk.validation.data.checked import CheckedData, check_data
from automodel_sk.validation.data.lengths import checked_whole_number
from automodel_sk.validation.result import Findings

__all__ = ["PreparedData", "SearchData", "prepare_data", "treatment_of"]


@dataclass(frozen=True)
class SearchData(JudgedData):
    """The rows that trials and the refit see, and what is known about them.

    Parameters
    ----------
    profile : DatasetProfile
        Characteristics of the data.
    **rows
        As for `JudgedData`.
    """

    profile: DatasetProfile

    @property
    def fingerprint(self) -> str:
        """Digest of the rows and the static values."""
        return self._digests[1]

    @cached_property
    def facts(self) -> dict[str, str]:
        """Facts that must be unchanged for a stopped search to resume."""
        return data_facts(self.frame, self.static_df, self._digests[0])

    @cached_property
    def _digests(self) -> tuple[str, str]:
        return data_digests(self.frame, self.static_df)


@dataclass(frozen=True)
class PreparedData:
    """The data of a call, read once; checked, analysed and prepared on first use, once.

    Parameters
    ----------
    dataset : object
        The long frame with its times read; `checked` reports what is no frame.
    h : int
        Forecast horizon.
    static_df : DataFrame, optional
        Static values, in any order.
    futr_exog, hist_exog, stat_exog : sequence of str
        Exogenous columns by kind.
    options : OptimizationConfig
        Its frequency, season and validation windows are used.
    date_order : {"day first", "month first"}, optional
        Order of day and month in the times, if they were text.
    """

    dataset: Any
    h: int
    static_df: Any = None
    futr_exog: Sequence[str] = ()
    hist_exog: Sequence[str] = ()
    stat_exog: Sequence[str] = ()
    options: OptimizationConfig = field(default_factory=OptimizationConfig)
    date_order: str | None = None
    _checks: dict[tuple[str, ...], CheckedData] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def checked(self, categories: tuple[str, ...] = ()) -> CheckedData:
        """Return the data with their findings; models with the same categories share the checks.

        Parameters
        ----------
        categories : tuple of str
            Exogenous columns that may hold text.
        """
        if categories not in self._checks:
            findings = Findings()
            self._checks[categories] = check_data(
                self.dataset,
                freq=self.options.freq,
                h=checked_whole_number(self.h, "h", 1, findings),
                futr_exog=self.futr_exog,
                hist_exog=self.hist_exog,
                static_df=self.static_df,
                stat_exog=self.stat_exog,
                categories=categories,
                findings=findings,
            )
        return self._checks[categories]

    @cached_property
    def profile(self) -> DatasetProfile:
        """Characteristics of the data, which must have been found valid.

        Raises
        ------
        InvalidInputError
            The rows or their frequency can't be read.
        """
        checked = next(iter(self._checks.values()), None) or self.checked()
        freq = checked.freq if self.options.freq is None else self.options.freq
        if checked.panel is None or freq is None:
            raise InvalidInputError("\n".join(checked.findings.errors))
        static = [] if self.static_df is None else list(self.static_df.columns)
        columns = list(self.stat_exog) or [str(name) for name in static if name != "unique_id"]
        exogenous = (self.futr_exog, self.hist_exog, columns)
        profile = profile_of(self.dataset, checked.panel, freq, exogenous)
        return replace(profile, date_order=self.date_order)

    def with_windows(self, n_windows: int) -> PreparedData:
        """Return the data with another number of validation windows, checked as they are."""
        other = replace(self, options=replace(self.options, n_windows=n_windows))
        other._checks.update(self._checks)
        return other

    def of_series(self, chosen: BoolArray) -> PreparedData:
        """Return some of the series, with the frequency and season of all.

        Parameters
        ----------
        chosen : array of bool, shape (n_series,)
            Which series, in the order of the prepared frame.
        """
        data = self.data
        options = replace(self.options, freq=data.profile.freq, season_length=data.season)
        static = None if data.static_df is None else data.static_df[chosen].reset_index(drop=True)
        return replace(
            self, dataset=of_series(data.frame, chosen), static_df=static, options=options
        )

    @cached_property
    def data(self) -> SearchData:
        """The prepared rows; they don't keep the frame and its checks in memory."""
        frame = prepare_frame(self.dataset, [*self.futr_exog, *self.hist_exog])
        options = self.options
        return SearchData(
            frame,
            self.h,
            self.profile,
            season=options.season_length or self.profile.season_length,
            static_df=align_static(self.static_df, frame, self.stat_exog),
            n_windows=options.n_windows or 1,
            step_size=options.step_size,
        )


def prepare_data(
    dataset: Any,
    h: int,
    options: OptimizationConfig,
    *,
    static_df: Any = None,
    futr_exog: Sequence[str] = (),
    hist_exog: Sequence[str] = (),
    stat_exog: Sequence[str] = (),
    categories: Sequence[str] = (),
) -> PreparedData:
    """Read the times of a dataset, fill gaps and add the calendar if the options ask for it.

    Everything else is done once, when it is asked for.

    Parameters
    ----------
    dataset : object
        The long frame.
    h : int
        Forecast horizon.
    options : OptimizationConfig
        Frequency, season and validation windows.
    static_df : DataFrame, optional
        Static values, in any order.
    futr_exog, hist_exog, stat_exog : sequence of str
        Exogenous columns by kind.
    categories : sequence of str
        Those whose numbers stand for categories, where the configuration names them.

    Returns
    -------
    PreparedData

    Examples
    --------
    >>> import pandas as pd
    >>> days = [f"{day:02d}.01.2024" for day in range(1, 31)]
    >>> df = pd.DataFrame({"unique_id": "a", "ds": days, "y": [1.0, 2.0] * 15})
    >>> prepared = prepare_data(df, 2, OptimizationConfig())
    >>> prepared.checked().findings.errors, prepared.profile.freq, prepared.date_order
    ([], 'D', 'day first')
    >>> prepared.data.frame["ds"].iloc[-1], prepared.data.windows.truth.tolist()
    (Timestamp('2024-01-30 00:00:00'), [[1.0, 2.0]])
    """
    frame, known_ahead = treated(
        read_times(dataset),
        futr_exog,
        freq=options.freq,
        fill_gaps=options.fill_gaps,
        calendar=convert(options.rules()["calendar"], options.calendar),
        holidays=options.holidays,
        categories=categories,
    )
    return PreparedData(
        frame,
        h,
        static_df,
        known_ahead,
        tuple(hist_exog),
        tuple(stat_exog),
        options,
        date_order(dataset),
    )


def treatment_of(options: OptimizationConfig, profile: DatasetProfile) -> Treatment:
    """Return what a model fitted to such data does to its data and its forecasts.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"unique_id": "a", "ds": range(30), "y": [1.0, 2.0] * 15})
    >>> options = OptimizationConfig(non_negative="auto")
    >>> treatment_of(options, prepare_data(df, 2, options).profile)
    Treatment(fill_gaps=None, non_negative=True, goes_by_data=True)
    """
    asked = options.non_negative
    goes_by_data = asked == "auto"
    treatment = Treatment(options.fill_gaps, not goes_by_data and bool(asked), goes_by_data)
    return treatment.trained_on(profile.has_negatives)
