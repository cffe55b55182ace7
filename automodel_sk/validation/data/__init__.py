"""Validate data: columns, rows, times, values, lengths and exogenous variables."""
