"""Every code block of the original design runs as it stands there.

The imports have the package's name in front. What else is changed is said beside
each block, as pairs of what stands in the design and what is run in its place:
hours of training made seconds, `...` made arguments, a server that is not there
made a file. Default search spaces are the real ones, with 2 training steps.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from automodel_sk.auto_model_factory import MODEL_CATALOG, AutoModelFactory, OptimizationConfig
from automodel_sk.search import planning
from automodel_sk.search.network_spaces import network_space
from automodel_sk.search_space import SearchSpace
from automodel_sk.validation import ConfigValidator

H = 24
TRAINED = {"max_steps": 2, "windows_batch_size": 4, "batch_size": 4}

Pairs = dict[str, str]


def run(block: str, changes: Pairs | None = None, **names: Any) -> dict[str, Any]:
    """Run a block with its changes and return the names that it leaves."""
    for old, new in (changes or {}).items():
        assert old in block, f"{old!r} is not in the block"
        block = block.replace(old, new)
    namespace: dict[str, Any] = dict(names)
    exec(compile(block, "original design", "exec"), namespace)
    return namespace


def series(freq: str, length: int, n_series: int = 2) -> pd.DataFrame:
    """Return seasonal series with dates as text, as a CSV has them."""
    ds = pd.date_range("2024-01-01", periods=length, freq=freq).astype(str)
    season = np.sin(2 * np.pi * np.arange(length) / 24)
    frames = [
        pd.DataFrame({"unique_id": f"store_{k}", "ds": ds, "y": 100 * (k + 1) + 10 * season})
        for k in range(n_series)
    ]
    return pd.concat(frames, ignore_index=True).round(3)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making them takes seconds, copying them none."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").get_experiment_by_name("any")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Iterator[Path]:
    """Work in a folder with the files that the design reads; leave MLflow as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    series("h", 260).to_csv("timeseries.csv", index=False)
    series("D", 120).to_csv("sales_data.csv", index=False)
    series("h", 260).to_csv("data.csv", index=False)
    uri = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield tmp_path
    mlflow.set_tracking_uri(None if uri.startswith("sqlite") else uri)
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


@pytest.fixture(autouse=True)
def _short_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave default spaces as they are, but for the length of a training and of a step."""

    def short(*arguments: Any) -> SearchSpace:
        return network_space(*arguments).without(*TRAINED).with_defaults(**TRAINED)

    monkeypatch.setattr(planning, "network_space", short)


@pytest.fixture
def df() -> pd.DataFrame:
    return pd.read_csv("timeseries.csv")


def finished(name: str) -> pd.DataFrame:
    """Return the runs of an MLflow experiment."""
    runs = mlflow.search_runs(experiment_names=[name])
    assert isinstance(runs, pd.DataFrame)
    return runs


def check_forecast(forecast: pd.DataFrame, model: str, df: pd.DataFrame, h: int = H) -> None:
    """Hold what every forecast promises: the next steps of each series, finite values."""
    assert list(forecast.columns)[:3] == ["unique_id", "ds", model]
    assert len(forecast) == h * df["unique_id"].nunique()
    assert np.isfinite(forecast[model]).all()
    last = pd.to_datetime(df["ds"]).max()
    step = pd.to_datetime(df["ds"]).drop_duplicates().diff().mode()[0]
    for _, rows in forecast.groupby("unique_id"):
        assert rows["ds"].tolist() == [last + step * k for k in range(1, h + 1)]


# 2.1 validation

VALIDATION = """
from automodel_sk.validation import ConfigValidator, DataValidator

# 設定検証
validator = ConfigValidator(strict_mode=False)
result = validator.validate_backend_config(
    backend="optuna",
    config=my_config,
    num_samples=50,
    cpus=4,
    gpus=1
)

if not result.is_valid:
    print("Errors:", result.errors)
    print("Warnings:", result.warnings)

