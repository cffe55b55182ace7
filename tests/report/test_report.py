"""The page on a model and the card: what they say, and that nothing in the data can break out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import chromium, requests_of, show, wait_for
from ray import tune
from searched import HOSTILE, hostile_panel, searched_model
from series import seasonal_panel
from sktime.exceptions import NotFittedError
from typer.testing import CliRunner

from automodel_sk import AutoModel, AutoNeuralForecaster, create_auto_model
from automodel_sk.cli import app
from automodel_sk.data.treatment import Treatment
from automodel_sk.evaluation.backtest import Backtest, backtest
from automodel_sk.exceptions import InvalidInputError, MissingDependencyError
from automodel_sk.forecasting.calibration import Windows
from automodel_sk.report.code_snippet import forecaster_code, model_code, search_code
from automodel_sk.report.verdict import verdict
from automodel_sk.search.summary import no_report

FIGURES = 8
CONFIG = {"input_size": 12, "hidden_size": 8}


class Page(HTMLParser):
    """What a browser would run, load and show."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.figures: dict[str, Any] = {}
        self._inside: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        self._inside = (tag, dict(attrs))
        if tag == "script" and "type" not in dict(attrs):
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attributes = self._inside
        if tag == "script" and "id" in attributes:
            self.figures[str(attributes["id"])] = json.loads(data)
        elif tag == "script":
            self.scripts[-1] += data
        elif tag != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def model() -> AutoModel:
    return searched_model()


