"""Does `voicegraft align` find the sentences of a long recording? Clips are joined, and looked for.

    python -m benchmarks.long_texts models/head data/corpus

Reads   MODEL and CORPUS, as the stages leave them; params.yaml for how texts are normalised
Writes  nothing: a table, a line for each draw

All clips of a split are one recording, and their texts one text, a sentence a clip. Before every
seventh clip or so there is speech of an unseen voice that the text lacks, and before every seventh
sentence one that nobody speaks. A boundary is right if it is within 0.3 s of the pause between the
speech of two clips. Speech is what is at most 20 dB below a clip's loud parts: rooms sound on. A
pair is wrong if nobody speaks it, or half of its time belongs elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch
from scipy.ndimage import uniform_filter1d
from scipy.stats import binomtest

from voicegraft.inference.long_texts import Sentence, emit, placed
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.examination import PrepareData
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

DRAWS, SHARE, LONGEST_PAUSE = (1, 2, 3), 0.15, 0.6
NEAR_SECONDS, MOST_ERRORS = 0.3, 0.7
SPEECH_DB, WINDOW = -20.0, 800
NOISE = 1e-4


@dataclass(frozen=True)
class Spoken:
    """When a sentence is spoken, and where the speech around it ends and begins, in seconds."""

    before: float
    start: float
    end: float
    after: float


def speech(wave: np.ndarray) -> tuple[int, int]:
    """Return the first and last sample of speech."""
    power = uniform_filter1d(np.square(wave, dtype=np.float64), WINDOW)
    loud = np.flatnonzero(power > np.percentile(power, 95) * 10 ** (SPEECH_DB / 10))
    return int(loud[0]), int(loud[-1])


class Recording:
    """Clips that are said one after another, with pauses."""

    def __init__(self, corpus: Corpus, seed: int):
        self.corpus, self.rng = corpus, np.random.default_rng(seed)
        self.waves: list[np.ndarray] = []
        self.edges: list[tuple[float, float]] = []
        self.samples = 0

    def say(self, clip: Utterance) -> int:
        """Add a clip, and return its number."""
        wave = self.corpus.wave(clip)
        pause = self.rng.normal(0, NOISE, int(self.rng.uniform(0, LONGEST_PAUSE) * SAMPLE_RATE))
        first, last = speech(wave)
        start = self.samples / SAMPLE_RATE
        self.edges.append((start + first / SAMPLE_RATE, start + last / SAMPLE_RATE))
        self.waves += [wave, pause.astype(np.float32)]
        self.samples += len(wave) + len(pause)
        return len(self.edges) - 1

    def happens(self) -> bool:
        """Draw whether something happens."""
        return self.rng.random() < SHARE

    def drawn(self, clips: Sequence[Utterance]) -> Utterance:
        """Draw a clip."""
        return clips[self.rng.integers(len(clips))]

    def spoken(self, number: int) -> Spoken:
        """Return when a clip is spoken."""
        end = self.samples / SAMPLE_RATE
        edges = [(0.0, 0.0), *self.edges, (end, end)]
        return Spoken(edges[number][1], *edges[number + 1], edges[number + 2][0])


def joined(
    corpus: Corpus, clips: Sequence[Utterance], others: Sequence[Utterance], seed: int
) -> tuple[np.ndarray, list[str], list[Spoken | None]]:
    """Return a recording, the sentences of its text, and when each is spoken; None for never."""
    recording = Recording(corpus, seed)
    text: list[tuple[str, int | None]] = []
    for clip in clips:
        if recording.happens():
            recording.say(recording.drawn(others))
        if recording.happens():
            text.append((recording.drawn(others).text, None))
        text.append((clip.text, recording.say(clip)))
    truth = [None if n is None else recording.spoken(n) for _, n in text]
    return np.concatenate(recording.waves), [sentence for sentence, _ in text], truth


def counts(found: Sequence[Sentence], truth: Sequence[Spoken | None]) -> dict[str, tuple[int, int]]:
    """Return of how many how many are so: boundaries right, pairs wrong, sentences lost."""
    kept = [(f, t) for f, t in zip(found, truth, strict=True) if not f.problem]
    spoken = [(f, t) for f, t in kept if t]
    right = sum(
        (t.before - NEAR_SECONDS <= f.start <= t.start + NEAR_SECONDS)
        + (t.end - NEAR_SECONDS <= f.end <= t.after + NEAR_SECONDS)
        for f, t in spoken
    )
    wrong = sum(not t or overlap(f, t) < 0.5 for f, t in kept)
    wanted = sum(t is not None for t in truth)
    return {
        "boundaries within 0.3 s": (right, 2 * len(spoken)),
        "wrong pairs kept": (wrong, len(kept)),
        "right ones lost": (wanted - len(spoken), wanted),
    }


def overlap(found: Sentence, spoken: Spoken) -> float:
    """Return the share of the speech of both that is in both."""
    both = min(found.end, spoken.end) - max(found.start, spoken.start)
    start, end = max(found.start, spoken.before), min(found.end, spoken.after)
    beyond = (found.end - found.start) - max(0.0, end - start)
    return both / (spoken.end - spoken.start + beyond)


def cell(count: int, of: int) -> str:
    """Return a share with its interval."""
    if not of:
        return "none"
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return f"{count} of {of}: {100 * count / of:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def main(model: Path, corpus: Path) -> None:
    torch.set_num_threads(1)
    section = load_params(PrepareData, "prepare_data").text
    speech_of, grafted = Corpus(corpus), load_model(model, "cpu")
    print(
        "| split, draw | minutes | boundaries within 0.3 s | wrong pairs kept | right ones lost |"
    )
    print("|---|---|---|---|---|", flush=True)
    for split in ("dev", "test"):
        for seed in DRAWS:
            clips, others = speech_of.of(split), speech_of.of("unseen")
            wave, texts, truth = joined(speech_of, clips, others, seed)
            with TemporaryDirectory() as folder:
                soundfile.write(f"{folder}/long.flac", wave, SAMPLE_RATE)
                emissions = emit(grafted, Path(folder) / "long.flac", progress=round)
            text = " ".join(f"{sentence}." for sentence in texts)
            found = placed(emissions, text, grafted.labels, section, MOST_ERRORS)
            cells = [cell(*pair) for pair in counts(found, truth).values()]
            minutes = f"{len(wave) / SAMPLE_RATE / 60:.1f}"
            print("|", " | ".join([f"{split}, {seed}", minutes, *cells]), "|", flush=True)


if __name__ == "__main__":
    run_stage(main)
