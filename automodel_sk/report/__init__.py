"""What people see of a model: a page for a browser, a card for a notebook."""

from automodel_sk.report.page import write_report
from automodel_sk.report.recipe import forecaster_recipe, recipe

__all__ = ["forecaster_recipe", "recipe", "write_report"]
