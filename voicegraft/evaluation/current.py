"""Whether an evaluation is of what the pipeline holds now; if not, why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voicegraft.pipeline.provenance import named

OTHER = {
    "model": "it is of another model than the scores beside it",
    "upstream": "it is of another upstream than the head",
    "training": "it was trained by other knobs than the head",
    "head": "it began from another head",
    "settings": "it was scored by other settings than the head",
}
"""What an old evaluation has that differs, and how that is put."""


@dataclass(frozen=True)
class Current:
    """What evaluations have to be of.

    Attributes:
        corpus: as evaluation/corpus.json names it; None if it does not, as before there were such
            lines: then all evaluations are taken for current.
        head: what the head's evaluation is of, if that is of this corpus. Others were trained
            as the head is, or from it.
    """

    corpus: str | None
    head: Mapping[str, str]

    @classmethod
    def read(cls, json_of: Callable[[str], Any]) -> "Current":
        """Return what a project holds, given what reads its JSON by path; None is no such file."""
        corpus = named(json_of("evaluation/corpus.json")).get("corpus")
        head = named(json_of("evaluation/head/rates.json"))
        return cls(corpus, head if head.get("corpus") == corpus else {})

    def why_old(self, of: Mapping[str, str], model: Mapping[str, str] | None = None) -> str:
        """Return why an evaluation is not of what there is now; "" if it is, or none can know.

        Args:
            of: what it names.
            model: what the evaluation of the model names, where that one was tried further.
        """
        if self.corpus is None:
            return ""
        if "corpus" not in of:
            return "it does not say what it is of"
        if of["corpus"] != self.corpus:
            return "it is of another corpus"
        wanted = {**self.head, "head": self.head.get("model"), "model": (model or {}).get("model")}
        for name, words in OTHER.items():
            if name in of and wanted.get(name) not in (None, of[name]):
                return words
        return ""
