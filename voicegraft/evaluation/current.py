"""Check whether an evaluation is of the pipeline's current corpus and models."""

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
"""For each line of provenance, the reason to give if it differs."""


@dataclass(frozen=True)
class Current:
    """The provenance that evaluations must have.

    Attributes:
        corpus: the hash in evaluation/corpus.json; None if it has none, as in old revisions, in
            which all evaluations count as current.
        head: the provenance of the head's evaluation, if that is of this corpus. Other models were
            trained like the head, or from it.
    """

    corpus: str | None
    head: Mapping[str, str]

    @classmethod
    def read(cls, json_of: Callable[[str], Any]) -> "Current":
        """Return the provenance of a project; `json_of` reads JSON by path, None for no file."""
        corpus = named(json_of("evaluation/corpus.json")).get("corpus")
        head = named(json_of("evaluation/head/rates.json"))
        return cls(corpus, head if head.get("corpus") == corpus else {})

    def why_old(self, of: Mapping[str, str], model: Mapping[str, str] | None = None) -> str:
        """Return why an evaluation is outdated; "" if it is current or this is unknown.

        Args:
            of: the provenance of the evaluation.
            model: the provenance of the model's evaluation, for a further study of that model.
        """
        if self.corpus is None:
            return ""
        if "corpus" not in of:
            return "it has no provenance"
        if of["corpus"] != self.corpus:
            return "it is of another corpus"
        wanted = {**self.head, "head": self.head.get("model"), "model": (model or {}).get("model")}
        for name, words in OTHER.items():
            if name in of and wanted.get(name) not in (None, of[name]):
                return words
        return ""
