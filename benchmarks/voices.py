"""Who speaks, by the stored states of any corpus, as the study privacy asks of one of texts.

    python -m benchmarks.voices CORPUS EMBEDDINGS

Reads   CORPUS and EMBEDDINGS, as the stages leave them; evaluate in params.yaml
Prints  a table in Markdown, in per cent: for each layer, and for a spectrogram, the share of clips
        whose voice is named, by chance too, and the equal error rate of pairs, with intervals
"""

from pathlib import Path

from voicegraft.embedding.store import Store
from voicegraft.evaluation.classes.open_set import evaluate_of
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params, load_task
from voicegraft.privacy.findings import share
from voicegraft.privacy.voices import drawn_voices, measured, stored_features
from voicegraft.review.markdown import table
from voicegraft.speech.manifest import Corpus

HEADER = ("who speaks", "named", "by chance", "told apart, equal errors")


def main(corpus: Path, embeddings: Path) -> None:
    params = load_params(evaluate_of(load_task()), "evaluate")
    speech = Corpus(corpus)
    clips = drawn_voices(speech.utterances, params.seed)
    features = stored_features(speech, Store(embeddings), clips)
    rows = [
        (name, share(named), f"{100 * chance:.0f} %", share(errors))
        for name, ((named, chance), (errors, _)) in measured(features, clips, params).items()
    ]
    print(table(HEADER, rows))
    print(f"\n{len({clip.speaker for clip in clips})} voices, {len(clips)} clips")


if __name__ == "__main__":
    run_stage(main)