# データ検証
data_validator = DataValidator()
dataset_result = data_validator.validate_dataset(df)
"""


def test_validation(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    done = run(VALIDATION, my_config={"max_steps": 100}, df=df.assign(ds=pd.to_datetime(df["ds"])))
    assert done["result"].is_valid
    assert done["dataset_result"].is_valid
    for name in ("result", "dataset_result"):
        fields = ("is_valid", "errors", "warnings", "corrected_config")
        assert all(hasattr(done[name], field) for field in fields)
    assert capsys.readouterr().out == ""


def test_validation_with_errors(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    done = run(
        VALIDATION, {"num_samples=50": "num_samples=-3"}, my_config={}, df=df.drop(columns="y")
    )
    assert not done["dataset_result"].is_valid
    assert "Errors: ['num_samples must be" in capsys.readouterr().out


# 2.2 search algorithm selector

SELECTION = """
from automodel_sk.search_algorithm_selector import (
    SearchAlgorithmSelector,
    ModelComplexity,
    DatasetSize
)

# セレクター作成
selector = SearchAlgorithmSelector(backend="optuna")

# アルゴリズム選択
strategy = selector.select_algorithm(
    model_complexity=ModelComplexity.COMPLEX,
    dataset_size=DatasetSize.LARGE,
    num_samples=100,
    config=my_config,
    use_pruning=True,
    random_seed=42
)

# Optunaのサンプラーとプルーナーを取得
sampler = selector.get_optuna_sampler(strategy)
pruner = selector.get_optuna_pruner(strategy)

print(f"Selected: {strategy.algorithm_name}")
print(f"Description: {strategy.description}")
"""

RECOMMENDATION = """
from automodel_sk.search_algorithm_selector import recommend_num_samples

num_samples, explanation = recommend_num_samples(
    model_complexity=ModelComplexity.COMPLEX,
    dataset_size=DatasetSize.MEDIUM,
    search_complexity=SearchComplexity.HIGH,
    time_budget_hours=2.0
)
print(f"{explanation}")
# Output: "Recommended 50 trials based on model complexity..."
"""


def test_selection(capsys: pytest.CaptureFixture[str]):
    from ray import tune

    done = run(SELECTION, my_config={"learning_rate": tune.loguniform(1e-5, 1e-2)})
    assert type(done["sampler"]).__name__ == done["strategy"].algorithm_name == "TPESampler"
    assert type(done["pruner"]).__name__ == "HyperbandPruner"
    printed = capsys.readouterr().out
    assert printed.startswith("Selected: TPESampler\nDescription: ")


def test_recommendation(capsys: pytest.CaptureFixture[str]):
    from automodel_sk.search_algorithm_selector import (
        DatasetSize,
        ModelComplexity,
        SearchComplexity,
    )

    names = {kind.__name__: kind for kind in (ModelComplexity, DatasetSize, SearchComplexity)}
    done = run(RECOMMENDATION, **names)
    assert done["num_samples"] == 50
    printed = capsys.readouterr().out
    assert printed.startswith("Recommended 50 trials based on model complexity")


# 2.3 factory

FACTORY = """
from automodel_sk.auto_model_factory import AutoModelFactory, OptimizationConfig
import pandas as pd

# データ準備
df = pd.read_csv('timeseries.csv')

# 最適化設定
config = OptimizationConfig(
    backend="optuna",
    num_samples=None,  # 自動推奨
    cpus=8,
    gpus=1,
    use_mlflow=True,
    mlflow_experiment_name="my_experiment",
    use_pruning=True,
    verbose=True
)

# ファクトリー作成
factory = AutoModelFactory(
    model_name="NHITS",
    h=24,  # 24時間先予測
    optimization_config=config
)

# 最適化実行
auto_model = factory.create_auto_model(
    dataset=df,
    config=None,  # デフォルト設定を使用
    loss=None
)

# 予測
predictions = auto_model.predict(dataset=df)

# 最適化履歴
summary = factory.get_optimization_summary()
print(summary)
"""

FUNCTION = """
from automodel_sk.auto_model_factory import create_auto_model
import pandas as pd

df = pd.read_csv('timeseries.csv')

# シンプルな使用法
auto_model = create_auto_model(
    model_name="TFT",
    h=24,
    dataset=df,
    backend="optuna",
    num_samples=50,
    cpus=4,
    gpus=1,
    use_mlflow=True,
    verbose=True
)

predictions = auto_model.predict(dataset=df)
"""

CUSTOM_SPACE = """
from ray import tune

