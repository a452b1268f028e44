"""A table of a user's own, of which single lines are changed: every other byte stays as it was.

Columns that nobody here knows, the order of lines, quoting, line ends and a byte order mark are the
user's, so a table is kept as text, and a line is written anew only where it is changed.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from voicegraft.pipeline.files import whole

ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}  # file names may contain any bytes
MARK = "\ufeff"


class TableError(ValueError):
    """A file cannot be read as a table, or a line is not what it is taken for."""


@dataclass(frozen=True)
class Line:
    """A line of a table: its text, and its cells; a blank one has none."""

    raw: str
    cells: tuple[str, ...]


class Table:
    """The content of a CSV file, or of a TSV file without quotation marks.

    Attributes:
        header: the columns.
        lines: those behind the header.
    """

    def __init__(self, path: Path, content: bytes):
        """Read `content`, the bytes of the file at `path`.

        Raises:
            TableError: if it is no table.
        """
        text = content.decode(**ENCODING)
        self.path, self._mark = path, MARK if text.startswith(MARK) else ""
        try:
            self.lines = list(_lines(text.removeprefix(MARK), self._style))
        except csv.Error as error:
            raise TableError(f"{path} cannot be read as a table: {error}") from None
        self._head = self.lines.pop(0) if self.lines else Line("", ())
        self.header = list(self._head.cells)
        self._end = "\r\n" if self._head.raw.endswith("\r\n") else "\n"

    @property
    def _style(self) -> dict[str, object]:
        # Common Voice does not quote: a quotation mark is part of the text.
        tabs = {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
        return tabs if self.path.suffix == ".tsv" else {}

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the index of each line that is not blank, and its cells by column."""
        for index, line in enumerate(self.lines):
            if line.cells:
                yield index, self.row(index)

    def row(self, index: int) -> dict[str, str]:
        """Return the cells of a line by column; "" where it is too short."""
        cells = self.lines[index].cells
        return {n: cells[i] if i < len(cells) else "" for i, n in enumerate(self.header)}

    def change(self, index: int, cells: Mapping[str, str]) -> None:
        """Write some cells of a line anew; a column that is lacking is added to every line."""
        self._extend(cells)
        old = list(self.lines[index].cells)
        old += [""] * (len(self.header) - len(old))
        for name, value in cells.items():
            old[self.header.index(name)] = value
        self.lines[index] = self._line(old)

    def insert(self, index: int, cells: Mapping[str, str]) -> None:
        """Put a line before that of `index`."""
        self._extend(cells)
        if index and not self.lines[index - 1].raw.endswith(("\n", "\r")):
            last = self.lines[index - 1]
            self.lines[index - 1] = Line(last.raw + self._end, last.cells)
        self.lines.insert(index, self._line([cells.get(name, "") for name in self.header]))

    def remove(self, index: int) -> None:
        """Take a line out."""
        del self.lines[index]

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        text = "".join([self._mark, self._head.raw, *(line.raw for line in self.lines)])
        return text.encode(**ENCODING)

    @property
    def digest(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    def write(self) -> None:
        """Replace the file, so that after a kill it is the old one or the new one."""
        with whole(self.path) as partial:
            partial.write_bytes(self.content)

    def _extend(self, names: Iterable[str]) -> None:
        lacking = [name for name in names if name not in self.header]
        if not lacking:
            return
        width, more = len(self.header), len(lacking)
        lines = [self._widened(line, width, more) if line.cells else line for line in self.lines]
        self.header += lacking
        self.lines, self._head = lines, self._line(self.header)

    def _widened(self, line: Line, width: int, more: int) -> Line:
        """Return the line with `more` empty cells than the header's `width`, its text kept."""
        if len(line.cells) > width:  # what has no column must not get one
            raise TableError(
                f"{self.path}: a line has {len(line.cells)} cells, and the header {width}: "
                f"{line.raw.strip()[:80]!r}; quote the cell that has a comma in it"
            )
        body = line.raw.rstrip("\r\n")
        delimiter = str(self._style.get("delimiter", ","))
        more += width - len(line.cells)
        return Line(body + delimiter * more + line.raw[len(body) :], (*line.cells, *[""] * more))

    def _line(self, cells: Iterable[str]) -> Line:
        held, made = tuple(cells), io.StringIO(newline="")
        try:
            csv.writer(made, lineterminator=self._end, **self._style).writerow(held)
        except csv.Error as error:  # a tab in a table that does not quote
            raise TableError(f"{self.path}: this text has no place in a cell: {error}") from None
        return Line(made.getvalue(), held)


def _lines(text: str, style: Mapping[str, object]) -> Iterator[Line]:
    """Yield the lines of a table with the text of each, which a line break in quotes is part of."""
    physical = list(io.StringIO(text, newline=""))
    reader, first = csv.reader(iter(physical), **style), 0
    for cells in reader:
        yield Line("".join(physical[first : reader.line_num]), tuple(cells))
        first = reader.line_num
