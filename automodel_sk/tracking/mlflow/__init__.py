"""Tracking in MLflow: runs, models, the store and its guard."""
