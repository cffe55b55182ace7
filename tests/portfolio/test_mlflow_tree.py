"""The runs of a search over several models, in a real SQLite store of MLflow."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow_store import make_tables

from automodel_sk import create_auto_model
from automodel_sk.portfolio.trainer import PortfolioTrainer
from automodel_sk.search.study.storage import StudyLocation, open_storage
from automodel_sk.search.study.study import KEY
from automodel_sk.search.study.study_key import study_key, tracked_id
from automodel_sk.search_space import Float
from automodel_sk.tracking import MLflowTracker, SearchRecord
from automodel_sk.trials import OUT_OF_TIME, TrialRecord

PARENT = "mlflow.parentRunId"
STUDY = {"automodel_sk.study_id": "5f3a"}
NOON = datetime(2024, 3, 1, 12)
MLP = {
    "max_steps": 4,
    "input_size": 8,
    "hidden_size": 8,
    "num_layers": 1,
    "learning_rate": Float(1e-3, 1e-2),
}


class Tree:
    """The runs of an experiment, read by MLflow's own client."""

    def __init__(self, uri: str) -> None:
        self.client = MlflowClient(tracking_uri=uri)
        experiment = self.client.get_experiment_by_name("automodel_sk")
        self.runs = list(self.client.search_runs([experiment.experiment_id]))

    def below(self, run_id: str | None) -> dict[str, Any]:
        """Return the runs below one by name; the names must be distinct."""
        found = [run for run in self.runs if run.data.tags.get(PARENT) == run_id]
        named = {run.info.run_name: run for run in found}
        assert len(named) == len(found)
        return named

    def counts(self) -> dict[str, int]:
        """Return the number of trials below the run of each model."""
        [search] = self.below(None).values()
        models = self.below(search.info.run_id)
        return {name: len(self.below(run.info.run_id)) for name, run in models.items()}

    def file(self, run: Any, name: str) -> str:
        downloaded = self.client.download_artifacts(run.info.run_id, name)
        return Path(downloaded).read_text(encoding="utf-8")


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return f"sqlite:///{make_tables(tmp_path / 'mlflow.db')}"


def trial(number: int, model: str, **changes: Any) -> TrialRecord:
    values: dict[str, Any] = {
        "state": "COMPLETE",
        "value": 0.5,
        "params": {"model": model, "scaler": None, "size": 8},
        "intermediate_values": {1: 0.5},
        "datetime_start": NOON + timedelta(minutes=number),
        "duration_seconds": 2.0,
    }
    return TrialRecord(number, **{**values, **changes})


def started(uri: str) -> MLflowTracker:
    tracker = MLflowTracker(uri)
    params = {"num_samples": 3, "warm_start": None}
    tracker.start(SearchRecord("sales", "auto", params, STUDY, by="model", metric="mase"))
    return tracker


def test_trials_lie_below_their_model_and_a_resumed_search_repeats_nothing(uri):
    first = started(uri)
    first.log_trial(trial(0, "Naive"))
    first.log_trial(trial(1, "NHITS"))
    assert first.flush(60)  # and then the process is killed
    before = Tree(uri)
    assert {run.info.status for run in before.runs if PARENT not in run.data.tags} == {"RUNNING"}

    again = started(uri)
    assert again.run_id == first.run_id
    for ended in (
        trial(0, "Naive"),
        trial(1, "NHITS"),
        trial(2, "NHITS", state="PRUNED", reason="worse than the median"),
        trial(3, "NHITS", state="COMPLETE", reason=OUT_OF_TIME),
        trial(4, "TFT", state="FAIL", value=None, reason="out of memory"),
    ):
        again.log_trial(ended)
    by_model = {
        "NHITS": {"best_score": 0.5, "mase": 0.5, "weight": 0.25, "n_trials": 3, "n_failed": 0},
        "TFT": {"n_trials": 1, "n_failed": 1},
    }
    again.finish("FINISHED", metrics={"best_score": 0.4}, by_model=by_model)

    tree = Tree(uri)
    assert tree.counts() == {"Naive": 1, "NHITS": 3, "TFT": 1}
    [search] = tree.below(None).values()
    models = tree.below(search.info.run_id)
    states = {name: run.info.status for name, run in models.items()}
    assert states == {"Naive": "FINISHED", "NHITS": "FINISHED", "TFT": "FAILED"}
    assert search.info.status == "FINISHED"
    assert models["NHITS"].data.params == {"model": "NHITS"}
    assert models["NHITS"].data.metrics == by_model["NHITS"]
    trials = tree.below(models["NHITS"].info.run_id)
    assert set(trials) == {"trial 1", "trial 2 (pruned)", "trial 3 (out of time)"}
    assert {run.info.status for run in trials.values()} == {"FINISHED"}
    assert trials["trial 2 (pruned)"].data.tags["automodel_sk.state"] == "PRUNED"


