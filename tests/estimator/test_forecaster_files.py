"""Forecasters are saved and read back: the safe format, and sktime's own."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sktime.base import load
from sktime.forecasting.base import ForecastingHorizon

from automodel_sk.estimator.layout_json import layout_from_json, layout_to_json
from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.frames.layout import Layout

pytestmark = pytest.mark.filterwarnings("ignore")

TINY = {"max_steps": 1, "input_size": 4, "hidden_size": 8, "num_layers": 1}
MONTHS = pd.period_range("2020-01", periods=30, freq="M")


def walk(times: pd.Index) -> pd.DataFrame:
    steps = np.random.default_rng(len(times)).normal(size=len(times))
    return pd.DataFrame({"sales": steps.cumsum()}, index=times)


def forecaster(**parameters: object) -> AutoNeuralForecaster:
    return AutoNeuralForecaster("MLP", TINY, gpus=0, **parameters)


CONTAINERS = {
    "series": walk(MONTHS)["sales"],
    "nameless series": pd.Series(walk(MONTHS)["sales"].to_numpy()),
    "frame in a zone": walk(pd.date_range("2024-03-01", periods=40, freq="D", tz="Europe/Berlin")),
    "panel": pd.concat({"b": walk(MONTHS), "a": walk(MONTHS[:25])}, names=["shop", "month"]),
    "hierarchy": pd.concat({(1, "x"): walk(MONTHS), ("1", "x"): walk(MONTHS)}),
    "array": walk(MONTHS)["sales"].to_numpy(),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_forecasts_and_updates_are_those_of_the_saved_one(name: str, tmp_path: Path) -> None:
    original = forecaster().fit(CONTAINERS[name], fh=[1, 4])
    folder = original.save(tmp_path / "model.v1", serialization_format="safe")
    back = AutoNeuralForecaster.load(folder)
    assert back.get_params() == original.get_params()
    for ours, theirs in (
        (back.predict(), original.predict()),
        (back.predict_quantiles(), original.predict_quantiles()),
    ):
        if isinstance(theirs, np.ndarray):
            np.testing.assert_allclose(ours, theirs)
        elif isinstance(theirs, pd.Series):
            pd.testing.assert_series_equal(ours, theirs, check_freq=False)
        else:
            pd.testing.assert_frame_equal(ours, theirs, check_freq=False)
    assert back.cutoff.equals(original.cutoff)


def test_exogenous_data_and_parameters_survive(tmp_path: Path) -> None:
    X = pd.DataFrame({"price": np.arange(34.0), ("a", 1): 1.0}, index=range(34))
    y = pd.concat({"s": walk(pd.RangeIndex(30)), "t": walk(pd.RangeIndex(28))})
    X = pd.concat({"s": X, "t": X})
    static = pd.DataFrame({"size": [1.0, 2.0]}, index=["s", "t"])
    original = forecaster(static=static, random_state=3).fit(y, X=X, fh=[1, 3])
    original.save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    pd.testing.assert_frame_equal(back.predict(), original.predict())
    pd.testing.assert_frame_equal(back.static, static)
    assert back.random_state == 3
    later = pd.concat({"s": walk(pd.RangeIndex(30, 31))})
    for one in (original, back):
        one.update(later, update_params=False)
    pd.testing.assert_frame_equal(back.predict(), original.predict())


def test_static_rows_survive_with_their_levels_in_another_order(tmp_path: Path) -> None:
    months = pd.RangeIndex(30)
    ids = [(1, 1), (1, 2), (2, 1), (2, 2)]
    y = pd.concat({key: walk(months) for key in ids}, names=["region", "shop", "month"])
    index = pd.MultiIndex.from_tuples(ids, names=["shop", "region"])
    static = pd.DataFrame({"size": [1.0, 90.0, -90.0, 2.0]}, index=index)
    original = forecaster(static=static).fit(y, fh=[1])
    original.save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    pd.testing.assert_frame_equal(back._static(back._context), original._static(original._context))


def test_spaces_and_losses_come_back_as_what_was_found(tmp_path: Path) -> None:
    parameters = AutoNeuralForecaster.get_test_params()[1]
    original = AutoNeuralForecaster(**parameters, h=3).fit(CONTAINERS["series"])
    original.predict(fh=[2])
    original.save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    assert back.config == original.best_config_ == back.best_config_
    assert back.best_score_ == original.best_score_
    assert len(back.trials_) == 2
    pd.testing.assert_series_equal(back.predict(fh=[1, 2]), original.predict(fh=[1, 2]))


def test_absolute_horizons_survive(tmp_path: Path) -> None:
    fh = ForecastingHorizon(MONTHS[-2:] + 3, is_relative=False)
    original = forecaster().fit(CONTAINERS["panel"], fh=fh)
    original.save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    pd.testing.assert_frame_equal(back.predict(), original.predict())


def test_pretrained_forecasters_stay_pretrained(tmp_path: Path) -> None:
    original = forecaster().pretrain(CONTAINERS["panel"], fh=[1, 2])
    original.fit(CONTAINERS["series"], fh=[1, 2]).save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    other = CONTAINERS["series"][:20]
    pd.testing.assert_series_equal(
        back.fit(other, fh=[1, 2]).predict(), original.fit(other, fh=[1, 2]).predict()
    )
    assert back.auto_model_ is back.pretrained_model_


def test_sktimes_own_format_takes_dots(tmp_path: Path) -> None:
    original = forecaster().fit(CONTAINERS["series"], fh=[1, 2])
    original.save(tmp_path / "model.v1").close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.v1.zip"]
    back = AutoNeuralForecaster.load_from_path(tmp_path / "model.v1.zip")
    pd.testing.assert_series_equal(back.predict(), original.predict())
    pd.testing.assert_series_equal(load(original.save()).predict(), original.predict())


def test_saving_again_replaces_and_nothing_is_left_over(tmp_path: Path) -> None:
    original = forecaster().fit(CONTAINERS["series"], fh=[1, 2])
    for _ in range(2):
        original.save(tmp_path / "m", serialization_format="safe")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"h": np.int64(2), "n_windows": np.int64(1), "cpus": np.float64(1)}, {"h": 2}),
        ({"verbose": 0, "use_pruning": 1}, {"verbose": False, "use_pruning": True}),
        ({"use_mlflow": np.False_, "strict_mode": 0}, {"use_mlflow": False, "strict_mode": False}),
        ({"calendar": "month"}, {"calendar": ["month"]}),
        ({"calendar": np.array(["month"])}, {"calendar": ["month"]}),
        ({"calendar": True, "non_negative": np.True_}, {"calendar": True, "non_negative": True}),
        ({"exclude": {"AutoCES"}}, {"exclude": ["AutoCES"]}),
        ({"exclude": pd.Index(["AutoCES"])}, {"exclude": ["AutoCES"]}),
    ],
)
def test_every_form_of_a_parameter_can_be_read_again(
    given: dict, read: dict, tmp_path: Path
) -> None:
    original = AutoNeuralForecaster("MLP", TINY, **{"h": 2, "gpus": 0, **given})
    original.fit(CONTAINERS["series"]).save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(tmp_path / "m")
    assert {name: back.get_params()[name] for name in read} == read
    assert {name: type(back.get_params()[name]) for name in read} == {
        name: type(value) for name, value in read.items()
    }
    pd.testing.assert_series_equal(back.predict(fh=[1, 2]), original.predict(fh=[1, 2]))


def test_classes_and_keys_in_any_case_survive(tmp_path: Path) -> None:
    from neuralforecast.models import MLP

    for model, config, read in (
        (MLP, TINY, ("MLP", TINY)),
        (["Naive", "mlp"], {"mlp": TINY}, (["Naive", "MLP"], {"MLP": TINY})),
    ):
        original = AutoNeuralForecaster(
            model, config, h=2, gpus=0, num_samples=1, n_windows=1, cpus=1
        )
        original.fit(CONTAINERS["series"]).save(tmp_path / "m", serialization_format="safe")
        back = AutoNeuralForecaster.load(tmp_path / "m")
        assert (back.model, back.config) == read
        np.testing.assert_allclose(back.predict(fh=[1, 2]), original.predict(fh=[1, 2]))


def test_what_could_not_be_read_again_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    original = forecaster(h=2).fit(CONTAINERS["series"])
    original.pi_method = b"auto"
    with pytest.raises(InvalidInputError, match="can't be saved safely"):
        original.save(tmp_path / "m", serialization_format="safe")
    assert not list(tmp_path.iterdir())


class TestRefusals:
    def test_foreign_folders_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("all of it")
        original = forecaster().fit(CONTAINERS["series"], fh=[1])
        with pytest.raises(ModelFileError, match="is not a saved forecaster"):
            original.save(tmp_path / "mine", serialization_format="safe")
        assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
        with pytest.raises(ModelFileError, match=r"forecaster\.json is missing"):
            AutoNeuralForecaster.load(tmp_path / "mine")

    def test_pickles_are_never_read(self, tmp_path: Path) -> None:
        class Bomb:
            def __reduce__(self) -> tuple:
                return (Path.touch, (tmp_path / "ran",))

        folder = forecaster().fit(CONTAINERS["series"], fh=[1]).save(tmp_path / "m", "safe")
        data = next(folder.glob("content-*")) / "data.safetensors"
        for content in (pickle.dumps(Bomb()), b"PK" + pickle.dumps(Bomb())):
            data.write_bytes(content)
            with pytest.raises(ModelFileError, match="damaged"):
                AutoNeuralForecaster.load(folder)
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("change", "message"),
        [({"format": "other"}, "not a saved forecaster"), ({"version": 99}, "format version 99")],
    )
    def test_other_files_are_named(self, change: dict, message: str, tmp_path: Path) -> None:
        folder = forecaster().fit(CONTAINERS["series"], fh=[1]).save(tmp_path / "m", "safe")
        file = folder / "forecaster.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
        with pytest.raises(ModelFileError, match=message):
            AutoNeuralForecaster.load(folder)

    def test_a_path_is_needed(self) -> None:
        original = forecaster().fit(CONTAINERS["series"], fh=[1])
        with pytest.raises(InvalidInputError, match="path is missing"):
            original.save(serialization_format="safe")

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        original = forecaster().fit(CONTAINERS["series"], fh=[1])
        for name in ("f", "f.v2"):
            with pytest.raises(ModelFileError, match=r"can't be saved to .*No such file"):
                original.save(tmp_path / "none" / name)
        for path in (tmp_path / "none.zip", __file__):
            with pytest.raises(ModelFileError, match="can't be read"):
                AutoNeuralForecaster.load_from_path(path)


@pytest.mark.parametrize("freq", ["MS", "QE-NOV", "W-WED", "B", "2h", "15min", "D", "SMS"])
@pytest.mark.parametrize("tz", [None, "Europe/Berlin", "UTC"])
def test_time_grids_survive_json(freq: str, tz: str | None) -> None:
    times = pd.date_range("2024-03-20", periods=20, freq=freq, tz=tz)
    layout = Layout.learn(walk(times))
    back = layout_from_json(json.loads(json.dumps(layout_to_json(layout))))
    steps = layout.rows(times).steps[None, :] + 5
    pd.testing.assert_index_equal(back.index(steps), layout.index(steps))


def test_frequencies_with_holidays_are_refused() -> None:
    offset = pd.offsets.CustomBusinessDay(holidays=["2024-01-03"])
    layout = Layout.learn(walk(pd.date_range("2024-01-01", periods=9, freq=offset)))
    with pytest.raises(InvalidInputError, match="can't be saved safely"):
        layout_to_json(layout)
