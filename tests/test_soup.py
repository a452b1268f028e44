"""The mean of several trainings from one head, on the language of tones."""

import pytest
import torch
from test_training import FABRIC, fit, model, stored, weights

from voicegraft.training import soup
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import load_recipe
from voicegraft.training.schedule import head_part, upstream_parts
from voicegraft.training.soup import mean_of, train_soup

COUNT = 3


@pytest.fixture
def cook(corpus, store, tmp_path):
    """Train so many times, with a block unfrozen, and return the trainer and the soup."""

    def trainer(number: int, blocks: int = 1) -> Trainer:
        knobs, grafted = fit(epochs=2, seed=1 + number), model("ctc_linear")
        grafted.requires_grad_(False)
        parts = [head_part(grafted, knobs.lr), *upstream_parts(grafted, blocks, 0.01, 1.0, 0, 0)]
        return Trainer(FABRIC, grafted, stored(store, 1), parts, knobs, quiet=True)

    def run(count: int):
        return train_soup(trainer, lambda t: tmp_path / f"{t.fit.seed}", count, corpus)

    run.trainer = trainer
    return run


def alone(cook, corpus, tmp_path):
    """Train by each seed by itself, and return the trainers."""
    found = [cook.trainer(number) for number in range(COUNT)]
    for number, trainer in enumerate(found):
        trainer.learn(corpus, soup.Checkpoint(tmp_path / f"alone{number}"))
    return found


def test_the_mean_is_that_of_the_best_weights_of_each_seed(cook, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(soup.Soup, "is_kept", True)
    each = alone(cook, corpus, tmp_path)
    trained, made = cook(COUNT)
    assert made.alone == [trainer.progress.best_error for trainer in each]
    expected = mean_of([trainer.best for trainer in each], weights(each[0]))
    found = weights(trained)
    for name, own in expected.items():
        torch.testing.assert_close(found[name], own)
        singles = [trainer.best[name] for trainer in each]
        assert not any(torch.equal(own, single) for single in singles)
    assert trained.error(corpus.of("dev")) == made.together


def test_what_a_training_left_frozen_counts_as_it_was(cook, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(soup.Soup, "is_kept", True)
    before = weights(cook.trainer(0))
    made = {0: lambda: cook.trainer(0, blocks=0), 1: lambda: cook.trainer(1)}
    trained, _ = train_soup(lambda n: made[n](), lambda t: tmp_path / f"{t.fit.seed}", 2, corpus)
    each = [made[number]() for number in made]
    for number, trainer in enumerate(each):
        trainer.learn(corpus, soup.Checkpoint(tmp_path / f"alone{number}"))
    found, blocks = weights(trained), 0
    for name, own in each[1].best.items():
        other = each[0].best.get(name, before[name])
        torch.testing.assert_close(found[name], (own + other) / 2)
        blocks += name not in each[0].best
    assert blocks


def test_a_recipe_is_averaged_by_seeds_or_by_changes():
    recipe = load_recipe("top3")
    assert [own.seed for own in recipe.trainings("finetune.top3")] == [1]
    three = recipe.model_copy(update={"soup": 3}).trainings("finetune.top3")
    assert [own.model_dump() for own in three] == [
        recipe.model_dump() | {"seed": seed} for seed in (1, 2, 3)
    ]
    changes = [{}, {"unfrozen_blocks": 2, "masking": {"size_masks": 1}, "seed": 7}]
    _, changed = recipe.model_copy(update={"soup": changes}).trainings("finetune.top3")
    assert (changed.unfrozen_blocks, changed.seed, changed.lr) == (2, 7, recipe.lr)
    assert changed.masking == recipe.masking.model_copy(update={"size_masks": 1})


@pytest.mark.parametrize("change", [{"learns": "lora"}, {"soup": 2}, {"epoch": 1}, {"epochs": 0}])
def test_a_change_that_is_none_of_the_recipe_is_refused_by_name(change):
    recipe = load_recipe("top3").model_copy(update={"soup": [{}, change]})
    with pytest.raises(ValueError, match=r"finetune\.top3\.soup: \{'" + next(iter(change))):
        recipe.trainings("finetune.top3")


def test_a_mean_that_is_worse_on_dev_is_left_for_the_best_training(cook, corpus, monkeypatch):
    errors = Trainer.error
    monkeypatch.setattr(Trainer, "error", lambda self, dev: errors(self, dev) + 9)
    trained, made = cook(COUNT)
    assert not made.is_kept and "the best alone is kept" in f"{made}"
    assert errors(trained, corpus.of("dev")) == min(made.alone)


def test_trainings_that_are_done_are_recalled_after_a_stop(cook, monkeypatch):
    whole, first = cook(COUNT)
    monkeypatch.setattr(Trainer, "learn", None)
    again, second = cook(COUNT)
    assert first == second
    before, after = weights(whole), weights(again)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_soup_of_one_is_that_training(cook, corpus, tmp_path):
    (one, *_) = alone(cook, corpus, tmp_path)
    trained, made = cook(1)
    assert made.alone == [made.together] == [one.progress.best_error]
    assert made.history == one.progress.history
    before, after = weights(one), weights(trained)
    assert all(torch.equal(before[name], after[name]) for name in before)