# カスタムハイパーパラメータ探索空間
custom_config = {
    'max_steps': tune.choice([1000, 2000, 3000]),
    'learning_rate': tune.loguniform(1e-5, 1e-2),
    'batch_size': tune.choice([64, 128, 256]),
    'n_blocks': tune.choice([[2, 2, 2], [3, 3, 3]]),
    'hidden_size': tune.choice([128, 256, 512])
}

auto_model = create_auto_model(
    model_name="NHITS",
    h=24,
    dataset=df,
    config=custom_config,
    backend="optuna",
    num_samples=100
)
"""


def test_factory(
    df: pd.DataFrame, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    done = run(FACTORY)
    check_forecast(done["predictions"], "NHITS", df)
    trials = done["auto_model"].trials
    assert len(trials) >= 10
    assert set(trials["state"]) <= {"COMPLETE", "PRUNED"}
    assert done["summary"]["n_trials"] == len(trials)
    captured = capsys.readouterr()
    assert str(done["summary"]) in captured.out
    assert "Recommended" in captured.err
    assert len(finished("my_experiment")) == len(trials) + 1
    import torch

    if not torch.cuda.is_available():
        assert "gpus=1" in caplog.text


def test_function(df: pd.DataFrame):
    done = run(FUNCTION, {"num_samples=50": "num_samples=2"})
    check_forecast(done["predictions"], "TFT", df)
    assert len(done["auto_model"].trials) == 2
    assert len(finished("automodel_sk")) == 3


def test_custom_space(df: pd.DataFrame, caplog: pytest.LogCaptureFixture):
    from automodel_sk import create_auto_model

    done = run(
        CUSTOM_SPACE,
        {
            "tune.choice([1000, 2000, 3000])": "tune.choice([2, 3, 4])",
            "tune.choice([128, 256, 512])": "tune.choice([128, 256, 512]), 'windows_batch_size': 4",
            "num_samples=100": "num_samples=4",
        },
        create_auto_model=create_auto_model,
        df=df,
    )
    trials = done["auto_model"].trials
    assert set(trials["state"]) <= {"COMPLETE", "PRUNED"}
    assert trials["params_max_steps"].isin([2, 3, 4]).all()
    assert trials["params_n_blocks"].isin([[2, 2, 2], [3, 3, 3]]).all()
    assert trials["params_learning_rate"].between(1e-5, 1e-2).all()
    assert "hidden_size is not a parameter of NHITS" in caplog.text
    check_forecast(done["auto_model"].predict(), "NHITS", df)


CATALOG = """
MODEL_CATALOG = {
    "MLP": ModelCharacteristics(
        complexity=ModelComplexity.SIMPLE,
        recommended_input_size_range=(7, 14),
        typical_training_time_minutes=5.0
    ),
    "NHITS": ModelCharacteristics(
        complexity=ModelComplexity.MODERATE,
        recommended_input_size_range=(14, 28),
        typical_training_time_minutes=10.0
    ),
    "TFT": ModelCharacteristics(
        complexity=ModelComplexity.COMPLEX,
        recommended_input_size_range=(24, 168),
        typical_training_time_minutes=30.0
    ),
    # ... その他のモデル
}
"""


def test_catalog():
    from automodel_sk.auto_model_factory import ModelCharacteristics
    from automodel_sk.search_algorithm_selector import ModelComplexity

    names = {"ModelCharacteristics": ModelCharacteristics, "ModelComplexity": ModelComplexity}
    for name, row in run(CATALOG, **names)["MODEL_CATALOG"].items():
        assert MODEL_CATALOG[name].complexity is row.complexity
        assert MODEL_CATALOG[name].recommended_input_size_range == row.recommended_input_size_range
        assert MODEL_CATALOG[name].name == name


# 3 together

BASIC = """
import pandas as pd
from automodel_sk.auto_model_factory import create_auto_model

# データ読み込み
df = pd.read_csv('sales_data.csv')  # columns: unique_id, ds, y

# 自動最適化実行
model = create_auto_model(
    model_name="NHITS",
    h=7,  # 7日先予測
    dataset=df,
    backend="optuna",
    num_samples=30,
    use_mlflow=True,
    verbose=True
)

# 予測
forecast = model.predict(dataset=df)
print(forecast)
"""

ADVANCED = """
from automodel_sk.auto_model_factory import AutoModelFactory, OptimizationConfig
from automodel_sk.search_algorithm_selector import ModelComplexity, DatasetSize
from automodel_sk.validation import validate_all
from ray import tune

