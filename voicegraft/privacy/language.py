"""Membership by a language model: the loss of a clip's text, alone and with that of its sound.

Shadows are models of the transcripts that each shadow head was trained on, and no other texts: so
they know less than the model that is attacked, which makes it look more like a leak only as far as
the control, with the same shadows, does not.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from voicegraft.language.arpa import LanguageModel
from voicegraft.language.decoder import BeamDecoder
from voicegraft.language.folder import WORDS, read_lexicon
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.rescoring import FEATURES, LN10
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.speech.manifest import Utterance


def text_losses(language: Path, clips: Sequence[Utterance]) -> np.ndarray:
    """Return -ln p of each clip's text by the model of words, for a character, (clips,)."""
    model = LanguageModel(language / WORDS, read_lexicon(language))
    found = [-model.log10(clip.text.split()) * LN10 / len(clip.text) for clip in clips]
    return np.array(found)


def fused_losses(
    decoder: BeamDecoder, emissions: Sequence[Tensor], clips: Sequence[Utterance]
) -> np.ndarray:
    """Return the weighted score by which a decoder chooses, for each character, negated, (clips,).

    Args:
        decoder: with its weights.
        emissions: log-probabilities (frames, labels) of each clip.
        clips: whose texts are scored.
    """
    weights = np.array(decoder.settings.weights[: len(FEATURES)])
    found = []
    for emission, clip in zip(emissions, clips, strict=True):
        features = decoder.rescorer.features(emission.float(), [clip.text])[0]
        found.append(-float(features @ weights) / len(clip.text))
    return np.array(found)


def text_shadows(
    shadows: Sequence[Shadow], clips: Sequence[Utterance], lexicon: Sequence[str], order: int
) -> list[Shadow]:
    """Return models of the texts of the clips that each of `shadows` was trained on."""
    listed = dict.fromkeys([*lexicon, *(word for clip in clips for word in clip.text.split())], 0)
    texts = [clip.text.split() for clip in clips]
    found = []
    for shadow in shadows:
        own = [text for text, drawn in zip(texts, shadow.trained, strict=True) if drawn]
        model = estimate(own, order, listed=listed)
        losses = [
            -sum(model.score(t)) * LN10 / len(c.text) for t, c in zip(texts, clips, strict=True)
        ]
        found.append(Shadow(shadow.trained, np.array(losses)))
    return found


def fused_shadows(heads: Sequence[Shadow], texts: Sequence[Shadow], weight: float) -> list[Shadow]:
    """Return shadows that add the loss of the text, by its weight, to that of the sound."""
    pairs = zip(heads, texts, strict=True)
    return [Shadow(head.trained, head.losses + weight * text.losses) for head, text in pairs]
