"""Emissions, read greedily and with a language model that dev weighs, as `decode` does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from voicegraft.evaluation.errors import rate
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import CHOOSING
from voicegraft.language.decoder import load_decoder, tuned
from voicegraft.model import ctc
from voicegraft.model.saved import load_description
from voicegraft.speech.manifest import Corpus, Utterance

Emissions = Mapping[str, Tensor]
"""Log-probabilities (frames, labels) by the id of a clip."""
GREEDY, MODEL = "greedy", "with the language model"


def errors(clips: Sequence[Utterance], texts: Sequence[str]) -> tuple[float, float]:
    """Return the CER and the WER of texts."""
    found = score(clips, texts, None)
    letters = [s.character_edits for s in found], [s.characters for s in found]
    words = [s.word_edits for s in found], [s.words for s in found]
    return tuple(rate(sum(edits), sum(of)) for edits, of in (letters, words))


class Reader:
    """Reads the emissions of dev, test and unseen.

    Args:
        folder: of a model with its language model.
        corpus: whose clips they are.
    """

    def __init__(self, folder: Path, corpus: Corpus):
        self.labels = load_description(folder).labels
        self.decoder = load_decoder(folder, self.labels)
        if self.decoder is None:
            raise ValueError(f"{folder} has no language model: take what `decode` writes")
        self.dev, self.scored = corpus.of(CHOOSING), corpus.of(*SCORED)

    def greedy(self, emissions: Emissions, clips: Sequence[Utterance]) -> list[str]:
        """Return the likeliest labels of each clip."""
        return [ctc.greedy(emissions[clip.id], self.labels) for clip in clips]

    def greedy_error(self, emissions: Emissions) -> float:
        """Return the CER of dev."""
        return errors(self.dev, self.greedy(emissions, self.dev))[0]

    def decoded(
        self, emissions: Emissions, clips: Sequence[Utterance] = ()
    ) -> tuple[float, list[str]]:
        """Return CER plus WER of dev, by which the weights are chosen, and the texts of `clips`."""
        bar = tqdm([*self.dev, *clips], "decode", unit="clip", leave=False, disable=None)
        found = [self.decoder.candidates(emissions[clip.id]) for clip in bar]
        weights = tuned(found[: len(self.dev)], [clip.text for clip in self.dev]).weights
        texts = [own.text(weights) for own in found]
        return sum(errors(self.dev, texts[: len(self.dev)])), texts[len(self.dev) :]

    def texts(self, emissions: Emissions, how: str) -> list[str]:
        """Return the texts of test and unseen, read by `GREEDY` or `MODEL`."""
        if how == GREEDY:
            return self.greedy(emissions, self.scored)
        return self.decoded(emissions, self.scored)[1]
