"""Lines about a corpus that looks wrong, and none about one that does not."""

import random

import numpy as np
import pytest

from voicegraft.preparing.census import doubtful_texts, leaking
from voicegraft.speech.manifest import Utterance

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def corpus(clips=200, pace=14.0, letters=ALPHABET, dev_letters=ALPHABET):
    """Clips of one to ten seconds, with texts that are as long as they take to say."""
    rng = np.random.default_rng(1)
    found = []
    for i in range(clips):
        side = "dev" if i % 10 == 0 else "train"
        seconds = rng.uniform(1, 10)
        size = max(1, round(seconds * pace * rng.uniform(0.7, 1.3)))
        text = "".join(rng.choice(list(dev_letters if side == "dev" else letters), size))
        found.append(Utterance(str(i), side, "", "", 0, round(seconds * 16_000), text))
    return found


def with_texts(clips, texts):
    return [Utterance(**vars(c) | {"text": text}) for c, text in zip(clips, texts, strict=True)]


@pytest.mark.parametrize("pace", [4.0, 14.0, 25.0])
def test_texts_that_fit_their_audio_raise_no_doubt(pace):
    assert list(doubtful_texts(corpus(pace=pace))) == []


def test_a_vocabulary_of_which_dev_has_a_tenth_is_named_with_its_knob():
    many = "".join(chr(0x4E00 + i) for i in range(100))
    (line,) = doubtful_texts(corpus(letters=many, dev_letters=many[:10]))
    assert line.startswith("dev has 10 of the 100 characters of train")
    assert "prepare_data.split.dev_share" in line and "\n" not in line


def test_characters_of_dev_that_train_has_not_are_named():
    (line,) = doubtful_texts(corpus(dev_letters=ALPHABET + "абв"))
    assert line.startswith("11% of the characters of dev are not in train")


def test_texts_much_shorter_than_their_audio_are_named_with_a_knob():
    (line,) = doubtful_texts(corpus(pace=1.0))
    assert "under 1.0 characters per second" in line and "prepare_data.check.max_seconds" in line


def test_texts_that_belong_to_other_files_are_noticed():
    clips = corpus()
    texts = [c.text for c in clips]
    (line,) = doubtful_texts(with_texts(clips, texts[1:] + texts[:1]))
    assert line.startswith("in train, longer clips have no longer texts (rank correlation ")
    random.Random(1).shuffle(texts)
    assert len(list(doubtful_texts(with_texts(clips, texts)))) == 1


def test_clips_that_all_last_as_long_or_are_few_raise_no_doubt():
    clips = corpus()
    same = [Utterance(**vars(c) | {"samples": 16_000 * 5}) for c in clips]
    assert not list(doubtful_texts(same))
    texts = [c.text for c in clips]
    assert not list(doubtful_texts(with_texts(clips, texts[1:] + texts[:1])[:50]))


def test_sides_that_leak_are_named_and_others_are_not():
    leaks = {
        "train-dev": {"texts": 0, "recordings": 0},
        "train-test": {"texts": 18, "recordings": 2},
    }
    (line,) = leaking(leaks)
    assert line.startswith("train and test share 18 texts, 2 recordings: the corpus itself")
