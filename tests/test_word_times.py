"""When words of a transcript are spoken."""

import numpy as np
import pytest
from invented import MARGIN_SECONDS, model

from voicegraft.inference.segmentation import Piece
from voicegraft.inference.transcriber import transcribe_pieces
from voicegraft.language.decoder import Word as DecodedWord
from voicegraft.speech.manifest import SAMPLE_RATE

FRAME_SECONDS = 0.02
FIRST_SAMPLE = 3 * SAMPLE_RATE


class OneFrame:
    """A decoder that finds one word, in the frame of that number."""

    def __init__(self, frame: int):
        self.frame = frame

    def words(self, emission, states):
        assert len(emission) == len(states)
        share = 1 / len(emission)
        return [DecodedWord("a", self.frame * share, (self.frame + 1) * share, None)]


def transcribed(frame: int, seconds: float):
    wave = np.random.default_rng(0).normal(0, 0.1, round(seconds * SAMPLE_RATE))
    piece = Piece(FIRST_SAMPLE, wave.astype(np.float32))
    (found,) = transcribe_pieces(model(), OneFrame(frame), [piece], 60.0)
    return found


@pytest.mark.parametrize("frame", [0, 30, 49])
def test_a_word_is_where_its_frame_is_whatever_silence_is_put_behind_the_piece(frame):
    (word,) = transcribed(frame, seconds=1.0).words
    assert word.start_seconds == pytest.approx(3 + frame * FRAME_SECONDS)
    assert word.end_seconds == pytest.approx(3 + (frame + 1) * FRAME_SECONDS)


def test_no_word_ends_after_its_piece():
    assert MARGIN_SECONDS > 2 * FRAME_SECONDS
    found = transcribed(52, seconds=1.0)
    assert found.words[0].end_seconds == found.end_seconds == pytest.approx(4.0)
