"""A fitted model as MLflow stores and serves it."""
