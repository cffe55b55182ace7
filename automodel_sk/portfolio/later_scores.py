"""Errors of members and ensemble on rows that came after training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from automodel_sk.data.baselines import BASELINE_COLUMN
from automodel_sk.data.wording import wording
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.forecasting.series_traits import series_scales

__all__ = ["leaderboard_on", "with_later_scores"]

Array = npt.NDArray[np.float64]
_KEYS = ["unique_id", "ds"]


def leaderboard_on(
    forecasts: pd.DataFrame, test: pd.DataFrame, train: pd.DataFrame, season: int
) -> pd.DataFrame:
    """Return the errors of several forecasts on rows that came later.

    Parameters
    ----------
    forecasts : DataFrame
        Columns `unique_id`, `ds` and one per member, from the end of training.
    test : DataFrame
        Columns `unique_id`, `ds` and `y`, in any order: the rows that were forecast, of every
        series. Rows whose `y` is NaN do not count; a series may end before its forecast does.
    train : DataFrame
        Columns `unique_id`, `ds` and `y`, sorted: the data that the members were trained on, for
        the scale of MASE.
    season : int
        Steps of one season.

    Returns
    -------
    DataFrame
        Columns `member`, `mae`, `rmse` and `smape` (over all rows, the last from 0 to 1) and `mase`
        (each series has the same weight); sorted by `mase`.

    Raises
    ------
    InvalidInputError
        If a column is missing, a row is there twice, rows were not forecast, or rows of a series
        are missing.

    Examples
    --------
    >>> train = pd.DataFrame({"unique_id": "a", "ds": [1, 2, 3], "y": [1.0, 3.0, 5.0]})
    >>> test = pd.DataFrame({"unique_id": "a", "ds": [4, 5], "y": [7.0, 9.0]})
    >>> forecasts = test.drop(columns="y").assign(Naive=5.0, RWD=[7.0, 8.0])
    >>> leaderboard_on(forecasts, test, train, season=1)
      member  mae      rmse  mase     smape
    0    RWD  0.5  0.707107  0.25  0.029412
    1  Naive  3.0  3.162278  1.50  0.226190
    """
    joined = _joined(forecasts, test)
    members = [str(name) for name in forecasts if name not in _KEYS]
    ids, scales = series_scales(train["unique_id"].to_numpy(), train["y"].to_numpy(float), season)
    scale = np.asarray(joined["unique_id"].map(pd.Series(scales, index=ids)), dtype=np.float64)
    rows = [{"member": name, **_errors(joined, name, scale)} for name in members]
    return pd.DataFrame(rows).sort_values(["mase", "member"], ignore_index=True)


def _errors(joined: pd.DataFrame, name: str, scale: Array) -> dict[str, float]:
    y, forecast = joined["y"].to_numpy(float), joined[name].to_numpy(float)
    sizes = np.abs(forecast - y)
    whole = np.abs(y) + np.abs(forecast)
    scaled = pd.Series(sizes / scale).groupby(joined["unique_id"].to_numpy()).mean()
    return {
        "mae": float(sizes.mean()),
        "rmse": float(np.sqrt((sizes**2).mean())),
        "mase": float("nan") if np.isnan(forecast).any() else float(scaled.mean()),
        "smape": float((sizes / np.where(whole == 0, 1, whole)).mean()),
    }


def _joined(forecasts: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts of the test's rows, with the observed values."""
    _check_columns(test)
    try:
        rows = forecasts.merge(test[[*_KEYS, "y"]], on=_KEYS, how="outer", indicator=True)
    except (TypeError, ValueError):  # ids or times of another kind
        kinds = [f"{name} {test[name].dtype} and {forecasts[name].dtype}" for name in _KEYS]
        raise InvalidInputError(
            f"the data to score and the forecasts are of other types ({', '.join(kinds)});"
            " convert the data, for example df['ds'] = pd.to_datetime(df['ds'])"
        ) from None
    scored = rows["_merge"] == "both"
    _check_were_forecast(rows[rows["_merge"] == "right_only"], forecasts)
    _check_complete(rows.assign(scored=scored).sort_values(_KEYS, kind="stable"))
    joined = rows[scored & rows["y"].notna()]
    if joined.empty:
        raise InvalidInputError("the data to score have no observed y; pass rows whose y is known")
    return joined


