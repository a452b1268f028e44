"""VoxForge: folders of contributions, `ann-20080425-xyz`, as the archives unpack.

`etc/prompts-original`, or else `etc/PROMPTS`, and `wav/` or `flac/`. The name before the date is
the speaker; of anonymous ones each contribution is a speaker (http://www.voxforge.org/home/downloads).
"""

from collections.abc import Iterator
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import check_inside, lines, name_within
from voicegraft.preparing.segments import SOUND

FILES = ("*/etc/prompts", "*/etc/prompts-original")
TABLES = ("prompts-original", "PROMPTS")
"""As spoken, and in capitals for HTK."""


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the clips of each contribution, in the order of its prompts."""
    found = {path.parent.parent for name in TABLES for path in folder.rglob(f"etc/{name}")}
    if not found:
        raise CorpusError(f"corpus.folder: {folder} contains no etc/PROMPTS, as VoxForge has")
    for contribution in sorted(found):
        yield from _contribution(contribution, folder)


def _contribution(own: Path, folder: Path) -> Iterator[Clip]:
    """Yield the prompts of a contribution, and its sounds that have none."""
    table = next(own / "etc" / name for name in TABLES if (own / "etc" / name).is_file())
    check_inside(table, folder, str(table))
    files = [path for kind in ("wav", "flac") for path in sorted(own.glob(f"{kind}/*"))]
    sounds = {path.stem: path for path in files if path.suffix.lower() in SOUND}
    session, name = name_within(own, folder), own.name.split("-")[0]
    speaker = own.name if name.lower() == "anonymous" else name
    seen = set()
    for where, line in lines(table):
        prompt, *text = line.split(maxsplit=1) or [""]
        if not prompt:
            continue
        id = prompt.split("/")[-1]
        path = sounds.get(id, own / "wav" / f"{id}.wav")
        check_inside(path, folder, f"{where}: {id}")
        problem = "listed twice" if id in seen else ""
        yield Clip(f"{session}/{id}", path, "".join(text), speaker, session, problem=problem)
        seen.add(id)
    for id in sorted(sounds.keys() - seen):
        yield Clip(f"{session}/{id}", sounds[id], "", speaker, problem="no transcript")
