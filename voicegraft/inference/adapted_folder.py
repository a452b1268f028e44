"""The folder of a model that is adapted to a voice, from the folder of another and recordings."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from voicegraft.inference.adaptation import Adapted, Knobs, adapt
from voicegraft.inference.recordings import find_recordings
from voicegraft.inference.voice import Voice
from voicegraft.language.decoder import BeamDecoder, GreedyDecoder, load_decoder, save_decoder
from voicegraft.language.settings import FOLDER
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.files import whole_apart
from voicegraft.pipeline.provenance import remember
from voicegraft.speech.manifest import Corpus


def adapt_folder(
    folder: Path, files: Sequence[str], out: Path, corpus: Path | None, knobs: Knobs
) -> Adapted:
    """Write a model that is adapted to the voice of recordings into the folder `out`.

    Args:
        folder: of the model, which stays as it is.
        files: recordings, or folders of them.
        out: is there as a whole, or not at all.
        corpus: see `adapt`.
        knobs: how.

    Raises:
        ValueError: if `out` is there already, or as `adapt` does.
        AudioError: if a recording cannot be decoded.
    """
    if out.exists():
        raise ValueError(f"{out} is there already: give --out another name")
    model = load_model(folder, knobs.accelerator)
    if model.description.pooling:
        raise ValueError(f"{folder} is a model for classification: only texts can be adapted to")
    if model.attention:
        raise ValueError(f"{folder} has an attention decoder, which adapt does not train")
    voice, clips = Voice(), Corpus(corpus) if corpus else None
    for recording in find_recordings(files):
        voice.add(recording, model.max_seconds)
    decoder = load_decoder(folder, model.labels) or GreedyDecoder(model.labels)
    adapted = adapt(model, decoder, voice, clips, knobs)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_apart(out) as partial:
        save_model(model, partial)
        if isinstance(decoder, BeamDecoder):
            save_decoder(partial / FOLDER, decoder.settings, folder / FOLDER)
        elif (folder / FOLDER).is_dir():
            shutil.copytree(folder / FOLDER, partial / FOLDER)
        remember(partial, base=folder)
    return adapted
