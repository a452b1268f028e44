"""What is done to a clip, measured by other means than those that did it."""

import numpy as np
import pytest
from invented import write_corpus
from scipy.signal import welch

from voicegraft.speech.degradation import Condition, Degradation, DegradedCorpus, generator
from voicegraft.speech.effects import (
    active_power,
    add_noise,
    babble,
    impulse_response,
    over_telephone,
    pink,
    reverberate,
    white,
)
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance

CONDITIONS = [
    Condition(noise="white", snr_db=10.0),
    Condition(noise="pink", snr_db=0.0),
    Condition(noise="babble", snr_db=-5.0),
    Condition(room_t60=0.4),
    Condition(telephone="band"),
    Condition(telephone="mu_law"),
    Condition(room_t60=0.2, noise="pink", snr_db=5.0, telephone="mu_law"),
]
each_condition = pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_the_level_of_speech_does_not_count_its_pauses():
    speech = tone(400)
    paused = np.concatenate([speech, np.zeros(3 * SAMPLE_RATE, np.float32)])
    faint = paused + rng().normal(0, 1e-3, len(paused)).astype(np.float32)
    for wave in (speech, paused, faint):
        assert decibels(active_power(wave) / (0.5**2 / 2)) == pytest.approx(0, abs=0.02)


def test_soft_speech_is_speech_and_what_lies_far_below_is_a_pause():
    loud = tone(400)
    for soft_db, level in ((-10, (1 + 0.1) / 2), (-30, 1.0)):
        wave = np.concatenate([loud, 10 ** (soft_db / 20) * loud])
        assert active_power(wave) / (0.5**2 / 2) == pytest.approx(level, rel=0.01)


def test_silence_and_a_clip_shorter_than_a_frame_have_a_level():
    assert active_power(np.zeros(500, np.float32)) == 0
    assert active_power(np.full(10, 0.5, np.float32)) == pytest.approx(0.25)


@pytest.mark.parametrize("snr_db", [20, 5, 0, -10])
@pytest.mark.parametrize("kind", [white, pink])
def test_noise_has_the_ratio_asked_for_to_the_speech_without_its_pauses(kind, snr_db):
    speech = np.concatenate([tone(400), np.zeros(SAMPLE_RATE, np.float32)])
    noise = add_noise(speech, kind(len(speech), rng()), snr_db).astype(np.float64) - speech
    assert decibels(0.5**2 / 2 / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


def test_silence_stays_silent_in_noise():
    silence = np.zeros(1000, np.float32)
    assert not add_noise(silence, white(1000, rng()), 0).any()


def octaves(noise: np.ndarray) -> list[float]:
    hertz, power = welch(noise, SAMPLE_RATE, nperseg=4096)
    edges = [125, 250, 500, 1000, 2000, 4000]
    return [
        decibels(power[(hertz >= low) & (hertz < 2 * low)].sum() / power[hertz < 8000].sum())
        for low in edges[:-1]
    ]


def test_an_octave_higher_has_twice_the_power_in_white_noise_and_as_much_in_pink():
    for kind, step in ((white, 3.01), (pink, 0.0)):
        levels = octaves(kind(20 * SAMPLE_RATE, rng()))
        assert np.diff(levels) == pytest.approx([step] * 4, abs=0.4)


def test_each_voice_in_babble_is_as_loud_as_the_others():
    quiet, loud = tone(500, amplitude=0.01), tone(3000, amplitude=0.9)
    mixed = babble(3 * SAMPLE_RATE, rng(), [quiet, loud])
    hertz, power = welch(mixed, SAMPLE_RATE, nperseg=4096)
    one, other = (power[abs(hertz - at) < 50].sum() for at in (500, 3000))
    assert decibels(one / other) == pytest.approx(0, abs=0.1)


def inner(wave: np.ndarray) -> np.ndarray:
    return wave[2000:-2000].astype(np.float64)


@pytest.mark.parametrize("hertz", [50, 200, 240, 3460, 3900, 5000, 7500])
def test_what_lies_outside_of_the_telephone_band_is_taken_away(hertz):
    gone = over_telephone(tone(hertz), companded=False)
    assert decibels(np.mean(inner(gone) ** 2) / (0.5**2 / 2)) < -55


@pytest.mark.parametrize("hertz", [360, 1000, 3300])
def test_what_lies_inside_of_it_comes_through_on_time(hertz):
    wave = tone(hertz)
    error = inner(over_telephone(wave, companded=False)) - inner(wave)
    assert decibels(np.mean(error**2) / (0.5**2 / 2)) < -40


def distortion(amplitude: float) -> float:
    """Return how far the steps of the line lie below a tone, in dB."""
    wave = tone(1010.3, amplitude=amplitude)
    plain, companded = (inner(over_telephone(wave, companded=c)) for c in (False, True))
    return decibels(np.mean(plain**2) / np.mean((companded - plain) ** 2))


def test_eight_companded_bits_are_as_far_below_soft_speech_as_below_loud():
    loud, soft = distortion(0.5), distortion(0.02)
    assert 35 < loud < 42  # as G.711, with its 38 dB
    assert soft > loud - 6  # eight even bits would lose 28 dB


def schroeder_seconds(response: np.ndarray) -> float:
    """Return T60 by backward integration (Schroeder 1965) and the slope from -5 to -35 dB."""
    left = np.cumsum(response[::-1] ** 2)[::-1]
    curve = 10 * np.log10(left / left[0])
    span = (curve < -5) & (curve > -35)
    slope, _ = np.polyfit(np.flatnonzero(span) / SAMPLE_RATE, curve[span], 1)
    return -60 / slope


@pytest.mark.parametrize("t60", [0.2, 0.5, 1.5])
def test_an_echo_takes_the_time_asked_for_to_fall_by_60_decibels(t60):
    assert schroeder_seconds(impulse_response(t60, rng())) == pytest.approx(t60, rel=0.05)


def test_a_room_keeps_the_energy_and_gives_half_of_it_to_the_walls():
    response = impulse_response(0.5, rng())
    assert np.sum(response**2) == pytest.approx(1)
    assert response[0] ** 2 == pytest.approx(0.5)


def test_an_echo_comes_behind_what_made_it():
    click = np.zeros(1000, np.float32)
    click[300] = 1
    assert not reverberate(click, impulse_response(0.3, rng()))[:300].round(5).any()
    assert np.array_equal(reverberate(click, np.ones(1)).round(5), click)


@each_condition
def test_a_degraded_clip_is_as_long_and_comes_out_the_same_twice(corpus, condition):
    for utterance in corpus.utterances[:3]:
        once, twice = (DegradedCorpus(corpus, condition, 1).wave(utterance) for _ in range(2))
        assert (once.dtype, len(once)) == (np.float32, utterance.samples)
        assert once.tobytes() == twice.tobytes()
        assert not np.array_equal(once, corpus.wave(utterance))


@pytest.mark.parametrize("companded", [False, True])
def test_the_walls_answer_before_noise_joins_and_the_line_carries_both(corpus, companded):
    clip = corpus.utterances[0]
    room = DegradedCorpus(corpus, Condition(room_t60=0.2), 1).wave(clip)
    noise = pink(clip.samples, generator(1, clip.id, "noise"))
    expected = over_telephone(add_noise(room, noise, 5.0), companded)
    line = "mu_law" if companded else "band"
    condition = Condition(room_t60=0.2, noise="pink", snr_db=5.0, telephone=line)
    assert np.array_equal(DegradedCorpus(corpus, condition, 1).wave(clip), expected)


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c.noise or c.room_t60], ids=str)
def test_another_seed_or_id_meets_something_else(corpus, condition):
    clip = corpus.utterances[0]
    renamed = Utterance(**vars(clip) | {"id": "another"})
    found = [
        DegradedCorpus(corpus, condition, seed).wave(u).tobytes()
        for seed, u in ((1, clip), (2, clip), (1, renamed))
    ]
    assert len(set(found)) == 3


