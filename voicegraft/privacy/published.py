"""Attacks on membership of all models that one may publish, and on what their shadows learnt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from voicegraft.language.decoder import load_decoder
from voicegraft.language.rescoring import FEATURES
from voicegraft.model.saved import load_description
from voicegraft.privacy import language
from voicegraft.privacy.attacks import LEVELS, Attack, Audit
from voicegraft.privacy.drawn import Drawn
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.losses import losses
from voicegraft.privacy.quoting import Quoting

LM = "_lm"
LANGUAGE = "language"
"""The folder beside those of models, and the name of its attacks."""
RECIPE = "recipe"
"""The name of attacks on shadows: no model of theirs is published."""
SPEAKER, OTHER_CLIPS = "speaker", "other clips of the speaker"
"""Levels at which shadows alone are attacked."""


def on_membership(
    audit: Audit,
    member: np.ndarray,
    models: Path,
    emitted: Mapping[str, Sequence[Tensor]],
    quoting: Quoting | None,
) -> dict[str, list[Attack]]:
    """Return the attacks by name, of a model or `LANGUAGE`.

    Args:
        audit: of the clips, by shadows.
        member: of each clip 1, 0, or NaN, (clips,).
        models: their folder.
        emitted: by model, what it emits for each clip.
        quoting: the language model; None if it is not attacked.
    """
    found, texts = {}, []
    if quoting:
        texts = language.text_shadows(audit.shadows, audit.clips, quoting.lexicon, quoting.order)
        own = language.text_losses(models / LANGUAGE, audit.clips)
        found[LANGUAGE] = attacked(Audit(audit.clips, texts, audit.params), own, member)
    for name, emissions in emitted.items():
        for which, own, like in by_model(models, name, emissions, audit, texts):
            found[which] = attacked(Audit(audit.clips, like, audit.params), own, member)
    return found


def attacked(audit: Audit, losses: np.ndarray, member: np.ndarray) -> list[Attack]:
    """Return the attacks on a model at each level."""
    return [attack for level in LEVELS for attack in audit.of_model(losses, member, level)]


def by_model(
    models: Path, name: str, emissions: Sequence[Tensor], audit: Audit, texts: Sequence[Shadow]
) -> Iterator[tuple[str, np.ndarray, Sequence[Shadow]]]:
    """Yield a model, the losses of clips and its shadows; and those with its language model."""
    labels = load_description(models / name).labels
    yield name, losses(emissions, audit.clips, labels), audit.shadows
    decoder = load_decoder(models / f"{name}{LM}", labels) if texts else None
    if decoder:
        weight = decoder.settings.weights[FEATURES.index("words")]
        fused = language.fused_losses(decoder, emissions, audit.clips)
        yield f"{name}{LM}", fused, language.fused_shadows(audit.shadows, texts, weight)


def by_recipe(audit: Audit, drawn: Drawn) -> list[Attack]:
    """Return the attacks on shadows: by clip, session and voice, and by other clips of a voice."""
    learnt = {"clip": ~drawn.aside, "session": ~drawn.whole, SPEAKER: drawn.whole & ~drawn.aside}
    kept = {level: clips for level, clips in learnt.items() if clips.any()}
    found = [attack for level in kept for attack in audit.of_recipe(level, kept[level])]
    if not drawn.aside.any():
        return found
    pairs = zip(audit.shadows, drawn.units, strict=True)
    audit = replace(audit, shadows=[replace(shadow, trained=units) for shadow, units in pairs])
    by_others = audit.of_recipe(SPEAKER, drawn.aside)
    return [*found, *(replace(attack, level=OTHER_CLIPS) for attack in by_others)]
