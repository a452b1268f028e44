"""Emissions of several models, averaged frame by frame.

    python -m benchmarks.averages models/top3_lm data/corpus data/emissions top3 top3+head

Reads   MODEL, for its language model; CORPUS; EMISSIONS, a folder of what `evaluate` writes;
        params.yaml
Prints  for each further of NAMES, alone or joined by +, what changes from the first of them, read
        greedily and with the language model weighed on dev; the rates of dev beside it

The models have the same labels and frames. The mean is that of probabilities.
"""

from pathlib import Path

import torch

from benchmarks.changes import HEADER, changes
from benchmarks.readings import GREEDY, MODEL, Emissions, Reader
from benchmarks.results_table import HEADER as RATES
from benchmarks.results_table import row
from voicegraft.evaluation.predictions import read_emissions
from voicegraft.evaluation.summary import Evaluate
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus


def averaged(files: list[Path], reader: Reader) -> Emissions:
    """Return log-probabilities of the mean of several models' probabilities."""
    clips = [*reader.dev, *reader.scored]
    each = [[e.float() for e in read_emissions(file, clips)] for file in files]
    means = (torch.stack(own).logsumexp(0).log_softmax(-1) for own in zip(*each, strict=True))
    return {clip.id: mean for clip, mean in zip(clips, means, strict=True)}


def main(model: Path, corpus: Path, emissions: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    params, reader = load_params(Evaluate, "evaluate"), Reader(model, Corpus(corpus))
    rows, rates, before = [], [], {}
    for name in names:
        files = [emissions / f"{own}.safetensors" for own in name.split("+")]
        found = averaged(files, reader)
        error, decoded = reader.decoded(found, reader.scored)
        texts = {GREEDY: reader.greedy(found, reader.scored), MODEL: decoded}
        rates_of_dev = f"CER {100 * reader.greedy_error(found):.2f}; {MODEL} CER + WER"
        print(f"dev, {name}: {rates_of_dev} {100 * error:.2f}", flush=True)
        before = before or texts
        for how, own in texts.items():
            rates.append(row(f"{name}, {how}", reader.scored, own, params))
            if name != names[0]:
                rows.append(changes(f"{name}, {how}", reader.scored, before[how], own, params))
    print(RATES + "".join(rates) + "\n" + HEADER + "".join(rows))


if __name__ == "__main__":
    run_stage(main)