# 1. 事前検証
df = pd.read_csv('timeseries.csv')
custom_config = {
    'max_steps': tune.choice([500, 1000, 2000]),
    'learning_rate': tune.loguniform(1e-4, 1e-2),
    'batch_size': tune.choice([32, 64, 128]),
}

validation_results = validate_all(
    backend="optuna",
    config=custom_config,
    num_samples=50,
    cpus=8,
    gpus=2,
    model_class_name="TFT",
    dataset=df,
    h=24,
    strict_mode=False
)

# 2. 最適化設定
opt_config = OptimizationConfig(
    backend="optuna",
    num_samples=None,  # 自動推奨
    cpus=8,
    gpus=2,
    use_mlflow=True,
    mlflow_tracking_uri="http://mlflow-server:5000",
    mlflow_experiment_name="production_forecast",
    use_pruning=True,
    time_budget_hours=3.0,
    random_seed=42,
    verbose=True
)

# 3. ファクトリー作成と実行
factory = AutoModelFactory(
    model_name="TFT",
    h=24,
    optimization_config=opt_config
)

# カスタム損失関数
from neuralforecast.losses.pytorch import MQLoss
loss = MQLoss(level=[90])

# 最適化実行
auto_model = factory.create_auto_model(
    dataset=df,
    config=custom_config,
    loss=loss
)

# 4. 予測と評価
predictions = auto_model.predict(dataset=df)

# 5. 最適化履歴の確認
history = factory.get_optimization_summary()
print(history)
"""

COMPARISON = """
from automodel_sk.auto_model_factory import create_auto_model
import pandas as pd

df = pd.read_csv('data.csv')
models_to_compare = ["NHITS", "TFT", "DLinear"]
results = {}

for model_name in models_to_compare:
    print(f"\\nOptimizing {model_name}...")

    auto_model = create_auto_model(
        model_name=model_name,
        h=24,
        dataset=df,
        backend="optuna",
        num_samples=30,
        mlflow_experiment_name=f"comparison_{model_name}",
        verbose=False
    )

    predictions = auto_model.predict(dataset=df)
    results[model_name] = predictions

# 結果の比較
for model_name, pred in results.items():
    print(f"{model_name} predictions: {pred.head()}")
"""


def test_basic(capsys: pytest.CaptureFixture[str]):
    done = run(BASIC, {"num_samples=30": "num_samples=2"})
    check_forecast(done["forecast"], "NHITS", done["df"], h=7)
    assert str(done["forecast"]) in capsys.readouterr().out


def test_advanced(folder: Path, capsys: pytest.CaptureFixture[str]):
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    small = "'hidden_size': 8, 'windows_batch_size': 4,"
    done = run(
        ADVANCED,
        {
            "tune.choice([500, 1000, 2000])": "tune.choice([1, 2, 3])",
            "tune.choice([32, 64, 128]),": f"tune.choice([32, 64, 128]), {small}",
            "http://mlflow-server:5000": uri,
        },
        pd=pd,
    )
    assert done["validation_results"].is_valid
    assert done["predictions"].columns.tolist()[2:] == [
        "TFT",
        "TFT-median",
        "TFT-lo-90",
        "TFT-hi-90",
    ]
    check_forecast(done["predictions"], "TFT", done["df"])
    assert (done["predictions"]["TFT-lo-90"] <= done["predictions"]["TFT-hi-90"]).all()
    assert done["history"]["n_trials"] >= 5
    assert done["history"]["pruner"] is not None
    runs = finished("production_forecast")
    assert len(runs) == done["history"]["n_trials"] + 1
    assert str(done["history"]) in capsys.readouterr().out


@pytest.mark.slow
def test_comparison(capsys: pytest.CaptureFixture[str]):
    done = run(COMPARISON, {"num_samples=30": "num_samples=2"})
    for model, forecast in done["results"].items():
        check_forecast(forecast, model, done["df"])
        assert len(finished(f"comparison_{model}")) == 3
    printed = capsys.readouterr()
    assert all(f"Optimizing {m}..." in printed.out for m in ("NHITS", "TFT", "DLinear"))
    assert printed.err == ""


# 4 errors

ERRORS = """
from automodel_sk.validation import ConfigValidator, ValidationResult

