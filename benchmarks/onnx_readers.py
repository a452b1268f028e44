"""onnx-asr and sherpa-onnx, each reading the folder of an export. No torch is imported here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Reader = Callable[[np.ndarray], tuple[str, np.ndarray | None]]
"""From a wave, float32 (samples,), to its text, and its emissions if they are known."""


def onnx_asr_model(folder: Path, quantization: str | None = None, threads: int = 1) -> object:
    """Return onnx-asr's recogniser of a folder.

    Its type `wav2vec2-ctc` is in the project (https://github.com/istupakov/onnx-asr/pull/135), and
    not in release 0.12.0: where it lacks, this does what that type does, by the classes of the
    release.
    """
    import onnx_asr
    import onnxruntime
    from onnx_asr import loader

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    kind = {"quantization": quantization, "sess_options": options}
    try:
        return onnx_asr.load_model("wav2vec2-ctc", folder, **kind)
    except onnx_asr.utils.ModelNotSupportedError:
        files = loader.Resolver(_type(), None, folder).resolve_model(quantization=quantization)
        manager = loader.Manager(options)
        made = _type()(files, manager._create_preprocessor, manager.default_onnx_config)
        return manager._create_asr_adapter(made)


def _type() -> type:
    """Return the type, on the release's own decoding."""
    import onnxruntime
    from onnx_asr.asr import _AsrWithCtcDecoding

    class Wav2Vec2Ctc(_AsrWithCtcDecoding):
        _preprocessor_name = "identity"

        def __init__(self, files: dict, preprocessors: Callable, options: dict):
            super().__init__(files, preprocessors, options)
            self.session = onnxruntime.InferenceSession(files["model"], **options)

        @staticmethod
        def _get_model_files(quantization: str | None = None) -> dict[str, str]:
            more = f"?{quantization}" if quantization else ""
            return {"model": f"model{more}.onnx", "vocab": "vocab.txt"}

        @property
        def _subsampling_factor(self) -> int:
            return self.config["subsampling_factor"]

        def _encode(self, waves: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            inputs = {"input_values": waves, "input_lengths": lengths.astype(np.int64)}
            (found,) = self.session.run(["logprobs"], inputs)
            return found, np.minimum(lengths // self._subsampling_factor + 1, found.shape[1])

    return Wav2Vec2Ctc


def onnx_asr_reader(folder: Path) -> Reader:
    """Return what reads a wave by onnx-asr, on one thread."""
    model = onnx_asr_model(folder)
    return lambda wave: (model.recognize(wave, sample_rate=16_000), None)


def sherpa_reader(folder: Path, file: str) -> Reader:
    """Return what reads a wave by sherpa-onnx, on one thread."""
    import sherpa_onnx

    recogniser = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
        str(folder / file), str(folder / "tokens.txt"), num_threads=1
    )

    def read(wave: np.ndarray) -> tuple[str, None]:
        stream = recogniser.create_stream()
        stream.accept_waveform(16_000, wave)
        recogniser.decode_stream(stream)
        return " ".join(stream.result.text.split()), None

    return read