def test_the_noise_is_the_same_at_every_level(corpus):
    clip = corpus.utterances[0]
    noises = [
        DegradedCorpus(corpus, Condition(noise="pink", snr_db=snr), 1).wave(clip).astype(np.float64)
        - corpus.wave(clip)
        for snr in (0.0, 20.0)
    ]
    assert noises[0] == pytest.approx(10 * noises[1], abs=1e-4)


@pytest.mark.parametrize("split", ["train", "test"])
def test_babble_is_made_of_other_training_clips_alone(corpus, monkeypatch, split):
    degraded = DegradedCorpus(corpus, Condition(noise="babble", snr_db=0.0), 1)
    asked, wave = [], corpus.wave
    monkeypatch.setattr(corpus, "wave", lambda u: asked.append(u) or wave(u))
    (clip, *_) = corpus.of(split)
    degraded.wave(clip)
    assert asked.pop(0) == clip
    assert {u.split for u in asked} == {"train"}
    assert clip not in asked
    assert len({u.id for u in asked}) == len(asked) == 8


def test_babble_without_anybody_else_is_refused_by_the_clip(tmp_path):
    lone = write_corpus(tmp_path / "lone", clips=1)
    with pytest.raises(ValueError, match="babble behind clip0 needs other clips in train"):
        DegradedCorpus(lone, Condition(noise="babble", snr_db=0.0), 1).wave(lone.utterances[0])


def test_a_degradation_has_each_time_with_each_level():
    both = Degradation(room_t60=[0.3, 0.6], noise="white", snr_db=[5, 0], telephone="band")
    assert [(c.room_t60, c.snr_db) for c in both.conditions] == [
        *((0.3, 5), (0.3, 0)),
        *((0.6, 5), (0.6, 0)),
    ]
    assert both.conditions[0].name == "room0.3+white+band"
    assert Condition().name == "clean"


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({}, "must have room_t60, noise with snr_db, or telephone"),
        ({"noise": "white"}, "noise and snr_db go together"),
        ({"telephone": "band", "snr_db": [5]}, "noise and snr_db go together"),
        ({"noise": "brown", "snr_db": [5]}, "'white', 'pink' or 'babble'"),
        ({"telephone": "gsm"}, "'band' or 'mu_law'"),
        ({"room_t60": [0]}, "greater than or equal to 0.05"),
        ({"noise": "white", "snr_db": [99]}, "less than or equal to 60"),
        ({"noise": "white", "snr_db": 5}, "valid tuple"),
    ],
)
def test_a_degradation_that_makes_no_sense_is_refused_with_the_choices(knobs, words):
    with pytest.raises(ValueError, match=words):
        Degradation(**knobs)