validator = ConfigValidator(strict_mode=True)
result = validator.validate_backend_config(...)

if not result.is_valid:
    print("Configuration errors detected:")
    for error in result.errors:
        print(f"  - {error}")

    if result.corrected_config:
        print("Suggested corrections:")
        print(result.corrected_config)
        # 修正後の設定で再試行
"""

INTERRUPTION = """
from automodel_sk.auto_model_factory import AutoModelFactory
import mlflow

try:
    factory = AutoModelFactory(...)
    auto_model = factory.create_auto_model(...)
except KeyboardInterrupt:
    print("Optimization interrupted by user")
    # MLflowから部分的な結果を取得
    experiment = mlflow.get_experiment_by_name("my_experiment")
    runs = mlflow.search_runs(experiment_ids=[experiment.experiment_id])
    print("Completed trials:", len(runs))
except Exception as e:
    print(f"Error during optimization: {e}")
    # エラーログの確認
    if factory.config.use_mlflow:
        # MLflowから失敗したrunを確認
        pass
"""

INTERRUPTION_ARGUMENTS = {
    "AutoModelFactory(...)": 'AutoModelFactory("NLinear", 24, options)',
    "create_auto_model(...)": "create_auto_model(df, config=space)",
}


def test_errors(capsys: pytest.CaptureFixture[str]):
    arguments = 'validate_backend_config(backend="Optuna", num_samples=0)'
    done = run(ERRORS, {"validate_backend_config(...)": arguments})
    assert isinstance(done["result"], done["ValidationResult"])
    printed = capsys.readouterr().out
    assert printed.startswith("Configuration errors detected:\n  - backend must be 'optuna'")
    assert "Suggested corrections:\n{'backend': 'optuna', 'num_samples': 10}" in printed
    again = done["validator"].validate_backend_config(**done["result"].corrected_config)
    assert again.is_valid


def options(**changes: Any) -> OptimizationConfig:
    return OptimizationConfig(
        **{"num_samples": 4, "cpus": 1, "mlflow_experiment_name": "my_experiment", **changes}
    )


def test_interruption(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    def space(trial: Any) -> dict[str, Any]:
        if trial.number == 2:
            raise KeyboardInterrupt
        return {**TRAINED, "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2)}

    run(INTERRUPTION, INTERRUPTION_ARGUMENTS, df=df, space=space, options=options())
    captured = capsys.readouterr()
    assert captured.out == "Optimization interrupted by user\nCompleted trials: 3\n"
    assert "Interrupted. Finished trials are kept in" in captured.err
    runs = finished("my_experiment").set_index("status")
    assert sorted(runs.index) == ["FINISHED", "FINISHED", "KILLED"]
    assert runs.loc[["KILLED"], "tags.mlflow.parentRunId"].isna().all()


def test_an_interrupted_search_resumes(df: pd.DataFrame):
    def space(trial: Any) -> dict[str, Any]:
        if trial.number == 2 and Path("stop").exists():
            raise KeyboardInterrupt
        return {**TRAINED, "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2)}

    Path("stop").touch()
    factory = AutoModelFactory("NLinear", H, options(study_name="stopped", verbose=False))
    with pytest.raises(KeyboardInterrupt):
        factory.create_auto_model(df, config=space)
    Path("stop").unlink()
    result = factory.create_auto_model(df, config=space)
    assert result.trials["number"].tolist() == [0, 1, 2, 3]
    assert set(result.trials["state"]) <= {"COMPLETE", "PRUNED"}


def test_an_error(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    space = {**TRAINED, "learning_rat": 1e-3}
    run(INTERRUPTION, INTERRUPTION_ARGUMENTS, df=df, space=space, options=options())
    message = "learning_rat is not a parameter of NLinear; did you mean learning_rate?"
    assert capsys.readouterr().out == f"Error during optimization: {message}\n"


def test_trials_that_all_fail(df: pd.DataFrame, capsys: pytest.CaptureFixture[str]):
    def space(trial: Any) -> dict[str, Any]:
        raise RuntimeError("no luck")

    run(INTERRUPTION, INTERRUPTION_ARGUMENTS, df=df, space=space, options=options())
    printed = capsys.readouterr().out
    assert "Error during optimization: all 4 trials failed" in printed
    assert "4 x RuntimeError: no luck" in printed
    assert sorted(finished("my_experiment")["status"]) == 5 * ["FAILED"]


# 5 tuning

LARGE = """
# メモリ効率を重視
opt_config = OptimizationConfig(
    backend="optuna",
    num_samples=30,  # 試行回数を抑える
    cpus=16,
    gpus=4,  # 複数GPU使用
    use_pruning=True  # 早期停止で時間節約
)

