"""Recognise the layout of a folder: which corpus plug-in reads it, and what it finds."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from voicegraft.pipeline import plugins
from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection, load_corpus
from voicegraft.speech.audio import legible

MOST_KINDS = 5


@dataclass(frozen=True)
class Corpus:
    """A folder as a plug-in reads it."""

    section: CorpusSection
    clips: Sequence[Clip]
    others: Sequence[str]
    """What is said of other plug-ins whose files are here too."""


def recognise(folder: Path, downloads: Path, name: str = "", tier: str = "") -> Corpus:
    """Return the folder as the plug-in `name` reads it, or the one that finds the most clips in it.

    Raises:
        CorpusError: if there is no such folder, or no plug-in can read it: with the reason of each.
    """
    if not folder.is_dir():
        why = "is a file: name the folder that it is in" if folder.exists() else "is not there"
        raise CorpusError(f"{legible(folder)} {why}")
    names = [name] if name else _candidates(folder)
    if not names:
        raise CorpusError(_unknown(folder))
    found, faults = {}, {}
    for each in names:
        section = CorpusSection(name=each, language="", folder=str(folder), mirror="", tier=tier)
        try:
            found[each] = section, list(load_corpus(each).clips(folder, downloads, section))
        except CorpusError as error:
            faults[each] = str(error)
    if not found:
        raise CorpusError(
            "\n".join(f"{legible(folder)}, as {n}: {why}" for n, why in faults.items())
        )
    best = max(found, key=lambda each: sum(not clip.problem for clip in found[each][1]))
    others = [f"{n} would find {len(clips)} clips" for n, (_, clips) in found.items() if n != best]
    others += [f"{n} cannot read it: {why}" for n, why in faults.items()]
    return Corpus(*found[best], others)


def _candidates(folder: Path) -> list[str]:
    """Return the plug-ins whose files are in the folder."""
    names = {path.as_posix().lower() for path in _files(folder)}
    return [
        name
        for name, patterns in _layouts().items()
        if any(fnmatchcase(path, pattern) for path in names for pattern in patterns)
    ]


def _layouts() -> dict[str, Sequence[str]]:
    """Return the patterns of each plug-in that reads a folder of the user's."""
    found = {name: load_corpus(name) for name in plugins.names("corpora")}
    return {name: plugin.FILES for name, plugin in found.items() if hasattr(plugin, "FILES")}


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in the folder that are not hidden, as paths in it."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield Path(os.path.relpath(os.path.join(place, name), folder))


def _unknown(folder: Path) -> str:
    """Return what is in a folder that no plug-in knows, and what is looked for."""
    kinds = Counter(path.suffix.lower() or "without an ending" for path in _files(folder))
    here = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common(MOST_KINDS))
    wanted = "\n".join(f"  {name}: {', '.join(ways)}" for name, ways in _layouts().items())
    return (
        f"{legible(folder)} has recordings and texts in no layout that is known: it holds "
        f"{legible(here) or 'no file'}. Looked for:\n{wanted}\n"
        f"Without any of these, write a table metadata.csv: file_name,transcription"
    )
