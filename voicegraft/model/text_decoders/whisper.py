"""Whisper's text decoder, from the files that its encoder is read from.

A Whisper of many languages is told which one to write. That is the one that it hears itself, the
likeliest by all clips that it is shown: a language that it does not know is taken for the nearest.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from voicegraft.model import whisper
from voicegraft.model.attention import Attention, AttentionDecoder
from voicegraft.model.batches import Padded
from voicegraft.model.formats import Names, WeightsError, assembled, read_json
from voicegraft.model.tokens import spellable

START, TASK, BARE = "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"
END = "<|endoftext|>"
LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")
EMBEDDINGS = ("embed_tokens.weight", "embeddings/weight")


def load(folder: Path, labels: Sequence[str], encoded: Padded) -> AttentionDecoder:
    """See the contract, voicegraft.model.attention."""
    path = whisper.weights(folder)
    ids = _ids(folder)
    stored = whisper.read(path, "decoder")
    names = _names(path, stored)
    languages = [token for token in ids if LANGUAGE.fullmatch(token)]
    task = [TASK] if languages else []
    if languages:
        language = _likeliest(_built(stored, names, ids, [START], languages, path), encoded)
        print(f"attention: Whisper is told that this is {language}", file=sys.stderr)
        languages = [language]
    tokens = spellable({t: n for t, n in ids.items() if n < ids[END]}, labels)
    return _built(stored, names, ids, [START, *languages, *task, BARE], tokens, path)


def _ids(folder: Path) -> dict[str, int]:
    """Return the number of each token, special ones too."""
    found = read_json(folder / "tokenizer.json")
    try:
        special = {token["content"]: token["id"] for token in found["added_tokens"]}
        ids = found["model"]["vocab"] | special
        return ids if ids.keys() >= {START, END, BARE} else _refuse(folder)
    except (KeyError, TypeError):
        return _refuse(folder)


def _refuse(folder: Path) -> dict[str, int]:
    raise WeightsError(f"{folder / 'tokenizer.json'} is not the tokenizer of a Whisper")


def _likeliest(decoder: AttentionDecoder, encoded: Padded) -> str:
    """Return the token, a language, that is likeliest by all clips together."""
    start = torch.tensor([decoder.prompt] * len(encoded.lengths))
    with torch.inference_mode():
        scores = decoder.log_probabilities(start, decoder.listen(encoded))[:, 0, 1:]
    return decoder.tokens.pieces[int(scores.sum(0).argmax())]


def _built(
    stored: Mapping[str, Tensor],
    names: Names,
    ids: Mapping[str, int],
    prompt: list[str],
    tokens: list[str],
    path: Path,
) -> AttentionDecoder:
    """Return the decoder that writes `tokens` after `prompt`."""
    positions, size = stored[names["positions"][0]].shape
    heads = whisper.heads(path, "decoder", stored)
    blocks = sum(name.endswith("mlp_norm.weight") for name in names)
    sizes = dict(size=size, heads=heads, blocks=blocks, positions=positions)
    decoder = AttentionDecoder(Attention(**sizes, prompt=prompt, tokens=" ".join(tokens)))
    embedding = names["embedding"][0]
    rows = stored[embedding][[ids[END], *(ids[token] for token in (*tokens, *prompt))]]
    try:
        weights = assembled(decoder.state_dict(), names, {**stored, embedding: rows})
    except ValueError as error:
        raise WeightsError(f"{path} is not a Whisper: {error}") from None
    decoder.load_state_dict(weights)
    return decoder.eval()


def _names(path: Path, stored: Mapping[str, Tensor]) -> Names:
    embedding = next((name for name in EMBEDDINGS if name in stored), EMBEDDINGS[0])
    return whisper.names(path, stored, ()) | {"embedding": (embedding,)}
