"""Measure forgetting: the drift of a fine-tuned upstream, and the CER of an old head on it.

Reads   UPSTREAM, as fetch_model writes it; MODEL, as finetune writes it, whose upstream may have
        changed; forgetting.head, a model that was trained on the frozen upstream, of this language
        or another; forgetting.corpus, of that head's language
Writes  FORGETTING, JSON: the drift of the states of each layer; the CER of the head on the old
        upstream and on the new one, with the interval of the change; the number of changed
        weights in the upstream
Knobs   forgetting: head, corpus, minutes; evaluate: batch_seconds, resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from pydantic import PositiveFloat

from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import transcribe
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model
from voicegraft.model.upstream import Upstream
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.drift import Drift, drift, weights_changed
from voicegraft.training.fit import batches_in_order

DECIMALS = 4


class Forgetting(Section):
    """The head for the changed upstream, and the amount of speech."""

    head: str
    corpus: str
    minutes: PositiveFloat


def load_head(folder: Path, upstream: Path) -> GraftedModel:
    """Return the model in `folder`.

    Raises:
        ValueError: unless it was trained on the frozen `upstream`.
    """
    head, pretrained = load_model(folder), upstreams.load(upstream)
    description, name = head.description, upstreams.name_in(upstream)
    same = (description.upstream, description.upstream_config) == (name, pretrained.config)
    if (
        not same
        or description.added
        or weights_changed(pretrained.to(head.upstream.device), head.upstream)
    ):
        raise ValueError(f"forgetting.head: {folder} is not a head on the unchanged {upstream}")
    return head


def moved(
    old: GraftedModel, new: Upstream, corpus: Corpus, clips: Sequence[Utterance], seconds: float
) -> dict[int, Drift]:
    """Return the drift of the clips' states, by layer."""
    batches = batches_in_order(clips, seconds)
    waves = ([torch.from_numpy(corpus.wave(u)) for u in batch] for batch in batches)
    return drift(old.upstream, new, waves, old.description.margin_seconds)


def compared(before: list[Score], after: list[Score], params: Evaluate) -> dict[str, float]:
    """Return the CER of the head on both upstreams, and the change with its interval."""
    found = difference(before, after, "cer", params)
    rates = {"cer_before": found.old, "cer_after": found.new, "change": found.change}
    rates |= {"change_low": found.low, "change_high": found.high}
    return rounded(rates)


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Return the values, rounded."""
    return {name: round(value, DECIMALS) for name, value in values.items()}


def main(upstream: Path, model: Path, forgetting: Path) -> None:
    knobs = load_params(Forgetting, "forgetting", STUDIES_FILE)
    params = load_params(Evaluate, "evaluate")
    grafted, new = load_head(Path(knobs.head), upstream), load_model(model).upstream
    speech = Corpus(Path(knobs.corpus))
    test = speech.of("test")
    clips = draw(test, min(knobs.minutes, minutes_of(test)), params.seed)
    layers = moved(grafted, new, speech, clips, params.batch_seconds)
    changed = weights_changed(grafted.upstream, new)
    scores = []
    for tried in (grafted.upstream, new):
        grafted.upstream = tried
        hypotheses = transcribe(grafted, speech, clips, params.batch_seconds)
        scores.append(score(clips, hypotheses, grafted.labels))
    rates = compared(*scores, params)
    by_layer = {str(layer): rounded(asdict(d)) for layer, d in layers.items()}
    found = {"layer": by_layer, "head": rates | {"clips": len(clips)}, "weights_changed": changed}
    write_json(forgetting, found | {KEY: provenance(model=model)})
    for layer, d in layers.items():
        print(f"layer {layer}: moved by {d.relative_error:.1%}, CKA {d.cka:.3f}")
    print(f"{knobs.head}: CER {rates['cer_before']:.3f} before, {rates['cer_after']:.3f} after")


if __name__ == "__main__":
    run_stage(main)
