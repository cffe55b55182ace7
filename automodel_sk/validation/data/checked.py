"""Check a dataset once, for any number of models that may forecast it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from automodel_sk.data.joint import uneven_ends
from automodel_sk.data.panel import BoolArray, Panel
from automodel_sk.data.times.steps import parse_frequency, plain_frequency
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.validation.data.exogenous import (
    Exogenous,
    check_future,
    check_static,
    check_temporal,
)
from automodel_sk.validation.data.lengths import check_lengths, checked_whole_number
from automodel_sk.validation.data.observed import check_unobserved, check_weights, observed_rows
from automodel_sk.validation.data.rows import check_keys, check_rows, read_panel
from automodel_sk.validation.data.structure import Names, check_columns, is_frame
from automodel_sk.validation.data.values import (
    check_constant,
    check_finite,
    check_resolution,
    read_numbers,
)
from automodel_sk.validation.result import Findings

__all__ = ["CheckedData", "check_data", "known_frequency"]


@dataclass(frozen=True)
class CheckedData:
    """A dataset and what was found in it that holds for every model.

    Parameters
    ----------
    findings : Findings
        What was found; `for_model` adds to a copy.
    names : Names
        The frame's columns of series, times and values.
    exogenous : Exogenous
        The exogenous columns by kind.
    panel : Panel, optional
        The rows that have a series and a time; None if they can't be read.
    freq : str or int, optional
        The given or inferred frequency; None if no frequency fits.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": "a", "ds": range(9), "y": np.arange(9.0)})
    >>> data = check_data(frame, h=4)
    >>> data.findings.errors, data.freq
    ([], 1)
    >>> data.for_model(4, input_size=8).errors
    []
    >>> data.for_model(4, val_size=8).errors
    ["h=4 and val_size=8 holds out 8 rows at the end of each series for validation, and ..."]
    """

    findings: Findings
    names: Names
    exogenous: Exogenous
    panel: Panel | None = None
    freq: str | int | None = None

    def for_model(
        self,
        h: int | None,
        *,
        input_size: int | None = None,
        val_size: int | None = None,
        n_windows: Any = None,
        joint: bool = False,
        is_padded: bool = True,
        futr_df: Any = None,
    ) -> Findings:
        """Return the findings with those of one model: lengths, common ends and future values."""
        findings = self.findings.copy()
        if self.panel is None:
            return findings
        if joint:
            _check_ends(self.panel, findings)
        windows = checked_whole_number(n_windows, "n_windows", 1, findings) or 1
        check_lengths(self.panel, h, input_size, val_size, findings, windows, is_padded)
        step = None if self.freq is None else parse_frequency(self.freq)
        check_future(futr_df, self.exogenous, self.panel, h, step, self.names, findings)
        return findings


def check_data(
    df: Any,
    *,
    names: Names | None = None,
    freq: Any = None,
    h: int | None = None,
    futr_exog: Any = (),
    hist_exog: Any = (),
    static_df: Any = None,
    stat_exog: Any = (),
    categories: Sequence[str] = (),
    findings: Findings | None = None,
) -> CheckedData:
    """Check all of a dataset that does not depend on the model.

    Parameters
    ----------
    df : object
        The long frame.
    names : Names, optional
        Its columns of series, times and values.
    freq, futr_exog, hist_exog, static_df, stat_exog, categories
        As in `DataValidator.validate_dataset`.
    h : int, optional
        The horizon, if it is a usable number.
    findings : Findings, optional
        Collector with earlier findings.

    Returns
    -------
    CheckedData
    """
    findings, names = findings or Findings(), names or Names()
    exogenous = Exogenous.read(futr_exog, hist_exog, stat_exog, findings, categories)
    freq = known_frequency(freq, findings)
    if not is_frame(df, "df", findings) or not check_columns(df, names, findings):
        return CheckedData(findings, names, exogenous)
    panel = read_panel(df, names, findings)
    used = observed_rows(df, panel, findings)
    check_weights(df, panel, findings, used)
    _check_target(df, names.target, panel, used, findings)
    check_temporal(df, exogenous, panel, names, findings, used)
    check_static(static_df, exogenous, panel, names, findings)
    if panel is None:
        return CheckedData(findings, names, exogenous)
    check_keys(panel, names.said, findings)
    whole = panel.complete()
    step = check_rows(whole, freq, names.said, findings, h)
    return CheckedData(findings, names, exogenous, whole, step)


def known_frequency(freq: Any, findings: Findings) -> Any:
    """Return the frequency if pandas knows it; otherwise add an error and return None."""
    if freq is None:
        return None
    try:
        return plain_frequency(freq)
    except InvalidInputError as exc:
        findings.error(str(exc))
        return None


def _check_target(
    df: pd.DataFrame, target: str, panel: Panel | None, used: BoolArray | None, findings: Findings
) -> None:
    """Check the values to be forecast."""
    values = read_numbers(df[target], findings, is_target=True)
    if values is None:
        return
    check_finite(values, target, panel, findings, used=used)
    if panel is not None:
        check_constant(values, target, panel, findings, used)
        check_resolution(values, target, panel, findings, used)
        if used is not None:
            check_unobserved(values, target, panel, used, findings)


def _check_ends(panel: Panel, findings: Findings) -> None:
    """Warn about series that end at different times."""
    _, ranks = panel.in_order
    ends = panel.times[ranks[np.cumsum(panel.lengths) - 1]]
    warning = uneven_ends(panel.ids, ends)
    if warning is not None:
        findings.warn(warning)
