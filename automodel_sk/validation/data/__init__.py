"""Checks of data: columns, rows, times, values, lengths, exogenous variables."""
