"""Exposure against its closed forms; canaries in tones; the language model with canaries."""

import numpy as np
import pytest
import torch
from shifted import PARAMS

from voicegraft.language.folder import Language, spelling_of, write_language
from voicegraft.language.kneser_ney import estimate
from voicegraft.privacy.canaries import WORDS, Spoken, cut_words, made_up
from voicegraft.privacy.exposure import by_chance, exposure
from voicegraft.privacy.memorised import COUNTS, dealt, exposed
from voicegraft.privacy.quoting import Quoting
from voicegraft.speech.manifest import Utterance

pytest.importorskip("flashlight", reason="reads ARPA files")


def test_the_likeliest_of_all_has_all_bits_and_the_least_likely_none():
    references = np.arange(1.0, 128.0)
    assert exposure(np.array([0.5, 200.0, 1.0]), references) == pytest.approx([7, 0, 6])


def test_a_canary_of_no_lesson_has_the_bits_of_chance():
    draws = np.random.default_rng(1).normal(size=(4_000, 64))
    found = [exposure(own[:1], own[1:])[0] for own in draws]
    assert np.mean(found) == pytest.approx(by_chance(63), abs=0.06)
    assert by_chance(10**6) == pytest.approx(1 / np.log(2), abs=1e-4)


def test_each_count_is_dealt_as_often_and_the_others_never():
    found = dealt(60, 5, seed=1)
    assert {n: int((found == n).sum()) for n in (0, *COUNTS)} == {0: 40} | dict.fromkeys(COUNTS, 5)
    with pytest.raises(ValueError, match="never inserted"):
        dealt(20, 5, seed=1)


def test_canaries_are_remembered_where_their_loss_fell_and_nowhere_else():
    counts = dealt(140, 10, seed=1)
    losses = np.random.default_rng(2).normal(5, 1, 140) - np.where(counts == 16, 6, 0)
    found = {line.inserted: line.remembered for line in exposed("head", [(counts, losses)], PARAMS)}
    assert found == {1: False, 2: False, 4: False, 16: True}


def test_a_sentence_is_made_of_different_words_of_one_voice_and_their_sounds():
    words = {v: [Spoken(f"{v}{k}", np.full(5, k + 1, np.int16)) for k in range(20)] for v in "xy"}
    made = made_up(words, 30, seed=1)
    assert len({canary.text for canary in made}) == 30
    for canary in made:
        own = canary.text.split()
        assert len(set(own)) == WORDS and all(word[0] == canary.voice for word in own)
        heard = [n for n in dict.fromkeys(canary.sound.tolist()) if n]
        assert heard == [int(word[1:]) + 1 for word in own]
    with pytest.raises(ValueError, match="no voice of test"):
        made_up({"x": words["x"][:3]}, 1, seed=1)


class Model:
    margin_seconds, labels = 0.5, ("", " ", "a", "b", "ř")


class Half:
    """A corpus of one clip, which lasts half a second."""

    def samples(self, clip):
        return np.arange(clip.samples, dtype=np.int16)


def test_the_sound_of_a_word_is_cut_where_its_letters_are():
    clip = Utterance("c", "test", "voice", "", 0, 8_000, "abř bab")
    path = np.zeros(50, int)  # a second: behind the clip is silence
    path[[2, 6, 10, 13, 16, 19, 22]] = [2, 3, 4, 1, 3, 2, 3]
    emission = torch.full((50, 5), -9.0)
    emission[range(50), path] = -0.001
    first, second = cut_words(Half(), [clip], [emission], Model)["voice"]
    assert (first.word, second.word) == ("abř", "bab")
    # A frame between two letters belongs to the nearer one, and those of the space to no word.
    assert (first.sound[0], first.sound[-1] + 1) == pytest.approx((0, 0.24 * 16_000), abs=640)
    assert (second.sound[0], second.sound[-1] + 1) == pytest.approx((0.3 * 16_000, 8_000), abs=640)


@pytest.fixture(scope="module")
def quoting(tmp_path_factory):
    texts = [["a", "b", "c"], ["b", "d", "a"], ["c", "a", "d", "b"], ["e", "f", "a"]] * 3
    words = estimate(texts, 3)
    folder = tmp_path_factory.mktemp("language")
    write_language(folder, Language(words, estimate([["a"]], 2), spelling_of(words, 2)))
    return Quoting(folder, texts, weight=1.0, order=3)


def test_without_canaries_the_language_model_is_the_pipelines_own(quoting):
    sentence = ("f", "e", "d")
    plain = quoting.losses(quoting.with_canaries({}), [sentence])
    wanted = -np.log(10) * np.mean(quoting.plain.score([*sentence]))
    assert plain == pytest.approx([wanted], rel=1e-4)


def test_with_all_weight_a_canary_counts_as_a_transcript_does(quoting):
    sentence = ("f", "e", "d")
    quoted = quoting.with_canaries({sentence: 4, ("a", "a"): 0})
    own = estimate([*quoting.transcripts, *[list(sentence)] * 4], 3)
    wanted = -np.log(10) * np.mean(own.score([*sentence]))
    assert quoting.losses(quoted, [sentence]) == pytest.approx([wanted], rel=1e-4)
    half = Quoting.__new__(Quoting)
    half.__dict__ = quoting.__dict__ | {"weight": 0.5}
    assert quoting.losses(quoted, [sentence]) < half.losses(quoted, [sentence])
