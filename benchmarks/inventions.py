"""How many words a model writes in a minute in which nobody speaks, by kind of sound.

    python -m benchmarks.inventions MUSIC SOUNDS

Reads   MUSIC and SOUNDS, folders of recordings in which nobody speaks or sings, searched at any
        depth; those with NOT in the name are left out. The docs name Debian packages that have
        some. MODELS with NAMES, as `decode` writes them
Prints  a table: a row for each model and way to write, with 95 % intervals

Silence is digital, with a dither of one bit; noise is white, then pink, at 30 dB below full scale.
Each recording gives as much, from its beginning. They follow one another, and are cut into pieces
as `voicegraft transcribe` cuts them; the intervals resample the pieces. Nothing is left out for
being quiet.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from voicegraft.evaluation.blocks import UTTERANCE, Blocks
from voicegraft.evaluation.interval import interval, resampled_rates
from voicegraft.inference.segmentation import Piece, cut_at_pauses
from voicegraft.inference.transcriber import PIECE_SECONDS
from voicegraft.language.decoder import load_decoder
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.preparing.segments import SOUND
from voicegraft.speech.audio import level_dbfs, read_audio
from voicegraft.speech.effects import pink, white
from voicegraft.speech.manifest import SAMPLE_RATE

SECONDS = 200
"""Of each kind of sound."""
LEVEL = 10 ** (-30 / 20)
RESAMPLES, CONFIDENCE = 2000, 0.95


def sounds(music: Path, others: Path, without: str) -> dict[str, np.ndarray]:
    """Return float32 waves without a word, (samples,) each, by their name."""
    rng, samples = np.random.default_rng(1), SECONDS * SAMPLE_RATE
    half = samples // 2
    noise = np.concatenate([own / own.std() for own in (white(half, rng), pink(half, rng))])
    silence = rng.integers(-1, 2, samples) / 32_768
    made = {"silence": silence, "noise": LEVEL * noise}
    made |= {"music": recorded(music, without), "sounds": recorded(others, without)}
    return {name: wave.astype(np.float32) for name, wave in made.items()}


def recorded(folder: Path, without: str) -> np.ndarray:
    """Return the beginnings of the recordings in `folder`, float32 (samples,), SECONDS at most.

    What short ones lack of their share, the longer ones give.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND)
    waves = [read_audio(path) for path in files if not (without and without in path.name)]
    waves = sorted((wave for wave in waves if level_dbfs(wave) > -60), key=len)
    found, left = [], SECONDS * SAMPLE_RATE
    for place, wave in enumerate(waves):
        found.append(wave[: left // (len(waves) - place)])
        left -= len(found[-1])
    return np.concatenate(found)


def written(folder: Path, pieces: list[Piece]) -> dict[str, list[int]]:
    """Return the number of words in each of `pieces`, by the way to write."""
    model = load_model(folder)
    decoder = load_decoder(folder, model.labels, model.attention)
    words: dict[str, list[int]] = {}
    for piece in tqdm(pieces, folder.name, unit="piece", leave=False):
        ((emission, states),) = model.emissions_and_states([piece.wave])
        texts = {"greedy": model.decode(emission)}
        if decoder:
            texts["decoder"] = decoder.decode(emission, states)
        if model.attention:
            texts["attention alone"] = model.attention.written([states])[0]
        for way, text in texts.items():
            words.setdefault(way, []).append(len(text.split()))
    return words


def cell(words: np.ndarray, minutes: np.ndarray) -> str:
    """Return words a minute with their interval, given those of each piece, (pieces,).

    Without any word it is that of Poisson's distribution: of none, a resample has none.
    """
    if not words.any():
        return f"0.0 (0.0–{-np.log((1 - CONFIDENCE) / 2) / minutes.sum():.1f})"
    blocks = Blocks(UTTERANCE, (tuple(map(str, range(len(words)))),))
    drawn = resampled_rates(words, minutes, blocks, RESAMPLES, 1)
    value = words.sum() / minutes.sum()
    low, high = interval(value, drawn, blocks, CONFIDENCE)
    return f"{value:.1f} ({max(low, 0):.1f}–{high:.1f})"


def table(models: list[Path], waves: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the lines of the table."""
    cut = {k: list(cut_at_pauses([wave], PIECE_SECONDS, SAMPLE_RATE)) for k, wave in waves.items()}
    pieces = [piece for own in cut.values() for piece in own]
    kinds = np.repeat(list(cut), list(map(len, cut.values())))
    minutes = np.array([len(piece.wave) for piece in pieces]) / SAMPLE_RATE / 60
    yield f"| words a minute | | {' | '.join(waves)} | all |\n"
    yield f"|---|---|{'---|' * (len(waves) + 1)}\n"
    for model in models:
        for way, counts in written(model, pieces).items():
            words = np.array(counts)
            chosen = [*(kinds == kind for kind in waves), np.full(len(kinds), True)]
            cells = (cell(words[kept], minutes[kept]) for kept in chosen)
            yield f"| {model.name} | {way} | {' | '.join(cells)} |\n"


def main(
    music: Path,
    sounds_of: Path,
    models: Path = Path("models"),
    names: str = "head_lm,top3_lm",
    without: str = "audio-channel",
) -> None:
    torch.set_num_threads(1)
    folders = [models / name for name in names.split(",")]
    for line in table(folders, sounds(music, sounds_of, without)):
        print(line, end="", flush=True)


if __name__ == "__main__":
    run_stage(main)
