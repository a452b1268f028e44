"""Two processes train one model together, a rank each, as torchrun starts them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from invented import model, store_corpus, write_corpus
from safetensors.torch import load_file
from test_training import fit
from two_ranks import facts, trainer

from voicegraft.embedding.store import Store
from voicegraft.model.saved import load_model
from voicegraft.speech.manifest import SAMPLE_RATE, Utterance
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.fit import steps_of_epoch
from voicegraft.training.ranks import turns

SCRIPT = Path(__file__).with_name("two_ranks.py")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def started(rank: int, port: int, *folders: Path) -> subprocess.Popen:
    """Start a rank with what torchrun tells it, without its supervisor, which would say more."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0}
    told |= {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": "test"}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    path = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {k: str(v) for k, v in told.items()} | {"PYTHONPATH": path}
    command = [sys.executable, str(SCRIPT), *map(str, folders)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


class Trained:
    """What two ranks left of a whole run, and of one in which the second is killed."""

    def __init__(self, folder: Path):
        self.folder, self.corpus = folder, write_corpus(folder / "corpus")
        store_corpus(folder / "store", self.corpus, model())
        port, paths = free_port(), [folder / "store", folder / "corpus", folder]
        ranks = [started(rank, port, *paths) for rank in (0, 1)]
        self.said = [rank.communicate(timeout=300)[1] for rank in ranks]
        self.status = [rank.returncode for rank in ranks]
        self.weights = [load_file(folder / f"{rank}.safetensors") for rank in (0, 1)]
        self.facts = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]

    def alone(self, scratch: str, first_epoch: int = 1):
        """Train in this process alone, two batches to a step."""
        one = trainer(Store(self.folder / "store"), accumulate=2, first_epoch=first_epoch)
        sides = self.corpus.of("train"), self.corpus.of("dev")
        one.run(*sides, Checkpoint(self.folder / scratch))
        return one


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("ranks"))


def assert_alike(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=1e-5)


def test_two_ranks_take_the_steps_of_one_process_that_accumulates_two_batches(trained):
    one = trained.alone("alone")
    assert_alike(trained.weights[0], one.bare.state_dict())
    found = facts(one)
    for own, theirs in zip(found["history"], trained.facts[0]["history"], strict=True):
        assert own == pytest.approx(theirs, rel=1e-4)
    before, after = model("ctc_transformer").state_dict(), trained.weights[0]
    learnt = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[0] for name in learnt} == {"head", "upstream"}


def test_both_ranks_hold_the_same_weights_and_curve_to_the_bit(trained):
    first, second = trained.weights
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert trained.facts[0]["history"] == trained.facts[1]["history"]


def test_if_a_rank_is_killed_the_other_ends_by_one_line(trained):
    assert trained.status == [1, -9]
    *_, last = trained.said[0].strip().splitlines()
    assert last.startswith("two_ranks.py: another of the 2 processes that train together has ended")
    assert "Traceback" not in trained.said[0]


def test_a_run_of_two_ranks_is_named_and_goes_on_as_that_of_one_which_accumulates_two(trained):
    resumed = trained.alone("killed")
    assert facts(resumed)["name"] == trained.facts[0]["name"]
    assert_alike(trained.weights[0], resumed.bare.state_dict())
    assert resumed.progress.history[:2] == trained.facts[0]["history"][:2]


def test_two_ranks_with_a_shard_of_the_model_each_take_the_same_steps(trained):
    one = trained.alone("unsharded", first_epoch=0)
    written = load_model(trained.folder / "model", "cpu")
    waves = [trained.corpus.wave(clip) for clip in trained.corpus.of("dev")]
    # Not weights: biases of keys change nothing, and Adam steps by the rounding of their gradients.
    for own, theirs in zip(one.bare.emissions(waves), written.emissions(waves), strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-4)
    losses = [
        [record["train/loss"] for record in run[1:]]
        for run in (one.progress.history, trained.facts[0]["sharded"])
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert [own["shards"] for own in trained.facts] == [2, 2]


def clips(count: int) -> list[Utterance]:
    draw = torch.Generator().manual_seed(1)
    seconds = torch.empty(count).exponential_(0.3, generator=draw) + 0.5
    return [
        Utterance(f"clip{i}", "train", "", "", 0, round(float(s) * SAMPLE_RATE), "a")
        for i, s in enumerate(seconds.clamp(max=15))
    ]


@pytest.mark.parametrize(("accumulate", "ranks"), [(1, 1), (1, 2), (2, 2), (1, 3)])
def test_each_batch_is_taken_once_and_each_rank_takes_each_step(accumulate, ranks):
    knobs = fit(accumulate=accumulate, batch_seconds=10.0)
    steps = steps_of_epoch(clips(101), knobs, 0, ranks)
    each = [turns(steps, rank, ranks) for rank in range(ranks)]
    taken = sorted((turn.number, turn.batch) for own in each for turn in own if turn.weight)
    assert [batch for _, batch in taken] == [batch for step in steps for batch in step]
    assert [number for number, _ in taken] == list(range(len(taken)))
    assert {sum(turn.last for turn in own) for own in each} == {len(steps)}
    spare = [turn for own in each for turn in own if not turn.weight]
    assert len(spare) == max(0, ranks - len(min(steps, key=len)))


def waiting(work: torch.Tensor) -> float:
    """Return the share of time that ranks wait for the one with most work, (steps, ranks)."""
    return float(1 - work.mean() / work.max(1).values.mean())


def test_ranks_do_alike_work_in_a_step():
    steps = steps_of_epoch(clips(2_000), fit(batch_seconds=30.0), 0, ranks=2)
    padded = [[len(b) * max(u.seconds for u in b) for b in step] for step in steps]
    work = torch.tensor([step for step in padded if len(step) == 2])
    order = torch.randperm(work.numel(), generator=torch.Generator().manual_seed(1))
    assert waiting(work) < 0.5 * waiting(work.flatten()[order].view(-1, 2))
