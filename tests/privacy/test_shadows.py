"""Shadow heads on tones: trained, recalled, and what an overfitted one gives away."""

from dataclasses import replace

import numpy as np
import pytest
from shifted import PARAMS
from tones import recipe_of

from voicegraft.embedding.store import Store
from voicegraft.privacy.attacks import Audit
from voicegraft.privacy.canaries import Canary, encoded
from voicegraft.privacy.findings import by_membership
from voicegraft.privacy.insertion import Lesson, in_heads
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.shadows import ShadowRecipe, losses_of, train_shadows
from voicegraft.privacy.targets import Targets
from voicegraft.privacy.verdict import MEMBERSHIP
from voicegraft.training.recipe import load_recipe


def test_a_head_fitted_to_wrong_texts_gives_away_which_it_was_given(folder, tmp_path):
    recipe = recipe_of(folder, epochs=100, patience=100, lr=0.05, batch_seconds=1.0)
    targets = Targets.of(folder / "corpus", folder / "embeddings", 60, 1, 60.0)
    rng = np.random.default_rng(1)
    alone = {"speaker": "", "session": ""}  # of whom and when is not known, so blocks are clips
    clips = [replace(c, text="".join(rng.choice([*"abř"], 4)), **alone) for c in targets.clips]
    trained = np.arange(len(clips)) % 4 == 0
    own = [clip for clip, drawn in zip(clips, trained, strict=True) if drawn]
    trainer = recipe.train(Store(folder / "embeddings"), own, own, 1, tmp_path)
    attacks = Audit(clips, [Shadow(trained, losses_of(trainer, clips))], PARAMS).of_recipe()
    assert attacks[0].auc.value >= 0.9
    assert by_membership("model", attacks).verdict == MEMBERSHIP


def test_a_shadow_is_recalled_and_one_of_other_knobs_is_not(folder, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # in this process
    targets = Targets.of(folder / "corpus", folder / "embeddings", 60, 1, 60.0)
    drawn = np.stack([half := np.arange(len(targets.clips)) % 2 == 0, ~half])
    used, dev = set(), targets.corpus.of("dev")
    first, _ = train_shadows(recipe_of(folder), targets.clips, drawn, dev, used)
    assert len(used) == 2
    monkeypatch.setattr(ShadowRecipe, "train", None)
    again, _ = train_shadows(recipe_of(folder), targets.clips, drawn, dev, used)
    assert all((a.losses == b.losses).all() for a, b in zip(first, again, strict=True))
    with pytest.raises(TypeError):
        train_shadows(recipe_of(folder, lr=0.1), targets.clips, drawn, dev, used)


def test_a_head_learns_canaries_beside_the_clips_of_a_store(folder, tmp_path):
    store = Store(folder / "embeddings")
    store.facts["precision"] = "float32"
    sound = (9_000 * np.sin(np.arange(16_000) / 5)).astype(np.int16)
    canaries = [Canary(f"c{k}", "v", "abř"[: 1 + k % 3] * 2, sound) for k in range(8)]
    both = encoded(canaries, folder / "upstream", store)
    assert len(both.frames) == len(store.frames) + 8
    assert both.states("c0", 2).shape == (both.frames["c0"], store.facts["size"])
    targets = Targets.of(folder / "corpus", folder / "embeddings", 60, 1, 60.0)
    counts = np.array([1, 0, 2, 0, 4, 0, 16, 0])
    lesson = Lesson(targets.train, targets.corpus.of("dev"))
    recipe = replace(recipe_of(folder), scratch=tmp_path)
    changes = {"unfrozen_blocks": 1, "epochs": 1, "batch_seconds": 2.0}
    tuning = load_recipe("top3").model_copy(update=changes)
    found = in_heads(recipe, both, canaries, lesson, [counts], {"top1": tuning})
    assert found.keys() == {"head", "top1"}
    for ((inserted, losses),) in found.values():
        assert (inserted == counts).all() and np.isfinite(losses).all()
    assert (found["head"][0][1] != found["top1"][0][1]).all()
    with pytest.raises(ValueError, match=r"audit\.models: a recipe with canaries needs"):
        recipe.tune(None, load_recipe("full"), both, [], [], tmp_path)


def test_members_are_clips_of_train_whose_voice_test_has_too(folder):
    targets = Targets.of(folder / "corpus", folder / "embeddings", 60, 1, 60.0)
    sides = {"voice2": "test", "voice1": "test", "voice0": "unseen"}
    clips = [
        replace(c, split="train" if c.id < "clip2" else sides[c.speaker]) for c in targets.clips
    ]
    targets.corpus.utterances = clips
    targets = replace(targets, train=targets.corpus.of("train"))
    for clip, side in zip(targets.clips, targets.member, strict=True):
        wanted = {"train": 1.0, "test": 0.0}.get(clip.split) if clip.speaker != "voice0" else None
        assert side == wanted or (wanted is None and np.isnan(side))
    assert set(targets.member[~np.isnan(targets.member)]) == {0.0, 1.0}


def test_clips_of_train_are_drawn_by_whole_sessions(folder):
    targets = Targets.of(folder / "corpus", folder / "embeddings", 0.01, 1, 60.0)
    sessions = {clip.session for clip in targets.train}
    whole = [c for c in targets.corpus.of("train") if c.session in sessions]
    assert len(sessions) == 1
    assert sorted(c.id for c in targets.train) == sorted(c.id for c in whole)
