"""A search in one pass: CTC and an attention decoder score each token together.

Hybrid CTC/attention decoding, Hori, Watanabe and Hershey 2017, https://aclanthology.org/P17-1048:
a beam of texts grows token by token. A text is scored by the attention decoder, and by the
probability of CTC that its text begins so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from voicegraft.language.prefixes import NEVER, Prefixes, longer, nothing
from voicegraft.model.attention import PACE, AttentionDecoder, KeysValues, Memory
from voicegraft.model.batches import pad

BEAM, TOKENS = 8, 12
"""How many texts are kept, and how many tokens each is tried with."""
SHARE = 0.7
"""Of attention in a text's score, the rest is CTC's: of 0.3, 0.5 and 0.7 dev of the Czech game
has the fewest errors with this one (docs/language_model.md)."""


@dataclass(frozen=True)
class Found:
    """A text of the beam: rows, letters, its score by attention, and the place in the beam of the
    text, a token shorter, that it was made of."""

    rows: tuple[int, ...]
    letters: tuple[int, ...]
    attention: float
    before: int = 0


class JointSearch:
    """The search.

    Args:
        decoder: whose tokens texts are made of.
        labels: of the emissions, the blank first.
        share: of the attention decoder in the score of a text (0 to 1); the rest is CTC's.
    """

    def __init__(self, decoder: AttentionDecoder, labels: Sequence[str], share: float = SHARE):
        self.decoder, self.labels, self.share = decoder, labels, share
        self.number = {label: place for place, label in enumerate(labels) if label}

    @torch.no_grad()
    def __call__(self, emission: Tensor, states: Tensor) -> list[str]:
        """Return texts, the best first, of emissions (frames, labels), states (frames, size)."""
        frames = emission.double().numpy()
        memory = self.decoder.listen(pad([states.float()]))
        beam, prefixes, ended = [Found((), (), 0.0)], nothing(frames), {}
        past = None
        for _ in range(min(self.decoder.longest, 1 + len(states) // PACE)):
            following, past = self._following(beam, memory, past)
            ends = following[:, self.decoder.END].tolist()
            for found, end, whole in zip(beam, ends, prefixes.whole, strict=True):
                text, score = self.decoder.text(found.rows), self._sum(found.attention + end, whole)
                ended[text] = max(score, ended.get(text, NEVER))
            beam, prefixes = self._grown(beam, prefixes, following, frames)
            scores = sorted(ended.values(), reverse=True)
            if not beam or (len(scores) >= BEAM and self._best(beam, prefixes) < scores[BEAM - 1]):
                break
        return sorted(ended, key=ended.get, reverse=True)[:BEAM]

    def _sum(self, attention: np.ndarray | float, by_ctc: np.ndarray | float) -> np.ndarray | float:
        return self.share * attention + (1 - self.share) * by_ctc

    def _best(self, beam: Sequence[Found], prefixes: Prefixes) -> float:
        pairs = zip(beam, prefixes.scores, strict=True)
        return max(self._sum(own.attention, by_ctc) for own, by_ctc in pairs)

    def _following(
        self, beam: Sequence[Found], memory: Memory, past: list[KeysValues] | None
    ) -> tuple[Tensor, list[KeysValues]]:
        """Return ln p of each token after the texts of the beam, (texts, tokens).

        And keys and values of their tokens, of which `past` has those of the texts before.
        """
        if past is None:
            rows = torch.tensor([self.decoder.prompt])
        else:
            rows = torch.tensor([own.rows[-1:] for own in beam])
            places = [own.before for own in beam]
            past = [(keys[places], values[places]) for keys, values in past]
        scores, past = self.decoder.following(rows, memory.repeated(len(beam)), past)
        return scores[:, -1], past

    def _grown(
        self, beam: Sequence[Found], prefixes: Prefixes, following: Tensor, frames: np.ndarray
    ) -> tuple[list[Found], Prefixes]:
        """Return the best texts that are a token longer, and what CTC says of them."""
        grown = []
        best = following[:, 1:].topk(min(TOKENS, following.shape[1] - 1))
        likeliest = zip(beam, *(part.tolist() for part in best), strict=True)
        for place, (own, values, tokens) in enumerate(likeliest):
            for value, token in zip(values, tokens, strict=True):
                rows = (*own.rows, 1 + token)
                if (letters := self._letters(rows)) is not None:
                    grown.append(Found(rows, letters, own.attention + value, place))
        if not grown:
            return [], prefixes
        extended = self._extended(grown, beam, prefixes, frames)
        totals = self._sum(np.array([one.attention for one in grown]), extended.scores)
        places = np.argsort(-totals, kind="stable")[:BEAM].tolist()
        return [grown[place] for place in places], extended[places]

    def _extended(
        self,
        grown: Sequence[Found],
        beam: Sequence[Found],
        prefixes: Prefixes,
        frames: np.ndarray,
    ) -> Prefixes:
        """Return what CTC says of texts, given what it says of those in the beam."""
        own = prefixes[[one.before for one in grown]]
        added = [one.letters[len(beam[one.before].letters) :] for one in grown]
        for step in range(max(map(len, added))):
            places = [n for n, letters in enumerate(added) if len(letters) > step]
            labels = np.array([added[n][step] for n in places])
            own[places] = longer(frames, own[places], labels)
        return own

    def _letters(self, rows: Sequence[int]) -> tuple[int, ...] | None:
        """Return the labels of rows as they stand, None if no text is spelt so.

        Half a letter, of two bytes in two tokens, is none yet.
        """
        text = self.decoder.tokens.as_written(row - 1 for row in rows).removeprefix(" ")
        if text.startswith(" ") or "  " in text or not set(text) <= self.number.keys():
            return None
        return tuple(self.number[letter] for letter in text)
