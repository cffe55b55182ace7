"""Evaluate a fitted model: backtests and scores on validation windows."""
