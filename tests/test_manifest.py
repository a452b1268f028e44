import numpy as np
import pytest

from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import Corpus, Utterance, read_manifest, write_manifest

UTTERANCES = [
    Utterance("a/b c", "train", "Ọlá", "studio 1", 0, 3, "ẹ̀kọ́ ọ̀rẹ́"),
    Utterance('ř,"1"', "dev", "", "", 3, 2, "it's"),
    Utterance("3", "unseen", "x", "", 5, 0, "a\u2028b\x1dc\x85d"),
    Utterance("4", "test", "x", "", 5, 1, "a\nb"),
]


def test_any_text_and_name_is_read_back_as_written(tmp_path):
    write_manifest(tmp_path / "manifest.csv", UTTERANCES)
    assert read_manifest(tmp_path / "manifest.csv") == UTTERANCES


def test_seconds_are_samples_at_16_khz():
    assert Utterance("", "", "", "", 0, 24_000, "").seconds == 1.5


@pytest.fixture
def corpus(tmp_path):
    write_manifest(tmp_path / "manifest.csv", UTTERANCES)
    with PackedWriter(tmp_path / "audio.npy", np.int16) as audio:
        audio.append(np.array([1, 2, 3, -32_768, 16_384, 32_767]))
    return Corpus(tmp_path)


def test_a_wave_is_the_utterances_own_samples_between_minus_one_and_one(corpus):
    waves = [corpus.wave(utterance) for utterance in corpus.utterances]
    assert [len(wave) for wave in waves] == [3, 2, 0, 1]
    assert waves[1].dtype == np.float32
    assert waves[1].tolist() == [-1.0, 0.5]


def test_utterances_are_chosen_by_split_in_manifest_order(corpus):
    assert [u.id for u in corpus.of("test", "train")] == ["a/b c", "4"]