# バッチサイズを調整
custom_config = {
    'batch_size': tune.choice([256, 512, 1024]),  # 大きめ
    'max_steps': tune.choice([500, 1000]),  # 少なめ
    'early_stop_patience_steps': 2  # 早めに停止
}
"""

SMALL = """
# 精度を重視
opt_config = OptimizationConfig(
    backend="optuna",
    num_samples=100,  # 多めの試行
    use_pruning=False  # プルーニングを無効化
)

custom_config = {
    'batch_size': tune.choice([16, 32, 64]),  # 小さめ
    'max_steps': tune.choice([2000, 3000, 5000]),  # 長め
    'learning_rate': tune.loguniform(1e-5, 1e-3)  # より広範囲
}
"""


@pytest.mark.parametrize(
    ("block", "changes"),
    [
        (LARGE, {"num_samples=30": "num_samples=3", "[500, 1000]": "[3, 4]"}),
        (SMALL, {"num_samples=100": "num_samples=3", "[2000, 3000, 5000]": "[2, 3, 4]"}),
    ],
    ids=["large data", "small data"],
)
def test_tuning(block: str, changes: Pairs, df: pd.DataFrame):
    from ray import tune

    done = run(block, changes, OptimizationConfig=OptimizationConfig, tune=tune)
    factory = AutoModelFactory("NLinear", H, done["opt_config"])
    result = factory.create_auto_model(df, config=done["custom_config"])
    trials = result.trials
    assert len(trials) == 3
    pruned = done["opt_config"].use_pruning
    assert (result.strategy.pruner_name is not None) == pruned
    assert set(trials["state"]) <= ({"COMPLETE", "PRUNED"} if pruned else {"COMPLETE"})
    for name, domain in done["custom_config"].items():
        if hasattr(domain, "categories"):
            assert trials[f"params_{name}"].isin(domain.categories).all()
    check_forecast(result.predict(), "NLinear", df)


# 6 practice

STEPS = """
# ステップ1: 少ない試行回数で迅速にテスト
quick_test = create_auto_model(
    model_name="NHITS",
    h=24,
    dataset=df,
    num_samples=5,
    verbose=True
)

# ステップ2: 結果が良好なら本格的な最適化
full_optimization = create_auto_model(
    model_name="NHITS",
    h=24,
    dataset=df,
    num_samples=100,
    use_mlflow=True,
    mlflow_experiment_name="production"
)
"""

REUSE = """
# 良好な設定を保存
best_config = {
    'max_steps': 2000,
    'learning_rate': 0.001,
    'batch_size': 128,
    # ... 最良の設定
}

# 類似タスクで再利用
model1 = create_auto_model(..., config=best_config)
model2 = create_auto_model(..., config=best_config)
"""

NESTED = """
import mlflow

# 実験の整理
mlflow.set_experiment("forecast_production_v1")

with mlflow.start_run(run_name="weekly_forecast"):
    auto_model = create_auto_model(...)

    # カスタムメトリクスの追加
    mlflow.log_metrics({
        'dataset_size': len(df),
        'n_series': df['unique_id'].nunique()
    })
