"""The clips of a folder, and what is done to them: each save is in the tables before it returns.

A save names the revision of the clip that was seen. If the line is another by then, by a second
tab, a second server or an editor of text, nothing is written, and both texts are shown.
"""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from voicegraft.corpora import folder as own
from voicegraft.listening.clips import (
    REJECT,
    SPLIT,
    TableClip,
    column,
    key_of,
    name_of,
    read_clips,
)
from voicegraft.listening.journal import NAME, Cells, Entry, Journal
from voicegraft.listening.table import Table
from voicegraft.preparing.corpus import CorpusError
from voicegraft.preparing.paths import is_inside, name_within
from voicegraft.speech.manifest import UNLABELLED

METADATA = "metadata.csv"
NEW = b"file_name,transcription,speaker\n"
RECORDED = "recorded"
"""The folder of what was recorded from the microphone."""
LOCK_SECONDS = 10
BREAKS = ("Cc", "Zl", "Zp")
"""Categories of characters that no line of text has."""


class StaleError(ValueError):
    """The clip has changed since it was seen."""


class NothingError(ValueError):
    """There is nothing to undo."""


class Desk:
    """A folder with metadata.csv, a table in each of its folders, or a Common Voice release.

    Args:
        folder: of the user's.
        recording: take the segments of this file alone.

    Raises:
        CorpusError: if its tables are not what they have to be.
    """

    def __init__(self, folder: Path, recording: Path | None = None):
        if not folder.is_dir():
            raise CorpusError(f"{folder} is not a folder")
        self.folder, self.recording = folder, recording
        self.journal = Journal(folder / NAME)
        self._lock = FileLock(f"{self.journal.path}.lock", timeout=LOCK_SECONDS)
        self._seen: dict[str, tuple[int, ...]] = {}
        self._tables: dict[str, Table] = {}
        self._clips: dict[str, TableClip] = {}
        with self._lock:
            self._finish()
            self._refresh()

    def clips(self) -> list[TableClip]:
        """Return all clips, in the order of the tables."""
        with self._lock:
            self._refresh()
            return list(self._clips.values())

    def clip(self, key: str) -> TableClip:
        """Return a clip, or raise KeyError."""
        with self._lock:
            self._refresh()
            return self._clips[key]

    def done(self) -> set[tuple[str, str]]:
        """Return the (table, clip) that somebody has dealt with."""
        return self.journal.done()

    def save(self, key: str, revision: str, changes: Mapping[str, str]) -> TableClip:
        """Write `text`, `speaker` or `reject` of a clip; what is not named stays.

        A clip without a text that gets one leaves the split `unlabelled`.

        Raises:
            KeyError: if there is no such clip.
            StaleError: if it is not at `revision` any more.
        """
        with self._lock:
            self._refresh()
            clip = self._clips[key]
            if clip.revision != revision:
                raise StaleError("this clip was changed elsewhere")
            table = self._tables[clip.table]
            after = self._cells(table, clip, changes)
            row = table.row(clip.index)
            before = {name: row.get(name, "") for name in after}
            action = "reject" if changes.get(REJECT) else "correct"
            action = action if before != after else "confirm"
            self._do(Entry(action, clip.table, clip.name, before, after, table.digest))
            return self._clips[key]

    def record(self, file: Path, text: str, speaker: str) -> TableClip:
        """Add a recording that lies in the folder, with its text."""
        with self._lock:
            self._refresh()
            table = self._tables.get(METADATA) or self._new_table()
            name = name_within(file, self.folder)
            wanted = {column(table, own.FILE): name, column(table, own.TEXT): text}
            wanted[column(table, own.SPEAKER)] = speaker
            self._do(Entry("record", METADATA, name, None, _plain(wanted), table.digest))
            return self._clips[key_of(METADATA, name)]

    def undo(self) -> tuple[Entry, TableClip | None]:
        """Undo the last that stands; return what it was, and its clip if there still is one.

        Raises:
            NothingError: if nothing stands.
            StaleError: if the line has been changed since by another hand.
        """
        with self._lock:
            self._refresh()
            standing = self.journal.standing()
            if not standing:
                raise NothingError("there is nothing to undo")
            entry = self.journal.entries[standing[-1]]
            table = self._tables.get(entry.table) or self._new_table()
            index = self._index(table, entry.clip)
            now = {} if index is None else table.row(index)
            if any(now.get(name, "") != value for name, value in (entry.after or {}).items()):
                raise StaleError(f"{entry.clip} was changed by another hand since")
            self._do(entry.inverse(standing[-1], table.digest))
            return entry, self._clips.get(key_of(entry.table, entry.clip))

    def add_segments(self, recording: Path, rows: list[Cells]) -> None:
        """Add what a model wrote of a long recording, segment by segment, without a text yet."""
        with self._lock:
            self._refresh()
            table = self._tables.get(METADATA) or self._new_table()
            names = {column(table, own.FILE): name_within(recording, self.folder)}
            text = column(table, own.TEXT)
            for row in rows:
                table.insert(len(table.lines), {**names, text: "", SPLIT: UNLABELLED, **row})
            table.write()
            self._refresh()

    def _do(self, entry: Entry) -> None:
        """Write the entry to the journal, then the table."""
        self.journal.add(entry)
        self._carry_out(entry)
        self._refresh()

    def _carry_out(self, entry: Entry) -> None:
        table = self._tables.get(entry.table) or self._new_table()
        index = self._index(table, entry.clip)
        if entry.before == entry.after:
            return
        if entry.before is None:
            table.insert(len(table.lines), entry.after or {})
        elif index is not None and entry.after is None:
            table.remove(index)
        elif index is not None and entry.after is not None:
            table.change(index, entry.after)
        table.write()
        if entry.after is None:
            self._forget(entry.clip)

    def _forget(self, name: str) -> None:
        """Delete a file that was recorded here; a journal from elsewhere names no other."""
        file = self.folder / name
        ours = file.parent == self.folder / RECORDED and file.suffix == ".wav"
        if ours and is_inside(file, self.folder):
            file.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Carry out the last entry, if its writer was killed before the table was written."""
        self._refresh()
        if self.journal.entries:
            last = self.journal.entries[-1]
            table = self._tables.get(last.table) or self._new_table()
            if table.digest == last.found:
                self._carry_out(last)

    def _refresh(self) -> None:
        """Read the tables that have changed on the disk, and the journal."""
        self.journal.refresh()
        places = {name_within(place[0], self.folder): place for place in own.tables(self.folder)}
        seen = {name: _signature(place[0]) for name, place in places.items()}
        if seen == self._seen:
            return
        self._tables = {n: Table(t, t.read_bytes()) for n, (t, _, _) in places.items()}
        self._clips = {}
        for name, (_, sounds, side) in places.items():
            for clip in read_clips(self.folder, self._tables[name], sounds, side):
                if not self.recording or clip.path.resolve() == self.recording.resolve():
                    self._clips.setdefault(clip.key, clip)
        self._seen = seen

    def _index(self, table: Table, clip: str) -> int | None:
        """Return the first line of a clip; None if it has none."""
        sounds = self.folder / "clips" if table.path.suffix == ".tsv" else table.path.parent
        rows = table.rows()
        return next(
            (i for i, row in rows if name_of(row, table, sounds, self.folder) == clip), None
        )

    def _cells(self, table: Table, clip: TableClip, changes: Mapping[str, str]) -> Cells:
        """Return the cells that `changes` are, by the names that the table has for them."""
        names = {
            "text": column(table, own.TEXT + own.LABEL),
            "speaker": column(table, own.SPEAKER),
            REJECT: REJECT,
        }
        cells = {names[what]: value for what, value in changes.items()}
        row = table.row(clip.index)
        # A column is not made for what is empty.
        cells = {n: v for n, v in _plain(cells).items() if v or n in row}
        if clip.split == UNLABELLED and cells.get(names["text"]) and SPLIT in table.header:
            cells[SPLIT] = ""
        return cells

    def _new_table(self) -> Table:
        """Return a table for a folder that has none.

        Raises:
            CorpusError: if it is a Common Voice release, which nothing can be added to.
        """
        if any(name.endswith(".tsv") for name in self._tables):
            raise CorpusError(
                f"{self.folder} is a Common Voice release, in which a metadata.csv would hide its "
                "tables: record into another folder"
            )
        return self._tables.setdefault(METADATA, Table(self.folder / METADATA, NEW))


def _plain(cells: Cells) -> Cells:
    """Return cells of one line each, without control characters and spaces at the ends."""
    return {name: _line(value) for name, value in cells.items()}


def _line(text: str) -> str:
    return "".join(" " if unicodedata.category(c) in BREAKS else c for c in text).strip()


def _signature(path: Path) -> tuple[int, ...]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size, state.st_ino
