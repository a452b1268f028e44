"""Voices that a head learnt from: by recordings that it had not, and by gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from shifted import PARAMS
from tones import recipe_of

from voicegraft.embedding.store import Store
from voicegraft.privacy.attacks import Audit
from voicegraft.privacy.drawn import draw
from voicegraft.privacy.gradients import (
    DIFFERENCE,
    HAD,
    HAD_NOT,
    SIZE,
    _gradient,
    gradients,
    voices_in_weights,
)
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.published import OTHER_CLIPS, SPEAKER, by_recipe
from voicegraft.privacy.targets import Targets
from voicegraft.privacy.voices import drawn_voices
from voicegraft.speech.manifest import Utterance

CLIPS = [
    Utterance(f"v{voice}-{k}", "train", f"v{voice}", f"s{voice}", 0, 16_000, "a b")
    for voice in range(12)
    for k in range(15)
]
TWO_SIDED = [
    Utterance(f"both-{k}", ("train", "test")[k % 2], "both", f"of{k % 4}", 0, 16_000, "a b")
    for k in range(16)
]
DRAWN = draw(CLIPS, 8, seed=1)
PLACE = np.repeat(np.arange(12), 15)


def test_a_third_of_each_whole_voice_is_in_no_lesson_and_no_other_clip_is_set_aside():
    drawn = draw([*CLIPS, *TWO_SIDED], 4, seed=1)
    assert not (drawn.lessons & drawn.aside).any()
    assert (drawn.lessons | drawn.aside == drawn.units | drawn.aside).all()
    assert [drawn.aside[PLACE.searchsorted(v) :][:15].sum() for v in range(12)] == [5] * 12
    assert not drawn.aside[len(CLIPS) :].any()
    assert list(drawn.whole) == [True] * len(CLIPS) + [False] * len(TWO_SIDED)


def attacks(lower_where):
    """Attack shadows whose losses are lower where they learnt: the clip, or its voice."""
    rng, shadows = np.random.default_rng(1), []
    for lesson, units in zip(DRAWN.lessons, DRAWN.units, strict=True):
        learnt = {"clip": lesson, "voice": units}[lower_where]
        shadows.append(Shadow(lesson, rng.normal(1.5, 0.1, len(CLIPS)) - 0.3 * learnt))
    found = by_recipe(Audit(CLIPS, shadows, PARAMS), DRAWN)
    return {attack.level: attack for attack in found if attack.name == "lira_offline"}


def test_a_voice_that_was_learnt_is_found_by_recordings_that_were_not():
    found = attacks("voice")
    assert found[SPEAKER].succeeds and found[OTHER_CLIPS].succeeds
    assert found[OTHER_CLIPS].members == found[OTHER_CLIPS].others == 6 * 8


def test_clips_that_were_learnt_do_not_give_away_others_of_their_voice():
    found = attacks("clip")
    assert found[SPEAKER].succeeds
    assert not found[OTHER_CLIPS].succeeds


@pytest.mark.parametrize("only_learnt", [True, False])
def test_voices_are_in_the_weights_where_gradients_name_those_alone_that_were_learnt(only_learnt):
    rng, shadows = np.random.default_rng(1), []
    for units in DRAWN.units:
        own = rng.normal(size=(12, 20))[PLACE] * np.where(units | (not only_learnt), 4, 0)[:, None]
        found = own + rng.normal(size=(len(CLIPS), 20))
        shadows.append(Shadow(units, np.zeros(len(CLIPS)), found))
    rates = voices_in_weights(shadows, DRAWN, CLIPS, PARAMS)
    assert rates[HAD].value > 0.95
    assert (rates[HAD_NOT].value < 0.5) == only_learnt
    assert (rates[DIFFERENCE].low > 0) == only_learnt


def test_of_one_voice_nothing_is_asked():
    clips = [replace(clip, speaker="one") for clip in CLIPS]
    shadows = [Shadow(np.ones(len(CLIPS), bool), np.zeros(len(CLIPS)))]
    assert voices_in_weights(shadows, draw(clips, 2, seed=1), clips, PARAMS) == {}
    assert drawn_voices(clips, seed=1) == []


def test_a_gradient_has_the_direction_in_which_the_loss_rises(folder, tmp_path):
    recipe = replace(recipe_of(folder), scratch=tmp_path)
    targets = Targets.of(folder / "corpus", folder / "embeddings", 60, 1, 60.0)
    dev = targets.corpus.of("dev")
    trainer = recipe.train(Store(folder / "embeddings"), targets.train, dev, 1, tmp_path)
    weight, clip = trainer.bare.head.label.weight, targets.train[0]
    axes = torch.randn(2, *weight.shape, generator=torch.Generator().manual_seed(1))
    found = _gradient(trainer, clip, weight)
    given = gradients(trainer, [clip])
    assert given.shape == (1, SIZE) and np.abs(given).max() > 0

    @torch.no_grad()
    def loss_at(change):
        weight.add_(change)
        emitted = trainer.predictor.emitted(trainer.bare, [trainer.inputs(clip)])
        weight.sub_(change)
        return trainer.bare.objective.loss(emitted, [clip]).double()

    rises = [(loss_at(0.01 * axis) - loss_at(-0.01 * axis)).item() for axis in axes]
    along = [(found @ axis.flatten()).item() for axis in axes]
    assert along[0] / along[1] == pytest.approx(rises[0] / rises[1], rel=0.02)
