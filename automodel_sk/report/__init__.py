"""What people see of a model: a page for a browser, a card for a notebook."""

from automodel_sk.report.page import write_report

__all__ = ["write_report"]
