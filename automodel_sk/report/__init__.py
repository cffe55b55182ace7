"""HTML reports on a model: a page for browsers, a card for notebooks."""

from automodel_sk.report.code_snippet import forecaster_code, model_code, search_code
from automodel_sk.report.page import write_report

__all__ = ["forecaster_code", "model_code", "search_code", "write_report"]