@pytest.fixture(scope="module")
def path(model: AutoModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.report(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path)


def test_the_page_holds_all_that_it_needs(page: Page):
    assert len(page.scripts) == 2
    icon, download = page.addresses
    assert icon == "data:,"
    assert download.startswith("data:text/csv;charset=utf-8;base64,")
    assert len(page.figures) == FIGURES
    assert not {"link", "iframe", "object", "embed"} & set(page.tags) - {"link"}


def test_names_of_series_stay_text(page: Page, path: Path):
    source = path.read_text(encoding="utf-8")
    markup = re.sub(r"<script\b.*?</script>", "", source, flags=re.DOTALL)
    assert "img" not in page.tags
    assert "window.hacked" not in "".join(page.scripts)
    assert not any(name in markup for name in HOSTILE[:2])
    shown = json.dumps(page.figures)
    assert "<" not in re.sub(r"<(/?b|br|extra)>", "", shown)
    assert "&lt;script&gt;window.hacked" in shown


def test_what_the_page_says_is_what_was_measured(model: AutoModel, page: Page):
    scores = backtest(model).scores()
    for name in scores.index:
        assert f"{name} {scores.loc[name, 'MASE']:.3g}" in page.text
    assert f"{scores.loc['MLP', 'skill']:.0%} skill over seasonal naive" in page.text
    states = model.trials["state"].value_counts()
    assert f"{len(model.trials)} trials ({states.get('COMPLETE', 0)} complete" in page.text
    assert f"The best validation loss was {model.best_score:.3g}" in page.text
    assert model.strategy.description in page.text
    assert "Data from 2024-01-01 to 2024-03-10, frequency D." in page.text
    for number in model.trials["number"]:
        assert f" {number} {model.trials['state'][number].lower()} " in page.text
    assert "neuralforecast 3." in page.text
    assert "rows 280" in page.text


def test_warnings_of_the_validation_are_listed(model: AutoModel, page: Page):
    assert model.validation is not None
    for warning in model.validation.warnings:
        assert " ".join(warning.split()) in page.text
    if not model.validation.warnings:
        assert "nothing was found" in page.text


def test_the_figures_hold_the_forecast(model: AutoModel, page: Page):
    figure = page.figures["figure-forecasts"]
    titles = [note["text"] for note in figure["layout"]["annotations"]]
    by_word = backtest(model).typical_series()
    assert list(by_word) == ["best", "typical", "worst"]
    assert [title.replace("&#x27;", "'").replace("&lt;", "<") for title in titles] == [
        str(name).replace(">", "&gt;").replace("&", "&amp;").replace("&amp;gt;", "&gt;")
        for name in by_word.values()
    ]
    assert len([trace for trace in figure["data"] if trace["name"] == "MLP forecast"]) == 3


def test_the_code_trains_the_same_configuration(model: AutoModel):
    namespace: dict[str, Any] = {"df": hostile_panel()}
    code = model_code(model).replace(
        "random_seed=42,", "random_seed=42, use_mlflow=False, verbose=False,"
    )
    exec(compile(code, "model_code", "exec"), namespace)
    assert namespace["model"].best_config == model.best_config
    assert namespace["model"].h == model.h


def test_code_for_other_losses_and_variables():
    from neuralforecast.losses.pytorch import MSE, DistributionLoss, HuberLoss, MQLoss

    def of(loss: Any, **columns: Any) -> str:
        kinds = {"futr_exog": (), "hist_exog": (), "stat_exog": (), "random_seed": 7, **columns}
        model = SimpleNamespace(
            model_name="NHITS",
            h=3,
            best_config={"max_steps": 5},
            best_step=None,
            training_note=None,
            state=SimpleNamespace(
                task=SimpleNamespace(**kinds), loss=loss, treatment=Treatment("zero", True)
            ),
        )
        code = model_code(model)
        compile(code, "model_code", "exec")
        return code

    assert "loss='mse'," in of(MSE())
    assert "loss=MQLoss(quantiles=[0.1, 0.5, 0.9])" in of(MQLoss(level=[80]))
    assert "import DistributionLoss\n" in of(DistributionLoss("Poisson"))
    assert "loss=DistributionLoss('Poisson')" in of(DistributionLoss("Poisson"))
    assert "loss=HuberLoss()" in of(HuberLoss())
    code = of(MSE(), futr_exog=("price",), stat_exog=("area",))
    assert "futr_exog_list=['price']," in code
    assert "fill_gaps='zero',\n    non_negative=True,\n    random_seed=7," in code
    assert "static_df=static_df,\n    stat_exog_list=['area']," in code


def test_code_of_several_models_has_the_loss_of_their_networks():
    from neuralforecast.losses.pytorch import HuberLoss

    task = SimpleNamespace(h=3, futr_exog=(), hist_exog=(), stat_exog=("area",))
    code = search_code(["NHITS", "Naive"], task, Treatment(), HuberLoss())
    compile(code, "search_code", "exec")
    assert "from neuralforecast.losses.pytorch import HuberLoss\n" in code
    assert "dataset=df,\n    loss=HuberLoss(),\n    static_df=static_df," in code
    assert "loss" not in search_code(["Naive"], task, Treatment())


def test_a_report_where_nothing_was_observed_lately(tmp_path: Path):
    steps = np.arange(60)
    df = pd.DataFrame({"unique_id": "a", "ds": steps, "y": 9.0 + steps % 3})
    df["available_mask"] = np.where(steps < 40, 1.0, 0.0)
    config = {"max_steps": 2, "input_size": 10}
    model = create_auto_model("MLP", 5, df, config, use_mlflow=False, verbose=False)
    assert backtest(model).typical_series() == {}
    assert "The first series." in model.report(tmp_path / "report.html").read_text("utf-8")


def judged(model: list[float], naive: list[float], last: list[float]) -> Any:
    frame = pd.DataFrame(
        {"unique_id": ["a", "b"], "cutoff": 0, "ds": 1, "y": 0.0, "scale": 1.0}
    ).assign(NHITS=model, SeasonalNaive=naive, Naive=last)
    return verdict(Backtest(frame, "NHITS", Windows(2, 1)), season=12)


def test_the_verdict_is_plain():
    good = judged([1.0, 2.0], [2.0, 2.0], [9.0, 9.0])
    assert (good.tone, good.headline) == (
        "good",
        "NHITS's error is 25% lower than that of the seasonal-naive forecast.",
    )
    assert good.details[0].endswith("in 1 of 2 series.")
    assert "Measured 2 times on 1 step at" in good.details[1]
    bad = judged([3.0, 2.0], [2.0, 2.0], [9.0, 9.0])
    assert bad.tone == "bad"
    assert "does not beat a baseline: its error is 25% higher than that of the" in bad.headline
    other = judged([3.0, 1.0], [4.0, 4.0], [1.0, 1.0])
    assert "its error is 100% higher than that of Naive (the last value)" in other.headline
    same = judged([1.0, 2.0], [1.0, 2.0], [9.0, 9.0])
    assert same.tone == "bad"
    assert same.headline.endswith("it is as accurate as the seasonal-naive forecast.")
    assert same.details[1].endswith("in 0 of 2 series.")
    nearly = judged([1.0 - 1e-12, 2.0], [1.0, 2.0], [9.0, 9.0])
    assert nearly.details[1].endswith("in 0 of 2 series.")  # the last digits decide nothing
    perfect = judged([0.5, 0.5], [0.0, 0.0], [1.0, 1.0])
    assert perfect.tone == "bad"
    assert "many times higher" in perfect.headline


def test_a_model_without_search_errors_or_future(tmp_path: Path):
    df = seasonal_panel(2, 16).assign(price=1.0)
    model = create_auto_model(
        "MLP",
        6,
        df,
        {"input_size": 3, "hidden_size": 8, "max_steps": 1},
        futr_exog_list=["price"],
        use_mlflow=False,
        verbose=False,
    )
    page = Page(model.report(tmp_path / "short.html"))
    assert "The accuracy of the forecasts is unknown: the longest series has 16 rows" in page.text
    assert "There was no search: the configuration was given." in page.text
    assert "The future is not shown:" in page.text
    assert list(page.figures) == ["figure-forecasts"]
    assert "known future columns price" in page.text
    months = pd.date_range(df["ds"].max(), periods=7, freq="ME")[1:]
    future = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": months, "price": 1.0}) for name in ("s0", "s1")
    )
    page = Page(model.report(tmp_path / "short.html", futr_df=future))
    assert "The future is not shown" not in page.text


