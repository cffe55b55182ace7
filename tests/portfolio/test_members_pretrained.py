"""Pretrained members: used where they are on disk, never downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hostile import nothing_runs
from member_data import AWKWARD, data_of, seasonal_data, seasonal_values

from automodel_sk.exceptions import MissingDependencyError, SearchError
from automodel_sk.portfolio.members import pretrained
from automodel_sk.portfolio.members.base import Deadline
from automodel_sk.portfolio.members.table import available, load_member, member_of

HAS_CHRONOS = importlib.util.find_spec("chronos") is not None
needs_chronos = pytest.mark.skipif(not HAS_CHRONOS, reason="needs chronos-forecasting")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Save a tiny Chronos-2 of random weights, and name its folder in the environment."""
    import torch
    from chronos.chronos2.config import Chronos2CoreConfig
    from chronos.chronos2.model import Chronos2Model

    torch.manual_seed(0)
    forecasting = {
        "context_length": 64,
        "input_patch_size": 4,
        "input_patch_stride": 4,
        "output_patch_size": 4,
        "max_output_patches": 4,
        "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "use_arcsinh": True,
        "use_reg_token": True,
    }
    config = Chronos2CoreConfig(
        d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, chronos_config=forecasting
    )
    config.architectures = ["Chronos2Model"]
    Chronos2Model(config).save_pretrained(tmp_path / "weights")
    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path / "weights"))
    pretrained._pipeline.cache_clear()
    yield tmp_path / "weights"
    pretrained._pipeline.cache_clear()


def test_what_is_not_on_disk_is_refused_and_not_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(pretrained.WEIGHTS_VARIABLE, str(tmp_path))
    refusal = member_of("chronos2").refusal(seasonal_data())
    if HAS_CHRONOS:
        assert str(refusal).startswith("no weights of amazon/chronos-2 on this machine, and none")
        monkeypatch.delenv(pretrained.WEIGHTS_VARIABLE)
        with nothing_runs():
            assert "hf download amazon/chronos-2" in str(
                member_of("Chronos2").refusal(seasonal_data())
            )
    else:
        assert refusal == "chronos is not installed: pip install chronos-forecasting"
    with pytest.raises(MissingDependencyError, match="Chronos2: "):
        member_of("Chronos2").fit(seasonal_data(), Deadline())


def test_auto_does_not_take_pretrained_members():
    assert "Chronos2" not in available(seasonal_data())


@needs_chronos
def test_windows_and_forecasts_depend_on_the_past_alone(weights: Path, tmp_path: Path):
    data, member = seasonal_data(), member_of("Chronos2")
    assert member.refusal(data) is None
    windows = member.forecast_windows(data, Deadline()).point
    assert windows.shape == data.truth.shape
    fitted = member.fit(data, Deadline())
    for window in (1, 2):
        alone = fitted.predict(data.before(window))
        np.testing.assert_allclose(windows[:, window - 1], alone, rtol=1e-4)
    assert not np.allclose(windows[0], windows[1], rtol=1e-2)
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    np.testing.assert_array_equal(load_member(folder).predict(), fitted.predict())
    assert fitted.predict(data.frame, h=20).shape == (4, 20)


@needs_chronos
def test_short_and_constant_series_are_forecast(weights: Path):
    forecast = member_of("Chronos2").fit(data_of(AWKWARD), Deadline()).predict()
    assert forecast.shape == (5, 6)
    assert np.isfinite(forecast).all()


@needs_chronos
def test_no_time_is_an_error_that_says_so(weights: Path):
    with pytest.raises(SearchError, match="0 of 8 series and windows in its time; give it more"):
        member_of("Chronos2").forecast_windows(seasonal_data(), Deadline(0.0))


@needs_chronos
def test_weights_that_are_pickled_are_not_read(weights: Path):
    import torch

    (weights / "model.safetensors").unlink()
    torch.save({}, weights / "pytorch_model.bin")
    with nothing_runs(), pytest.raises(OSError, match="safetensors"):
        member_of("Chronos2").fit(data_of({"a": seasonal_values(60)}), Deadline())
