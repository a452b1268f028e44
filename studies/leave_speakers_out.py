"""Leave-one-speaker-out accuracy of classifiers, with and without adaptation.

Reads   CORPUS, as prepare_data writes it for classification; EMBEDDINGS, as extract_embeddings
        writes them, of the upstream or of a control
Writes  EVALUATION, a table for git: accuracy and macro-F1 with intervals, the mean of all
        speakers and for each, without adaptation, with speaker normalisation, and with
        self-training too; no label of the speaker is used. No lines with fewer than two known
        speakers
Knobs   leave_speakers_out: rounds, sure_share; head: layer, pooling; evaluate: unknown_labels,
        which are left out, resamples, confidence, seed; privacy: committed_names,
        salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from pathlib import Path
from typing import Any

from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import EvaluateClasses
from voicegraft.evaluation.classes.summary import COLUMNS, rates_in_words
from voicegraft.evaluation.pseudonyms import load_names
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import STUDIES_FILE, load_params
from voicegraft.pipeline.provenance import KEY, cell, provenance
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import SPLITS, Corpus
from voicegraft.studies.features import Vectors, vectors
from voicegraft.studies.leave_speakers_out import SelfTraining, leave_speakers_out

HEADER = ["adaptation", "speaker", *COLUMNS, "clips"]


def in_words(line: dict[str, Any]) -> str:
    """Return a line of the table, for the terminal."""
    who = line["speaker"] or "mean of all speakers"
    return f"adaptation {line['adaptation']}, {who}: {rates_in_words(line)}"


def main(corpus: Path, embeddings: Path, evaluation: Path) -> None:
    params = load_params(EvaluateClasses, "evaluate")
    knobs = load_params(SelfTraining, "leave_speakers_out", STUDIES_FILE)
    how, names = load_params(Vectors, "head"), load_names()
    speakers = [u for u in Corpus(corpus).of(*SPLITS) if u.speaker]
    named = [u for u in speakers if u.label not in params.unknown_labels]
    lines: list[dict[str, Any]] = []
    if len({clip.speaker for clip in named}) > 1:
        clips = vectors(Store(embeddings), named, how)
        lines = list(leave_speakers_out(clips, knobs, params))
    lines = names.rows(lines, {"speaker": "speaker"})
    of = cell(provenance(corpus=corpus, settings=params))
    rows = [[*(line[name] for name in HEADER), of] for line in lines]
    write_rows(evaluation, [*HEADER, KEY], rows)
    print(
        "\n".join(map(in_words, lines)) or "clips of fewer than two speakers: none can be left out"
    )


if __name__ == "__main__":
    run_stage(main)