def test_what_the_diagnosis_finds_is_listed_with_its_evidence(tmp_path: Path):
    model = create_auto_model(
        "MLP",
        6,
        seasonal_panel(2, 60),
        {**CONFIG, "learning_rate": tune.loguniform(1e-6, 1e-5), "max_steps": 40},
        num_samples=4,
        use_mlflow=False,
        use_pruning=False,
        verbose=False,
        cpus=1,
    )
    findings = model.diagnose()
    assert "underfitting" in {finding.rule for finding in findings}
    page = Page(model.report(tmp_path / "report.html"))
    assert "What to try next" in page.text
    for finding in findings:
        assert " ".join(finding.text.split()) in page.text
        for name, value in finding.suggestion.items():
            assert f"{name}={value}" in page.text
        for name in finding.evidence:
            assert f"{name.replace('_', ' ')}: " in page.text


def test_a_forecasters_page_is_in_its_datas_own_terms(tmp_path: Path):
    index = pd.period_range("2015-01", periods=63, freq="M")
    y = pd.DataFrame({"sales": 10 + np.sin(np.arange(63) * np.pi / 6)}, index)
    X = pd.DataFrame({"price": np.arange(63.0)}, index)
    forecaster = AutoNeuralForecaster("MLP", {**CONFIG, "max_steps": 3}, random_state=7)
    forecaster.fit(y[:60], X=X[:60], fh=[1, 2, 3])
    path = forecaster.report(tmp_path / "report.html", X=X[60:])
    page = Page(path)
    assert "Data from 2015-01-01 to 2019-12-01, frequency M." in page.text
    assert "The future is not shown" not in page.text
    figure = page.figures["figure-forecasts"]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["sales"]
    [ahead] = [trace for trace in figure["data"] if trace["name"] == "MLP forecast"]
    assert ahead["x"][-1].startswith("2020-03-01")
    namespace: dict[str, Any] = {"y": y[:60], "X": X[:60]}
    code = page.text[page.text.index("from automodel_sk import AutoNeuralForecaster") :]
    assert "forecaster.fit(y, X=X, fh=range(1, 4))" in code
    code = forecaster_code(forecaster.auto_model_, exogenous=True, static=False)
    exec(code, namespace)
    again = namespace["forecaster"].predict(X=X[60:])
    pd.testing.assert_frame_equal(again, forecaster.predict(X=X[60:]))
    assert "The future is not shown" in Page(forecaster.report(path)).text


