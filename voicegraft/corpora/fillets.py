"""fillets-ng: two fish and their neighbours talk through a puzzle game, in Czech or Dutch (GPL-2).

Actors' voices, 22 or 44 kHz Ogg, with the game's script as transcripts, in Debian's packages
fillets-ng-data (script) and fillets-ng-data-cs or -nl (sound).
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from voicegraft.fetching.debian import Package, find_package, unpack
from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection

VERSION = "1.0.1-1.1"
SCRIPT = Package(
    "fillets-ng-data", VERSION, "25de89afd8b1adf7bcace8290248a6a22c89cd42300317e69000e162c032cf84"
)
SOUND = {
    "cs": "3ecef99b9456f1c80c9625c6f2418642b52d58e7167a46bad7a412db17991b14",
    "nl": "afb4443fda9ab507dee578b75be857d121718a1cd6017a474f30e0eb13dc9d10",
}
GAME = Path("usr/share/games/fillets-ng")

# In these Czech levels other actors speak the two fish, at 44.1 kHz and with more noise. Their
# clips are too few to score, and share their roles with the other actors, so they are used only for
# training.
SECOND_CAST = {"cs": ("fdto", "hanoi", "hole", "keys", "linux", "nowall", "rush"), "nl": ()}

SECOND = "-2"

# A comment, a string, or the name of a call: the dialog files contain nothing else.
TOKEN = re.compile(r'--[^\n]*|"((?:[^"\\]|\\.)*)"|\b(dialogId|dialogStr)\b', re.DOTALL)


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:
    """Yield every sound file of the language, in order of level and name."""
    if corpus.language not in SOUND:
        raise CorpusError(f"corpus.language: fillets has {', '.join(SOUND)}, not {corpus.language}")
    sound, script = _unpacked(folder, downloads, corpus)
    dialogs = _dialogs(script, corpus.language)
    for path in sorted(sound.glob(f"**/{corpus.language}/*.ogg")):
        level = path.parent.parent.relative_to(sound)
        font, text = dialogs.get((level.parts[0], path.stem), ("", None))
        speaker = _speaker(font, level.name, corpus.language)
        yield Clip(
            id=f"{level.as_posix()}/{path.stem}",
            path=path,
            text=text or "",
            speaker=speaker,
            session=level.as_posix(),
            split="train" if speaker.endswith(SECOND) else "",
            problem=_problem(font, text),
        )


def _unpacked(folder: Path, downloads: Path, corpus: CorpusSection) -> tuple[Path, Path]:
    """Return the game's folders of sounds and of scripts."""
    name = f"{SCRIPT.name}-{corpus.language}"
    sound = Package(name, VERSION, SOUND[corpus.language])
    debs = [find_package(p, folder, downloads, corpus.mirror) for p in (sound, SCRIPT)]
    roots = [unpack(d, downloads, w) for d, w in zip(debs, ("*.ogg", "*.lua"), strict=True)]
    return roots[0] / GAME / "sound", roots[1] / GAME / "script"


def _dialogs(scripts: Path, language: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (font, text) by (level, id), from the level's own, brief and shared dialogs."""
    dialogs = {}
    for file in sorted(scripts.glob(f"*/*dialogs_{language}.lua")):
        for key, font, text in read_dialogs(file.read_text(encoding="utf-8")):
            dialogs.setdefault((file.parent.name, key), (font, text))
    return dialogs


def read_dialogs(lua: str) -> Iterator[tuple[str, str, str]]:
    """Yield (id, font, text) of each `dialogId(id, font, english) dialogStr(text)`."""
    calls: list[list[str]] = []
    for token in TOKEN.finditer(lua):
        if token[2]:
            calls.append([token[2]])
        elif token[1] is not None and calls:
            calls[-1].append(re.sub(r"\\(.)", r"\1", token[1], flags=re.DOTALL))
    for (name, *given), (next_name, *text) in zip(calls, calls[1:], strict=False):
        if (name, next_name) == ("dialogId", "dialogStr") and len(given) > 1:
            yield given[0], given[1], "".join(text)


def _speaker(font: str, level: str, language: str) -> str:
    """Return the role: each role has its own font in the game."""
    role = font.removeprefix("font_")
    return role + SECOND if level in SECOND_CAST[language] and role in ("small", "big") else role


def _problem(font: str, text: str | None) -> str:
    if text is None:
        return "no transcript"
    if "%1" in text:
        return "placeholder in text"
    if any(c.isalpha() and not unicodedata.name(c).startswith("LATIN") for c in text):
        return "mixed languages"
    return "two voices at once" if font == "font_both" else ""
