"""Store and serve a fitted model with MLflow."""