def searched(uri: str, folder: Path, *, stop: bool = False, **options: Any) -> None:
    """Search two members in a folder; with `stop`, until the second begins."""
    trained = PortfolioTrainer.train

    def stopping(self: Any, config: Any, *given: Any, **named: Any) -> Any:
        if config["model"] == "RWD":
            raise SystemExit(143)
        return trained(self, config, *given, **named)

    folder.mkdir(exist_ok=True)
    df = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": [float(i % 7) for i in range(40)]})
    quiet: dict[str, Any] = {"cpus": 1, "gpus": 0, "verbose": False, "season_length": 7}
    quiet |= {"mlflow_tracking_uri": uri, "study_name": "sales"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        if stop:
            patch.setattr(PortfolioTrainer, "train", stopping)
        with pytest.raises(SystemExit) if stop else nullcontext():
            create_auto_model(["Naive", "RWD"], 2, df, **quiet, **options)


@pytest.mark.parametrize(
    ("folders", "options"),
    [
        ("aa", [{"storage": ":memory:"}] * 2),
        ("aa", [{}, {"resume": "overwrite"}]),
        ("ab", [{}, {}]),
    ],
)
def test_another_search_of_the_same_name_has_a_run_of_its_own(uri, tmp_path, folders, options):
    first, second = (tmp_path / name for name in folders)
    searched(uri, first, stop=True, **options[0])
    searched(uri, second, **options[1])
    runs = [run for run in Tree(uri).runs if PARENT not in run.data.tags]
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED"]
    finished, killed = (Tree(uri).below(run.info.run_id) for run in runs)
    assert (set(finished), set(killed)) == ({"Naive", "RWD"}, {"Naive"})


def test_a_search_that_goes_on_has_the_run_of_its_study_however_old(uri, tmp_path):
    searched(uri, tmp_path / "a", stop=True)
    searched(uri, tmp_path / "a")
    assert Tree(uri).counts() == {"Naive": 1, "RWD": 1}
    location = StudyLocation("sales", tmp_path / "a" / "automodel_sk_runs")
    key = study_key(location, "auto")
    assert key is not None
    assert key not in {study_key(location, "overwrite"), study_key(location, "never")}
    storage = open_storage(location)
    study = storage.get_study_id_from_name("sales")
    [run] = Tree(uri).below(None).values()
    place = "sales in automodel_sk_runs/sales.journal"
    assert run.data.tags["automodel_sk.study_id"] == f"{place}, {key}"
    storage.set_study_user_attr(study, KEY, None)  # as of an earlier release
    assert study_key(location, "auto") is None
    assert tracked_id(StudyLocation("sales"), None) == place


def test_scores_have_one_name_and_none_is_no_parameter(uri):
    tracker = started(uri)
    tracker.log_trial(trial(0, "Naive"))
    tracker.finish("FINISHED", metrics={"best_score": 0.4})
    tree = Tree(uri)
    [search] = tree.below(None).values()
    assert search.data.metrics == {"best_score": 0.4, "mase": 0.4, "best_val_loss": 0.4}
    assert search.data.params == {"model": "auto", "num_samples": "3"}
    [naive] = tree.below(search.info.run_id).values()
    [only] = tree.below(naive.info.run_id).values()
    assert only.data.params == {"model": "Naive", "size": "8"}
    assert only.data.metrics["mase"] == only.data.metrics["best_val_loss"] == 0.5


def test_an_interrupted_search_ends_all_its_runs_and_reopens_them(uri):
    tracker = started(uri)
    tracker.log_trial(trial(0, "Naive"))
    tracker.finish("KILLED")
    tree = Tree(uri)
    [search] = tree.below(None).values()
    [naive] = tree.below(search.info.run_id).values()
    assert (search.info.status, naive.info.status) == ("KILLED", "KILLED")
    started(uri)
    assert {run.info.status for run in Tree(uri).below(search.info.run_id).values()} == {"RUNNING"}


@pytest.fixture(scope="module")
def search_of_three(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{make_tables(folder / 'mlflow.db')}"
    values = [float(step % 4) + 0.01 * step for step in range(48)]
    times = pd.date_range("2020-01-31", periods=48, freq="ME")
    frames = [
        pd.DataFrame({"unique_id": name, "ds": times, "y": values}) for name in ("north", "south")
    ]
    model = create_auto_model(
        ["SeasonalNaive", "Naive", "MLP"],
        4,
        pd.concat(frames, ignore_index=True),
        {"MLP": MLP},
        num_samples=2,
        cpus=1,
        gpus=0,
        storage=":memory:",
        verbose=False,
        mlflow_tracking_uri=uri,
        mlflow_register_as="sales_ensemble",
    )
    return model, Tree(uri), uri


def test_a_search_is_a_tree_of_portfolio_models_and_trials(search_of_three):
    model, tree, _ = search_of_three
    assert tree.counts() == {"SeasonalNaive": 1, "Naive": 1, "MLP": 2}
    [search] = tree.below(None).values()
    table = model.leaderboard()
    models = tree.below(search.info.run_id)
    for name, run in models.items():
        rows = table[table["model"] == name]
        assert run.info.status == "FINISHED"
        assert run.data.metrics["mase"] == pytest.approx(rows["score"].min())
        assert run.data.metrics["weight"] == pytest.approx(rows["weight"].sum())
        for trial_run in tree.below(run.info.run_id).values():
            number = int(trial_run.data.tags["automodel_sk.number"])
            score = rows.loc[rows["trial"] == number, "score"].iloc[0]
            assert trial_run.data.metrics["mase"] == pytest.approx(score, rel=1e-5)
    assert search.data.metrics["mase"] == search.data.metrics["best_score"]
    assert search.data.metrics["mase"] == pytest.approx(model.best_score)
    assert "None" not in search.data.params.values()


def test_the_leaderboard_the_report_and_the_data_are_attached(search_of_three):
    model, tree, _ = search_of_three
    [search] = tree.below(None).values()
    stored = pd.read_csv(StringIO(tree.file(search, "leaderboard.csv")))
    assert stored["model"].tolist() == model.leaderboard()["model"].tolist()
    assert stored["score"].tolist() == pytest.approx(model.leaderboard()["score"].tolist())
    assert "<title>Forecast from 2024-01-31 to 2024-04-30</title>" in tree.file(
        search, "report.html"
    )
    [data] = search.inputs.dataset_inputs
    assert json.loads(data.dataset.profile)["num_rows"] == 96


def test_the_ensemble_is_a_model_that_mlflow_loads_and_registers(search_of_three):
    model, _, uri = search_of_three
    mlflow.set_tracking_uri(uri)
    try:
        known = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        version = known.get_model_version("sales_ensemble", "1")
        loaded = mlflow.pyfunc.load_model(version.source)
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(loaded.predict(pd.DataFrame()), model.predict())
    answer = loaded.predict(pd.DataFrame({"unique_id": ["south"]}), params={"level": [80]})
    expected = model.predict(level=[80])
    expected = expected[expected["unique_id"] == "south"].reset_index(drop=True)
    pd.testing.assert_frame_equal(answer, expected)
    newer = model.state.history().groupby("unique_id").head(30)
    pd.testing.assert_frame_equal(loaded.predict(newer), model.predict(newer))
