"""Patches to the internals of neuralforecast, Lightning and torch."""
