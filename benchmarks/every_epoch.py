"""The mean of the weights of the last epochs, beside those of the best epoch on dev.

    python -m benchmarks.every_epoch KEPT models/head data/corpus models/head_mean \
        stages/train_head.py models/upstream data/corpus data/embeddings models/head …

Runs    the script of a stage as it is given, unless KEPT has its epochs already
Reads   MODEL, which that stage has written; CORPUS
Writes  KEPT, the weights of each epoch; MEAN, the model of the mean of so many last epochs as are
        best on dev; to standard output what each number of epochs gives there

Averaging of checkpoints: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762. For emissions of
MEAN run `stages/evaluate.py`; for what it changes, `benchmarks.averages`.
"""

import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.predictions import emissions_of
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import CHOOSING
from voicegraft.model import ctc
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus
from voicegraft.training import soup
from voicegraft.training.checkpoint import Checkpoint, Learning

NUMBERS = (1, 2, 3, 5)
BATCH_SECONDS = 60.0


def run_and_keep(kept: Path, stage: Sequence[str]) -> None:
    """Run the script of a stage, and keep the weights of each epoch."""
    kept.mkdir(parents=True)
    save = Checkpoint.save

    def save_both(self: Checkpoint, learning: Learning, write: bool = True) -> None:
        save(self, learning, write)
        if learning.progress.steps:  # within an epoch
            return
        weights = {name: w.detach().cpu().clone() for name, w in learning.weights.items()}
        save_file(weights, kept / f"{learning.progress.epoch:03}.safetensors")

    Checkpoint.save = save_both
    sys.argv = [*stage]
    runpy.run_path(stage[0], run_name="__main__")


def mean_of(files: Sequence[Path]) -> dict[str, Tensor]:
    """Return the mean of the weights of files."""
    each = [{name: w.float() for name, w in load_file(file).items()} for file in files]
    return soup.mean_of(each, each[0])


def error(model: GraftedModel, corpus: Corpus) -> float:
    """Return the CER of dev, read greedily."""
    clips = corpus.of(CHOOSING)
    emissions = emissions_of(model, corpus, clips, BATCH_SECONDS)
    found = score(clips, [ctc.greedy(own, model.labels) for own in emissions], None)
    return rate(sum(s.character_edits for s in found), sum(s.characters for s in found))


def with_weights(model: GraftedModel, weights: Mapping[str, Tensor]) -> GraftedModel:
    """Return the model with those weights in place of its own."""
    model.load_state_dict(dict(weights), strict=False)
    return model.eval()


def main(kept: Path, model: Path, corpus: Path, mean: Path, stage: list[str]) -> None:
    if not kept.is_dir():
        run_and_keep(kept, stage)
    files, grafted = sorted(kept.glob("*.safetensors")), load_model(model, "cpu")
    speech = Corpus(corpus)
    print(f"best epoch on dev: CER {100 * error(grafted, speech):.2f}")
    errors = {}
    for number in (number for number in NUMBERS if number <= len(files)):
        errors[number] = error(with_weights(grafted, mean_of(files[-number:])), speech)
        print(f"last {number} of {len(files)} epochs: CER {100 * errors[number]:.2f}", flush=True)
    best = min(errors, key=errors.get)
    save_model(with_weights(grafted, mean_of(files[-best:])), mean)


if __name__ == "__main__":
    run_stage(main)
