"""Validate the model, search space, options, environment and tracking."""
