"""Leave-classes-out: detection of an unknown class, with each class left out in turn.

Reads   CORPUS, as prepare_data writes it for classification; EMBEDDINGS, as extract_embeddings
        writes them, of the upstream or of a control
Writes  EVALUATION, a table for git: for each measure of confidence and split the equal error rate,
        and the false accept rate and the accuracy on known clips at the threshold of dev; no lines
        if there are too few classes
Knobs   leave_classes_out: folds; head: layer, pooling, normalise; evaluate: unknown_labels,
        which are left out, max_false_accepts, resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import EvaluateClasses
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.summary import CHOOSING
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, cell, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Corpus
from voicegraft.studies.features import Vectors, narrowed, read_clips
from voicegraft.studies.leave_classes_out import enough, leave_classes_out

RATES = [
    f"{rate}{end}"
    for rate in ("equal_error_rate", "false_accept_rate", "accuracy")
    for end in ("", "_low", "_high")
]
HEADER = ["split", "measure", *RATES, "unknown_clips"]


class LeaveClassesOut(Section):
    """The number of groups of classes."""

    folds: Annotated[int, Field(ge=3)]


def in_words(line: dict[str, Any]) -> str:
    """Return a line of the table, for the terminal."""
    return (
        f"{line['split']}, {line['measure']}: equal error rate {line['equal_error_rate']:.3f} "
        f"({line['equal_error_rate_low']:.3f} to {line['equal_error_rate_high']:.3f}); "
        f"accuracy {line['accuracy']:.3f} on known clips with false accept rate "
        f"{line['false_accept_rate']:.3f}"
    )


def main(corpus: Path, embeddings: Path, evaluation: Path) -> None:
    params = load_params(EvaluateClasses, "evaluate")
    knobs = load_params(LeaveClassesOut, "leave_classes_out", STUDIES_FILE)
    splits = (CHOOSING, *SCORED)
    how = load_params(Vectors, "head")
    every = read_clips(Corpus(corpus), Store(embeddings), splits, how, params.unknown_labels)
    sides = narrowed(every)
    if CHOOSING not in sides:
        raise ValueError(f"the corpus has no clip in {CHOOSING}, where the threshold is chosen")
    classes, lines = len(set(sides["train"].labels)), []
    if enough(classes, knobs.folds):
        lines = list(leave_classes_out(sides, knobs.folds, params.max_false_accepts, params))
    of = cell(provenance(corpus=corpus, settings=params))
    rows = [[*(line[name] for name in HEADER), of] for line in lines]
    write_rows(evaluation, [*HEADER, KEY], rows)
    too_few = f"{classes} classes are too few for {knobs.folds} folds: none is left out"
    print("\n".join(map(in_words, lines)) or too_few)


if __name__ == "__main__":
    run_stage(main)
