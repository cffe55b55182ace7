"""The estimator with one network whose best trials are combined."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automodel_sk.exceptions import InvalidInputError, ModelFileError
from automodel_sk.forecaster import AutoNeuralForecaster
from automodel_sk.search_space import Float

pytestmark = pytest.mark.filterwarnings("ignore")

SPACE = {
    "max_steps": 5,
    "input_size": 12,
    "hidden_size": 8,
    "learning_rate": Float(1e-3, 1e-2),
    "num_layers": 1,
    "scaler_type": "standard",
}
Y = pd.Series(
    np.random.default_rng(0).normal(100, 1, 72),
    index=pd.period_range("2018-01", periods=72, freq="M"),
)


def combined(**parameters: object) -> AutoNeuralForecaster:
    """Return an estimator that combines two trials of five steps."""
    settings = {"config": SPACE, "num_samples": 2, "gpus": 0, "ensemble": "mean", **parameters}
    return AutoNeuralForecaster("MLP", **settings)


@pytest.fixture(scope="module")
def fitted() -> AutoNeuralForecaster:
    return combined().fit(Y, fh=[1, 2, 6])


def test_members_are_configurations_of_the_network(fitted: AutoNeuralForecaster) -> None:
    assert fitted.weights_ == {"MLP": 0.5, "MLP-2": 0.5}
    rates = {member.describe()["learning_rate"] for member in fitted.members_.values()}
    assert len(rates) == 2
    assert set(fitted.leaderboard_["model"]) == {"AutoEnsemble", "MLP"}
    ensemble = fitted.auto_model_
    mean = sum(ensemble.predict(member=name)[name] for name in fitted.weights_) / 2
    np.testing.assert_allclose(fitted.predict(), mean.to_numpy()[[0, 1, 5]], rtol=1e-5)


def test_a_saved_one_forecasts_the_same_and_can_be_fitted(
    fitted: AutoNeuralForecaster, tmp_path: Path
) -> None:
    folder = fitted.save(tmp_path / "m", serialization_format="safe")
    back = AutoNeuralForecaster.load(folder)
    pd.testing.assert_series_equal(back.predict(), fitted.predict())
    pd.testing.assert_frame_equal(back.predict_interval(), fitted.predict_interval())
    assert back.weights_ == fitted.weights_
    best = fitted.leaderboard_.query("model == 'MLP'").iloc[0]["params"]
    assert back.config == {**SPACE, "learning_rate": best["learning_rate"]}
    assert back.fit(Y, fh=[1]).weights_ == {"MLP": 1.0}, "the saved configuration is one trial"


@pytest.mark.parametrize(
    ("stored", "other"),
    [
        ('"model": "MLP"', '"model": "NHITS"'),
        ('"ensemble": "mean"', '"ensemble": null'),
        ('"num_layers": 1', '"callbacks": ["os.system"]'),
    ],
)
def test_a_file_of_another_model_is_refused(
    fitted: AutoNeuralForecaster, tmp_path: Path, stored: str, other: str
) -> None:
    folder = fitted.save(tmp_path / "m", serialization_format="safe")
    manifest = folder / "forecaster.json"
    text = manifest.read_text()
    assert stored in text
    manifest.write_text(text.replace(stored, other))
    with pytest.raises(ModelFileError):
        AutoNeuralForecaster.load(folder)


@pytest.mark.parametrize("pi_method", ["quantile", "distribution"])
def test_intervals_of_a_loss_are_refused(pi_method: str) -> None:
    with pytest.raises(InvalidInputError, match="intervals of an ensemble come from its errors"):
        combined(pi_method=pi_method).fit(Y, fh=[1])


def test_a_stored_study_is_of_one_column(tmp_path: Path) -> None:
    wide = pd.DataFrame({"a": Y, "b": Y + 1})
    named = {"study_name": "s", "storage": tmp_path, "h": 1}
    for resume in ("auto", "overwrite"):
        forecaster = AutoNeuralForecaster("MLP", SPACE, gpus=0, resume=resume, **named)
        with pytest.raises(InvalidInputError, match=r"y has 2 columns.*study_name='s-a'"):
            forecaster.fit(wide)
    assert not list(tmp_path.iterdir())
    fixed = AutoNeuralForecaster("MLP", {**SPACE, "learning_rate": 0.001}, gpus=0, **named)
    assert fixed.fit(wide).predict(fh=[1]).shape == (1, 2)


def test_searches_of_update_have_studies_of_their_own(tmp_path: Path) -> None:
    forecaster = AutoNeuralForecaster(
        "MLP",
        SPACE,
        h=1,
        gpus=0,
        num_samples=1,
        on_update="search",
        study_name="s",
        storage=tmp_path,
    )
    forecaster.fit(Y[:60]).update(Y[60:66]).update(Y[66:])
    studies = sorted(path.name for path in tmp_path.glob("*.journal"))
    assert [re.sub(r"-[0-9a-f]{8}(?=\.)", "", name) for name in studies] == [
        "s-2023-06.journal",
        "s-2023-12.journal",
        "s.journal",
    ]
    assert forecaster.predict(fh=[1]).index[0] == pd.Period("2024-01", "M")
    forecaster.update(1.1 * Y[66:])  # corrected values, another study
    forecaster.update(1.1 * Y[66:])  # the same study goes on
    assert len(list(tmp_path.glob("*.journal"))) == 4


@pytest.mark.parametrize("kind", ["array", "panel of arrays", "frames"])
def test_columns_of_any_container_are_fitted_each(kind: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).random((40, 2))
    frame = pd.DataFrame(rows, columns=["a", "b"])
    panel = np.stack([rows.T, 2 * rows.T])
    y = {"array": rows, "panel of arrays": panel, "frames": [frame, 2 * frame]}[kind]
    forecaster = AutoNeuralForecaster("MLP", {**SPACE, "learning_rate": 0.001}, gpus=0)
    assert forecaster.fit(y, fh=[1, 2]).forecasters_.shape == (1, 2)
    forecaster.set_params(config=SPACE, study_name="s", storage=tmp_path)
    with pytest.raises(InvalidInputError, match="y has 2 columns"):
        forecaster.fit(y, fh=[1, 2])


def test_a_pretrained_forecaster_needs_no_study(tmp_path: Path) -> None:
    panel = pd.concat({"u": Y.to_frame("y"), "v": 2 * Y.to_frame("y")}, names=["unit", "time"])
    forecaster = AutoNeuralForecaster(
        "MLP", SPACE, h=1, gpus=0, num_samples=1, study_name="s", storage=tmp_path
    )
    forecaster.pretrain(panel)
    wide = pd.DataFrame({"a": Y, "b": 3 * Y})
    assert forecaster.fit(wide, fh=[1]).predict().shape == (1, 2)