def _check_columns(test: pd.DataFrame) -> None:
    words = wording()
    absent = [name for name in (*_KEYS, "y") if name not in test]
    if absent:
        raise InvalidInputError(
            f"the data to score have no {words.column(absent[0])}, only {words.columns(test)};"
            " pass rows as in training, for example leaderboard(df[['unique_id', 'ds', 'y']])"
        )
    doubled = test.duplicated(_KEYS)
    if doubled.any():
        raise InvalidInputError(
            f"the data to score have {_place(test[doubled])} twice; keep one of them, for example"
            " df.drop_duplicates(['unique_id', 'ds'])"
        )


def _check_were_forecast(rows: pd.DataFrame, forecasts: pd.DataFrame) -> None:
    """Raise if there are rows that the members do not forecast."""
    if rows.empty:
        return
    series = rows["unique_id"].iloc[0]
    times = forecasts.loc[forecasts["unique_id"] == series, "ds"]
    words = wording()
    if times.empty:
        raise InvalidInputError(
            f"{words.series(series)} of the data to score is not one of the model's; leave it out,"
            " for example df[df['unique_id'].isin(train['unique_id'])]"
        )
    first, last = words.time(series, times.min()), words.time(series, times.max())
    raise InvalidInputError(
        f"the data to score have {_place(rows)}, which is not forecast: forecasts run from {first}"
        f" to {last}; leave out other rows"
    )


def _check_complete(rows: pd.DataFrame) -> None:
    """Raise if a series has no rows to score, or lacks one before its last."""
    scored = rows["scored"]
    later = scored[::-1].groupby(rows["unique_id"][::-1], observed=True).cummax()[::-1]
    some = scored.groupby(rows["unique_id"], observed=True).transform("any")
    for lacking, what in ((rows[~some], "nothing of"), (rows[later & ~scored], "no row for")):
        if len(lacking):
            place = _place(lacking) if what == "no row for" else _series(lacking)
            raise InvalidInputError(
                f"the data to score have {what} {place}; add the rows, with a y of NaN where"
                " nothing was observed"
            )


def _series(rows: pd.DataFrame) -> str:
    """Return the name of the first series, and the number of others."""
    ids = rows["unique_id"].unique()
    others = f" and {len(ids) - 1} others" if len(ids) > 1 else ""
    return wording().series(ids[0]) + others


def _place(rows: pd.DataFrame) -> str:
    """Name the first row."""
    series, time = rows["unique_id"].iloc[0], rows["ds"].iloc[0]
    return f"{wording().series(series)} at {wording().time(series, time)}"


def with_later_scores(table: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Add the errors on later rows to a leaderboard, and sort by them.

    Parameters
    ----------
    table : DataFrame
        From `leaderboard`.
    later : DataFrame
        From `leaderboard_on`, its members by the names in the column `member` of `table`, and
        baselines by those of their models.

    Returns
    -------
    DataFrame
        With the columns `mae`, `rmse`, `mase`, `smape` and `skill_later` (1 - mase / mase of
        SeasonalNaive, where it is among them); NaN for candidates that are not members.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"model": ["AutoEnsemble", "NHITS", "SeasonalNaive"],
    ...      "member": ["AutoEnsemble", None, None],
    ...      "family": ["ensemble", "neural", "naive"], "score": [1.0, 2.0, 3.0]}
    ... )
    >>> errors = {"mae": [4.0, 5.0], "rmse": 1.0, "mase": [0.5, 1.0], "smape": 0.1}
    >>> later = pd.DataFrame({"member": ["AutoEnsemble", "SeasonalNaive"], **errors})
    >>> with_later_scores(table, later)[["model", "score", "mase", "skill_later"]]
               model  score  mase  skill_later
    0   AutoEnsemble    1.0   0.5          0.5
    1  SeasonalNaive    3.0   1.0          0.0
    2          NHITS    2.0   NaN          NaN
    """
    baseline = later.loc[later["member"] == BASELINE_COLUMN, "mase"].min()
    skill = 1 - later["mase"] / baseline if baseline > 0 else np.nan
    # Baselines have no configuration, so that their model's name tells which candidate it is.
    known = table["member"].where(table["family"] != "naive", table["model"])
    merged = table.assign(_name=known).merge(
        later.assign(skill_later=skill).rename(columns={"member": "_name"}), on="_name", how="left"
    )
    order = merged.sort_values(["mase", "score"], kind="stable", ignore_index=True)
    return order.drop(columns="_name")
