"""What an attention decoder adds to the texts that searches find: texts of its own, and a score."""

from collections.abc import Sequence

import numpy as np
import torch

from voicegraft.language.joint_search import JointSearch
from voicegraft.language.rescoring import FEATURES, START, Candidates, Rescorer
from voicegraft.model.attention import AttentionDecoder

ATTENDED = 12
"""How many texts of the searches are scored, besides the greedy one. All 40 that they find take
three times as long, and have the same errors on dev of the Czech game."""
VETO = 3.0
"""The most that a text of the decoder may fall behind the likeliest by the emissions, in natural
logarithms a character: on dev of the Czech game 1 of 100 does by more."""


class Attended:
    """Scores texts by an attention decoder, with texts of its own among them.

    Args:
        decoder: the attention decoder.
        rescorer: has the other scores of a text.
        joint: the search by both emissions and decoder, if there is to be one.
    """

    def __init__(self, decoder: AttentionDecoder, rescorer: Rescorer, joint: JointSearch | None):
        self.decoder, self.rescorer, self.joint = decoder, rescorer, joint

    def __call__(
        self, found: Candidates, emission: torch.Tensor, states: torch.Tensor, own: str | None
    ) -> Candidates:
        """Return the greedy text, the best `ATTENDED` and the decoder's, with all scores.

        Args:
            found: the texts of the searches.
            emission: (frames, labels).
            states: that the decoder listens to, (frames, size).
            own: the text that it writes, where it was written before, with those of other clips.
        """
        best = np.argsort(-found.scores(START), kind="stable")[:ATTENDED]
        places = sorted({0, *best.tolist()})
        texts = [found.texts[place] for place in places]
        more = [self.decoder.written([states])[0] if own is None else own]
        more += self.joint(emission, states) if self.joint else []
        more = [text for text in dict.fromkeys(more) if text not in texts]
        more, scores = self._supported(more, emission, found.features[:, 0].max())
        texts, features = texts + more, np.concatenate([found.features[places], scores])
        by_own = self.decoder.log_likelihoods(states.float(), texts).double().numpy()
        return Candidates(texts, np.column_stack([features, by_own]))

    def _supported(
        self, texts: Sequence[str], emission: torch.Tensor, likeliest: float
    ) -> tuple[list[str], np.ndarray]:
        """Return the texts that the emissions do not contradict, and their other scores.

        A text of the decoder may be fluent and wrong.
        """
        scored = [(text, self.rescorer.features(emission, [text])) for text in texts]
        kept = [(t, own) for t, own in scored if likeliest - own[0, 0] <= VETO * len(t)]
        none = np.empty((0, len(FEATURES)))
        return [text for text, _ in kept], np.concatenate([none, *(own for _, own in kept)])
