"""An ELAN project of a corpus, as a field trip leaves it, and a recording that nobody annotated.

    python -m benchmarks.elan_project data/corpus ~/tapes ~/talk.wav

Reads   CORPUS, as prepare_data leaves it: its clips of train make tapes, those of test the talk
Writes  TAPES, which must not be there: an .eaf and a .wav for each session; TALK, a recording

A tape has clips of a session with pauses, on a tier for each speaker, all of the linguistic type
`utterance`; before one clip in ten another speaker falls in, before one in ten somebody talks
who is not written down, and a tier of notes has one line. Texts get a capital and a full stop.
"""

from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import soundfile
from pympi import Eaf

from voicegraft.pipeline.command import run_stage
from voicegraft.speech.audio import to_int16
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

UTTERANCE, NOTES = "utterance", "notes"
SHARE, PAUSE, ROOM = 0.1, (0.3, 2.0), 1e-4
FALLS_IN_SECONDS = 0.5


class Tape:
    """A recording and its annotation."""

    def __init__(self, corpus: Corpus, seed: int):
        self.corpus, self.rng = corpus, np.random.default_rng(seed)
        self.wave = np.zeros(0, np.float32)
        self.said: list[tuple[int, int, Utterance]] = []

    def say(self, clip: Utterance, early_seconds: float = 0.0) -> None:
        """Add a clip that is annotated, behind a pause, or before the last one has ended."""
        start = len(self.wave) - round(early_seconds * SAMPLE_RATE)
        start = max(0, start) if early_seconds else start + self._pause()
        end = self._mix(start, self.corpus.wave(clip))
        self.said.append((1000 * start // SAMPLE_RATE, 1000 * end // SAMPLE_RATE, clip))

    def talk(self, clip: Utterance) -> None:
        """Add a clip that is not annotated."""
        self._mix(len(self.wave) + self._pause(), self.corpus.wave(clip))

    def happens(self) -> bool:
        """Draw whether something happens."""
        return self.rng.random() < SHARE

    def write(self, path: Path) -> None:
        """Write the recording, in a room that is never silent."""
        room = self.rng.normal(0, ROOM, len(self.wave))
        soundfile.write(path, to_int16(self.wave + room), SAMPLE_RATE)

    def _pause(self) -> int:
        return round(self.rng.uniform(*PAUSE) * SAMPLE_RATE)

    def _mix(self, start: int, wave: np.ndarray) -> int:
        end = start + len(wave)
        self.wave = np.pad(self.wave, (0, max(0, end - len(self.wave))))
        self.wave[start:end] += wave
        return end


def annotation(tape: Tape, media: str) -> Eaf:
    """Return the annotation: a tier for each speaker, and one of notes."""
    eaf = Eaf(author="a field linguist")
    eaf.add_linked_file(f"file:///C:/Users/Ann/tapes/{media}", f"./{media}", "audio/x-wav")
    eaf.add_linguistic_type(UTTERANCE)
    eaf.remove_tier("default")
    eaf.add_tier(NOTES)
    eaf.add_annotation(NOTES, 0, 1000, "recorded on the veranda, dogs")
    for start, end, clip in tape.said:
        name = f"utterance@{clip.speaker or 'unknown'}"
        if name not in eaf.get_tier_names():
            eaf.add_tier(name, UTTERANCE, part=clip.speaker)
        eaf.add_annotation(name, start, end, f"{clip.text[:1].upper()}{clip.text[1:]}.")
    return eaf


def tape_of(
    corpus: Corpus, clips: Sequence[Utterance], others: Sequence[Utterance], seed: int
) -> Tape:
    """Return a tape of clips, with speech of others between, and over, some of them."""
    tape = Tape(corpus, seed)
    for clip in clips:
        if tape.happens():
            tape.talk(others[tape.rng.integers(len(others))])
        tape.say(clip)
        if tape.happens():
            tape.say(others[tape.rng.integers(len(others))], FALLS_IN_SECONDS)
    return tape


def main(corpus: Path, tapes: Path, talk: Path, sessions: int = 1000) -> None:
    speech = Corpus(corpus)
    others = speech.of("unseen", "dev")
    tapes.mkdir(parents=True)
    train = sorted(speech.of("train"), key=lambda clip: clip.session)
    of_session = groupby(train, lambda clip: clip.session)
    for number, (session, clips) in enumerate(islice(of_session, sessions)):
        name = session.replace("/", " ")
        tape = tape_of(speech, list(clips), others, seed=number)
        tape.write(tapes / f"{name}.wav")
        annotation(tape, f"{name}.wav").to_file(tapes / f"{name}.eaf")
    last = Tape(speech, 0)
    for clip in speech.of("test")[:20]:
        last.talk(clip)
    last.write(talk)


if __name__ == "__main__":
    run_stage(main)
