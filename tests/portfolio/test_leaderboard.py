"""The leaderboard, and the errors on rows that came later."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from automodel_sk.data.held_out import hold_out
from automodel_sk.exceptions import InvalidInputError
from automodel_sk.metrics import Forecast, resolve_metric
from automodel_sk.portfolio.candidates import Candidate, choose_among, member_labels
from automodel_sk.portfolio.combiners import ScaledErrors
from automodel_sk.portfolio.later_scores import leaderboard_on, with_later_scores
from automodel_sk.portfolio.leaderboard import LEADERBOARD_COLUMNS, leaderboard
from automodel_sk.portfolio.window_errors import errors_by
from automodel_sk.training.objective import make_objective

ERRORS_OF = ScaledErrors(np.zeros((3, 2, 2)), np.ones(3))


def _candidate(number: int, name: str, family: str, *values: float, **given) -> Candidate:
    """Return a candidate that is wrong by these values in the first and the second window."""
    forecasts = np.tile(np.reshape(values, (1, 2, 1)), (3, 1, 2)).astype(np.float32)
    errors = ERRORS_OF(forecasts)
    return Candidate(number, name, family, forecasts=forecasts, errors=errors, **given)


@pytest.fixture
def candidates() -> list[Candidate]:
    return [
        _candidate(0, "SeasonalNaive", "naive", 4.5, 4.5, seconds=0.5),
        _candidate(1, "NHITS", "neural", 2.0, 3.0, seconds=10.0, config={"lr": np.float64(0.1)}),
        _candidate(2, "NHITS", "neural", -2.0, -2.5, seconds=20.0, n_fallbacks=1, reason="slow"),
        Candidate(3, "TFT", "neural", "FAIL", reason="out of memory", config={"sizes": (1, 2)}),
        _candidate(4, "MLP", "neural", 5.0, 6.0, seconds=3.0),
    ]


def test_the_leaderboard_shows_every_candidate_beside_the_ensemble(candidates: list[Candidate]):
    combination = choose_among(candidates, ERRORS_OF, allowed="mean")
    table = leaderboard(candidates, combination)
    named = table.set_index(table["model"] + table["trial"].fillna(-1).astype(str))
    assert combination.weights == {2: 0.5, 1: 0.5}
    assert list(table["model"]) == ["AutoEnsemble", "NHITS", "NHITS", "SeasonalNaive", "MLP", "TFT"]
    assert table["score"].tolist()[:5] == [pytest.approx(0.125), 2.25, 2.5, 4.5, 5.5]
    assert np.isnan(named.loc["TFT3", "score"])
    assert named.loc["AutoEnsemble-1", ["score_1", "score_2"]].tolist() == [0.0, 0.25]
    assert named.loc["NHITS1", ["score_1", "score_2"]].tolist() == [2.0, 3.0]
    assert named.loc["NHITS2", "skill"] == pytest.approx(1 - 2.25 / 4.5)
    assert named.loc["AutoEnsemble-1", "seconds"] == 30.0
    assert named.loc["NHITS2", ["weight", "fallbacks", "reason"]].tolist() == [0.5, 1, "slow"]
    assert named.loc["MLP4", "weight"] == 0.0
    assert named.loc["NHITS2", "member"] == "NHITS"
    assert named.loc["NHITS1", "member"] == "NHITS-2"
    assert named.loc["TFT3", ["state", "reason"]].tolist() == ["FAIL", "out of memory"]


def test_the_columns_are_those_documented(candidates: list[Candidate]):
    table = leaderboard(candidates, choose_among(candidates, ERRORS_OF))
    assert [name for name in table if name != "score_2"] == list(LEADERBOARD_COLUMNS)
    assert table["trial"].dtype == "Int64"
    json.dumps(table["params"].tolist(), allow_nan=False)
    assert {"lr": 0.1} in table["params"].tolist()


def test_a_leaderboard_without_an_ensemble_or_without_scores(candidates: list[Candidate]):
    table = leaderboard(candidates)
    assert "AutoEnsemble" not in set(table["model"])
    assert table["weight"].tolist() == [0.0] * 5
    failed = leaderboard([candidates[3]])
    assert failed["score"].isna().all()
    assert failed["skill"].isna().all()
    assert len(leaderboard([])) == 0


def test_pruned_candidates_are_no_members(candidates: list[Candidate]):
    good = _candidate(9, "PatchTST", "neural", 0.1, 0.1, state="PRUNED")
    combination = choose_among([*candidates, good], ERRORS_OF)
    assert 5 not in combination.weights
    assert set(member_labels([*candidates, good], combination)) == set(combination.weights)


def test_a_state_that_does_not_exist_is_refused():
    with pytest.raises(InvalidInputError, match="state must be one of COMPLETE, PRUNED, FAIL"):
        Candidate(0, "NHITS", "neural", "RUNNING")


# Rows that came later.

TRAIN = pd.DataFrame(
    {"unique_id": ["a"] * 4 + ["b"] * 4, "ds": [1, 2, 3, 4] * 2, "y": [0, 1, 2, 3, 0, 10, 20, 30.0]}
)
TEST = pd.DataFrame(
    {"unique_id": ["a", "a", "b", "b"], "ds": [5, 6, 5, 6], "y": [4.0, 5.0, 40.0, 50.0]}
)
FORECASTS = TEST[["unique_id", "ds"]].assign(
    AutoEnsemble=[4.0, 5.0, 30.0, 50.0], SeasonalNaive=[3.0, 3.0, 30.0, 30.0]
)


def test_errors_on_later_rows_have_these_values():
    table = leaderboard_on(FORECASTS, TEST, TRAIN, season=1).set_index("member")
    assert list(table.index) == ["AutoEnsemble", "SeasonalNaive"]
    assert table.loc["AutoEnsemble", "mae"] == pytest.approx(10 / 4)
    assert table.loc["AutoEnsemble", "rmse"] == pytest.approx(5.0)
    # The scales are 1 and 10: series a has 0, series b half a step.
    assert table.loc["AutoEnsemble", "mase"] == pytest.approx((0 + 0.5) / 2)
    assert table.loc["AutoEnsemble", "smape"] == pytest.approx(10 / 70 / 4)
    assert table.loc["SeasonalNaive", "mase"] == pytest.approx(1.5)


def test_each_series_has_the_same_weight_in_mase():
    part = leaderboard_on(FORECASTS, TEST.drop(index=1), TRAIN, season=1).set_index("member")
    assert part.loc["SeasonalNaive", "mase"] == pytest.approx((1.0 + 1.5) / 2)


def test_the_order_of_rows_does_not_matter_and_unobserved_ones_do_not_count():
    test = TEST.assign(y=[4.0, np.nan, 40.0, 50.0])
    expected = leaderboard_on(FORECASTS, TEST.drop(index=1), TRAIN, season=1)
    pd.testing.assert_frame_equal(
        leaderboard_on(FORECASTS.iloc[::-1], test.iloc[[2, 0, 3, 1]], TRAIN, season=1), expected
    )


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (TEST.rename(columns={"y": "sales"}), "have no column 'y', only"),
        (pd.concat([TEST, TEST.iloc[:1]]), "series 'a' at 5 twice"),
        (TEST.assign(unique_id=["a", "a", "c", "c"]), "series 'c' of the data to score is not one"),
        (TEST.assign(ds=[5, 7, 5, 6]), "series 'a' at 7, which is not forecast: .* from 5 to 6"),
        (TEST.assign(ds=[4, 5, 5, 6]), "series 'a' at 4, which is not forecast"),
        (TEST.iloc[:2], "nothing of series 'b'"),
        (TEST.drop(index=0), "no row for series 'a' at 5"),
        (TEST.assign(y=np.nan), "no observed y"),
        (TEST.assign(ds=pd.Timestamp("2020")).drop(index=[1, 3]), "are of other types"),
    ],
)
def test_data_that_do_not_fit_are_refused(test: pd.DataFrame, message: str):
    with pytest.raises(InvalidInputError, match=message):
        leaderboard_on(FORECASTS, test, TRAIN, season=1)


def test_later_scores_stand_beside_the_others(candidates: list[Candidate]):
    combination = choose_among(candidates, ERRORS_OF, allowed="mean")
    later = leaderboard_on(FORECASTS.assign(NHITS=0.0), TEST, TRAIN, season=1)
    table = with_later_scores(leaderboard(candidates, combination), later)
    assert len(table) == 6
    known = table.dropna(subset="mase")
    assert known["model"].tolist() == ["AutoEnsemble", "SeasonalNaive", "NHITS"]
    assert known["member"].tolist()[0::2] == ["AutoEnsemble", "NHITS"]
    assert known["skill_later"].tolist()[:2] == [pytest.approx(1 - 0.25 / 1.5), 0.0]


# Errors by the metric of a search.


@pytest.mark.parametrize("metric", ["mase", "mae", "rmse", "rmsse", "smape"])
def test_errors_are_those_of_the_objective(metric: str):
    rng = np.random.default_rng(0)
    rows = pd.MultiIndex.from_product([list("abc"), range(12)], names=["unique_id", "ds"])
    df = rows.to_frame(index=False).assign(y=rng.normal(size=36))
    objective = make_objective(resolve_metric(metric, season=2), hold_out(df, 2, 2), df)
    forecasts = rng.normal(size=(3, 2, 2)).astype(np.float32)
    expected = objective.by_window(Forecast(forecasts.ravel().astype(float), {}))
    assert errors_by(objective)(forecasts).ravel() == pytest.approx(expected, rel=1e-5)


def test_a_series_that_repeats_itself_does_not_spoil_the_errors_of_others():
    df = pd.DataFrame({"unique_id": ["a"] * 5 + ["b"] * 5, "ds": [*range(5)] * 2, "y": 7.0})
    df.loc[:4, "y"] = [0.0, 1.0, 2.0, 3.0, 4.0]
    for metric, error in (("mase", 3.0), ("rmsse", 3.0)):
        objective = make_objective(resolve_metric(metric), hold_out(df, 1), df)
        errors = errors_by(objective)(np.full((2, 1, 1), 7.0, dtype=np.float32))
        assert errors[0, 0] == pytest.approx(error)
        assert np.isnan(errors[1, 0])
