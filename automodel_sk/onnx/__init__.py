"""Networks as ONNX files, and forecasts with such files without torch."""
