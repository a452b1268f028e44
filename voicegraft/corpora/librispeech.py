"""LibriSpeech, or a corpus in its tree: `dev-clean/84/121123/84-121123.trans.txt` beside its FLAC.

Folders of speakers hold those of chapters, which are the sessions. The first word in the name of
the part, `train-clean-100`, is the split (https://www.openslr.org/12).
"""

from collections.abc import Iterator
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import SPLIT_NAMES, check_inside, lines, name_within
from voicegraft.preparing.segments import SOUND

FILES = ("*.trans.txt",)


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the clips of each chapter, in the order of its transcripts."""
    tables = sorted(folder.rglob("*.trans.txt"))
    if not tables:
        raise CorpusError(f"corpus.folder: {folder} contains no *.trans.txt, as LibriSpeech has")
    for table in tables:
        check_inside(table, folder, str(table))
        yield from _chapter(table, folder)


def _chapter(table: Path, folder: Path) -> Iterator[Clip]:
    """Yield the lines of a chapter, and its sounds that have none."""
    sounds = {p.stem: p for p in sorted(table.parent.iterdir()) if p.suffix.lower() in SOUND}
    speaker, session = table.parent.parent.name, name_within(table.parent, folder)
    parts = (part.split("-")[0].lower() for part in table.relative_to(folder).parts)
    split = next((SPLIT_NAMES[part] for part in parts if SPLIT_NAMES.get(part)), "")
    seen = set()
    for where, line in lines(table):
        id, _, text = line.partition(" ")
        if not id or "/" in id:
            raise CorpusError(f"{where}: it does not begin with the id of a recording")
        path = sounds.get(id, table.parent / f"{id}.flac")
        check_inside(path, folder, f"{where}: {id}")
        problem = "listed twice" if id in seen else ""
        yield Clip(f"{session}/{id}", path, text, speaker, session, split, problem=problem)
        seen.add(id)
    for id in sorted(sounds.keys() - seen):
        yield Clip(f"{session}/{id}", sounds[id], "", speaker, problem="no transcript")
