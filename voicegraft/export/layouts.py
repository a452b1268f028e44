"""What readers of ONNX want beside the file: tokens and settings, under their names.

onnx-asr's `wav2vec2-ctc` (https://github.com/istupakov/onnx-asr, `models/wav2vec2.py`) takes waves
as they are, and their lengths. sherpa-onnx's slot for Omnilingual ASR takes
one clip, which it has brought to mean 0 and deviation 1 (https://github.com/k2-fsa/sherpa-onnx,
`offline-omnilingual-asr-ctc-model.cc`).
"""

from pathlib import Path
from typing import Any, Literal

from voicegraft.language.folder import token_of
from voicegraft.model.grafted import GraftedModel
from voicegraft.pipeline.files import write_json

Layout = Literal["onnx-asr", "sherpa-onnx"]

BLANK, CONFIG = "<blk>", "config.json"
TOKENS: dict[str, str] = {"onnx-asr": "vocab.txt", "sherpa-onnx": "tokens.txt"}
"""The file with a token and its number a line, by layout."""
LABELS = "labels.txt"
"""The file with the classes of a classifier, one a line."""


def write_layout(folder: Path, model: GraftedModel, layout: Layout) -> None:
    """Write the labels of a model and its config.json.

    Raises:
        ValueError: if the layout cannot have the labels.
    """
    if model.description.pooling:
        _write_lines(folder / LABELS, model.labels)
    else:
        tokens = [BLANK, *map(token_of, model.labels[1:])]
        if len(set(tokens)) < len(tokens):
            raise ValueError(f"a label of the model is {token_of(' ')!r}, which stands for a space")
        lines = [f"{token} {number}" for number, token in enumerate(tokens)]
        _write_lines(folder / TOKENS[layout], lines)
    write_json(folder / CONFIG, _config(model))


def _config(model: GraftedModel) -> dict[str, Any]:
    """Return the settings that onnx-asr reads, and others for whoever reads the file alone.

    onnx-asr cuts emissions after samples // subsampling_factor + 1 frames. Ours go on into the
    silence that follows each clip, and now and then a letter is there: with half the true factor
    all are read, if a clip is as long as that silence. What is behind a clip is blank.
    """
    upstream, about = model.upstream, model.description
    found = {"sample_rate": upstream.sample_rate, "max_seconds": model.max_seconds}
    if about.pooling:
        return {"model_type": "voicegraft-classifier", **found}
    samples = upstream.frame_samples * model.head.subsampling
    factor = samples // 2 if about.margin_seconds else samples
    return {
        "model_type": "wav2vec2-ctc",
        "subsampling_factor": factor,
        "samples_per_frame": samples,
        **found,
    }


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
