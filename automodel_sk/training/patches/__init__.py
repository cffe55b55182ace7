"""Everything that touches the internals of neuralforecast, Lightning and torch."""
