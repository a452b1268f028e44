"""Export: a model as one ONNX file, from the waveform to log-probabilities, and its card."""
