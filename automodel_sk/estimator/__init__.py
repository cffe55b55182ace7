"""The parts of `AutoNeuralForecaster`: contract, inputs, context and saved files."""
