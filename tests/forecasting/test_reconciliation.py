"""Forecasts of a hierarchy that add up: the map by hand-made matrices, then models and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from ensembles import LastTimes, data_of, ensemble_of

from automodel_sk import AutoEnsemble, AutoModel, create_auto_model
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError, ModelFileError
from automodel_sk.forecasting.hierarchy import bottom_up_rule, with_method
from automodel_sk.forecasting.reconciliation import METHODS, Reconciliation

pytest.importorskip("hierarchicalforecast")

# Named so that neither the sums nor the bottom series stand together in order.
IDS = ["a1", "all", "b1", "b2", "region_b"]
S = np.array([[1, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1], [0, 1, 1.0]])
BOTTOM = ["a1", "b1", "b2"]


def summing(order: Any = IDS, columns: Any = BOTTOM) -> pd.DataFrame:
    """Return the matrix as a frame, with rows and columns in some order."""
    table = pd.DataFrame(S, index=pd.Index(IDS, name="unique_id"), columns=BOTTOM)
    return table.loc[list(order), list(columns)].reset_index()


def reconciliation_of(
    S_df: Any, ids: Any, method: str, given: npt.NDArray[np.float64] | None = None
) -> Reconciliation:
    """Return the rule that makes the forecasts of some series coherent."""
    return with_method(bottom_up_rule(S_df, ids), method, given)


def errors(n: int = 12, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return errors of all series whose sizes differ and which are correlated."""
    rng = np.random.default_rng(seed)
    return S @ rng.normal(size=(3, n)) * 3 + rng.normal(size=(5, n)) * [[1], [4], [1], [2], [0.5]]


