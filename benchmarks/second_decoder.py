"""What an attention decoder gives, alone and with CTC.

    python -m benchmarks.second_decoder

Reads   CORPUS; MODEL and PLAIN, as `decode` writes a model with an attention decoder and the same
        one without; EMISSIONS of the first; PREDICTIONS of both
Prints  a table: error rates of each way to write, with intervals, and the change from PLAIN on the
        same clips. benchmarks/inventions.py has the words that each writes where nobody speaks

Two ways to join CTC and attention: to score by attention what CTC's searches found, as `decode`
does by `search: beam`, and to search by both in one pass, whose texts join the others by `joint`.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.changes import changed, written
from benchmarks.readings import errors
from benchmarks.results_table import interval
from voicegraft.evaluation.predictions import SCORED, STATES, read_emissions
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import CHOOSING, Evaluate, by_split, metrics
from voicegraft.language.decoder import BeamDecoder, load_decoder, tuned
from voicegraft.language.joint_search import JointSearch
from voicegraft.language.rescoring import Candidates
from voicegraft.model.saved import load_attention, load_description
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus

ALONE, JOINT, PLAIN = "attention alone", "CTC, language model and attention", "CTC, language model"
ONE_PASS, ALL = "CTC and attention in one pass", "the texts of that among the others, rescored"
SHARES = (0.3, 0.5, 0.7)
"""Of attention in the search of one pass: dev chooses."""


def accuracy(of: dict[str, list[Score]], params: Evaluate) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| | side | CER | WER | change of CER | of WER |\n|---|---|---|---|---|---|\n"
    for name, scores in of.items():
        for side, own in by_split(scores).items():
            rates = metrics(own, params)[side]
            cells = [interval(rates, "cer"), interval(rates, "wer")]
            before = by_split(of[PLAIN])[side]
            for rate in ("cer", "wer"):
                cells.append(changed(before, own, rate, params) if name != PLAIN else "")
            yield f"| {name} | {side} | {' | '.join(cells)} |\n"


class Clips:
    """Dev, test and unseen, with what both decoders listen to."""

    def __init__(self, corpus: Corpus, emissions: Path):
        self.dev, self.scored = corpus.of(CHOOSING), corpus.of(*SCORED)
        clips = [*self.dev, *self.scored]
        self.inputs = list(
            zip(
                read_emissions(emissions, clips),
                read_emissions(emissions, clips, STATES),
                strict=True,
            )
        )

    def split(self, found: Sequence) -> tuple[Sequence, Sequence]:
        """Return what was found for dev, and for test and unseen."""
        return found[: len(self.dev)], found[len(self.dev) :]


def in_one_pass(clips: Clips, decoder: BeamDecoder) -> list[list[str]]:
    """Return the texts of each clip, the best first, by the share that is best on dev."""
    by_share = {}
    for share in SHARES:
        search = JointSearch(decoder.attention, decoder.labels, share)
        bar = tqdm(clips.inputs[: len(clips.dev)], f"share {share}", leave=False, disable=None)
        by_share[share] = [search(*both) for both in bar]
    cost = {s: sum(errors(clips.dev, [own[0] for own in f])) for s, f in by_share.items()}
    print("dev, CER + WER in one pass:", {s: round(100 * own, 1) for s, own in cost.items()})
    best = min(cost, key=cost.get)
    search, began = JointSearch(decoder.attention, decoder.labels, best), time.monotonic()
    bar = tqdm(clips.inputs[len(clips.dev) :], "one pass", leave=False, disable=None)
    scored = [search(*both) for both in bar]
    seconds = sum(clip.seconds for clip in clips.scored) / (time.monotonic() - began)
    print(f"one pass with a share of {best}: {seconds:.0f} × real time")
    return [*by_share[best], *scored]


def candidates(
    clips: Clips,
    decoder: BeamDecoder,
    alone: Sequence[str],
    one_pass: Sequence[list[str]] | None = None,
) -> list[Candidates]:
    """Return the texts of each clip, with all scores, of one pass among them if those are given."""
    found = []
    for place, both in enumerate(tqdm(clips.inputs, "decode", leave=False, disable=None)):
        decoder.attended.joint = one_pass and (lambda *_, place=place: one_pass[place])
        found.append(decoder.candidates(*both, alone[place]))
    return found


def rescored(clips: Clips, found: Sequence[Candidates]) -> list[str]:
    """Return the texts of test and unseen, by weights that dev chooses."""
    dev, scored = clips.split(found)
    weights = tuned(dev, [clip.text for clip in clips.dev]).weights
    print("dev, CER + WER:", round(100 * sum(errors(clips.dev, [c.text(weights) for c in dev])), 1))
    return [own.text(weights) for own in scored]


def main(
    corpus: Path = Path("data/corpus"),
    model: Path = Path("models/decoder_lm"),
    plain: Path = Path("models/head_lm"),
    emissions: Path = Path("data/emissions/decoder.safetensors"),
    predictions: Path = Path("data/predictions"),
) -> None:
    params, clips = load_params(Evaluate, "evaluate"), Clips(Corpus(corpus), emissions)
    attention = load_attention(model)
    if attention is None:
        raise ValueError(f"{model} has no attention decoder: see finetune.decoder in params.yaml")
    decoder = load_decoder(model, load_description(model).labels, attention)
    written_alone = attention.written([states for _, states in clips.inputs])
    one_pass = in_one_pass(clips, decoder)
    texts = {
        PLAIN: written(predictions / f"{plain.name}.tsv", clips.scored),
        ALONE: clips.split(written_alone)[1],
        ONE_PASS: [own[0] for own in clips.split(one_pass)[1]],
        JOINT: rescored(clips, candidates(clips, decoder, written_alone)),
        ALL: rescored(clips, candidates(clips, decoder, written_alone, one_pass)),
    }
    scores = {name: score(clips.scored, own, None) for name, own in texts.items()}
    print("".join(accuracy(scores, params)))


if __name__ == "__main__":
    run_stage(main)