def test_an_unfitted_forecaster_has_no_page(tmp_path: Path):
    with pytest.raises(NotFittedError):
        AutoNeuralForecaster("MLP").report(tmp_path / "report.html")


def test_the_file_has_to_be_one(model: AutoModel, tmp_path: Path):
    for wrong in (tmp_path, tmp_path / "missing" / "report.html"):
        with pytest.raises(InvalidInputError, match=r"path must be a file in a folder that exists"):
            model.report(wrong)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_file_that_can_t_be_written_is_named(model: AutoModel):
    with pytest.raises(InvalidInputError, match=r"'/dev/full' can't be written \(No space left"):
        model.report("/dev/full")


def test_without_plotly_the_report_names_its_extra_and_all_else_works(
    model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert no_report() == []
    monkeypatch.setitem(sys.modules, "plotly", None)  # as if it were not installed
    cure = r"install it with: pip install 'automodel_sk\[report\]'"
    monkeypatch.setattr("automodel_sk.evaluation.backtest.backtest", pytest.fail)  # too early
    with pytest.raises(MissingDependencyError, match=f"the report needs plotly; {cure}"):
        model.report(tmp_path / "report.html")
    with pytest.raises(MissingDependencyError, match=f"backend='plotly' needs plotly; {cure}"):
        model.plot.residuals(backend="plotly")
    assert not list(tmp_path.iterdir())
    assert no_report() == [
        "No report, also in MLflow: plotly is not installed: pip install 'automodel_sk[report]'"
    ]
    assert model.plot.history().axes


def test_the_card_shows_the_configuration_and_escapes(model: AutoModel):
    card = model._repr_html_()
    assert "<strong>MLP</strong>, fitted: forecasts 7 steps of 4 series, freq &#39;D&#39;" in card
    assert f"best validation loss {model.best_score:.3g}; trials: " in card
    for name, value in model.best_config.items():
        assert f">{name}</th>" in card
        assert f"<code>{value}</code>" in card
    changed = SimpleNamespace(
        model_name="<b>",
        h=1,
        freq=1,
        best_score=None,
        best_config={"<i>": "<script>"},
        trials=pd.DataFrame({"state": []}),
        state=SimpleNamespace(ids=np.arange(2), records=[], metric_name="loss"),
    )
    escaped = AutoModel._repr_html_(changed)
    assert not re.search("<(b|i|script)>", escaped)
    assert "none, the configuration was fixed" in escaped


def test_the_command_writes_it(model: AutoModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    model.save("saved")
    done = CliRunner().invoke(app, ["report", "saved", "-o", "page.html"])
    assert done.exit_code == 0, done.output
    assert done.output == "Reading saved ...\nReport: page.html\n"
    assert CliRunner().invoke(app, ["report", "saved", "--quiet"]).output == ""
    assert Page(tmp_path / "page.html").text.startswith("Forecast from 2024-03-11 to 2024-03-17")
    assert CliRunner().invoke(app, ["report", "absent"]).exit_code == 2
    done = CliRunner().invoke(app, ["report", "saved", "-o", "no/page.html"])
    assert done.exit_code == 1
    assert "path must be a file" in done.output


def test_the_command_takes_future_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=34, freq="D")
    df = pd.DataFrame({"unique_id": "007", "ds": days, "y": np.arange(34) % 7, "price": 1.0})
    config = {"input_size": 7, "hidden_size": 8, "max_steps": 1}
    lists = {"futr_exog_list": ["price"], "use_mlflow": False, "verbose": False}
    create_auto_model("MLP", 3, df[:31], config, **lists).save("saved")
    df[31:].drop(columns=["unique_id", "y"]).to_csv("future.csv", index=False)
    done = CliRunner().invoke(app, ["report", "saved", "--futr", "future.csv"])
    assert done.exit_code == 0, done.output
    page = Page(tmp_path / "report.html")
    assert "The future is not shown" not in page.text
    names = [trace["name"] for trace in page.figures["figure-forecasts"]["data"]]
    assert names == [
        "95% interval",
        "80% interval",
        "history",
        "what it would have forecast",
        "MLP forecast",
    ]


def test_the_templates_are_packaged():
    root = Path(__file__).parents[2]
    names = {path.name for path in (root / "automodel_sk/report/templates").iterdir()}
    cards = {"card.html.j2", "ensemble_card.html.j2"}
    assert names == cards | {"page.css", "page.html.j2", "page.js"}
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *names],
        cwd=root / "automodel_sk/report/templates",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout == "", "hatch leaves out what git ignores"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_a_browser_shows_it(browser: Any, path: Path, width: int, scheme: str):
    show(browser, path, width=width, scheme=scheme)
    folded = len(browser.find_elements("css selector", "details [data-figure]"))
    assert folded == 3
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true })")
    drawn = (
        "return [...document.querySelectorAll('[data-figure]')]"
        ".filter(holder => holder.querySelector('.trace')).length"
    )
    wait_for(browser, lambda: browser.execute_script(drawn) == FIGURES)
    size = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, there = browser.execute_script(size)
    assert needed <= there
    back = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (sum(browser.execute_script(back)) < 200) == (scheme == "dark")
    ink = "return document.querySelector('[data-figure]').layout.font.color"
    assert browser.execute_script(ink) == {"light": "#1f2328", "dark": "#e6e8eb"}[scheme]
    assert browser.execute_script("return window.hacked") is None
    assert HOSTILE[0] in browser.find_element("css selector", "main").text
    assert browser.get_log("browser") == []
    asked = [url for url in requests_of(browser) if not url.startswith(("data:", "chrome:"))]
    assert asked == [path.as_uri()]


