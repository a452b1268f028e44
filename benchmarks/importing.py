"""How fast are segments of long recordings imported, and in how much memory?

    python -m benchmarks.importing /tmp/importing 1 10 100

Reads   params.yaml
Writes  FOLDER, which must not be there, and removes it; a table, a line for each number of hours

A recording is an hour of noise, 16 kHz, 16 bits, with a text for every five seconds in SubRip. To
spare disk, those after the tenth are links to the first ten, cut at other times: no two segments
have the same samples. The stage runs as DVC runs it, alone in its process.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
import yaml

from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import read_params
from voicegraft.speech.manifest import SAMPLE_RATE

ROOT = Path(__file__).parent.parent
SEGMENT_SECONDS, HOUR = 5, 3600
SEGMENTS = HOUR // SEGMENT_SECONDS - 1  # the last one has room for a later start
RECORDINGS, SHIFT_SECONDS = 10, 0.1
SYLLABLES = ("ba", "de", "fi", "go", "lu", "mi", "na", "po", "ru", "se")


def words(number: int) -> str:
    """Return a text of its own for each number."""
    return " ".join(SYLLABLES[int(digit)] for digit in f"{number:07}")


def clock(seconds: float) -> str:
    """Return a time as SubRip has it."""
    whole, part = divmod(round(1000 * seconds), 1000)
    return f"{whole // HOUR:02}:{whole // 60 % 60:02}:{whole % 60:02},{part:03}"


def write_noise(path: Path, seed: int) -> None:
    """Write an hour of noise."""
    noise = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        for _ in range(HOUR):
            file.write(noise.normal(0, 0.1, SAMPLE_RATE))


def cue(start: float, number: int) -> str:
    """Return a text with its times."""
    return f"{clock(start)} --> {clock(start + SEGMENT_SECONDS)}\n{words(number)}\n"


def write_recordings(folder: Path, hours: int) -> None:
    """Write hours of noise, with a text each."""
    folder.mkdir(parents=True)
    for hour in range(hours):
        copy, first = divmod(hour, RECORDINGS)
        if copy:
            (folder / f"{hour}.wav").hardlink_to(folder / f"{first}.wav")
        else:
            write_noise(folder / f"{hour}.wav", hour)
        starts = (copy * SHIFT_SECONDS + i * SEGMENT_SECONDS for i in range(SEGMENTS))
        cues = [cue(start, hour * SEGMENTS + i) for i, start in enumerate(starts)]
        (folder / f"{hour}.srt").write_text("\n".join(cues), encoding="utf-8")


def imported(folder: Path) -> tuple[float, float, float]:
    """Return wall time, processor time and peak memory of prepare_data: seconds, seconds, bytes.

    The peak is that of all runs so far: it is flat if it does not rise with the hours.
    """
    params = read_params(ROOT / "params.yaml")
    params["corpus"] |= {"name": "subtitles", "folder": "own"}
    params["prepare_data"]["split"]["disjoint"] = "text"
    params["prepare_data"]["background_share"] = 0.0  # sounds that are made, not imported
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    stage = ROOT / "stages/prepare_data.py"
    command = [sys.executable, stage, "downloads", "corpus", "corpus.json"]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, busy, used.ru_maxrss * 1024


def main(folder: Path, hours: list[int]) -> None:
    print("| hours | × real time | × real time of processor time | peak memory, MB |")
    print("|---|---|---|---|", flush=True)
    for count in hours:
        write_recordings(folder / "own", count)
        try:
            wall, busy, memory = imported(folder)
        finally:
            shutil.rmtree(folder)
        speech = count * SEGMENTS * SEGMENT_SECONDS
        speeds = (f"{speech / seconds:.0f}" for seconds in (wall, busy))
        print("|", " | ".join([f"{count}", *speeds, f"{memory / 1e6:.0f}"]), "|", flush=True)


if __name__ == "__main__":
    run_stage(main)
