"""Wrong texts that were planted among invented states."""

from dataclasses import replace

import numpy as np
import pytest
from planted import clip, found_in_first_tenth

from voicegraft.studies.exploration.suspects import (
    in_deviations,
    letters_against,
    misfits,
    pace_against,
    text_suspects,
)
from voicegraft.studies.probe import letter_shares

CLIPS, SIZE = 400, 40


@pytest.fixture
def spoken():
    """Clips at a steady pace, and states that hold their letters beside noise."""
    draw = np.random.default_rng(1)
    lengths = draw.integers(15, 60, CLIPS)
    texts = ["".join(draw.choice(list("abcdeř "), n)) for n in lengths]
    paces = 15 * np.exp(draw.normal(0, 0.1, CLIPS))
    clips = [clip(i, text, seconds=len(text) / paces[i]) for i, text in enumerate(texts)]
    shares = letter_shares(texts)
    turned = draw.normal(0, 1, (shares.shape[1], SIZE))
    return clips, 20 * (shares - shares.mean(0)) @ turned + draw.normal(0, 1, (CLIPS, SIZE))


@pytest.fixture
def planted():
    return np.random.default_rng(2).choice(CLIPS, CLIPS // 20, replace=False)


def swapped(clips, planted):
    texts = {i: clips[j].text for i, j in zip(planted, np.roll(planted, 1), strict=True)}
    return [replace(clip, text=texts.get(i, clip.text)) for i, clip in enumerate(clips)]


def halved(clips, planted):
    return [
        replace(clip, text=clip.text[: len(clip.text) // 2]) if i in planted else clip
        for i, clip in enumerate(clips)
    ]


def order(suspects, clips):
    place = {clip.id: i for i, clip in enumerate(clips)}
    return np.array([place[suspect.id] for suspect in suspects])


@pytest.mark.parametrize("spoilt", [swapped, halved])
def test_texts_that_were_swapped_or_halved_stand_in_the_first_tenth(spoken, planted, spoilt):
    clips, states = spoken
    clips = spoilt(clips, planted)
    suspects = text_suspects(clips, letters_against(states, clips), pace_against(clips))
    assert found_in_first_tenth(order(suspects, clips), planted) >= 0.8


def test_letters_see_what_was_swapped_and_pace_what_was_halved(spoken, planted):
    clips, states = spoken
    letters = letters_against(states, swapped(clips, planted))
    assert found_in_first_tenth(np.argsort(-letters), planted) >= 0.9
    pace = pace_against(halved(clips, planted))
    assert found_in_first_tenth(np.argsort(-pace), planted) >= 0.9


def test_pace_is_how_many_times_the_characters_that_the_length_predicts():
    clips = [clip(i, "a" * n, seconds=n / 10) for i, n in enumerate(range(10, 60))]
    clips[7] = replace(clips[7], text=2 * clips[7].text)
    pace = pace_against(clips)
    assert pace[7] == pytest.approx(np.log(2), abs=0.02)
    assert np.delete(pace, 7).max() < 0.02


def test_each_sign_in_turn_leads_the_list():
    clips = [clip(i, "ab") for i in range(5)]
    letters, pace = np.array([9.0, 1, 2, 3, 0]), np.array([0.0, 0.4, 9, 0.1, 0.2])
    assert [s.id for s in text_suspects(clips, letters, pace)][:2] == ["clip2", "clip0"]


def test_robust_deviations_of_a_normal_sample_are_its_own():
    sample = np.random.default_rng(1).normal(5, 3, 20_000)
    assert np.std(in_deviations(sample)) == pytest.approx(1, abs=0.02)
    assert np.median(in_deviations(sample)) == pytest.approx(0, abs=1e-9)


def test_a_side_that_was_trained_on_is_compared_with_itself():
    sides = ["train"] * 4 + ["test"] * 4
    clips = [replace(clip(i, "ab"), split=side) for i, side in enumerate(sides)]
    found = list(misfits(clips, np.array([0.1, 0.2, 0.3, 2.0, 3.0, 4.0, 5.0, np.inf])))
    assert [f.id for f in found[:2]] == ["clip7", "clip3"]
    assert found[0].above_side == np.inf
