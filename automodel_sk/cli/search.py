"""The search of the `fit` command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from automodel_sk.auto_model_factory import AutoModelFactory
from automodel_sk.options import OptimizationConfig

if TYPE_CHECKING:
    from automodel_sk.search.study.storage import StudyLocation

__all__ = ["CommandLineFactory"]


class CommandLineFactory(AutoModelFactory):
    """A factory whose caller says how to resume after Ctrl-C.

    Parameters
    ----------
    model_name, h, optimization_config
        As in `AutoModelFactory`.
    interrupted : callable
        Callback that receives the location of the study with the finished trials.
    """

    def __init__(
        self,
        model_name: str | list[str],
        h: int,
        optimization_config: OptimizationConfig,
        interrupted: Callable[[StudyLocation], None],
    ) -> None:
        super().__init__(model_name, h, optimization_config)
        self._interrupted = interrupted

    def _say_interrupted(self, location: StudyLocation) -> None:
        self._interrupted(location)
