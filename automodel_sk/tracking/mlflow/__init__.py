"""Tracking in MLflow: runs, models, the store, and guarded calls."""
