"""README.md and the pages of docs/: their prose, their commands, their sections."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
MEASURED_AT = re.compile(r"Measured at `([0-9a-f]{7,40})`\s+by\s+`[^`]+`((,|,? and)\s+`[^`]+`)*")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def without_fences(text: str) -> str:
    """Return the text with blocks of code emptied, line for line."""
    return FENCED.sub(lambda found: "\n" * found[0].count("\n"), text)


def spans(text: str) -> list[str]:
    """Return what stands in backticks now, and not what was typed at an older revision."""
    found = SPAN.findall(MEASURED_AT.sub("", without_fences(text)))
    return [" ".join(span.split()) for span in found]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of blocks and spans: the folder it is typed in ("" or "words/"), words."""
    blocks = [code for language, code in FENCED.findall(text) if language == "sh"]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    for line in [*lines, *spans(text)]:
        if re.match(r"(cd|make|dvc|voicegraft|python)\b", line):
            folder = "words/" if line.startswith("cd words && ") else ""
            for part in line.split(" && "):
                yield folder, shlex.split(part, comments=True)


def sections(text: str) -> list[str]:
    """Return the text in pieces that begin at a heading."""
    return re.split(r"^(?=#{1,6} )", text, flags=re.MULTILINE)