def test_the_colours_follow_the_scheme_and_the_network_is_shut(browser: Any, path: Path):
    show(browser, path, width=1280, scheme="light")
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    ink = "return document.querySelector('[data-figure]').layout.font.color"
    wait_for(browser, lambda: browser.execute_script(ink) == "#e6e8eb")
    fetch = "fetch('http://127.0.0.1:9/').then(arguments[0], e => arguments[0](String(e)))"
    assert "Failed to fetch" in browser.execute_async_script(fetch)
    violations = [entry["message"] for entry in browser.get_log("browser")]
    assert any("Content Security Policy" in message for message in violations)


def test_a_script_from_elsewhere_does_not_run(browser: Any, path: Path, tmp_path: Path):
    source = path.read_text(encoding="utf-8")
    spoilt = tmp_path / "spoilt.html"
    top = source[: source.index("<main>")]
    spoilt.write_text(f"{top}<script>window.hacked = 1</script>", encoding="utf-8")
    show(browser, spoilt, width=1280, scheme="light")
    assert browser.execute_script("return window.hacked") is None
    assert "script-src" in "".join(entry["message"] for entry in browser.get_log("browser"))


def test_the_package_is_light_until_a_plot_is_asked_for():
    program = (
        "import sys, automodel_sk.report, automodel_sk.plots\n"
        "print({'jinja2', 'plotly', 'matplotlib', 'torch', 'optuna'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
