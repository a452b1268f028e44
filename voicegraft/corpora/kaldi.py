"""Kaldi: a data folder, or several named train, dev, test … (https://kaldi-asr.org/doc/data_prep.html).

`wav.scp` and `text`, and where there are `segments` and `utt2spk`. A path in `wav.scp` is relative
to its folder or to `corpus.folder`. No pipe is run.
"""

from collections.abc import Iterator
from pathlib import Path

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import SPLIT_NAMES, check_inside, lines, name_within
from voicegraft.preparing.segments import Segment, clips_of_rows, recording, seconds

FILES = ("wav.scp", "*/wav.scp")

Row = tuple[str, str]
"""Where a line is, and what follows its id."""


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the utterances of each data folder, in the order of recordings and times."""
    tables = sorted([*folder.glob("wav.scp"), *folder.glob("*/wav.scp")])
    if not tables:
        raise CorpusError(f"corpus.folder: {folder} contains no wav.scp, nor do folders in it")
    for table in tables:
        split = "" if table.parent == folder else SPLIT_NAMES.get(table.parent.name, "")
        yield from _clips(table.parent, folder, split)


def _clips(data: Path, folder: Path, split: str) -> Iterator[Clip]:
    """Yield the utterances of one data folder; ids are those of Kaldi, with the folder's name."""
    texts, speakers = (_table(data / name, folder) for name in ("text", "utt2spk"))
    sounds = {
        id: recording(_file(name, where), data, folder, where)
        for id, (where, name) in _table(data / "wav.scp", folder).items()
    }
    prefix = "" if data == folder else f"{name_within(data, folder)}/"
    said = {id: text for id, (_, text) in texts.items()}
    spoke = {id: speaker.strip() for id, (_, speaker) in speakers.items()}
    if (data / "segments").is_file():
        times = _table(data / "segments", folder)
        rows = [
            (
                sounds[sound],
                split,
                Segment(*span, said.get(id, ""), spoke.get(id, ""), id=prefix + id),
            )
            for id, (sound, *span) in ((id, _span(row, sounds)) for id, row in times.items())
        ]
        yield from clips_of_rows(rows, folder)
    else:
        times = sounds
        for id, path in sounds.items():
            own = said.get(id, ""), spoke.get(id, "")
            yield Clip(prefix + id, path, *own, split=split)
    for id in sorted(said.keys() - times.keys()):
        yield Clip(prefix + id, data / "text", said[id], problem="no recording")


def _table(path: Path, folder: Path) -> dict[str, Row]:
    """Return the rows by their first column; those of a table that is not there are none."""
    rows: dict[str, Row] = {}
    if not path.is_file():
        return rows
    check_inside(path, folder, str(path))
    for where, line in lines(path):
        id, *rest = line.split(maxsplit=1) or [""]
        if not id:
            raise CorpusError(f"{where}: it is empty")
        if id in rows:
            raise CorpusError(f"{where}: {id} is there twice")
        rows[id] = where, "".join(rest)
    return rows


def _file(name: str, where: str) -> str:
    """Return the name of a file, or refuse what Kaldi would run or unpack."""
    name = name.strip()
    if "|" in (name[:1], name[-1:]):
        raise CorpusError(
            f"{where}: {name[:60]!r} is a pipe, and no command of a corpus is run: "
            f"write its output into a file of corpus.folder, and name that"
        )
    if name in ("", "-") or ".ark:" in name:
        raise CorpusError(f"{where}: {name[:60]!r} is no sound file")
    return name


def _span(row: Row, sounds: dict[str, Path]) -> tuple[str, float, float | None]:
    """Return the recording, start and end of a segment; -1 is an end that is not said."""
    where, text = row
    columns = text.split()
    if len(columns) not in (3, 4):
        raise CorpusError(f"{where}: it is not `utterance recording start end`")
    if columns[0] not in sounds:
        raise CorpusError(f"{where}: there is no recording {columns[0]} in wav.scp")
    start, end = (seconds(time, where) for time in columns[1:3])
    return columns[0], start, None if end == -1 else end
