"""ELAN: .eaf files and their recordings, at any depth of `corpus.folder`.

`corpus.tier` names the tier, or the linguistic type of several. A tier without times of its own
(symbolic association or subdivision) takes them from the tier above it. Speakers are the
participants. The format is EAF 3.0 (https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0.pdf).

The recording is the linked file, by its relative address, or by its name beside the .eaf: the
absolute address is one of the machine on which ELAN ran. It must be in the folder.

pympi-ling, which has a reader too, expands entities, and names no line of what it cannot read.
"""

import ntpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from voicegraft.preparing.corpus import Clip, CorpusError, CorpusSection
from voicegraft.preparing.paths import check_inside, files, is_inside, read_bytes
from voicegraft.preparing.segments import SOUND, Segment, beside
from voicegraft.preparing.tiers import Annotation, Tier, clips_of_files
from voicegraft.speech.audio import legible

FILES = ("*.eaf",)
LINE = "line in the file"
ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|[/\\]")


def clips(folder: Path, downloads: Path, corpus: CorpusSection) -> Iterator[Clip]:  # noqa: ARG001
    """Yield the annotations of each .eaf, in the order of names and times."""
    paths = files(folder, ".eaf")
    yield from clips_of_files(paths, lambda path: _read(path, folder), folder, corpus.tier)


def _read(path: Path, folder: Path) -> Annotation:
    root = _parsed(path)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise _error(path, root, f"it is no ELAN file: its root is {root.tag!r}")
    sound, origin = _media(root, path, folder)
    times = _Times(root, path, origin)
    tiers = [
        Tier(
            name=_given(tier, "TIER_ID", path),
            segments=_segments(tier, times, path),
            kind=tier.get("LINGUISTIC_TYPE_REF", ""),
            speaker=tier.get("PARTICIPANT", "").strip(),
            depends="PARENT_REF" in tier.attrib,
        )
        for tier in root.iter("TIER")
    ]
    return Annotation(path, sound, tiers)


class _Lined(TreeBuilder):
    """Builds a tree whose elements know their lines."""

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        return super().start(tag, attributes | {LINE: str(self.expat.CurrentLineNumber)})


def _parsed(path: Path) -> Element:
    """Return the root; no entity is expanded, and nothing outside of the file is read."""
    builder = _Lined()
    parser = DefusedXMLParser(target=builder)
    builder.expat = parser.parser
    try:
        parser.feed(read_bytes(path))
        return parser.close()
    except DefusedXmlException as error:
        line, why = parser.parser.CurrentLineNumber, f"it defines an entity ({error})"
    except ParseError as error:
        line, why = error.position[0], f"it is damaged ({error})"
    except (LookupError, ValueError) as error:
        line, why = parser.parser.CurrentLineNumber, f"it is in an unknown encoding ({error})"
    raise CorpusError(f"{legible(path)}, line {line}: {why}")


def _error(path: Path, element: Element, why: str) -> CorpusError:
    return CorpusError(f"{legible(path)}, line {element.get(LINE)}: {why}")


def _given(element: Element, name: str, path: Path) -> str:
    """Return an attribute that has to be there."""
    if name not in element.attrib:
        raise _error(path, element, f"{element.tag} has no {name}")
    return element.attrib[name]


def _milliseconds(element: Element, name: str, path: Path) -> int:
    if not re.fullmatch(r"-?\d{1,12}", element.get(name, "0")):
        raise _error(path, element, f"{name} is {element.get(name)[:20]!r}, no milliseconds")
    return int(element.get(name, "0"))


def _media(root: Element, path: Path, folder: Path) -> tuple[Path, int]:
    """Return the recording, and its milliseconds at the annotations' zero."""
    found = []
    for media in root.iter("MEDIA_DESCRIPTOR"):
        origin = _milliseconds(media, "TIME_ORIGIN", path)
        found += [(file, origin) for file in _candidates(media, path.parent)]
    found.append((beside(path, folder), 0))
    inside = [one for one in found if is_inside(one[0], folder)]
    there = [one for one in inside if one[0].is_file()]
    there.sort(key=lambda one: one[0].suffix.lower() not in SOUND)  # a film's sound is beside it
    if not there:
        for file, _ in found:
            check_inside(file, folder, f"{path}: {file}")
    return (there or inside)[0]


def _candidates(media: Element, base: Path) -> Iterator[Path]:
    """Yield where the file may be: ELAN writes addresses with and without escapes, as `%20`."""
    relative = media.get("RELATIVE_MEDIA_URL", "").replace("\\", "/")
    names = [] if ABSOLUTE.match(relative) else [relative]
    names += [ntpath.basename(address) for address in (relative, media.get("MEDIA_URL", ""))]
    for name in names:
        yield from (base / form for form in (name, unquote(name)) if form and "\0" not in form)


class _Times:
    """When each annotation begins and ends."""

    def __init__(self, root: Element, path: Path, origin: int):
        self.path = path
        self.slots = {
            _given(slot, "TIME_SLOT_ID", path): self._seconds(slot, origin)
            for slot in root.iter("TIME_SLOT")
        }
        own, above = root.iter("ALIGNABLE_ANNOTATION"), root.iter("REF_ANNOTATION")
        self.elements = {_given(e, "ANNOTATION_ID", path): e for e in (*own, *above)}

    def _seconds(self, slot: Element, origin: int) -> float | None:
        if "TIME_VALUE" not in slot.attrib:
            return None
        return (_milliseconds(slot, "TIME_VALUE", self.path) + origin) / 1000

    def aligned(self, element: Element) -> Element:
        """Return the annotation above that has times, or the annotation itself."""
        seen = set()
        while element.tag == "REF_ANNOTATION":
            reference = _given(element, "ANNOTATION_REF", self.path)
            if reference in seen:
                raise _error(self.path, element, f"{reference} refers to itself in the end")
            seen.add(reference)
            if reference not in self.elements:
                raise _error(self.path, element, f"there is no annotation {reference}")
            element = self.elements[reference]
        return element

    def of(self, element: Element) -> tuple[float | None, float | None]:
        """Return the start and end of an aligned annotation; None for a slot without a time."""
        names = [_given(element, f"TIME_SLOT_REF{n}", self.path) for n in (1, 2)]
        for name in names:
            if name not in self.slots:
                raise _error(self.path, element, f"there is no time slot {name}")
        return self.slots[names[0]], self.slots[names[1]]


def _segments(tier: Element, times: _Times, path: Path) -> list[Segment]:
    """Return what the tier says in each stretch of time; parts of one stretch are joined."""
    texts: dict[str, list[str]] = {}
    stretches = {}
    for element in tier.iterfind("ANNOTATION/*"):
        aligned = times.aligned(element)
        name = _given(aligned, "ANNOTATION_ID", path)
        stretches[name] = times.of(aligned)
        texts.setdefault(name, []).append(element.findtext("ANNOTATION_VALUE") or "")
    return [Segment(*stretches[name], " ".join(said).strip()) for name, said in texts.items()]
