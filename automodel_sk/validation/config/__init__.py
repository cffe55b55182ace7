"""Checks of models, spaces, options, environment and tracking."""
