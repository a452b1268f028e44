"""Who speaks, by the stored states of any corpus, as the study privacy asks of one of texts.

    python -m benchmarks.voices CORPUS EMBEDDINGS

Reads   CORPUS and EMBEDDINGS, as the stages leave them; evaluate in params.yaml
Prints  a table in Markdown, in per cent: for each layer, and for a spectrogram, the share of clips
        whose voice is named, by chance too, and the equal error rate of pairs, with intervals
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from voicegraft.embedding.choice import pooled
from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params, load_task
from voicegraft.privacy.measure import Measured
from voicegraft.privacy.voices import drawn_voices, identification, verification
from voicegraft.review.markdown import table
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.exploration.units import NAME, log_mel_means

HEADER = ("who speaks", "named", "by chance", "told apart, equal errors")


def features(
    corpus: Corpus, store: Store, clips: Sequence[Utterance]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each kind of feature, and those of `clips`, (clips, size)."""
    for layer in store.facts["layers"]:
        yield f"layer {layer}", pooled(store, [clip.id for clip in clips], [layer], "mean")
    yield NAME, log_mel_means(corpus, clips)


def share(found: Measured) -> str:
    value, low, high = (100 * part for part in (found.value, found.low, found.high))
    return f"{value:.0f} % ({low:.0f}–{high:.0f})"


def main(corpus: Path, embeddings: Path) -> None:
    params = load_params(evaluate_of(load_task()), "evaluate")
    speech = Corpus(corpus)
    clips = drawn_voices(speech.utterances, params.seed)
    rows = []
    for name, of in features(speech, Store(embeddings), clips):
        named, chance = identification(of, clips, params)
        errors, _ = verification(of, clips, params)
        rows.append((name, share(named), f"{100 * chance:.0f} %", share(errors)))
    print(table(HEADER, rows))
    print(f"\n{len({clip.speaker for clip in clips})} voices, {len(clips)} clips")


if __name__ == "__main__":
    run_stage(main)
