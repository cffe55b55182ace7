"""Libraries that draw a figure."""
