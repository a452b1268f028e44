"""Train the head by one process, and by two ranks that share its steps, and compare.

    python -m benchmarks.ranks FOLDER

Reads   FOLDER, a repository in which `dvc repro` has run: models/upstream, data/corpus,
        data/embeddings; params.yaml of this one
Prints  a table: the dev CER and seconds of an epoch, by which weights differ at most, and the share
        of time for which a rank waits, if batches are dealt as they are and at random

One process accumulates two batches to a step; then torchrun starts two ranks. Each runs
stages/train_head.py for one epoch, with one thread, in a folder that is removed. A killed rank
follows: SIGKILL to the second in its first epoch.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from dvc.utils.serialize import dumps_yaml, parse_yaml
from safetensors.torch import load_file

from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus
from voicegraft.training.fit import Fit, steps_of_epoch

ROOT = Path(__file__).parents[1]
SEEN = re.compile(r"dev CER (\S+), (\d+) s")
ONE, TWO = "one process, two batches a step", "two ranks, a batch each"


def started(folder: Path, made: Path, name: str, ranks: int, out: Path) -> subprocess.Popen:
    """Start the stage in a folder of its own, with its messages in a file."""
    own = folder / name
    own.mkdir()
    params = parse_yaml((ROOT / "params.yaml").read_text(), "params.yaml")
    params["train_head"] |= {"epochs": 1, "min_steps": 0, "accumulate": 2 // ranks}
    (own / "params.yaml").write_text(dumps_yaml(params))
    reads = [made / part for part in ("models/upstream", "data/corpus", "data/embeddings")]
    stage = [ROOT / "stages/train_head.py", *reads, "model", "curves", "runs"]
    alone = [sys.executable]
    several = [*alone, "-m", "torch.distributed.run", f"--nproc-per-node={ranks}", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [*(alone if ranks == 1 else several), *map(str, stage)]
    with open(out, "w") as file:
        return subprocess.Popen(command, cwd=own, env=environment, stdout=file, stderr=file)


def trained(folder: Path, made: Path, name: str, ranks: int) -> tuple[str, str]:
    """Return the dev CER and the seconds of the epoch."""
    out = folder / f"{name}.txt"
    if started(folder, made, name, ranks, out).wait():
        raise RuntimeError(out.read_text())
    return SEEN.search(out.read_text()).groups()


def killed(folder: Path, made: Path) -> tuple[float, str]:
    """Kill the second of two ranks as it trains; return when both were gone, and what was said."""
    out = folder / "killed.txt"
    process = started(folder, made, "killed", 2, out)
    while "epoch 1:" not in out.read_text():
        time.sleep(0.2)
    second = next(
        rank
        for rank in psutil.Process(process.pid).children(recursive=True)
        if rank.environ().get("RANK") == "1"
    )
    second.send_signal(signal.SIGKILL)
    began = time.monotonic()
    process.wait()
    lines = re.split(r"[\r\n]+", out.read_text())
    return time.monotonic() - began, next(line for line in lines if "train_head.py: " in line)


def waiting(work: torch.Tensor) -> float:
    """Return the share of time for which ranks wait, of seconds of batches (steps, ranks)."""
    return float(1 - work.mean() / work.max(1).values.mean())


def dealt(made: Path) -> tuple[float, float]:
    """Return it for the steps of two ranks as they are, and if batches were dealt at random."""
    clips, fit = Corpus(made / "data/corpus").of("train"), load_params(Fit, "train_head")
    steps = [s for s in steps_of_epoch(clips, fit, 0, ranks=2) if len(s) == 2]
    work = torch.tensor([[len(b) * max(u.seconds for u in b) for b in step] for step in steps])
    order = torch.randperm(work.numel(), generator=torch.Generator().manual_seed(1))
    return waiting(work), waiting(work.flatten()[order].view(-1, 2))


def main(folder: Path) -> None:
    folder = folder.absolute()
    with tempfile.TemporaryDirectory() as scratch:
        runs = {ranks: trained(Path(scratch), folder, str(ranks), ranks) for ranks in (1, 2)}
        one, two = (load_file(Path(scratch, f"{r}/model/model.safetensors")) for r in runs)
        apart = max(float((one[k].float() - two[k].float()).abs().max()) for k in one)
        seconds, said = killed(Path(scratch), folder)
    print("| | dev CER | seconds |\n|---|---|---|")
    for name, (error, took) in zip((ONE, TWO), runs.values(), strict=True):
        print(f"| {name} | {error} | {took} |")
    print(f"\nweights differ by at most {apart:.1e}")
    print("ranks wait for {:.1%} of the time, at random for {:.1%}".format(*dealt(folder)))
    print(f"all had ended {seconds:.1f} s after a rank was killed: {said}")


if __name__ == "__main__":
    run_stage(main)
