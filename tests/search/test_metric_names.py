"""The name of what a search minimises, wherever its scores are shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pytest
from mlflow import MlflowClient
from mlflow_store import make_tables
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from series import seasonal_panel

from automodel_sk import AutoModel, AutoModelFactory, OptimizationConfig
from automodel_sk.search_space import Float

SPACE: dict[str, Any] = {
    "input_size": 6,
    "hidden_size": 4,
    "num_layers": 1,
    "max_steps": 2,
    "learning_rate": Float(1e-4, 1e-2, log=True),
}


class Searched(NamedTuple):
    """A search, and where it left its traces."""

    model: AutoModel
    summary: Any
    study: optuna.Study
    runs: list[Any]


def searched(folder: Path, **options: Any) -> Searched:
    uri = f"sqlite:///{make_tables(folder / 'mlflow.db')}"
    config = OptimizationConfig(
        num_samples=2,
        cpus=1,
        gpus=0,
        storage=folder,
        study_name="named",
        mlflow_tracking_uri=uri,
        **options,
    )
    frame = seasonal_panel(n_series=2, length=60).rename(columns={"y": "sales"})
    factory = AutoModelFactory("MLP", 2, config)
    model = factory.create_auto_model(frame, SPACE, target_col="sales")
    journal = JournalStorage(JournalFileBackend(str(folder / "named.journal")))
    client = MlflowClient(uri)
    experiments = [each.experiment_id for each in client.search_experiments()]
    return Searched(
        model,
        factory.get_optimization_summary(),
        optuna.load_study(study_name="named", storage=journal),
        list(client.search_runs(experiments)),
    )


@pytest.fixture(scope="module")
def by_rmse(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return searched(tmp_path_factory.mktemp("rmse"), metric="rmse", verbose=False)


def test_trials_and_summary_name_the_metric(by_rmse: Searched):
    model = by_rmse.model
    assert model.metric_name == "rmse"
    assert model.trials.columns.tolist()[:4] == ["number", "value", "metric", "state"]
    assert model.trials["metric"].tolist() == ["rmse", "rmse"]
    assert by_rmse.summary["metric"] == "rmse"
    assert by_rmse.summary.trials["metric"].unique().tolist() == ["rmse"]
    assert repr(model) == f"AutoModel('MLP', h=2, best_rmse={model.best_score:.6g}, trials=2)"
    assert "best validation RMSE " in model._repr_html_()


def test_the_study_names_the_metric(by_rmse: Searched):
    assert by_rmse.study.metric_names == ["rmse"]
    assert by_rmse.study.best_value == by_rmse.model.best_score


def test_runs_of_search_and_trials_share_the_name(by_rmse: Searched):
    scores = {run.info.run_name: run.data.metrics["rmse"] for run in by_rmse.runs}
    assert set(scores) == {"named", "trial 0", "trial 1"}
    assert scores["named"] == by_rmse.model.best_score == min(scores.values())
    (search,) = [run for run in by_rmse.runs if run.info.run_name == "named"]
    assert search.data.params["metric"] == "rmse"
    texts = [value for run in by_rmse.runs for value in run.data.params.values()]
    assert not {"None", "null", "nan"} & set(texts)


def test_the_summary_is_what_a_console_shows(by_rmse: Searched):
    assert repr(by_rmse.summary) == str(by_rmse.summary)
    assert "best_score " in repr(by_rmse.summary)
    lines = repr(by_rmse.model.summary()).splitlines()
    assert lines[0] == "MLP: forecasts 2 months of 2 series"
    assert lines[1].startswith("RMSE ")
    assert "(in the unit of 'sales') on the last 2 months; " in lines[1]
    assert "trials: 2 complete" in lines
    assert lines[-1].startswith("configuration: input_size=6, ")
    assert by_rmse.model.summary()._repr_html_().startswith("<pre")


def test_a_strategy_is_a_line_and_a_table(by_rmse: Searched):
    strategy = by_rmse.model.strategy
    assert strategy is not None
    assert repr(strategy).startswith("SearchStrategy('RandomSampler', pruner='MedianPruner', ")
    assert str(strategy) == strategy.description
    shown = strategy._repr_html_()
    assert re.findall(r"<th[^>]*>(\w+)</th>", shown) == [
        "algorithm", "pruner", "backend", "trials", "why"
    ]  # fmt: skip
    assert f">{strategy.description.replace(chr(39), '&#x27;')}</td>" in shown


def test_the_training_loss_is_called_loss_and_the_verdict_names_the_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    found = searched(tmp_path, use_mlflow=False)
    printed = capsys.readouterr().err
    assert found.model.metric_name == found.summary["metric"] == "loss"
    assert found.study.metric_names == ["loss"]
    assert repr(found.model).startswith("AutoModel('MLP', h=2, best_loss=")
    assert "best loss" in printed
    assert re.search(r"MAE \S+ \(in the unit of 'sales'\) on the last 2 months; ", printed)
