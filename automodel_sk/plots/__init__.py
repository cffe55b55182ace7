"""Plots of a fitted model: what to draw, and two libraries that draw it."""

from automodel_sk.plots.accessor import ModelPlots

__all__ = ["ModelPlots"]
