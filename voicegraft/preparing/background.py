"""Sounds without speech, from which training learns to write nothing.

CTC that has only ever heard speech writes words of any sound. So noises, hums, knocks, gliding
tones and chords are made here, at many levels, and pauses of train are repeated; one clip has one
or two of them. Nothing is fetched, so that recorded music and sounds are left to measure with.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from voicegraft.speech.audio import to_int16
from voicegraft.speech.effects import impulse_response, reverberate, white
from voicegraft.speech.manifest import SAMPLE_RATE

SECONDS = (1.0, 15.0)
"""The shortest and the longest clip: `voicegraft transcribe` cuts pieces of up to 15 s."""
DBFS = (-90.0, -12.0)
"""The root mean square of the softest and of the loudest."""
ROOMS, T60 = 0.4, (0.1, 1.5)
"""The share of clips in a room, and the shortest and longest time of its echo, in seconds."""
PAUSE_SECONDS = 0.25
SEED = 1

Random = np.random.Generator


def background(seconds: float, speech: Sequence[Callable[[], np.ndarray]]) -> Iterator[np.ndarray]:
    """Yield clips of at least so many seconds in all, int16 (samples,).

    Args:
        seconds: 0 yields none.
        speech: reads the wave of a clip of train, (samples,), for its quietest moment.
    """
    left, number = round(seconds * SAMPLE_RATE), 0
    while left > 0:
        clip = _clip(np.random.default_rng([SEED, number]), speech)
        yield to_int16(clip)
        left, number = left - len(clip), number + 1


def _clip(rng: Random, speech: Sequence[Callable[[], np.ndarray]]) -> np.ndarray:
    samples = round(SAMPLE_RATE * _between(rng, *SECONDS))
    found = np.zeros(samples)
    for kind in rng.choice([pause, *MADE], rng.integers(1, 3), replace=False):
        if kind is pause:
            part = pause(samples, speech[rng.integers(len(speech))]())
        else:
            part = kind(samples, rng)
        found += _at_level(part, rng.uniform(-12, 0))
    if rng.random() < ROOMS:
        found = reverberate(found, impulse_response(rng.uniform(*T60), rng))
    return _at_level(found, rng.uniform(*DBFS)).clip(-1, 1)


def pause(samples: int, wave: np.ndarray) -> np.ndarray:
    """Return the quietest moment of `wave`, (its samples,), forwards and backwards in turns."""
    length = min(len(wave), round(PAUSE_SECONDS * SAMPLE_RATE))
    energy = np.cumsum(np.concatenate([[0.0], np.square(wave, dtype=np.float64)]))
    start = int((energy[length:] - energy[:-length]).argmin())
    quietest = wave[start : start + length]
    return np.resize(np.concatenate([quietest, quietest[::-1]]), samples)


def coloured(samples: int, rng: Random) -> np.ndarray:
    """Return noise of a random slope within a random band, which swells and fades."""
    length = next_fast_len(samples, real=True)
    hertz = np.maximum(rfftfreq(length, 1 / SAMPLE_RATE), 1.0)
    low, high = np.sort(np.exp(rng.uniform(*np.log([20, 8_000]), 2)))
    shape = np.maximum(hertz, 20.0) ** -rng.uniform(-0.5, 1.5)
    shape /= (1 + (low / 4 / hertz) ** 4) * (1 + (hertz / 2 / high) ** 4)
    noise = irfft(shape * rfft(white(length, rng)), length)[:samples]
    return noise * np.exp(rng.uniform(0, 1) * _wander(samples, rng, rng.uniform(0.3, 8)))


def hum(samples: int, rng: Random) -> np.ndarray:
    """Return a hum, as of the mains, a fan or a motor: a pitch that hardly moves."""
    pitch = _between(rng, 40, 400) * np.exp(0.02 * _wander(samples, rng, 0.5))
    return _harmonics(pitch, _timbre(rng, 3, 30), rng)


def knocks(samples: int, rng: Random) -> np.ndarray:
    """Return clicks, knocks and chimes: bursts of noise or of tones that die away."""
    found = np.zeros(samples)
    rate, decay = _between(rng, 0.5, 12), _between(rng, 0.003, 0.4)
    for start in rng.integers(0, samples, 1 + rng.poisson(rate * samples / SAMPLE_RATE)):
        fall = decay * np.exp(rng.normal(0, 0.5))
        time = np.arange(min(samples - start, round(6 * fall * SAMPLE_RATE) + 1)) / SAMPLE_RATE
        tones = np.sin(2 * np.pi * np.exp(rng.uniform(5, 8.7, 3))[:, None] * time).sum(0)
        burst = tones if rng.random() < 0.5 else white(len(time), rng)
        found[start : start + len(time)] += rng.exponential() * burst * np.exp(-time / fall)
    return found


def glides(samples: int, rng: Random) -> np.ndarray:
    """Return gliding tones that come and go, as of birds, sirens and doors."""
    bends = rng.uniform(0, 0.6) * _wander(samples, rng, rng.uniform(0.3, 12))
    comes = _wander(samples, rng, rng.uniform(0.3, 6)) + rng.uniform(-1, 2)
    tone = _harmonics(_between(rng, 245, 3_600) * np.exp(bends), _timbre(rng, 1, 5), rng)
    return tone / (1 + np.exp(-6 * comes))


SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
"""Semitones of the major scale."""


def chords(samples: int, rng: Random) -> np.ndarray:
    """Return notes of a scale, one to four at once, in a random timbre and tempo."""
    found, beat = np.zeros(samples), round(SAMPLE_RATE * _between(rng, 0.1, 1.2))
    root, voices, timbre = rng.uniform(36, 60), rng.integers(1, 5), _timbre(rng, 1, 12)
    attack, decay = _between(rng, 0.003, 0.15), _between(rng, 0.1, 2.5)
    for start in range(0, samples, beat):
        length = min(samples - start, round(beat * rng.uniform(1, 3)))
        time = np.arange(length) / SAMPLE_RATE
        envelope = np.minimum(time / attack, 1) * np.exp(-time / decay)
        envelope *= np.minimum(time[::-1] / 0.01, 1)
        for note in rng.choice(SCALE, voices) + 12 * rng.integers(0, 3, voices):
            vibrato = 1 + 0.005 * np.sin(2 * np.pi * 5.5 * time)
            pitch = 440 * 2 ** ((root + note - 69) / 12) * vibrato
            found[start : start + length] += envelope * _harmonics(pitch, timbre, rng)
    return found


MADE = [coloured, hum, knocks, glides, chords]


def _between(rng: Random, low: float, high: float) -> float:
    """Return a number of which each doubling is as likely."""
    return float(np.exp(rng.uniform(*np.log([low, high]))))


def _at_level(wave: np.ndarray, dbfs: float) -> np.ndarray:
    power = np.square(wave, dtype=np.float64).mean()
    return wave * (10 ** (dbfs / 20) / np.sqrt(max(power, 1e-12)))


def _wander(samples: int, rng: Random, per_second: float) -> np.ndarray:
    """Return a smooth curve about 0, of deviation 1 at its turns, so many of them a second."""
    turns = rng.standard_normal(round(samples / SAMPLE_RATE * per_second) + 3)
    place = np.linspace(0, len(turns) - 1, samples)
    near = place.astype(int).clip(0, len(turns) - 2)
    share = (1 - np.cos(np.pi * (place - near))) / 2
    return turns[near] * (1 - share) + turns[near + 1] * share


def _timbre(rng: Random, fewest: int, most: int) -> np.ndarray:
    """Return the level of each harmonic, from `fewest` to below `most` of them."""
    return rng.uniform(0, 1, rng.integers(fewest, most)) ** 2


def _harmonics(pitch: np.ndarray, levels: np.ndarray, rng: Random) -> np.ndarray:
    """Return the harmonics of a pitch in hertz, (samples,), below half the rate."""
    turns, found = np.cumsum(pitch) / SAMPLE_RATE, np.zeros(len(pitch))
    for number, level in enumerate(levels, 1):
        audible = number * pitch < 0.48 * SAMPLE_RATE
        found += audible * level * np.sin(2 * np.pi * (number * turns + rng.random()))
    return found
