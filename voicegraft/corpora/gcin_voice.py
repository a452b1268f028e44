"""gcin-voice: Mandarin syllables in two voices, from Debian (GPL-3 and LGPL-3, CC BY 3.0).

The syllables that an input method reads aloud. Each of 1,200 syllables is spoken by one or both
voices, in 0.1 to 0.6 s at 44.1 kHz. The label is the tone. The text is the syllable without its
tone, in bopomofo, so that `disjoint: text` keeps the tones of a syllable together.
"""

from collections.abc import Iterator
from pathlib import Path

from voicegraft.fetching.debian import Package, find_package, unpack
from voicegraft.preparing.corpus import Clip, CorpusSection

PACKAGE = Package(
    "gcin-voice",
    "0~20170223-3",
    "6a0353f0294d06f7bd901bada3d5d9eec63b66c2ec029f92da3124d93d45de70",
)
SOUND = Path("usr/share/gcin-voice/ogg")
NEUTRAL = "1"
"""The neutral tone has thirteen clips: too few to train on or to score."""
FIRST = "1"


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:
    """Yield every sound file, in order of syllable and voice."""
    deb = find_package(PACKAGE, folder, downloads, corpus.mirror)
    sound = unpack(deb, downloads, "*.ogg") / SOUND
    for path in sorted(sound.glob("*/*.ogg")):
        syllable, mark = split_tone(path.parent.name)
        yield Clip(
            id=f"{path.parent.name}/{path.stem}",
            path=path,
            text=syllable,
            label=f"tone {mark or FIRST}",
            speaker=f"voice {path.stem}",
            problem="neutral tone" if mark == NEUTRAL else "",
        )


def split_tone(name: str) -> tuple[str, str]:
    """Return a folder's syllable and its tone digit, "" for the first tone."""
    syllable = name.rstrip("0123456789")
    return syllable, name.removeprefix(syllable)
