"""One of two ranks that train the model of `invented` together: see test_ranks.py.

python tests/two_ranks.py STORE CORPUS FOLDER
"""

import json
import math
import os
import signal
from pathlib import Path

import torch
from invented import model
from safetensors.torch import save_file

from voicegraft.embedding.store import Store
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine
from voicegraft.training.fit import Fit, Masking
from voicegraft.training.inputs import StoredStates
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part, upstream_parts

COMPUTE = Compute(accelerator="cpu", devices=1, precision="32-true")
FIT = Fit(
    seed=1,
    epochs=2,
    min_steps=0,
    patience=99,
    batch_seconds=1.0,
    accumulate=1,
    lr=0.01,
    warmup_share=0.1,
    weight_decay=0.01,
    clip_norm=5.0,
    masking=Masking(
        time_masks_per_second=2.0, time_mask_frames=3, size_masks=1, size_mask_share=0.2
    ),
)


class KeepsTheLast(Trainer):
    """Leaves the model at the last epoch: the best may be the first, by luck."""

    def _score(self, dev, record):
        self.progress.best_error = math.inf
        return super()._score(dev, record)


def trainer(
    store: Store, accumulate: int = 1, first_epoch: int = 1, sharded: bool = False
) -> Trainer:
    """Return what trains a head with dropout, and a block from an epoch on."""
    fit, grafted = FIT.model_copy(update={"accumulate": accumulate}), model("ctc_transformer")
    grafted.requires_grad_(False)  # as fine-tuning loads it
    parts = [head_part(grafted, fit.lr), *upstream_parts(grafted, 1, 0.01, 1.0, first_epoch, 0)]
    inputs, compute = (
        StoredStates(store, 1, fit.masking),
        COMPUTE.model_copy(update={"sharded": sharded}),
    )
    return KeepsTheLast(engine(compute), grafted, inputs, parts, fit, quiet=True)


def facts(trained: Trainer) -> dict:
    """Return what is written of a run beside its weights."""
    name = {key: knobs.model_dump() for key, knobs in trained.named_by(COMPUTE).items()}
    return {"history": trained.progress.history, "name": name}


class KilledAfterAnEpoch(Checkpoint):
    """Ends the second rank once the first has saved, which it waits for."""

    def save(self, learning, write=True) -> None:
        super().save(learning, write)
        if write and learning.progress.epoch == 1:
            os.kill(int(self.path.with_name("second").read_text()), signal.SIGKILL)


def main(store: Path, corpus: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    states, clips = Store(store), Corpus(corpus)
    sides = clips.of("train"), clips.of("dev")
    whole = trainer(states)
    whole.run(*sides, Checkpoint(folder / "whole"))
    rank = whole.fabric.global_rank
    save_file(whole.bare.state_dict(), folder / f"{rank}.safetensors")
    sharded = trainer(states, first_epoch=0, sharded=True)
    sharded.train(clips, Checkpoint(folder / "sharded"), folder / "model", folder / "curves")
    shard = sharded.bare.head.label.weight.to_local()
    count = sharded.best["head.label.weight"].numel() / shard.numel()
    more = {"sharded": sharded.progress.history, "shards": count}
    (folder / f"{rank}.json").write_text(json.dumps(facts(whole) | more))
    if rank:
        (folder / "killed").mkdir()
        (folder / "killed/second").write_text(str(os.getpid()))
    whole.fabric.barrier()
    trainer(states).run(*sides, KilledAfterAnEpoch(folder / "killed"))


if __name__ == "__main__":
    run_stage(main)
