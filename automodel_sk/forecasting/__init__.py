"""Forecast with a fitted model: inputs, quantiles, intervals, simulated paths, explanations."""
