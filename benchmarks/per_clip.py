"""Test-time adaptation: a model learns from each clip alone, without its text, before it writes it.

    python -m benchmarks.per_clip models/head_lm data/corpus

Reads   MODEL with its language model, and CORPUS; params.yaml
Prints  what each rate and number of steps gives on dev; for the best of them, what changes on test
        and unseen from the model that learns nothing

Two orders. "entropy": the scales and shifts of norms learn, for a few steps, to be sure of labels
and not to confuse them; then the language model reads. SUTA, Lin et al. 2022,
https://arxiv.org/abs/2203.14222. "own text": the language model writes first, the same weights
learn its text, and it reads again. Each clip begins with the weights of MODEL.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.changes import HEADER, changes
from benchmarks.readings import GREEDY, MODEL, Emissions, Reader
from voicegraft.evaluation.summary import Evaluate
from voicegraft.inference.voice import HeldStates
from voicegraft.language.decoder import BeamDecoder
from voicegraft.model import ctc
from voicegraft.model.batches import Padded, join
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.unfreezing.norms import Way

RATES, STEPS = (1e-3, 5e-3), (1, 5)
ENTROPY_SHARE, TEMPERATURE = 0.3, 2.5
"""Of the paper."""
Loss = Callable[[Tensor], Tensor]
Setting = tuple[float, int]


def entropy(emission: Tensor) -> Tensor:
    """Return the loss of SUTA: entropy of frames that are no blank, and confusion of labels."""
    softened = (emission / TEMPERATURE).log_softmax(-1)
    shares = softened.exp()
    spoken = emission.argmax(-1) != ctc.BLANK
    by_frame = -(shares * softened).sum(-1)
    unsure = by_frame[spoken].mean() if spoken.any() else by_frame.mean()
    together = shares.T @ shares
    together = together / together.sum(1, keepdim=True)
    confused = (together.sum() - together.trace()) / len(together)
    return ENTROPY_SHARE * unsure + (1 - ENTROPY_SHARE) * confused


def own_text(emission: Tensor, decoder: BeamDecoder) -> Loss:
    """Return the CTC loss of the text that the language model reads in the emission."""
    target = ctc.target(decoder.decode(emission.detach()), decoder.labels)
    return lambda e: ctc.loss(Padded(e[None], torch.tensor([len(e)])), [target])


def learning(model: GraftedModel, layer: int) -> list[torch.nn.Parameter]:
    """Return the scales and shifts of norms above `layer`."""
    upstream, top, way = model.upstream, model.description.top, Way()
    parts = [*upstream.blocks[layer:top], model.head]
    if layer < top == len(upstream.blocks):
        parts.append(upstream.norm)
    return [p for part in parts for p in way.learning(part)]


def steps_of(
    model: GraftedModel, states: Tensor, layer: int, rate: float, order: str, decoder: BeamDecoder
) -> Iterator[tuple[int, Tensor]]:
    """Yield emissions after each of `STEPS`; the weights are then what they were."""
    weights = learning(model, layer)
    before = [weight.detach().clone() for weight in weights]
    adam, joined = torch.optim.AdamW(weights, rate), join([states])
    loss = entropy
    for step in range(max(STEPS) + 1):
        emission = model(joined.values, joined.lengths, layer)[0][0]
        if step == 0 and order == "own text":
            loss = own_text(emission, decoder)
        if step in STEPS:
            yield step, emission.detach()
        if step < max(STEPS):
            adam.zero_grad()
            loss(emission).backward()
            adam.step()
    with torch.no_grad():
        for weight, first in zip(weights, before, strict=True):
            weight.copy_(first)


class Adapting:
    """A model above stored states, which adapts to each clip."""

    def __init__(self, model: GraftedModel, states: HeldStates, decoder: BeamDecoder):
        self.model, self.held, self.decoder = model.eval(), states, decoder
        for weight in learning(model, states.layer):
            weight.requires_grad_(True)

    def states(self, clip: Utterance) -> Tensor:
        """Return float32 (frames, size)."""
        return torch.from_numpy(self.held.states(clip.id, self.held.layer)).float()

    @torch.no_grad()
    def unchanged(self, clips: list[Utterance]) -> Emissions:
        """Return the emissions of the model as it is."""
        joined = ((clip.id, join([self.states(clip)])) for clip in clips)
        layer = self.held.layer
        return {name: self.model(j.values, j.lengths, layer)[0][0] for name, j in joined}

    def __call__(self, clips: list[Utterance], rate: float, order: str) -> dict[int, Emissions]:
        """Return emissions by the number of steps."""
        found: dict[int, dict[str, Tensor]] = {step: {} for step in STEPS}
        for clip in tqdm(clips, f"{order} {rate:g}", unit="clip", leave=False, disable=None):
            how = self.states(clip), self.held.layer, rate, order, self.decoder
            for step, emission in steps_of(self.model, *how):
                found[step][clip.id] = emission
        return found


def chosen(found: dict[Setting, Emissions], reader: Reader) -> dict[str, Setting]:
    """Return the settings that are best on dev, read greedily and with the language model.

    With the language model at the rate that is best without.
    """
    greedy = {setting: reader.greedy_error(own) for setting, own in found.items()}
    for setting, error in greedy.items():
        print(f"  dev, {setting}: CER {100 * error:.2f}", flush=True)
    best = min(greedy, key=greedy.get)
    decoded = {s: reader.decoded(own)[0] for s, own in found.items() if s[0] == best[0]}
    for setting, error in decoded.items():
        print(f"  dev, {setting}, {MODEL}: CER + WER {100 * error:.2f}", flush=True)
    return {GREEDY: best, MODEL: min(decoded, key=decoded.get)}


def main(
    folder: Path, corpus: Path, layer: int = -1, orders: str = "entropy,own text", threads: int = 1
) -> None:
    torch.set_num_threads(threads)
    clips, model = Corpus(corpus), load_model(folder, "cpu")
    params, reader = load_params(Evaluate, "evaluate"), Reader(folder, clips)
    states = HeldStates(model.description.top if layer < 0 else layer)
    states.add(model, clips, [*reader.dev, *reader.scored], "encode")
    adapting = Adapting(model, states, reader.decoder)
    base = adapting.unchanged([*reader.dev, *reader.scored])
    print(f"  dev: CER {100 * reader.greedy_error(base):.2f}", flush=True)
    error, decoded = reader.decoded(base, reader.scored)
    print(f"  dev, {MODEL}: CER + WER {100 * error:.2f}", flush=True)
    before = {GREEDY: reader.texts(base, GREEDY), MODEL: decoded}
    for order in orders.split(","):
        print(order)
        rows = []
        tried = {rate: adapting(reader.dev, rate, order) for rate in RATES}
        dev = {(rate, step): own for rate, by in tried.items() for step, own in by.items()}
        best = chosen(dev, reader)
        scored = {
            rate: adapting(reader.scored, rate, order) for rate in {r for r, _ in best.values()}
        }
        for how, (rate, step) in best.items():
            texts = reader.texts({**dev[rate, step], **scored[rate][step]}, how)
            name = f"{order}, {step} steps at {rate:g}, {how}"
            rows.append(changes(name, reader.scored, before[how], texts, params))
        print(HEADER + "".join(rows), flush=True)


if __name__ == "__main__":
    run_stage(main)
