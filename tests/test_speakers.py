import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from voicegraft.model.speakers import FEWEST_CLIPS, Voice, each_voice, without_voices


def pooled(clips, seed=1):
    return np.random.default_rng(seed).normal(3, 2, (clips, 5))


def test_each_speaker_is_standardised_alone_as_scikit_learn_does():
    features, speakers = pooled(60), ["ann", "bob", "ann"] * 20
    found = without_voices(features, speakers)
    for who in ("ann", "bob"):
        own = np.array(speakers) == who
        np.testing.assert_allclose(found[own], StandardScaler().fit_transform(features[own]))


def test_what_all_clips_of_a_voice_share_is_gone():
    features, speakers = pooled(40), ["ann"] * 20 + ["bob"] * 20
    shifted = features.copy()
    shifted[20:] = 7 * shifted[20:] - 30
    np.testing.assert_allclose(
        without_voices(shifted, speakers), without_voices(features, speakers)
    )


def test_rare_voices_and_clips_of_nobody_are_one_voice():
    speakers = ["often"] * FEWEST_CLIPS + ["rare"] * (FEWEST_CLIPS - 1) + [""]
    places = {tuple(found) for found in each_voice(speakers)}
    assert places == {tuple(range(FEWEST_CLIPS)), tuple(range(FEWEST_CLIPS, 2 * FEWEST_CLIPS))}


def test_a_voice_of_one_clip_is_a_number_still():
    voice, clip = Voice(5), torch.randn(1, 5)
    voice.meet(clip)
    assert torch.equal(voice(clip), torch.zeros(1, 5))


@pytest.mark.parametrize("other", [0.0, 50.0])
def test_a_voice_is_that_of_the_clips_met_last(other):
    voice, clips = Voice(5), torch.randn(30, 5)
    voice.meet(clips + other)
    voice.meet(clips)
    torch.testing.assert_close(voice(clips).mean(0), torch.zeros(5), atol=1e-6, rtol=0)
