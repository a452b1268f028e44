"""Byte-pair tokens: texts as the tokens that a pretrained text decoder knows.

Byte-level byte-pair encoding as of GPT-2 (Radford et al. 2019) and Whisper, over fewer tokens:
those that the labels can spell. A token's place in the vocabulary is the rank of its merge, as in
tiktoken. (The merges in tokenizer.json of Whisper lack the first, so transformers splits " to".)
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache


@lru_cache(1)
def _signs() -> dict[int, str]:
    """Return the printable sign that stands for each byte: itself, or one above U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {byte: chr(byte) for byte in printable}
    return signs | {byte: chr(0x100 + place) for place, byte in enumerate(others)}


def signs_of(text: str) -> str:
    """Return the signs of a text's bytes in UTF-8, as tokens are written."""
    return "".join(_signs()[byte] for byte in text.encode())


def spellable(vocabulary: Mapping[str, int], labels: Iterable[str]) -> list[str]:
    """Return the tokens made of nothing but bytes of `labels`, by their rank in `vocabulary`."""
    bytes_of_labels = set(signs_of("".join(labels)))
    return sorted(
        (t for t in vocabulary if t and bytes_of_labels.issuperset(t)), key=vocabulary.get
    )


class Tokens:
    """Texts to numbers of tokens and back.

    Args:
        pieces: the tokens by rank, written in signs; every single byte of the labels is one.
    """

    def __init__(self, pieces: Sequence[str]):
        self.pieces = pieces
        self.rank = {piece: number for number, piece in enumerate(pieces)}
        self.bytes = {sign: byte for byte, sign in _signs().items()}

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, with a space before it, as Whisper writes one.

        A character without a token is left out.
        """
        return [number for word in text.split() for number in self._word(f" {word}")]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of tokens, with single spaces; what is no character is left out."""
        return " ".join(self.as_written(numbers).split())

    def as_written(self, numbers: Iterable[int]) -> str:
        """Return the text of tokens with all of its spaces; what is no character is left out."""
        signs = "".join(self.pieces[number] for number in numbers)
        return bytes(self.bytes[sign] for sign in signs).decode(errors="ignore")

    def _word(self, word: str) -> list[int]:
        parts = [sign for sign in signs_of(word) if sign in self.rank]
        while pairs := [
            (self.rank[a + b], place)
            for place, (a, b) in enumerate(zip(parts, parts[1:], strict=False))
            if a + b in self.rank
        ]:
            place = min(pairs)[1]
            parts[place : place + 2] = ["".join(parts[place : place + 2])]
        return [self.rank[part] for part in parts]
