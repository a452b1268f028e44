"""How fast a model with a language model writes: its search alone, and `voicegraft transcribe`.

    python -m benchmarks.decoding models/upstream data/corpus

Reads   CORPUS, of whose test clips a recording is made; MODEL, as `decode` writes it; EMISSIONS, as
        `evaluate` writes them. UPSTREAM is named as all parts of the benchmark name it
Writes  benchmarks/results.json, its part `decoding`

The search runs on one core, from stored emissions to words with times and confidences. The command
is timed whole, with the start of Python and the loading of the model.
"""

import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch

from benchmarks.results import keep
from benchmarks.timing import in_turn
from voicegraft.evaluation.predictions import SCORED, read_emissions
from voicegraft.language.decoder import load_decoder
from voicegraft.model.saved import load_description
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus

PAUSE_SECONDS = 0.5
SEARCH = "beam search, on one core"
COMMAND = "`voicegraft transcribe`, {:.0f} minutes of speech"
GREEDY = "`voicegraft transcribe --greedy`, the same recording"


def join(corpus: Corpus, recording: Path) -> float:
    """Write the test clips as one recording, with pauses between them, and return its seconds."""
    pause = np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE), np.int16)
    waves = [wave for u in corpus.of("test") for wave in (corpus.samples(u), pause)]
    recording.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(recording, np.concatenate(waves), SAMPLE_RATE)
    return sum(map(len, waves)) / SAMPLE_RATE


def times_real_time(audio_seconds: float, seconds: list[float]) -> dict[str, float]:
    """Return how many seconds of audio a second is enough for: median, lowest, highest."""
    speeds = [audio_seconds / took for took in seconds]
    return {"speed": statistics.median(speeds), "low": min(speeds), "high": max(speeds)}


def main(
    upstream: Path,  # noqa: ARG001 - all parts are called alike
    corpus: Path,
    model: Path = Path("models/head_lm"),
    emissions: Path = Path("data/emissions/head.safetensors"),
    rounds: int = 5,
    work: Path = Path(".voicegraft/bench/decoding"),
) -> None:
    torch.set_num_threads(1)
    speech = Corpus(corpus)
    clips = speech.of(*SCORED)
    decoder = load_decoder(model, load_description(model).labels)
    if decoder is None:
        raise ValueError(f"{model} decodes greedily: there is no search to time")
    stored = read_emissions(emissions, clips)
    seconds = join(speech, work / "test.wav")
    transcribe = [sys.executable, "-m", "voicegraft.cli", "transcribe", model, work / "test.wav"]
    run = {"check": True, "capture_output": True}
    command = COMMAND.format(seconds / 60)
    ways = {
        SEARCH: lambda: [list(decoder.words(emission)) for emission in stored],
        command: lambda: subprocess.run(transcribe, **run),
        GREEDY: lambda: subprocess.run([*transcribe, "--greedy"], **run),
    }
    audio = {SEARCH: sum(clip.seconds for clip in clips), command: seconds, GREEDY: seconds}
    took = in_turn(ways, rounds)
    keep("decoding", {name: times_real_time(audio[name], took[name]) for name in ways})


if __name__ == "__main__":
    run_stage(main)
