"""What an attention decoder gives, alone and with CTC.

    python -m benchmarks.second_decoder

Reads   CORPUS; MODEL and PLAIN, as `decode` writes a model with an attention decoder and the same
        one without; EMISSIONS of the first; PREDICTIONS of both
Prints  a table: error rates of each way to write, with intervals, and the change from PLAIN on the
        same clips. benchmarks/inventions.py has the words that each writes where nobody speaks
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.results_table import interval
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import SCORED, STATES, read_emissions
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, by_split, metrics
from voicegraft.model.grafted import load_attention
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.tables import read_rows
from voicegraft.speech.manifest import Corpus, Utterance

ALONE, JOINT, PLAIN = "attention alone", "CTC, language model and attention", "CTC, language model"


def written(predictions: Path, clips: Sequence[Utterance]) -> list[str]:
    """Return the hypothesis of each clip."""
    found = {row["id"]: row["hypothesis"] for row in read_rows(predictions, delimiter="\t")}
    return [found[clip.id] for clip in clips]


def accuracy(of: dict[str, list[Score]], params: Evaluate) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| | side | CER | WER | change of CER | of WER |\n|---|---|---|---|---|---|\n"
    for name, scores in of.items():
        for side, own in by_split(scores).items():
            rates = metrics(own, params)[side]
            cells = [interval(rates, "cer"), interval(rates, "wer")]
            before = by_split(of[PLAIN])[side]
            for rate in ("cer", "wer"):
                d = difference(before, own, rate, params)
                numbers = f"{100 * d.change:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"
                cells.append(numbers if name != PLAIN else "")
            yield f"| {name} | {side} | {' | '.join(cells)} |\n"


def main(
    corpus: Path = Path("data/corpus"),
    model: Path = Path("models/decoder_lm"),
    plain: Path = Path("models/head_lm"),
    emissions: Path = Path("data/emissions/decoder.safetensors"),
    predictions: Path = Path("data/predictions"),
) -> None:
    params, clips = load_params(Evaluate, "evaluate"), Corpus(corpus).of(*SCORED)
    attention = load_attention(model)
    if attention is None:
        raise ValueError(f"{model} has no attention decoder: see finetune.decoder in params.yaml")
    texts = {
        PLAIN: written(predictions / f"{plain.name}.tsv", clips),
        ALONE: attention.written(read_emissions(emissions, clips, STATES)),
        JOINT: written(predictions / f"{model.name}.tsv", clips),
    }
    scores = {name: score(clips, own, None) for name, own in texts.items()}
    print("".join(accuracy(scores, params)))


if __name__ == "__main__":
    run_stage(main)
