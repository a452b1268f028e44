"""Tell classes apart from a few clips of each: how little labelling would do?

Reads   CORPUS, as prepare_data leaves it for classification; EMBEDDINGS, as extract_embeddings
        leaves them, of the upstream or of a control
Writes  EVALUATION, a table for git: accuracy and macro-F1 on test and unseen with so many clips of
        each class to learn from, means over draws with intervals
Knobs   few_shot: shots, draws, pooling; open_set: unknown_labels, which are left out; evaluate:
        resamples, confidence, seed
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt
from sklearn.preprocessing import StandardScaler

from voicegraft.command import run_stage
from voicegraft.embedding.store import Store
from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.few_shot import Clips, few_shot, nearest_mean
from voicegraft.evaluation.classes.unknown import OpenSet
from voicegraft.evaluation.clips import SPLITS
from voicegraft.evaluation.summary import Evaluate
from voicegraft.evaluation.tables import write_rows
from voicegraft.layers import numbers
from voicegraft.params import Section, load_params
from voicegraft.pooling import pooled
from voicegraft.speech.manifest import Corpus, Utterance

RATES = [f"{rate}{end}" for rate in ("accuracy", "macro_f1") for end in ("", "_low", "_high")]
HEADER = ["split", "shots", *RATES, "draws"]


class FewShot(Section):
    """How many clips of each class, how often drawn, and what of a clip is compared."""

    shots: list[PositiveInt]
    draws: Annotated[int, Field(ge=2)]
    pooling: str


def features(store: Store, utterances: Sequence[Utterance], how: str) -> np.ndarray:
    """Return what the head would hear of each clip, pooled; several layers side by side."""
    layer = store.facts["layer"]
    heard = numbers(tuple(layer) if isinstance(layer, list) else layer)
    return np.stack(
        [np.concatenate([pooled(store.states(u.id, k), how) for k in heard]) for u in utterances]
    )


def read_sides(corpus: Corpus, store: Store, how: str, unknown: Sequence[str]) -> dict[str, Clips]:
    """Return the clips of train, and of the splits to score that have any, without unknown ones.

    Features are standardised over all of train: only labels are few, not recordings.
    """
    sides: dict[str, Clips] = {}
    for split in ("train", *SPLITS):
        if clips := [u for u in corpus.of(split) if u.label not in unknown]:
            labels, blocks = [u.label for u in clips], choose_blocks(clips)[1]
            sides[split] = Clips(features(store, clips, how), labels, blocks)
    if "train" not in sides:
        raise ValueError("the corpus has no clip in train whose class is known: nothing to draw")
    scaler = StandardScaler().fit(sides["train"].features)
    return {
        split: replace(of, features=scaler.transform(of.features)) for split, of in sides.items()
    }


def told(line: dict[str, Any]) -> str:
    """Return a line of the table, for the terminal."""
    accuracy, f1 = (
        f"{line[rate]:.3f} ({line[f'{rate}_low']:.3f} to {line[f'{rate}_high']:.3f})"
        for rate in ("accuracy", "macro_f1")
    )
    return f"{line['split']}, {line['shots']} of each class: accuracy {accuracy}, macro-F1 {f1}"


def main(corpus: Path, embeddings: Path, evaluation: Path) -> None:
    params = load_params(Evaluate, "evaluate")
    knobs = load_params(FewShot, "few_shot")
    unknown = load_params(OpenSet, "open_set").unknown_labels
    sides = read_sides(Corpus(corpus), Store(embeddings), knobs.pooling, unknown)
    train = sides.pop("train")
    how = nearest_mean, knobs.shots, knobs.draws, params
    lines = [
        {"split": split} | line
        for split, side in sides.items()
        for line in few_shot(train, side, *how)
    ]
    write_rows(evaluation, HEADER, [[line[name] for name in HEADER] for line in lines])
    print("\n".join(map(told, lines)))


if __name__ == "__main__":
    run_stage(main)
