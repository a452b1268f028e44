"""Does a head learn as well from what `voicegraft align` finds as from true clips? In rounds.

    python -m benchmarks.aligned_training models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as stages leave them; params.yaml
Writes  WORK, where a run that was stopped goes on; a table, a line for each head

Minutes of train are aligned already, and the first head learns from them. All other clips of train
are joined into recordings, with other speech and unspoken sentences between them, as in
`benchmarks.long_texts`. The first head aligns these, and a head learns from its minutes and from
what was found; that one aligns them again, and so on. Beside them a head learns from the true clips
of the same speech. All learn alike, at one speed and without background, and are scored on the same
clips of test, which are in no recording. Each command runs as a user runs it.
"""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile
import torch
import yaml

from benchmarks.long_texts import joined
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate
from voicegraft.model.saved import load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import whole_apart
from voicegraft.pipeline.params import load_params, read_params
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.audio import to_int16
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance
from voicegraft.studies.amounts import draw, minutes_of

ROOT = Path(__file__).parent.parent
CLIPS_A_RECORDING = 200
SEED = 1
OWN, RECORDINGS = "own", "recordings"
FOUND = f"{OWN}/training"
"""A folder of clips for train beside those of the table in `own/train`."""
DONE = "made_of.json"
"""What train_head writes last."""


def run(work: Path, *arguments: str | Path) -> None:
    """Run Python in the folder, on one thread."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *map(str, arguments)], cwd=work, env=env, check=True)


def write_clips(folder: Path, corpus: Corpus, clips: Sequence[Utterance]) -> None:
    """Write clips as a user has them: sounds, and a table of their texts."""
    rows = [
        (f"{n:05}.flac", c.text, c.speaker, c.session.replace("/", "-"))
        for n, c in enumerate(clips)
    ]
    folder.mkdir(parents=True)
    for (name, *_), clip in zip(rows, clips, strict=True):
        soundfile.write(folder / name, to_int16(corpus.wave(clip)), SAMPLE_RATE)
    header = ("file_name", "transcription", "speaker", "session")
    write_rows(folder / "metadata.csv", header, rows)


def write_recordings(folder: Path, corpus: Corpus, clips: Sequence[Utterance]) -> None:
    """Write clips joined to recordings, with other speech, and texts, with other sentences."""
    folder.mkdir()
    for number, first in enumerate(range(0, len(clips), CLIPS_A_RECORDING)):
        own = clips[first : first + CLIPS_A_RECORDING]
        wave, texts, _ = joined(corpus, own, corpus.of("unseen"), SEED + number)
        soundfile.write(folder / f"{number}.flac", to_int16(wave), SAMPLE_RATE)
        text = "\n".join(f"{sentence}." for sentence in texts)
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")


def params_of(steps: int) -> dict[str, Any]:
    """Return the params, for a folder of clips."""
    params = read_params(ROOT / "params.yaml")
    params["corpus"] |= {"name": "folder", "folder": OWN}
    params["prepare_data"]["background_share"] = 0.0
    params["extract_embeddings"] |= {"layers": [params["head"]["layer"]], "speeds": []}
    params["train_head"] |= {"min_steps": steps, "epochs": 1}
    return params


def trained(work: Path, upstream: Path, name: str, steps: int) -> Path:
    """Return the folder of a head that learnt from what is in `own`, by the stages."""
    if (work / name / DONE).exists():
        return work / name
    params = yaml.safe_dump(params_of(steps), allow_unicode=True)
    (work / "params.yaml").write_text(params, encoding="utf-8")
    stages = ROOT / "stages"
    run(work, stages / "prepare_data.py", "downloads", "corpus", "corpus.json")
    run(work, stages / "extract_embeddings.py", upstream, "corpus", "cache", "embeddings")
    of = upstream, "corpus", "embeddings"
    run(work, stages / "train_head.py", *of, name, f"{name}-curves", "runs")
    return work / name


def scored(model: Path, clips: Sequence[Utterance], corpus: Corpus) -> list[Score]:
    """Return the scores of what a model writes of clips."""
    grafted = load_model(model, "cpu")
    emissions = (grafted.emissions([corpus.wave(clip)])[0] for clip in clips)
    return score(clips, [grafted.decode(emission) for emission in emissions], grafted.labels)


def cells(own: Sequence[Score], true: Sequence[Score]) -> tuple[str, str]:
    """Return the rate of characters, and how much higher it is than by the true head, in points."""
    found = difference(true, own, "cer", load_params(Evaluate, "evaluate"))
    change = f"{100 * found.change:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"{100 * found.new:.1f}", change


def found_in(folder: Path) -> str:
    """Return how many sentences were found, and how many texts have."""
    counts = []
    for name in ("metadata.csv", "dropped.csv"):
        with open(folder / name, encoding="utf-8", newline="") as file:
            counts.append(sum(1 for _ in csv.reader(file)) - 1)
    return f"{counts[0]} of {sum(counts)}"


def write_own(work: Path, corpus: Corpus, clips: Sequence[Utterance]) -> None:
    """Write what is aligned already: these clips, and dev."""
    shutil.rmtree(work / OWN, ignore_errors=True)
    write_clips(work / OWN / "train", corpus, clips)
    write_clips(work / OWN / "dev", corpus, corpus.of("dev"))


def main(
    upstream: Path,
    corpus: Path,
    work: Path = Path(".voicegraft/bench/aligned_training"),
    minutes: float = 60.0,
    first_minutes: float = 10.0,
    steps: int = 1300,
    first_steps: int = 1300,
    rounds: int = 2,
) -> None:
    torch.set_num_threads(1)
    speech, work, upstream = Corpus(corpus), work.absolute(), upstream.absolute()
    train, test = draw(speech.of("train"), minutes, SEED), speech.of("test")
    aligned = draw(train, first_minutes, SEED)
    others = [clip for clip in train if clip not in aligned]
    work.mkdir(parents=True, exist_ok=True)
    if not (work / RECORDINGS).exists():
        with whole_apart(work / RECORDINGS) as partial:
            write_recordings(partial, speech, others)
    write_own(work, speech, train)
    best = scored(trained(work, upstream, "true", steps), test, speech)
    print("| head, trained on | sentences found | CER, test | points above true clips |")
    print("|---|---|---|---|")
    print(f"| {minutes_of(train):.0f} minutes of true clips | | {cells(best, best)[0]} | |")
    write_own(work, speech, aligned)
    model = trained(work, upstream, "first", first_steps)
    line = " | ".join(cells(scored(model, test, speech), best))
    print(f"| {first_minutes:g} minutes of them | | {line} |", flush=True)
    for number in range(1, rounds + 1):
        found = work / f"found{number}"
        if not found.exists():
            run(work, "-m", "voicegraft.cli", "align", model, RECORDINGS, "--out", found)
        shutil.rmtree(work / FOUND, ignore_errors=True)
        shutil.copytree(found, work / FOUND)
        model = trained(work, upstream, f"round{number}", steps)
        line = " | ".join(cells(scored(model, test, speech), best))
        print(f"| and what was found, round {number} | {found_in(found)} | {line} |", flush=True)


if __name__ == "__main__":
    run_stage(main)
