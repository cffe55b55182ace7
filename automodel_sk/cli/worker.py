"""The `worker` command: join a search that another process started."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automodel_sk.cli import fit_options as of
from automodel_sk.cli.dialect import Asked
from automodel_sk.cli.inputs import Columns, read_beside, read_series
from automodel_sk.cli.options import (
    DateFormat,
    Debug,
    Decimal,
    IdCol,
    Separator,
    StaticFile,
    TargetCol,
    TimeCol,
    Wide,
)
from automodel_sk.cli.output import print_line
from automodel_sk.cli.reporting import reported
from automodel_sk.exceptions import InvalidInputError, SearchError

if TYPE_CHECKING:
    from automodel_sk.options import OptimizationConfig
    from automodel_sk.search.planning import UserInput
    from automodel_sk.search.study.search_spec import SearchSpec
    from automodel_sk.trials import TrialRecord

__all__ = ["worker"]

_LARGEST_NUMBER = 10_000_000


@reported
@of.takes_options("storage", "cpus", "gpus", "trial_timeout_minutes", "verbose")
def worker(
    study_name: Annotated[
        str, typer.Option("--study", "--study-name", help="Name of the study to join.")
    ],
    data: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="The data of the search."),
    ],
    static: StaticFile = None,
    id_col: IdCol = None,
    time_col: TimeCol = None,
    target_col: TargetCol = None,
    sep: Separator = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    wide: Wide = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Join a running search: run its trials on this machine too, until none are left.

    Model, space and options come from the study; the data is read here and must be the same. The
    process that started the search fits the final model. A worker may join and leave at any time.
    Anyone who can write to the storage decides what is trained here: limit it with --trial-timeout.
    """
    from automodel_sk.data.calendar import without_calendar
    from automodel_sk.search.request_builder import start_workers_early
    from automodel_sk.search.study.search_spec import read_search_spec
    from automodel_sk.search.study.storage import StudyLocation

    job = read_search_spec(StudyLocation(study_name, options["storage"]))
    _check_settings(job, study_name)
    _check_sizes(job, study_name)
    if options["trial_timeout_minutes"] is None:
        options["trial_timeout_minutes"] = job.options.trial_timeout_minutes
    config = replace(job.options, study_name=study_name, **options)
    start_workers_early(config)
    asked = Asked(sep, decimal, date_format)
    exogenous = (*without_calendar(job.futr_exog), *job.hist_exog)
    columns = Columns(id_col, time_col, target_col, asked=asked, wide=wide, exogenous=exogenous)
    given = _given(job, config, data, static, columns)
    seconds = None if job.ends is None else job.ends - time.time()
    join = _join_several if job.models else _join
    records = join(job, given, config, seconds, data)
    print_line(f"Study {study_name}: {len(records)} of {job.trials} trials have ended")


def _join(
    job: SearchSpec,
    given: UserInput,
    config: OptimizationConfig,
    seconds: float | None,
    data: Path,
) -> Sequence[TrialRecord]:
    """Run trials of one model until none are left."""
    from automodel_sk.search.backends import make_backend
    from automodel_sk.search.planning import make_plan
    from automodel_sk.search.progress import progress_bar
    from automodel_sk.search.request_builder import search_request, training_data
    from automodel_sk.training.time_budget import TimeBudget

    plan = make_plan(given, config)
    _check_identity(job, plan.identity(), config, data)
    budget = TimeBudget(seconds)
    dataset = training_data(plan)
    request = search_request(plan, config, budget, dataset)
    request = replace(request, num_samples=job.trials, job=None)
    reports = request.strategy.n_reports
    with progress_bar(job.trials, job.model_name, config.verbose, budget, reports) as bar:
        return make_backend(config.backend).run(request, dataset, bar)


def _join_several(
    job: SearchSpec,
    given: UserInput,
    config: OptimizationConfig,
    seconds: float | None,
    data: Path,
) -> Sequence[TrialRecord]:
    """Run trials of several models until none are left."""
    from automodel_sk.portfolio.join import join_portfolio, joined_plan

    plan = joined_plan(job, given, config)
    _check_identity(job, plan.identity(), config, data)
    return join_portfolio(job, plan, config, seconds)


def _check_settings(job: SearchSpec, study: str) -> None:
    """Raise if a study sets more than a model's definition, since others may have written it."""
    from automodel_sk.persistence.allowed_arguments import unsafe_setting
    from automodel_sk.search_space.nesting import nested

    for model_name, space in job.networks.items():
        tuned = {name: domain.listed() for name, domain in space.domains.items()}
        setting = unsafe_setting(model_name, nested({**tuned, **space.constants}))
        if setting is not None:
            raise SearchError(
                f"study {study!r} sets {setting[:100]!r}, which may execute code, so workers don't"
                " accept it from a storage; run the search's own program on this machine too"
            )


def _check_sizes(job: SearchSpec, study: str) -> None:
    """Raise if a study asks for a model too large for any machine, or for endless training."""
    for space in job.networks.values():
        of_domains = {name: vars(domain) for name, domain in space.domains.items()}
        for name, value in {**space.constants, **of_domains}.items():
            largest = max(map(abs, _numbers(value)), default=0)
            if largest > _LARGEST_NUMBER:
                raise SearchError(
                    f"study {study!r} sets {name[:80]!r} to {largest:.6g}, more than workers accept"
                    f" from a storage ({_LARGEST_NUMBER:,}); run the search's own program on this"
                    " machine too"
                )


def _numbers(value: Any) -> Iterator[float]:
    """Yield the numbers in a value, including those in lists and mappings."""
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _numbers(part)


def _given(
    job: SearchSpec, options: OptimizationConfig, data: Path, static: Path | None, columns: Columns
) -> UserInput:
    """Return the search's arguments with the data on this machine."""
    from automodel_sk.search.planning import UserInput

    frame, columns = read_series(data, columns, quiet=not options.verbose)
    return UserInput(
        job.model_name,
        job.h,
        frame,
        job.space,
        job.loss,
        read_beside(static, columns),
        job.futr_exog,
        job.hist_exog,
        job.stat_exog,
    )


def _check_identity(
    job: SearchSpec, identity: Mapping[str, str], options: OptimizationConfig, data: Path
) -> None:
    """Raise if the data here are not those that the search was started with."""
    from automodel_sk.search.study.identity import differences

    differing = differences(job.identity, identity)
    if differing:
        raise InvalidInputError(
            f"{data} is not what study {options.study_name!r} was started with: {differing}; pass"
            " the same file, the same --static and column options, and a Parquet file where the"
            " series' names are no text"
        )
