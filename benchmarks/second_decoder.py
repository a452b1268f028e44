"""What an attention decoder gives, alone and with CTC, and what it invents where nobody speaks.

    python -m benchmarks.second_decoder MUSIC

Reads   MUSIC, a folder of recordings in which nobody speaks or sings, such as music/*.ogg of the
        Debian package fillets-ng-data; CORPUS; MODEL and PLAIN, as `decode` writes a model with an
        attention decoder and the same one without; EMISSIONS of the first; PREDICTIONS of both
Prints  two tables: error rates of each way to write, with intervals, and the change from PLAIN on
        the same clips; and the words that each way writes in a minute without a word

Silence is digital, with a dither of one bit; noise is white, then pink, at 30 dB below full scale.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.results_table import interval
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import SCORED, STATES, read_emissions
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, by_split, metrics
from voicegraft.inference.segmentation import cut_at_pauses
from voicegraft.inference.transcriber import PIECE_SECONDS
from voicegraft.language.decoder import load_decoder
from voicegraft.model.grafted import load_attention, load_model
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.tables import read_rows
from voicegraft.speech.audio import read_audio
from voicegraft.speech.effects import pink, white
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance

SECONDS = 200
"""Of silence, of noise, and of music: ten minutes in all."""
LEVEL = 10 ** (-30 / 20)
ALONE, JOINT, PLAIN = "attention alone", "CTC, language model and attention", "CTC, language model"


def written(predictions: Path, clips: Sequence[Utterance]) -> list[str]:
    """Return the hypothesis of each clip."""
    found = {row["id"]: row["hypothesis"] for row in read_rows(predictions, delimiter="\t")}
    return [found[clip.id] for clip in clips]


def accuracy(of: dict[str, list[Score]], params: Evaluate) -> Iterator[str]:
    """Yield the lines of the first table."""
    yield "| | side | CER | WER | change of CER | of WER |\n|---|---|---|---|---|---|\n"
    for name, scores in of.items():
        for side, own in by_split(scores).items():
            rates = metrics(own, params)[side]
            cells = [interval(rates, "cer"), interval(rates, "wer")]
            before = by_split(of[PLAIN])[side]
            for rate in ("cer", "wer"):
                d = difference(before, own, rate, params)
                numbers = f"{100 * d.change:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"
                cells.append(numbers if name != PLAIN else "")
            yield f"| {name} | {side} | {' | '.join(cells)} |\n"


def sounds(music: Path) -> dict[str, np.ndarray]:
    """Return float32 waves without a word, each of SECONDS, by their name."""
    rng, samples = np.random.default_rng(1), SECONDS * SAMPLE_RATE
    half = samples // 2
    noise = np.concatenate([own / own.std() for own in (white(half, rng), pink(half, rng))])
    files = sorted(path for path in music.iterdir() if path.suffix in (".ogg", ".wav", ".flac"))
    share = samples // len(files)
    tunes = np.concatenate([read_audio(file)[:share] for file in files])
    silence = rng.integers(-1, 2, samples) / 32_768
    found = {"silence": silence, "noise": LEVEL * noise, "music": tunes}
    return {name: wave.astype(np.float32) for name, wave in found.items()}


def inventions(model: Path, plain: Path, waves: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the lines of the second table."""
    grafted = load_model(model)
    decoders = {
        PLAIN: load_decoder(plain, grafted.labels),
        JOINT: load_decoder(model, grafted.labels, grafted.attention),
    }
    words = {name: dict.fromkeys(waves, 0) for name in ("CTC, greedy", PLAIN, ALONE, JOINT)}
    for kind, wave in waves.items():
        for piece in cut_at_pauses([wave], PIECE_SECONDS, SAMPLE_RATE):
            ((emission, states),) = grafted.heard([piece.wave])
            texts = {name: own.decode(emission, states) for name, own in decoders.items()}
            texts["CTC, greedy"] = grafted.decode(emission)
            (texts[ALONE],) = grafted.attention.written([states])
            for name, text in texts.items():
                words[name][kind] += len(text.split())
    yield f"| words a minute | {' | '.join(waves)} | all |\n|---|{'---|' * (len(waves) + 1)}\n"
    minutes = {kind: len(wave) / SAMPLE_RATE / 60 for kind, wave in waves.items()}
    for name, own in words.items():
        cells = [own[kind] / minutes[kind] for kind in waves]
        cells.append(sum(own.values()) / sum(minutes.values()))
        yield f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} |\n"


def main(
    music: Path,
    corpus: Path = Path("data/corpus"),
    model: Path = Path("models/decoder_lm"),
    plain: Path = Path("models/head_lm"),
    emissions: Path = Path("data/emissions/decoder.safetensors"),
    predictions: Path = Path("data/predictions"),
) -> None:
    torch.set_num_threads(1)
    params, clips = load_params(Evaluate, "evaluate"), Corpus(corpus).of(*SCORED)
    attention = load_attention(model)
    if attention is None:
        raise ValueError(f"{model} has no attention decoder: see finetune.decoder in params.yaml")
    texts = {
        PLAIN: written(predictions / f"{plain.name}.tsv", clips),
        ALONE: attention.written(read_emissions(emissions, clips, STATES)),
        JOINT: written(predictions / f"{model.name}.tsv", clips),
    }
    scores = {name: score(clips, own, None) for name, own in texts.items()}
    print("".join(accuracy(scores, params)), flush=True)
    print("".join(inventions(model, plain, sounds(music))))


if __name__ == "__main__":
    run_stage(main)
