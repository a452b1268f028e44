"""The verdict on each thing that one may publish: what it gives away, in a line.

Everybody adds what was found about a thing as a `Finding`; the worst kind decides. That nothing was
found is no proof that nothing is there: it depends on the attacks, and on how many clips there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE, MEMBERSHIP, CONTENT = VERDICTS = (
    "no evidence of leakage",
    "leaks membership",
    "leaks content",
)
"""The better first. Who spoke counts as membership: a voice is known again."""
UNTESTED = "not attacked"
SUBJECTS = ("model", "adapter", "embeddings", "language model", "committed files")


@dataclass(frozen=True)
class Finding:
    """What an attack found on a thing that one may publish."""

    subject: str
    """Of SUBJECTS, and behind a colon its name, where there are several."""
    verdict: str
    evidence: str
    """The attack and its figures, without a name of a voice or a text."""


@dataclass(frozen=True)
class Line:
    """The verdict on a thing, and the evidence of the findings that decided it."""

    subject: str
    verdict: str
    evidence: str


def judge(findings: Iterable[Finding]) -> list[Line]:
    """Return a line for each of SUBJECTS, or for each of its names; the worst finding decides.

    Raises:
        ValueError: naming a subject or a verdict that there is not.
    """
    by_subject: dict[str, list[Finding]] = {}
    for finding in findings:
        kind = finding.subject.partition(":")[0]
        if kind not in SUBJECTS or finding.verdict not in VERDICTS:
            raise ValueError(f"{finding}: subjects are {SUBJECTS}, verdicts {VERDICTS}")
        by_subject.setdefault(finding.subject, []).append(finding)
    lines = []
    for subject in SUBJECTS:
        named = sorted(name for name in by_subject if name.partition(":")[0] == subject)
        lines += [_worst(name, by_subject[name]) for name in named]
        lines += [] if named else [Line(subject, UNTESTED, "")]
    return lines


def _worst(subject: str, findings: Sequence[Finding]) -> Line:
    worst = max(findings, key=lambda finding: VERDICTS.index(finding.verdict)).verdict
    evidence = "; ".join(f.evidence for f in findings if f.verdict == worst)
    return Line(subject, worst, evidence)


def to_json(lines: Iterable[Line], rate: float) -> dict[str, Any]:
    """Return the verdicts for evaluation/privacy.json, at a false-positive rate."""
    verdicts = {line.subject: [line.verdict, line.evidence] for line in lines}
    return {"false_positive_rate": rate, "verdicts": verdicts}


def from_json(found: Mapping[str, Any] | None) -> list[Line]:
    """Return the verdicts of evaluation/privacy.json, those of SUBJECTS in their order."""
    verdicts = (found or {}).get("verdicts", {})
    places = {subject: place for place, subject in enumerate(SUBJECTS)}
    known = [name for name in verdicts if name.partition(":")[0] in places]
    names = sorted(known, key=lambda name: (places[name.partition(":")[0]], name))
    return [Line(name, *map(str, verdicts[name][:2])) for name in names]