def by_formula(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return S (S' W^-1 S)^-1 S' W^-1, the textbook's form of the map."""
    inverse = np.linalg.inv(weights)
    return np.asarray(S @ np.linalg.solve(S.T @ inverse @ S, S.T @ inverse))


def shrunk(given: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the covariance shrunk towards its diagonal as Schaefer and Strimmer (2005) do."""
    n = given.shape[1]
    covariance = np.cov(given)
    sizes = np.sqrt(np.diag(covariance))
    unit = (given - given.mean(axis=1, keepdims=True)) / sizes[:, None]
    products = unit[:, None, :] * unit[None, :, :]
    variance = n / (n - 1) ** 3 * ((products - products.mean(-1, keepdims=True)) ** 2).sum(-1)
    correlation = products.sum(-1) / (n - 1)
    off = ~np.eye(len(given), dtype=bool)
    share = min(max(variance[off].sum() / (correlation[off] ** 2).sum(), 0), 1)
    return np.asarray(np.where(off, (1 - share) * covariance, covariance))


WEIGHTS = {
    "ols": lambda given: np.eye(5),
    "wls_struct": lambda given: np.diag(S.sum(axis=1)),
    "wls_var": lambda given: np.diag((given**2).mean(axis=1)),
    "mint_cov": np.cov,
    "mint_shrink": shrunk,
}


# The map


@pytest.mark.parametrize("method", sorted(WEIGHTS))
def test_the_map_is_the_one_of_the_formula(method: str):
    given, base = errors(), np.arange(1.0, 16.0).reshape(5, 3) ** 1.5
    expected = by_formula(WEIGHTS[method](given)) @ base
    rule = reconciliation_of(summing(), IDS, method, given)
    assert np.allclose(rule.applied(base), expected, rtol=1e-6)
    assert np.allclose(expected[1], expected[[0, 2, 3]].sum(axis=0))
    already = S @ base[:3]
    assert np.allclose(rule.applied(already), already, rtol=1e-6)


def test_ols_is_worked_out_by_hand():
    S_df = pd.DataFrame({"unique_id": ["sum", "x", "y"], "x": [1, 1, 0], "y": [1, 0, 1]})
    rule = reconciliation_of(S_df, ["sum", "x", "y"], "ols")
    # 10 is 3 more than 2 + 5: each of the three numbers gives way by one.
    assert np.allclose(rule.applied([10.0, 2.0, 5.0]), [9.0, 3.0, 6.0])
    rule = reconciliation_of(S_df, ["sum", "x", "y"], "wls_struct")
    # The sum has twice the variance and gives way twice as far: 3 = 1.5 + 0.75 + 0.75.
    assert np.allclose(rule.applied([10.0, 2.0, 5.0]), [8.5, 2.75, 5.75])


def test_mint_trusts_what_errs_less():
    S_df = pd.DataFrame({"unique_id": ["sum", "x", "y"], "x": [1, 1, 0], "y": [1, 0, 1]})
    sizes = np.sqrt([[1.0], [4.0], [1.0]])  # variances 1, 4 and 1
    given = sizes * np.array([[1, -1, 1, 1], [1, 1, -1, 1], [1, 1, 1, -1.0]])
    rule = reconciliation_of(S_df, ["sum", "x", "y"], "wls_var", given)
    assert np.allclose(rule.applied([10.0, 2.0, 5.0]), [9.5, 4.0, 5.5])


def test_bottom_up_keeps_the_bottom_series(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("automodel_sk.forecasting.hierarchy.find_spec", lambda name: None)
    rule = reconciliation_of(summing(), IDS, "bottom_up")
    assert rule.applied([1.0, 99.0, 2.0, 4.0, 99.0]).tolist() == [1.0, 7.0, 2.0, 4.0, 6.0]
    with pytest.raises(MissingDependencyError, match=r"pip install 'automodel_sk\[hierarchical\]'"):
        reconciliation_of(summing(), IDS, "ols")


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_and_columns_does_not_matter(method: str):
    base = np.arange(5.0)[:, None] ** 2
    first = reconciliation_of(summing(), IDS, method, errors()).applied(base)
    mixed = summing(["region_b", "b2", "all", "a1", "b1"], ["b2", "a1", "b1"])
    assert np.allclose(reconciliation_of(mixed, IDS, method, errors()).applied(base), first)


@pytest.mark.parametrize("method", ["wls_var", "mint_shrink", "mint_cov"])
@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_unit_of_the_target_does_not_matter(method: str, unit: float):
    base = np.arange(5.0)[:, None] ** 2
    first = reconciliation_of(summing(), IDS, method, errors()).applied(base)
    other = reconciliation_of(summing(), IDS, method, unit * errors())
    assert np.allclose(other.applied(unit * base), unit * first, rtol=1e-6)


def test_a_step_that_was_not_observed_does_not_count():
    given = errors()
    given[2, 3:5] = np.nan
    known = np.nanmean(given**2, axis=1)
    base = np.arange(5.0)[:, None] ** 2
    found = reconciliation_of(summing(), IDS, "wls_var", given).applied(base)
    assert np.allclose(found, by_formula(np.diag(known)) @ base, rtol=1e-6)
    shrunken = reconciliation_of(summing(), IDS, "mint_shrink", given).applied(base)
    assert np.isfinite(shrunken).all()
    assert np.allclose(shrunken[1], shrunken[[0, 2, 3]].sum(axis=0))


@pytest.mark.parametrize("method", ["wls_var", "mint_shrink"])
def test_a_series_that_is_always_right_keeps_its_forecast(method: str):
    given = errors()
    given[0] = 0.0
    base = np.array([3.0, 50.0, 7.0, 9.0, 20.0])
    found = reconciliation_of(summing(), IDS, method, given).applied(base)
    assert np.isclose(found[0], 3.0, atol=1e-4)
    assert np.isclose(found[1], found[[0, 2, 3]].sum())


def test_the_number_of_threads_stays():
    import sys

    import torch

    for name in ("hierarchicalforecast.utils", "hierarchicalforecast.methods"):
        sys.modules.pop(name, None)  # which sets the number when it is imported
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        reconciliation_of(summing(), IDS, "ols")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_sparse_matrix_of_the_library_is_read():
    utils = pytest.importorskip("hierarchicalforecast.utils")
    frame = pd.DataFrame(
        {
            "country": "c",
            "region": list("abb"),
            "shop": ["x", "y", "z"],
            "ds": 1,
            "y": [1.0, 2.0, 4.0],
        }
    )
    spec = [["country"], ["country", "region"], ["country", "region", "shop"]]
    Y_df, sparse, _ = utils.aggregate(frame, spec, sparse_s=True)
    _, dense, _ = utils.aggregate(frame, spec)
    ids = sorted(Y_df["unique_id"])
    assert ids == ["c", "c/a", "c/a/x", "c/b", "c/b/y", "c/b/z"]
    base = np.array([[10.0], [20.0], [1.0], [30.0], [2.0], [4.0]])
    for S_df in (sparse, dense, dense.set_index("unique_id")):
        found = reconciliation_of(S_df, ids, "bottom_up").applied(base)
        assert found.ravel().tolist() == [7.0, 1.0, 1.0, 6.0, 2.0, 4.0]


# What is refused


def changed(**cells: Any) -> pd.DataFrame:
    return summing().assign(**cells)


@pytest.mark.parametrize(
    ("S_df", "message"),
    [
        (summing(IDS[1:]), "S_df has no row of 1 of the model's series: 'a1'"),
        (
            pd.concat([summing(), summing(["all"]).replace("all", "c")]),
            "S_df has rows of 1 series that the model was not trained on: 'c'",
        ),
        (summing([*IDS, "b1"]), "S_df has two rows of 'b1'; drop one of them"),
        (changed(b3=0.0), "S_df has columns of 1 bottom series without a row: 'b3'"),
        (
            changed(b1=1.0),
            "the rows of the bottom series 'a1', 'b2' of S_df must be 1 in their own",
        ),
        (changed(b1=np.nan), "the rows of the bottom series 'a1', 'b1', 'b2' of S_df must be 1"),
        (changed(b1="x"), r"the columns \['b1'\] of S_df are no numbers; keep 'unique_id'"),
        (summing()[["unique_id"]], "S_df has no column of a bottom series"),
        (summing().rename(columns={"unique_id": "id"}), "S_df has no column 'unique_id'"),
    ],
)
def test_a_matrix_that_is_none_of_these_series_is_refused(S_df: pd.DataFrame, message: str):
    with pytest.raises(InvalidInputError, match=message):
        reconciliation_of(S_df, IDS, "bottom_up")


@pytest.mark.parametrize(
    ("given", "method", "message"),
    [
        (None, "mint_shrink", "'mint_shrink' needs errors of past .* try method='wls_struct'"),
        (errors(5), "mint_cov", "'mint_cov' needs 6 errors .* have 5; try method='mint_shrink'"),
        (errors(1), "wls_var", "'wls_var' needs 2 errors .* have 1; try method='wls_struct'"),
        (np.zeros((5, 9)), "mint_shrink", "errors of past forecasts are all zero"),
    ],
)
def test_errors_that_are_too_few_are_refused(given: Any, method: str, message: str):
    with pytest.raises(InvalidInputError, match=message):
        reconciliation_of(summing(), IDS, method, given)


# An ensemble of members whose forecasts can be worked out by hand


def panel(n: int = 24) -> pd.DataFrame:
    """Return three series and their sums, shuffled."""
    rng = np.random.default_rng(1)
    values = S @ (rng.normal(size=(3, n)).cumsum(axis=1) + np.array([[10.0], [20.0], [40.0]]))
    frame = pd.DataFrame(
        {"unique_id": np.repeat(IDS, n), "ds": 5 * list(range(n)), "y": values.ravel()}
    )
    return frame.sample(frac=1, random_state=3, ignore_index=True)


def hand_made(frame: pd.DataFrame, **options: Any) -> AutoEnsemble:
    """Return an ensemble that repeats the last value, times 1.02 for the sum of all."""

    class Biased(LastTimes):
        def predict(self, history: Any = None, **given: Any) -> Any:
            ids = (self.known if history is None else history)["unique_id"].unique()
            scale = np.where(ids == "all", 1.02, 1.0)[:, None]
            return (super().predict(history, **given) * scale).astype(np.float32)

    data = data_of(frame, h=2, n_windows=5)
    known = data.frame
    return ensemble_of(frame, data, [Biased(1.0, known, 2)], [1.0], **options)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return panel()


def wide(table: pd.DataFrame, column: str = "AutoEnsemble") -> npt.NDArray[np.float64]:
    """Return forecasts as an array of series by step."""
    return table.sort_values(["unique_id", "ds"])[column].to_numpy().reshape(5, -1)


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_forecasts_what_the_map_gives(frame: pd.DataFrame, method: str):
    ensemble = hand_made(frame)
    base = wide(ensemble.predict())
    record = ensemble.state.record
    given = (record.data.truth - record.combined).reshape(5, -1)
    expected = reconciliation_of(summing(), IDS, method, given).applied(base)
    coherent = ensemble.reconcile(summing(IDS[::-1]), method=method)
    assert np.allclose(wide(coherent.predict()), expected)
    assert np.allclose(wide(coherent.predict(frame)), expected)
    assert not np.allclose(base[1], base[[0, 2, 3]].sum(axis=0))
    assert np.array_equal(wide(ensemble.predict()), base)  # the first one is unchanged
    if method == "bottom_up":
        assert np.allclose(expected, S @ base[[0, 2, 3]])


def test_intervals_are_those_of_coherent_forecasts(frame: pd.DataFrame):
    coherent = hand_made(frame).reconcile(summing(), method="bottom_up")
    record = coherent.state.record
    own = record.combined.astype(float)
    fixed = np.einsum("ij,jwh->iwh", S, own[[0, 2, 3]]).astype(np.float32)
    expected = record.conformal(fixed)
    table = coherent.predict(level=[50])
    series = expected.describe(coherent.state.history())
    low, high = expected.radii(series, [0.5])[0], wide(table)
    assert np.allclose(wide(table, "AutoEnsemble-lo-50"), high - low)
    assert np.allclose(wide(table, "AutoEnsemble-hi-50"), high + low)
    member = coherent.predict(level=[50], member="LastTimes")
    assert np.allclose(wide(member, "LastTimes-lo-50"), high - low)


def test_windows_and_scores_are_those_of_coherent_forecasts(frame: pd.DataFrame):
    ensemble = hand_made(frame)
    coherent = ensemble.reconcile(summing(), method="bottom_up")
    table = coherent.cross_validation(n_windows=2).sort_values(["cutoff", "ds", "unique_id"])
    values = table["AutoEnsemble"].to_numpy().reshape(-1, 5)
    assert np.allclose(values, values[:, [0, 2, 3]] @ S.T)
    scores = coherent.validation_scores(["mae"])
    record = ensemble.state.record
    fixed = np.einsum("ij,jwh->iwh", S, record.combined[[0, 2, 3]])
    assert np.allclose(scores["AutoEnsemble"], abs(record.data.truth - fixed).mean(axis=(0, 2)))
    base = ensemble.validation_scores(["mae"])["AutoEnsemble"]
    assert scores["AutoEnsemble"].mean() < base.mean()  # the sum of all was forecast too high


def test_later_rows_of_some_series_are_compared_before_reconciling(
    frame: pd.DataFrame, caplog: pytest.LogCaptureFixture
):
    ensemble = hand_made(frame)
    coherent = ensemble.reconcile(summing(), method="bottom_up")
    later = frame[frame["ds"] < 4].assign(ds=lambda rows: rows["ds"] + 24)
    is_a1 = later["unique_id"] == "a1"
    for rows in (later[is_a1], later[~is_a1 | (later["ds"] < 26)]):
        caplog.clear()
        pd.testing.assert_frame_equal(coherent.leaderboard(rows), ensemble.leaderboard(rows))
        assert "not all series have rows in each window" in caplog.text
    caplog.clear()
    found = coherent.leaderboard(later[~is_a1 | (later["ds"] < 27)])  # each window has all series
    assert not found.equals(ensemble.leaderboard(later))
    assert not caplog.records


def test_the_users_names_of_columns_are_read(frame: pd.DataFrame):
    from automodel_sk.data.columns import ColumnNames

    ensemble = hand_made(frame, columns=ColumnNames("shop", "day", "b1"))
    coherent = ensemble.reconcile(summing().rename(columns={"unique_id": "shop"}), method="ols")
    table = coherent.predict()
    assert table.columns.tolist() == ["shop", "day", "AutoEnsemble"]
    values = table["AutoEnsemble"].to_numpy().reshape(5, -1)
    assert np.allclose(values[1], values[[0, 2, 3]].sum(axis=0))


def test_what_does_not_add_up_is_refused(frame: pd.DataFrame, tmp_path: Path):
    coherent = hand_made(frame).reconcile(summing(), method="ols")
    few = frame[frame["unique_id"] != "b2"]
    with pytest.raises(InvalidInputError, match=r"1 of 5 series .* have no forecast, first 'b2'"):
        coherent.predict(few)
    more = pd.concat([frame, few[few["unique_id"] == "b1"].assign(unique_id="new")])
    with pytest.raises(InvalidInputError, match=r"1 series are not part of .* first \['new'\]"):
        coherent.predict(more)
    late = frame[~((frame["unique_id"] == "b2") & (frame["ds"] > 20))]
    with pytest.raises(InvalidInputError, match="series 'b2' and 'a1' end at different times"):
        coherent.predict(late)
    with pytest.raises(InvalidInputError, match="a reconciled model needs all of them"):
        coherent.predict(to=tmp_path / "files")
    with pytest.raises(InvalidInputError, match="a reconciled model simulates no paths"):
        coherent.simulate()
    with pytest.raises(InvalidInputError, match=r"1 of 5 series .* first 'b2'"):
        coherent.refit(few)
    with pytest.raises(
        InvalidInputError, match=r"method must be one of 'bottom_up', .*'mint_shrin"
    ):
        coherent.reconcile(summing(), method="mint_shrinkk")


def test_series_too_short_for_windows_get_what_needs_no_errors(frame: pd.DataFrame):
    short = frame[(frame["unique_id"] != "b2") | (frame["ds"] > 15)]
    ensemble = hand_made(short)
    with pytest.raises(InvalidInputError, match="'mint_shrink' needs errors of past forecasts of"):
        ensemble.reconcile(summing())
    coherent = ensemble.reconcile(summing(), method="wls_struct")
    values = wide(coherent.predict())
    assert np.allclose(values[1], values[[0, 2, 3]].sum(axis=0))
    with pytest.raises(InvalidInputError, match=r"1 of 5 series .* have no forecast, first 'b2'"):
        coherent.predict(level=[80])


# Networks and files


@pytest.fixture(scope="module")
def network(frame: pd.DataFrame) -> AutoModel:
    config = {"input_size": 4, "hidden_size": 4, "num_layers": 1, "max_steps": 2}
    return create_auto_model(
        "MLP", 2, frame, config, use_mlflow=False, verbose=False, cpus=1, storage=":memory:"
    )


def test_a_network_is_trained_once_for_its_errors_and_kept(network: AutoModel, tmp_path: Path):
    coherent = network.reconcile(summing(["region_b", *IDS[:4]]))
    table = coherent.predict(level=[80])
    values = wide(table, "MLP")
    assert np.allclose(values[1], values[[0, 2, 3]].sum(axis=0), rtol=1e-5)
    assert np.allclose(values[4], values[[2, 3]].sum(axis=0), rtol=1e-5)
    assert not np.allclose(wide(network.predict(), "MLP"), values)
    assert (table["MLP-lo-80"] < table["MLP-hi-80"]).all()
    again = AutoModel.load(coherent.save(tmp_path / "model"))
    pd.testing.assert_frame_equal(again.predict(level=[80]), table)
    assert again.state.reconciliation is not None
    assert again.state.reconciliation.method == "mint_shrink"
    network.save(tmp_path / "model")  # replaces it by one that is not reconciled
    assert AutoModel.load(tmp_path / "model").state.reconciliation is None


def test_a_damaged_file_is_refused(network: AutoModel, tmp_path: Path):
    from safetensors.numpy import load_file, save_file

    coherent = network.reconcile(summing(), method="ols")
    folder = coherent.save(tmp_path / "model")
    (file,) = folder.rglob("reconciliation.st")
    arrays = load_file(file)
    wrong = {
        "rows": arrays["rows"] + 1,
        "bottom": arrays["bottom"] * 0,
        "values": arrays["values"] * np.nan,
        "columns": arrays["columns"][1:],
        "projection": arrays["projection"].astype(np.float32),
    }
    for name, values in wrong.items():
        save_file({**arrays, name: values}, file)
        with pytest.raises(ModelFileError, match=r"save the model again|of the type float32"):
            AutoModel.load(folder)
    file.unlink()
    with pytest.raises(ModelFileError, match=r"lacks reconciliation.st"):
        AutoModel.load(folder)


def test_quantiles_are_not_reconciled(frame: pd.DataFrame):
    from neuralforecast.losses.pytorch import MQLoss, QuantileLoss

    config = {"input_size": 4, "hidden_size": 4, "num_layers": 1, "max_steps": 1}
    options: dict[str, Any] = {"use_mlflow": False, "verbose": False, "cpus": 1}
    high = create_auto_model("MLP", 2, frame, config, QuantileLoss(0.9), **options)
    with pytest.raises(
        InvalidInputError, match=r"forecasts the quantile 0\.9, and quantiles don't"
    ):
        high.reconcile(summing())
    several = create_auto_model("MLP", 2, frame, config, MQLoss(level=[80]), **options)
    coherent = several.reconcile(summing(), method="bottom_up")
    assert coherent.predict().columns.tolist() == ["unique_id", "ds", "MLP"]
    base = wide(several.predict(), "MLP")
    assert np.allclose(wide(coherent.predict(), "MLP"), S @ base[[0, 2, 3]], rtol=1e-5)


def test_an_ensemble_is_kept(frame: pd.DataFrame, tmp_path: Path):
    ensemble = create_auto_model(
        ["SeasonalNaive", "WindowAverage"],
        h=2,
        dataset=frame,
        n_windows=3,
        cpus=1,
        use_mlflow=False,
        storage=":memory:",
        verbose=False,
    )
    coherent = ensemble.reconcile(summing())
    table = coherent.predict(level=[80])
    again = AutoEnsemble.load(coherent.save(tmp_path / "ensemble"))
    pd.testing.assert_frame_equal(again.predict(level=[80]), table)
    (file,) = (tmp_path / "ensemble").rglob("reconciliation.st")
    file.unlink()
    with pytest.raises(ModelFileError, match=r"lacks reconciliation.st"):
        AutoEnsemble.load(tmp_path / "ensemble")


def test_errors_on_later_rows_are_those_of_coherent_forecasts(frame: pd.DataFrame):
    times = sorted(frame["ds"].unique())
    past, later = (part for _, part in frame.groupby(frame["ds"] >= times[-2]))
    ensemble = hand_made(past)
    coherent = ensemble.reconcile(summing(), method="bottom_up")
    found, base = (one.leaderboard(later).set_index("model") for one in (coherent, ensemble))
    expected = coherent.evaluate(later, ["mae"]).iloc[0]
    for name in ("AutoEnsemble", "LastTimes"):  # the only member, so that their forecasts are one
        assert found.loc[name, "mae"] == pytest.approx(expected["AutoEnsemble"], rel=1e-5)
        assert found.loc[name, "mae"] != pytest.approx(base.loc[name, "mae"], rel=1e-3)
