"""Whisper with its own decoder, by faster-whisper: the extra `peers`.

Decoding has the library's defaults (beam of 5, temperature fallback) except for two options: no
timestamps and no previous text, as each clip is one utterance.
"""

from pathlib import Path

import numpy as np

from voicegraft.studies.decoder import Decoder


def open_decoder(folder: Path, language: str, seed: int) -> Decoder:
    """See the contract."""
    # Without model.bin, faster-whisper treats the path as a model name; without tokenizer.json, it
    # downloads an unchecked one.
    for needed in ("model.bin", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise ValueError(f"{folder} is no CTranslate2 folder: it has no {needed}")
    try:
        import ctranslate2
        from faster_whisper import WhisperModel
    except ImportError:
        raise ValueError("zero_shot: faster_whisper needs `pip install -e '.[peers]'`") from None
    model = WhisperModel(str(folder), compute_type="float32")
    ctranslate2.set_random_seed(seed)

    def decode(wave: np.ndarray) -> str:
        segments, _ = model.transcribe(
            wave, language=language, without_timestamps=True, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    return decode
