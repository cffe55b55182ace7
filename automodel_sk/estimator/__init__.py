"""The parts of `AutoNeuralForecaster`: contract, inputs, context, saved files."""
