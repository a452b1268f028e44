"""A model's decoder: its search, its language model and the weights that dev clips chose.

It is the folder `decoder` in a model's folder: decoder.json, and for a search copies of the
language model, so that the folder of the model is all that one needs.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from voicegraft.language.arpa import LanguageModel, is_installed
from voicegraft.language.attended import Attended
from voicegraft.language.beam import SymbolSearch, WordSearch
from voicegraft.language.confidence import (
    calibrated,
    confidences,
    correct,
    posteriors_of,
    word_spans,
)
from voicegraft.language.folder import SPELLING, SYMBOLS, WORDS, copy_language, read_lexicon
from voicegraft.language.joint_search import JointSearch
from voicegraft.language.rescoring import Candidates, Rescorer, choose_weights
from voicegraft.language.settings import FOLDER, NAMES, SETTINGS, Search, Settings
from voicegraft.model import ctc
from voicegraft.model.attention import AttentionDecoder
from voicegraft.pipeline.files import reading, whole

MISSING = (
    "flashlight-text is not installed (it has no wheels for Python 3.13 and later), so decoding is "
    "greedy: pip install 'voicegraft[beam]'"
)


@dataclass(frozen=True)
class Word:
    """A predicted word, when it is spoken, as shares of the clip (0 to 1), and its confidence."""

    text: str
    start: float
    end: float
    confidence: float | None
    """The probability that it is right; None of greedy decoding."""


class Decoder(Protocol):
    """What finds words in emissions."""

    def words(self, emission: torch.Tensor, states: torch.Tensor | None = None) -> Iterator[Word]:
        """Yield the words of emissions (frames, labels), and of states (frames, size)."""
        ...


@dataclass(frozen=True)
class GreedyDecoder:
    """Take the likeliest label of each frame; `labels` are those of the emissions."""

    labels: Sequence[str]

    def words(
        self,
        emission: torch.Tensor,
        states: torch.Tensor | None = None,  # noqa: ARG002
    ) -> Iterator[Word]:
        """See `Decoder`."""
        text = ctc.greedy(emission, self.labels)
        spans = word_spans(text, emission, self.labels)
        for word, span in zip(text.split(), spans, strict=True):
            yield Word(word, *span, None)


class BeamDecoder:
    """Decode emissions by a language model.

    Args:
        labels: of the emissions, the blank first.
        language: a folder with `FILES`, as build_language_model writes it.
        settings: weights and calibration.
        attention: the attention decoder of the model, if it has one.
    """

    def __init__(
        self,
        labels: Sequence[str],
        language: Path,
        settings: Settings,
        attention: AttentionDecoder | None = None,
    ):
        self.labels, self.settings, self.attention = labels, settings, attention
        symbols, words = SymbolSearch(labels, language / SYMBOLS), None
        self.searches: list[SymbolSearch | WordSearch] = [symbols]
        if " " in labels:  # a language written without spaces has no words to look up
            lexicon = [word for word in read_lexicon(language) if set(word) <= set(labels)]
            search = WordSearch(labels, language / WORDS, lexicon)
            self.searches, words = [symbols, search], search.model
        spelling = LanguageModel(language / SPELLING, labels[1:])
        self.rescorer = Rescorer(labels, symbols.model, spelling, words)
        self.attended = None
        if attention:
            joint = JointSearch(attention, labels) if settings.decode == "joint" else None
            self.attended = Attended(attention, self.rescorer, joint)

    def candidates(
        self, emission: torch.Tensor, states: torch.Tensor | None = None, own: str | None = None
    ) -> Candidates:
        """Return the texts that the searches find for emissions (frames, labels), greedy first.

        With an attention decoder, which needs the `states` (frames, size) that it listens to, its
        own text is one, those of a joint search are others, and the best are scored by it as well.

        Args:
            emission: see above.
            states: see above.
            own: that text, where it was written before, with those of other clips.
        """
        searched = (text for search in self.searches for text in search(emission.numpy()))
        texts = list(dict.fromkeys([ctc.greedy(emission, self.labels), *searched]))
        found = Candidates(texts, self.rescorer.features(emission, texts))
        return self.attended(found, emission, states, own) if self.attended else found

    def decode(self, emission: torch.Tensor, states: torch.Tensor | None = None) -> str:
        """Return the text of emissions (frames, labels), and of states (frames, size)."""
        return self.candidates(emission, states).text(self.settings.weights)

    def words(self, emission: torch.Tensor, states: torch.Tensor | None = None) -> Iterator[Word]:
        """See `Decoder`."""
        found = self.candidates(emission, states)
        text = found.text(self.settings.weights)
        sure = confidences(found, self.settings.weights, self.settings.calibration).tolist()
        spans = word_spans(text, emission, self.labels)
        for word, span, confidence in zip(text.split(), spans, sure, strict=True):
            yield Word(word, *span, confidence)


def tuned(
    dev: Sequence[Candidates], references: Sequence[str], search: Search = "beam"
) -> Settings:
    """Return the settings that dev clips choose: weights, and then the calibration of words."""
    weights = choose_weights(dev, references)
    chosen = [posteriors_of(found, weights) for found in dev]
    right = [correct(c.text(weights), r) for c, r in zip(dev, references, strict=True)]
    fitted = calibrated(np.concatenate([*chosen, []]), np.concatenate([*right, []]).astype(bool))
    return Settings(decode=search, weights=weights, slope=fitted.slope, offset=fitted.offset)


def save_decoder(folder: Path, settings: Settings, language: Path) -> None:
    """Write decoder.json, and for a search the language model, a folder with `FILES`."""
    folder.mkdir(parents=True, exist_ok=True)
    if settings.decode != "greedy":
        copy_language(language, folder)
    with whole(folder / SETTINGS) as partial:
        partial.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load_decoder(
    model: Path, labels: Sequence[str], attention: AttentionDecoder | None = None
) -> BeamDecoder | None:
    """Return the decoder in the folder of a model; None if it is greedy, or there is none.

    It takes the `attention` decoder of the model, if it was tuned with it.

    Where flashlight-text is not installed, that is said, and it is None too.

    Raises:
        DamagedError: if the folder does not hold what it should.
    """
    folder = model / FOLDER
    if not (folder / SETTINGS).is_file():
        return None
    with reading(folder / SETTINGS):
        settings = Settings.model_validate_json((folder / SETTINGS).read_bytes())
    if settings.decode == "greedy":
        return None
    if not is_installed():
        print(f"{folder}: {MISSING}", file=sys.stderr)
        return None
    tuned_with = attention if len(settings.weights) == len(NAMES) else None
    return BeamDecoder(labels, folder, settings, tuned_with)