"""


def test_steps(df: pd.DataFrame):
    from automodel_sk import create_auto_model

    changes = {"num_samples=5": "num_samples=2", "num_samples=100": "num_samples=3"}
    done = run(STEPS, changes, create_auto_model=create_auto_model, df=df)
    assert len(done["quick_test"].trials) == 2
    assert len(done["full_optimization"].trials) == 3
    assert len(finished("automodel_sk")) == 3
    assert len(finished("production")) == 4


def test_reuse(df: pd.DataFrame):
    from automodel_sk import create_auto_model

    changes = {"2000": "3", "(...,": '("NLinear", 24, df,'}
    done = run(REUSE, changes, create_auto_model=create_auto_model, df=df)
    for model in (done["model1"], done["model2"]):
        assert model.trials.empty
        assert model.best_config == done["best_config"]
        assert model.strategy is None
    pd.testing.assert_frame_equal(done["model1"].predict(), done["model2"].predict())


def test_nested(df: pd.DataFrame):
    from automodel_sk import create_auto_model

    arguments = 'create_auto_model("NLinear", 24, df, config=space, num_samples=2, cpus=1)'
    from ray import tune

    space = {**TRAINED, "learning_rate": tune.loguniform(1e-4, 1e-2)}
    changes = {"create_auto_model(...)": arguments}
    done = run(NESTED, changes, create_auto_model=create_auto_model, df=df, space=space)
    assert len(done["auto_model"].trials) == 2
    runs = finished("forecast_production_v1").set_index("run_id")
    top = runs[runs["tags.mlflow.parentRunId"].isna()]
    assert top["tags.mlflow.runName"].tolist() == ["weekly_forecast"]
    assert top["metrics.dataset_size"].tolist() == [520]
    assert top["metrics.n_series"].tolist() == [2]
    (search,) = runs.index[runs["tags.mlflow.parentRunId"] == top.index[0]]
    assert (runs["tags.mlflow.parentRunId"] == search).sum() == 2
    assert set(runs["status"]) == {"FINISHED"}
    assert mlflow.active_run() is None


# 7 troubles

OUT_OF_MEMORY = """
# 解決策1: バッチサイズを減らす
config = {'batch_size': tune.choice([16, 32])}

# 解決策2: GPUを増やす
opt_config = OptimizationConfig(gpus=2)

# 解決策3: input_sizeを減らす
config = {'input_size': tune.choice([7, 14])}
"""

NO_CONVERGENCE = """
# 解決策1: 試行回数を増やす
opt_config = OptimizationConfig(num_samples=200)

# 解決策2: 探索空間を狭める
config = {
    'learning_rate': tune.loguniform(1e-4, 1e-3),  # 狭い範囲
    'batch_size': tune.choice([64, 128])  # 選択肢を減らす
}

# 解決策3: より高度なアルゴリズムを使用
# SearchAlgorithmSelectorが自動選択
"""

NO_SERVER = """
# トラッキングURIの確認
validation_result = validator.validate_mlflow_config(
    tracking_uri="http://localhost:5000"
)
if not validation_result.is_valid:
    print(validation_result.errors)
"""


@pytest.mark.parametrize("block", [OUT_OF_MEMORY, NO_CONVERGENCE], ids=["memory", "convergence"])
def test_troubles(block: str, df: pd.DataFrame):
    """The options are accepted; the spaces, short of steps as they are, are searched."""
    from ray import tune

    from automodel_sk import create_auto_model

    done = run(block, OptimizationConfig=OptimizationConfig, tune=tune)
    wanted = done["opt_config"]
    validator = ConfigValidator()
    assert validator.validate_model_config(done["config"], "NLinear", h=H).is_valid
    backend = validator.validate_backend_config(num_samples=wanted.num_samples, gpus=wanted.gpus)
    assert backend.is_valid
    result = create_auto_model(
        "NLinear",
        H,
        df,
        {**done["config"], "max_steps": 2},
        num_samples=2,
        gpus=wanted.gpus,
        use_mlflow=False,
        verbose=False,
    )
    check_forecast(result.predict(), "NLinear", df)
    assert len(result.trials) == 2
    for name, domain in done["config"].items():
        if hasattr(domain, "categories"):
            assert result.trials[f"params_{name}"].isin(domain.categories).all()


def test_no_server(capsys: pytest.CaptureFixture[str]):
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    changes = {"localhost:5000": f"localhost:{port}"}
    done = run(NO_SERVER, changes, validator=ConfigValidator())
    assert not done["validation_result"].is_valid
    assert f"http://localhost:{port}" in capsys.readouterr().out


def test_searches_leave_no_handlers_behind(df: pd.DataFrame):
    before = list(logging.getLogger("automodel_sk").handlers)
    AutoModelFactory("NLinear", H, options(num_samples=1)).create_auto_model(df, config=TRAINED)
    assert logging.getLogger("automodel_sk").handlers == before
