"""Are wrong labels and texts found? Some are planted, and looked for in the list of suspects.

    python -m benchmarks.planted_errors data/corpus data/embeddings

Reads   CORPUS and EMBEDDINGS, as the stages leave them
Writes  nothing: a table of what share of the planted errors stands in the first tenth of the list

One clip of twenty gets another label, drawn at random; where there are no labels, texts are swapped
among such clips, or lose their second half. Three draws of each: the mean, and the lowest and the
highest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from voicegraft.embedding.store import Store
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.exploration.labels import judge
from voicegraft.studies.exploration.suspects import (
    label_suspects,
    letters_against,
    pace_against,
    text_suspects,
)
from voicegraft.studies.features import pooled

SHARE, FIRST, DRAWS = 0.05, 0.1, (1, 2, 3)
Clips = list[Utterance]


def flipped(clips: Clips, chosen: np.ndarray, rng: np.random.Generator) -> Clips:
    """Return the clips, the chosen ones with another label."""
    labels = sorted({clip.label for clip in clips})
    spoilt = list(clips)
    for i in chosen:
        others = [label for label in labels if label != clips[i].label]
        spoilt[i] = replace(clips[i], label=str(rng.choice(others)))
    return spoilt


def swapped(clips: Clips, chosen: np.ndarray, _rng: np.random.Generator) -> Clips:
    """Return the clips, the chosen ones each with the text of the one before."""
    spoilt = list(clips)
    for i, j in zip(chosen, np.roll(chosen, 1), strict=True):
        spoilt[i] = replace(clips[i], text=clips[j].text)
    return spoilt


def halved(clips: Clips, chosen: np.ndarray, _rng: np.random.Generator) -> Clips:
    """Return the clips, the chosen ones without the second half of their words."""
    spoilt = list(clips)
    for i in chosen:
        words = clips[i].text.split()
        spoilt[i] = replace(clips[i], text=" ".join(words[: max(1, len(words) // 2)]))
    return spoilt


def listed(clips: Clips, states: np.ndarray) -> list[str]:
    """Return the ids of all clips, the most doubtful first."""
    if clips[0].label:
        judged = judge(states, [clip.label for clip in clips], seed=1)
        return [suspect.id for suspect in label_suspects(clips, judged)]
    signs = letters_against(states, clips), pace_against(clips)
    return [suspect.id for suspect in text_suspects(clips, *signs)]


def found(
    clips: Clips, states: np.ndarray, spoil: Callable[..., Clips], seeds: Sequence[int]
) -> Iterator[float]:
    """Yield for each draw which share of what was spoilt stands in the first tenth."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(clips), round(SHARE * len(clips)), replace=False)
        spoilt = spoil(clips, chosen, rng)
        changed = {c.id for c, s in zip(clips, spoilt, strict=True) if c != s}
        first = listed(spoilt, states)[: round(FIRST * len(clips))]
        yield len(changed.intersection(first)) / len(changed)


def main(corpus: Path, embeddings: Path) -> None:
    store = Store(embeddings)
    clips = [clip for clip in Corpus(corpus).utterances if clip.label or clip.text]
    kinds = [flipped] if clips[0].label else [swapped, halved]
    print("| layer | planted | found in the first tenth |\n|---|---|---|")
    for layer in store.facts["layers"]:
        states = pooled(store, [clip.id for clip in clips], [layer], "mean")
        for spoil in kinds:
            shares = list(found(clips, states, spoil, DRAWS))
            cell = f"{np.mean(shares):.1%} ({min(shares):.1%}–{max(shares):.1%})"
            print(f"| {layer} | {spoil.__name__} | {cell} |", flush=True)


if __name__ == "__main__":
    run_stage(main)
