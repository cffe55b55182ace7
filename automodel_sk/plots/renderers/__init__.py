"""Renderers of figure specifications for each plotting library."""
