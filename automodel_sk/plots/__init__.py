"""Plots of a fitted model: figure specifications, and renderers for two libraries."""

from automodel_sk.plots.accessor import ModelPlots

__all__ = ["ModelPlots"]
