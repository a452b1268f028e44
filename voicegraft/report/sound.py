"""A clip as bytes that every browser plays.

MP3 alone among what libsndfile writes is small and plays everywhere: Safari learnt Ogg late
(https://caniuse.com/opus, https://caniuse.com/ogg-vorbis), and FLAC takes five times the room.
"""

import base64
import io

import numpy as np
import soundfile

from voicegraft.speech.manifest import SAMPLE_RATE

MEDIA_TYPE = "audio/mpeg"


def as_mp3(samples: np.ndarray) -> str:
    """Return int16 `samples`, shape (samples,), as MP3 in base64: about 5 kB a second."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return base64.b64encode(file.getvalue()).decode("ascii")
