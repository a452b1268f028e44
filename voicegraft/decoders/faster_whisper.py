"""Whisper as it comes, by faster-whisper: the extra `peers`.

Decoding is the library's default (beam of 5, a hotter second try where the first looks bad) but
for two options: no timestamps and no previous text, as each clip is one utterance.
"""

from pathlib import Path

import numpy as np

from voicegraft.studies.decoder import Decoder


def open_decoder(folder: Path, language: str, seed: int) -> Decoder:
    """See the contract."""
    # Without the one, faster-whisper takes the path for a name; without the other it downloads what
    # nobody has checked.
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
