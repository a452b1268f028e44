"""A corpus folder of what `voicegraft align` found: clips, and tables of kept and dropped ones."""

from collections.abc import Sequence
from pathlib import Path

import soundfile

from voicegraft.inference.long_texts import Sentence
from voicegraft.pipeline.tables import write_rows
from voicegraft.preparing.corpus import Clip
from voicegraft.preparing.paths import files
from voicegraft.preparing.segments import audio_of, beside
from voicegraft.speech.audio import AudioError, to_int16
from voicegraft.speech.manifest import SAMPLE_RATE

KEPT = ("file_name", "transcription", "session", "errors")
DROPPED = ("recording", "sentence", "reason", "start", "end")


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return each text file in `folder`, at any depth, with its recording: `a.txt` and `a.wav`.

    Raises:
        CorpusError: if there is no text.
    """
    return [(beside(text, folder), text) for text in files(folder, ".txt")]


class Writer:
    """Writes clips, `metadata.csv` and `dropped.csv` into a new folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.kept: list[tuple[str, str, str, str]] = []
        self.dropped: list[tuple[str, str, str, str, str]] = []

    def add(
        self, recording: Path, name: str, sentences: Sequence[Sentence], max_seconds: float
    ) -> int:
        """Write the clips of one recording, remember the rest, and return how many clips there are.

        Args:
            recording: the file.
            name: of its folder of clips, and of its session.
            sentences: in the order of the text.
            max_seconds: the longest clip that is wanted.
        """
        usable = [n for n, sentence in enumerate(sentences) if not sentence.problem]
        clips = [_clip(f"{name}/{n + 1:05}", recording, sentences[n]) for n in usable]
        faults = {n: s.problem for n, s in enumerate(sentences) if s.problem}
        for n, clip, wave in zip(usable, clips, audio_of(clips, max_seconds), strict=True):
            if isinstance(wave, AudioError):
                faults[n] = wave.reason
                continue
            file = self.folder / "clips" / f"{clip.id}.flac"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, to_int16(wave), SAMPLE_RATE)
            own = sentences[n]
            self.kept.append((f"clips/{clip.id}.flac", own.text, name, f"{own.cer:.3f}"))
        for n, why in sorted(faults.items()):
            own = sentences[n]
            times = (f"{own.start:.2f}", f"{own.end:.2f}") if own.end else ("", "")
            self.dropped.append((name, own.text, why, *times))
        return len(sentences) - len(faults)

    def finish(self) -> None:
        """Write the two tables.

        Raises:
            ValueError: if nothing was found.
        """
        if not self.kept:
            raise ValueError("no sentence was found: are these the texts of these recordings?")
        write_rows(self.folder / "metadata.csv", KEPT, self.kept)
        write_rows(self.folder / "dropped.csv", DROPPED, self.dropped)


def _clip(id: str, recording: Path, sentence: Sentence) -> Clip:
    return Clip(id, recording, "", start=sentence.start, end=sentence.end)
