"""Findings in words, and the lines for params.yaml."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from voicegraft.checking.findings import Findings
from voicegraft.checking.recognition import Corpus
from voicegraft.pipeline.params import CLASSIFICATION
from voicegraft.preparing.checks import KNOBS
from voicegraft.speech.manifest import SPLITS, TEXTLESS

MOST_LISTED = 8
MOST_ODD = 30
TURKIC = "ıİ"


def report(corpus: Corpus, found: Findings, language: str) -> str:
    """Return all that was found, in paragraphs, and the lines for params.yaml at the end."""
    parts = [_speech, _rejects, _to_hear, _letters, _odd]
    paragraphs = ["\n".join(part(corpus, found)) for part in parts]
    if found.seconds:
        paragraphs.append("\n".join(knobs(corpus, found, language)))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def as_json(corpus: Corpus, found: Findings, language: str) -> dict[str, Any]:
    """Return all that was found, as one object."""
    reasons = Counter(reject.reason for reject in found.rejects)
    return {
        "folder": corpus.section.folder,
        "corpus": corpus.section.name,
        "others": list(corpus.others),
        "task": found.task,
        "clips": found.clips,
        "usable": len(found.seconds),
        "hours": round(sum(found.seconds) / 3600, 4),
        "longest_seconds": round(max(found.seconds, default=0.0), 3),
        "hours_by_speaker": {who: round(s / 3600, 4) for who, s in found.speakers.items()},
        "clips_by_split": dict(found.splits),
        "clips_by_label": dict(found.labels),
        "unusable": dict(reasons.most_common()),
        "rejects": [asdict(reject) for reject in found.rejects],
        "clipped": found.clipped,
        "copies": found.copies,
        "doubts": found.doubts,
        "characters_per_second": round(found.pace, 2),
        "characters": dict(found.letters.counts.most_common()),
        "odd": [asdict(odd) for odd in found.odd],
        "params": "\n".join(knobs(corpus, found, language)) if found.seconds else "",
    }


def _speech(corpus: Corpus, found: Findings) -> Iterator[str]:
    section = corpus.section
    yield f"{section.folder}: {number(found.clips, 'clip')}, read as corpus.name: {section.name}"
    yield from (f"  {other}" for other in corpus.others)
    if not found.seconds:
        yield "No clip is usable."
        return
    middle, longest = sorted(found.seconds)[len(found.seconds) // 2], max(found.seconds)
    yield (
        f"{duration(sum(found.seconds))} of speech in {number(len(found.seconds), 'usable clip')}; "
        f"half of them are longer than {middle:.1f} s, the longest has {longest:.1f} s"
    )
    yield _speakers(found)
    if sides := [side for side in (*SPLITS, *TEXTLESS) if found.splits[side]]:
        yield "Its own splits: " + ", ".join(f"{s} {found.splits[s]}" for s in sides)
    if found.labels:
        counts = (f"{label} {n}" for label, n in found.labels.most_common())
        yield f"Labels, {len(found.labels)}: {listed(counts)}"


def _speakers(found: Findings) -> str:
    times = dict(sorted(found.speakers.items(), key=lambda one: -one[1]))
    unnamed = times.pop("", 0.0)
    if not times:
        return "Speakers: none is named"
    named = listed(f"{who} {duration(seconds)}" for who, seconds in times.items())
    rest = f"; of nobody named: {duration(unnamed)}" if unnamed else ""
    return f"Speakers, {len(times)}: {named}{rest}"


def _rejects(corpus: Corpus, found: Findings) -> Iterator[str]:  # noqa: ARG001
    if not found.rejects:
        return
    yield f"Not usable: {len(found.rejects)} of {number(found.clips, 'clip')}"
    first = {reject.reason: reject for reject in reversed(found.rejects)}
    for reason, count in Counter(reject.reason for reject in found.rejects).most_common():
        knob = f" (prepare_data.check.{KNOBS[reason]})" if reason in KNOBS else ""
        one = first[reason]
        detail = f": {one.detail}" if one.detail else ""
        yield f"  {count} {reason}{knob}, such as {one.id}{detail}"


def _to_hear(corpus: Corpus, found: Findings) -> Iterator[str]:  # noqa: ARG001
    if found.clipped:
        yield f"Clipped, recorded too loud, {len(found.clipped)}: {listed(found.clipped)}"
    if found.copies:
        yield f"The same recording as another clip, {len(found.copies)}: {listed(found.copies)}"
    yield from (f"Doubtful: {doubt}" for doubt in found.doubts)


def _letters(corpus: Corpus, found: Findings) -> Iterator[str]:  # noqa: ARG001
    counts = found.letters.counts
    if counts:
        yield (
            f"The model would learn {len(counts)} characters, "
            f"{found.pace:.1f} in a second of speech:"
        )
        yield "  " + "  ".join(f"{shown(sign)} {n}" for sign, n in counts.most_common())
    if digits := sum(n for sign, n in counts.items() if sign.isdecimal()):
        yield f"{number(digits, 'digit')}: write numbers as they are read, in words"


def _odd(corpus: Corpus, found: Findings) -> Iterator[str]:  # noqa: ARG001
    if found.odd:
        yield "Odd characters:"
    for odd in found.odd[:MOST_ODD]:
        times = "once" if odd.count == 1 else f"{odd.count} times"
        yield f"  {odd.character}: {odd.why}; {times}, such as in {odd.file}"
    if len(found.odd) > MOST_ODD:
        yield f"  … and {len(found.odd) - MOST_ODD} more: --json has all"


def knobs(corpus: Corpus, found: Findings, language: str) -> Iterator[str]:
    """Yield the lines for params.yaml: those of `corpus`, and what else the texts ask for."""
    section = corpus.section
    file = "words/params.yaml" if found.task == CLASSIFICATION else "params.yaml"
    yield f"# For {file}"
    yield "corpus:"
    yield f"  name: {section.name}"
    yield f"  language: {language or 'xx  # the code of your language'}"
    yield f"  folder: {json.dumps(section.folder, ensure_ascii=False)}"
    yield '  mirror: ""'
    yield f"  tier: {json.dumps(section.tier, ensure_ascii=False)}"
    hints = list(_hints(found))
    if hints:
        yield "prepare_data:"
        yield from (f"  {hint}" for hint in hints)


def _hints(found: Findings) -> Iterator[str]:
    """Yield the other knobs of prepare_data that this corpus asks for, with their values."""
    if len(found.rejects) > found.max_reject_share * found.clips:
        share = math.ceil(100 * len(found.rejects) / found.clips) / 100
        yield f"max_reject_share: {share:g}  # if all that is not usable may be left out"
    if any(sign in found.written for sign in TURKIC):
        yield "text: {case: lower_turkic}"
    if found.disjoint:
        yield f"split: {{disjoint: {found.disjoint}}}  # there are too few sessions or speakers"


def duration(seconds: float) -> str:
    """Return a time in hours and minutes, or in seconds if it is short."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def number(count: int, what: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def listed(values: Iterable[str]) -> str:
    """Return the first of `values`."""
    several = list(values)
    return ", ".join(several[:MOST_LISTED]) + (" …" if len(several) > MOST_LISTED else "")


def shown(sign: str) -> str:
    """Return a character so that it can be seen: a mark on a circle, an invisible one by number."""
    if unicodedata.combining(sign):
        return f"\N{DOTTED CIRCLE}{sign}"
    return sign if sign.isprintable() and not sign.isspace() else f"U+{ord(sign):04X}"
