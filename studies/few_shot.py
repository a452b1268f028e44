"""Few-shot accuracy: classify with a few clips of each class.

Reads   CORPUS, as prepare_data writes it for classification; EMBEDDINGS, as extract_embeddings
        writes them, of the upstream or of a control
Writes  EVALUATION, a table for git: accuracy and macro-F1 on test and unseen by the number of
        training clips of each class, means over draws with intervals; numbers above that of the
        rarest class have no line
Knobs   few_shot: shots, draws; head: layer, pooling, normalise; evaluate: unknown_labels, which
        are left out, resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt

from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import EvaluateClasses
from voicegraft.evaluation.classes.summary import COLUMNS, rates_in_words
from voicegraft.evaluation.predictions import SCORED
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, cell, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.features import Vectors, read_clips
from voicegraft.studies.few_shot import by_discriminants, few_shot, rarest

HEADER = ["split", "shots", *COLUMNS, "draws"]


class FewShot(Section):
    """Numbers of clips of each class, and number of draws."""

    shots: list[PositiveInt]
    draws: Annotated[int, Field(ge=2)]


def possible(shots: Sequence[int], labels: Sequence[str]) -> list[int]:
    """Return those of `shots` that every class has clips for, and print those left out."""
    name, clips = rarest(labels)
    if too_many := [count for count in shots if count > clips]:
        left_out = ", ".join(map(str, too_many))
        print(f"{name!r} has {clips} clips in train: no {left_out} of each class", file=sys.stderr)
    return [count for count in shots if count <= clips]


def in_words(line: dict[str, Any]) -> str:
    """Return a line of the table, for the terminal."""
    return f"{line['split']}, {line['shots']} of each class: {rates_in_words(line)}"


def main(corpus: Path, embeddings: Path, evaluation: Path) -> None:
    params = load_params(EvaluateClasses, "evaluate")
    knobs = load_params(FewShot, "few_shot", STUDIES_FILE)
    how = load_params(Vectors, "head")
    sides = read_clips(Corpus(corpus), Store(embeddings), SCORED, how, params.unknown_labels)
    train = sides.pop("train")
    shots = possible(knobs.shots, train.labels)
    lines = [
        {"split": split} | line
        for split, side in sides.items()
        for line in few_shot(train, side, by_discriminants, shots, knobs.draws, params)
    ]
    of = cell(provenance(corpus=corpus, settings=params))
    rows = [[*(line[name] for name in HEADER), of] for line in lines]
    write_rows(evaluation, [*HEADER, KEY], rows)
    print("\n".join(map(in_words, lines)))


if __name__ == "__main__":
    run_stage(main)
