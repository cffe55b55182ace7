"""From a fitted model to forecasts: inputs, quantiles, intervals, paths, explanations."""
