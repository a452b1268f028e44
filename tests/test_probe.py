"""The probe of layers, on invented states of invented texts."""

import numpy as np
import pytest

from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.tables import read_records, write_records
from voicegraft.speech.manifest import Utterance
from voicegraft.studies.probe import Probed, best_layer, errors, letter_shares, probe

CLIPS, SIZE = 120, 30
EVALUATE = Evaluate(
    batch_seconds=60.0,
    resamples=1_000,
    confidence=0.95,
    seed=1,
    duration_edges_seconds=(2.0,),
    fewest_speaker_clips=20,
)


@pytest.fixture
def clips():
    draw = np.random.default_rng(1)
    return [
        Utterance(
            f"clip{n}",
            "train",
            "voice",
            f"session{n % 12}",
            0,
            16_000,
            "".join(draw.choice(list("abcdeř "), 20)),
        )
        for n in range(CLIPS)
    ]


def noise(seed):
    return np.random.default_rng(seed).normal(0, 1, (CLIPS, SIZE))


def states_that_hold(shares, amount, seed):
    """Return noise, and the letters turned into its dimensions: as many times as loud."""
    turned = np.random.default_rng(seed).normal(0, 1, (shares.shape[1], SIZE))
    return noise(seed) + amount * (shares - shares.mean(0)) @ turned


def test_a_layer_that_holds_the_letters_is_ranked_above_one_of_noise(clips):
    shares = letter_shares([clip.text for clip in clips])
    states = {
        0: noise(7),
        1: states_that_hold(shares, 3, 8),
        2: states_that_hold(shares, 100, 9),
        3: noise(10),
    }
    probed = probe(states, clips, EVALUATE)
    assert [p.layer for p in probed] == [0, 1, 2, 3]
    assert best_layer(probed) == 2
    explained = [p.explained for p in probed]
    assert explained[2] > 0.9 > explained[1] > 0.2 > max(explained[0], explained[3])
    assert probed[1].explained_low > max(probed[0].explained_high, probed[3].explained_high)


def test_noise_explains_nothing(clips):
    (probed,) = probe({0: noise(3)}, clips, EVALUATE)
    assert probed.explained == pytest.approx(0, abs=0.05)
    assert probed.explained_low < 0.02


def test_a_session_is_predicted_by_a_probe_fitted_on_others(clips):
    """States that name the session give its letters away to one who has seen it."""
    sessions = [int(clip.session.removeprefix("session")) for clip in clips]
    of_session = np.random.default_rng(4).dirichlet(np.ones(7), 12)
    shares = of_session[sessions]
    states = np.eye(12)[sessions]
    left, whole = errors(states, shares, [clip.session for clip in clips])
    assert left.sum() >= 0.99 * whole.sum()
    left, whole = errors(states, shares, [clip.id for clip in clips])
    assert left.sum() < 0.1 * whole.sum()


def test_shares_of_letters_are_counted_by_hand():
    assert letter_shares(["aab", "b "]).tolist() == [[0, 2 / 3, 1 / 3], [0.5, 0, 0.5]]


def test_explained_variance_is_the_share_of_the_error_that_averages_leave(clips):
    states = states_that_hold(letter_shares([c.text for c in clips]), 10, 8)
    shares = letter_shares([clip.text for clip in clips])
    left, whole = errors(states, shares, [clip.session for clip in clips])
    (probed,) = probe({4: states}, clips, EVALUATE)
    assert probed.explained == pytest.approx(1 - left.sum() / whole.sum(), abs=1e-3)
    assert (probed.layer, probed.clips, probed.blocks) == (4, CLIPS, 12)


def test_of_equal_layers_the_lower_is_taken():
    probed = [
        Probed(layer, share, 0.0, 1.0, 9, 9) for layer, share in ((1, 0.2), (3, 0.5), (5, 0.5))
    ]
    assert best_layer(probed) == 3
    with pytest.raises(ValueError, match="no layer was probed"):
        best_layer([])


def test_what_was_written_is_read(tmp_path):
    probed = [Probed(0, 0.125, -0.5, 0.25, 9, 5), Probed(1, 0.5, 0.25, 0.75, 9, 5)]
    for found in (probed, []):
        write_records(tmp_path / "layers.csv", Probed, found)
        assert read_records(tmp_path / "layers.csv", Probed) == found


def test_one_clip_is_too_few(clips):
    with pytest.raises(ValueError, match="1 clips are too few"):
        probe({0: noise(1)[:1]}, clips[:1], EVALUATE)
