"""A corpus in which train has each clip again, as if by longer and shorter vocal tracts.

    python -m benchmarks.vocal_tracts CORPUS FOLDER [--ratio 0.88 --ratio 1.14]

Reads   CORPUS, as prepare_data writes it
Writes  FOLDER, the same with more clips in train: their formants lie at `ratio` times the
        frequency, while pitch, speed and words stay

Few voices are in a small corpus, and a head knows those it had. Vocal tract length perturbation
(Jaitly & Hinton 2013) warps the frequencies of a spectrogram; here the envelope alone is warped,
by its cepstrum, as a change of speed moves pitch and formants together. Then extract_embeddings,
train_head and evaluate run on FOLDER as they do on CORPUS.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
from tqdm import tqdm

from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import Corpus, Utterance, write_manifest

WINDOW, HOP = 512, 128
QUEFRENCIES = 30
"""Of the cepstrum, in samples: the envelope is below, and a pitch up to 500 Hz above."""
MOST = np.log(10.0)
"""The logarithm by which a frequency may become louder or softer: 20 dB."""
FLOOR = 1e-5


def with_formants_at(wave: np.ndarray, ratio: float) -> np.ndarray:
    """Return the wave, float (samples,), with its spectral envelope at `ratio` times frequency."""
    spectrum = librosa.stft(wave, n_fft=WINDOW, hop_length=HOP)
    loud = np.log(np.abs(spectrum) + FLOOR)
    cepstrum = np.fft.irfft(loud, axis=0)
    cepstrum[QUEFRENCIES : WINDOW - QUEFRENCIES + 1] = 0
    envelope = np.fft.rfft(cepstrum, axis=0).real
    bins = np.arange(len(envelope))
    warped = np.stack([np.interp(bins / ratio, bins, frame) for frame in envelope.T], 1)
    changed = spectrum * np.exp(np.clip(warped - envelope, -MOST, MOST))
    return librosa.istft(changed, hop_length=HOP, n_fft=WINDOW, length=len(wave))


def clips_of(
    corpus: Corpus, ratios: Sequence[float]
) -> Iterator[tuple[str, Utterance, np.ndarray]]:
    """Yield an id, the clip behind it and samples: all clips, and those of train by each ratio."""
    for clip in tqdm(corpus.utterances, unit="clip"):
        yield clip.id, clip, corpus.samples(clip)
        for ratio in ratios if clip.split == "train" else ():
            wave = with_formants_at(corpus.wave(clip), ratio)
            samples = np.clip(wave * 2**15, -(2**15), 2**15 - 1).astype(np.int16)
            yield f"{clip.id}~{ratio:g}", clip, samples


def main(corpus: Path, folder: Path, ratio: list[float] = [0.88, 1.14]) -> None:  # noqa: B006
    folder.mkdir(parents=True)
    clips = []
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for name, clip, samples in clips_of(Corpus(corpus), ratio):
            clips.append(replace(clip, id=name, first_sample=audio.append(samples)))
    write_manifest(folder / "manifest.csv", clips)
    print(f"{len(clips)} clips, {sum(clip.seconds for clip in clips) / 3600:.2f} hours")


if __name__ == "__main__":
    run_stage(main)
