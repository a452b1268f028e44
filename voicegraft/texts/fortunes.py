"""Sayings and jokes for the terminal, in Debian's packages fortunes-*: 20,000 to 300,000 words.

A file has entries between lines of a lone %, and the source of a quotation behind --. Each entry is
one text, except that lines of a dialogue begin with a dash.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from voicegraft.fetching.debian import Package, find_package, unpack

PACKAGES = {
    "bg": Package(
        "fortunes-bg", "1.4", "654be0aacc5d932b12a17cbd895e66813e3097f81e761d991c6958591e69825c"
    ),
    "cs": Package(
        "fortunes-cs",
        "2.0.9-1.1",
        "5a38a15bcd58c6a2f777a1f2db8d51da901bc3d0147b2db3597c8a1b78acb447",
    ),
    "de": Package(
        "fortunes-de", "0.35-1", "03fe7a7912935bd3d4e02e38d79ef32a289097f8718d4488c409595abce067a0"
    ),
    "eo": Package(
        "fortunes-eo",
        "20020729b-1.1",
        "23e258836bd9c76c47c71f6a365aea469563748fd4c6737bb636328da97302bf",
    ),
    "es": Package(
        "fortunes-es", "1.36", "54636edc1a4384093b68d1666c7e702ce42d1fcc8b5ab402d9646c328dcca899"
    ),
    "ga": Package(
        "fortunes-ga",
        "0.10+nmu1",
        "2c113ea36a2173a9c704e2e5fd7e9d211e2ea44b618f928fc6e843233a5cdbaf",
    ),
    "it": Package(
        "fortunes-it",
        "1.99-4.1",
        "675df6ecb00c3b67d06b39ab223ff17f1ef1d0ec82a7e40f989356a2eb61a97e",
    ),
    "pl": Package(
        "fortunes-pl",
        "0.0.20130525-3",
        "39602aece2081a67c9e95ff7f6e8b0b8fc2cce971e920a31d04133d4ac007ad0",
    ),
    "pt": Package(
        "fortunes-br",
        "20220821",
        "0a181b5fdf4f9d83dd519c4a50af2e68d88c85d27ab32f665c72e5fc67331a4c",
    ),
    "ru": Package(
        "fortunes-ru",
        "1.52-3.1",
        "2dc76af9c0e02e2926d36f88dcb685bb171fab8677e553a6def41efe8a551cc6",
    ),
}
"""By language, as Debian 12 has them."""
FOLDER = "usr/share/games/fortunes"
LEFT_OUT = {"cs/klasik-sk", "de/asciiart"}
"""Slovak, and pictures; what Debian marks as offensive lies in folders named off."""

SOURCE = re.compile(r"\s*-{2,}")
SPOKEN = re.compile(r"\s*[-–—]\s*(?=\w)")
UNDECODABLE = "\ufffd"


def sentences(downloads: Path, language: str, mirror: str) -> Iterator[str]:
    """Yield the entries of the language's package, in order of file; none if there is no package.

    Raises:
        PackageError: if the package cannot be fetched or read.
    """
    if language not in PACKAGES:
        known = ", ".join(PACKAGES)
        print(f"fortunes has no texts in {language!r}, it has {known}", file=sys.stderr)
        return
    deb = find_package(PACKAGES[language], downloads, downloads, mirror)
    root = unpack(deb, downloads, f"*/{FOLDER}/*") / FOLDER
    for path in sorted(root.rglob("*")):
        if path.is_file() and not _left_out(path.relative_to(root)):
            yield from entries(path.read_text(encoding="utf-8", errors="replace"))


def _left_out(path: Path) -> bool:
    """Return whether a file is an index, a copy, or not in the language."""
    return path.suffix in (".dat", ".u8") or "off" in path.parts or path.as_posix() in LEFT_OUT


def entries(text: str) -> Iterator[str]:
    """Yield what a file of fortunes says, without its sources, a line of a dialogue alone."""
    said: list[str] = []
    for line in [*text.split("\n"), "%"]:
        ends = line.strip() in ("%", "") or SOURCE.match(line) or SPOKEN.match(line)
        if ends and said:
            yield " ".join(said)
            said = []
        if line.strip() not in ("%", "") and not SOURCE.match(line) and UNDECODABLE not in line:
            said.append(
                SPOKEN.sub("", line, count=1).strip() if SPOKEN.match(line) else line.strip()
            )
