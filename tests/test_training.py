"""The loop, on a language of tones and a tiny model with random weights."""

from pathlib import Path

import jiwer
import pytest
import torch
from invented import model

from voicegraft.embedding.store import Store
from voicegraft.model import ctc
from voicegraft.model.layers import Layer
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.training import loop
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine
from voicegraft.training.fit import Fit, steps_of_epoch
from voicegraft.training.inputs import AudioFeatures, StoredStates, learnable
from voicegraft.training.loop import Trainer
from voicegraft.training.schedule import head_part, upstream_parts
from voicegraft.training.scoring import DevScore
from voicegraft.training.scratch import recall

NO_MASKS = dict(time_masks_per_second=0.0, time_mask_frames=0, size_masks=0, size_mask_share=0.0)
MASKS = dict(time_masks_per_second=2.0, time_mask_frames=3, size_masks=1, size_mask_share=0.2)
FABRIC = engine(Compute(accelerator="cpu", devices=1, precision="32-true"))


def fit(**changes) -> Fit:
    knobs = dict(
        seed=1,
        epochs=3,
        min_steps=0,
        patience=99,
        batch_seconds=3.0,
        accumulate=1,
        lr=0.02,
        warmup_share=0.1,
        weight_decay=0.0,
        clip_norm=5.0,
        masking=MASKS,
    )
    return Fit.model_validate(knobs | changes)


def head_trainer(store: Store, knobs: Fit, head: str = "ctc_linear", layer: Layer = 2) -> Trainer:
    grafted, inputs = model(head, layer=layer), stored(store, layer, knobs)
    return Trainer(FABRIC, grafted, inputs, [head_part(grafted, knobs.lr)], knobs)


def stored(store: Store, layer: Layer, knobs: Fit | None = None) -> StoredStates:
    return StoredStates(store, layer, (knobs or fit()).masking)


def run(trainer: Trainer, corpus: Corpus, scratch: Path) -> list[dict[str, float]]:
    checkpoint = Checkpoint(scratch / "run")
    return trainer.run(corpus.of("train"), corpus.of("dev"), checkpoint)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.bare.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_head_learns_to_read_tones(corpus, store, tmp_path) -> None:
    knobs = fit(epochs=60, lr=0.003, batch_seconds=1.5, masking=NO_MASKS)
    curve = run(head_trainer(store, knobs, "ctc_transformer"), corpus, tmp_path)
    assert curve[-1]["dev/cer"] < 0.25 < curve[0]["dev/cer"]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    corpus, store, tmp_path
) -> None:
    trainers = [head_trainer(store, fit(seed=seed)) for seed in (1, 1, 2)]
    for number, trainer in enumerate(trainers):
        run(trainer, corpus, tmp_path / str(number))
    first, again, other = map(weights, trainers)
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("unspelt", [0, 1, 2])
def test_clips_are_masked_in_the_epochs_that_follow_the_first_letters(
    corpus, store, tmp_path, unspelt
):
    trainer, masked = head_trainer(store, fit()), []
    scores = (DevScore({"cer": 0.5}, 0.5, epoch < unspelt) for epoch in range(9))
    trainer.scorer = lambda _: next(scores)
    augmented = trainer.inputs.augmented

    def recorded(clip: Utterance, masks: bool) -> torch.Tensor:
        masked.append((trainer.progress.epoch, masks))
        return augmented(clip, masks)

    trainer.inputs.augmented = recorded
    run(trainer, corpus, tmp_path)
    assert set(masked) == {(epoch, epoch >= unspelt) for epoch in range(3)}


class KilledError(Exception):
    pass


class KilledAfterTwoEpochs(Checkpoint):
    def save(self, learning, write=True) -> None:
        super().save(learning, write)
        if learning.progress.epoch == 2:
            raise KilledError


@pytest.mark.parametrize("layer", [2, (0, 2)])
@pytest.mark.parametrize("head", ["ctc_linear", "ctc_transformer"])
def test_a_killed_run_goes_on_to_the_bytes_of_one_that_was_not(
    corpus, store, tmp_path, head, layer
):
    whole, killed, resumed = (head_trainer(store, fit(epochs=4), head, layer) for _ in range(3))
    curve = run(whole, corpus, tmp_path / "whole")
    with pytest.raises(KilledError):
        sides = corpus.of("train"), corpus.of("dev")
        killed.run(*sides, KilledAfterTwoEpochs(tmp_path / "killed" / "run"))
    assert run(resumed, corpus, tmp_path / "killed") == curve
    assert same(weights(whole), weights(resumed))


class KilledWithinAnEpoch(Checkpoint):
    def save(self, learning, write=True) -> None:
        super().save(learning, write)
        if (learning.progress.epoch, learning.progress.steps) == (1, 4):
            raise KilledError


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_killed_within_an_epoch_goes_on_from_its_last_step(
    corpus, store, tmp_path, monkeypatch, capsys, accumulate
):
    monkeypatch.setattr(loop, "STEPS_A_CHECKPOINT", 2)
    knobs = fit(batch_seconds=1.0, accumulate=accumulate)
    whole, killed, resumed = (head_trainer(store, knobs, "ctc_transformer") for _ in range(3))
    curve = run(whole, corpus, tmp_path / "whole")
    with pytest.raises(KilledError):
        sides = corpus.of("train"), corpus.of("dev")
        killed.run(*sides, KilledWithinAnEpoch(tmp_path / "killed" / "run"))
    torch.manual_seed(99)
    assert run(resumed, corpus, tmp_path / "killed") == curve
    assert same(weights(whole), weights(resumed))
    assert "going on after step 4 after epoch 1, from" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named_and_its_run_begins_anew(
    corpus, store, tmp_path, capsys
) -> None:
    whole, killed, anew = (head_trainer(store, fit()) for _ in range(3))
    curve = run(whole, corpus, tmp_path / "whole")
    with pytest.raises(KilledError):
        sides = corpus.of("train"), corpus.of("dev")
        killed.run(*sides, KilledAfterTwoEpochs(tmp_path / "killed" / "run"))
    file = Checkpoint(tmp_path / "killed" / "run").path
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    assert run(anew, corpus, tmp_path / "killed") == curve
    assert same(weights(whole), weights(anew))
    assert f"{file} is damaged" in capsys.readouterr().err


def test_a_checkpoint_holds_what_learns_and_nothing_that_stays_frozen(
    corpus, store, tmp_path
) -> None:
    grafted = model()
    before = {name: value.clone() for name, value in grafted.state_dict().items()}
    parts = [head_part(grafted, 0.01), *upstream_parts(grafted, 1, 0.01, 1.0, 0, 0)]
    run(Trainer(FABRIC, grafted, stored(store, 1), parts, fit()), corpus, tmp_path)
    tensors, _ = recall(Checkpoint(tmp_path / "run").path)
    kept = {name.removeprefix("weights/") for name in tensors if name.startswith("weights/")}
    learnt = {n for n, value in grafted.state_dict().items() if not torch.equal(value, before[n])}
    assert learnt <= kept < set(before)
    assert all(n.startswith(("head.", "upstream.blocks.1.", "upstream.norm.")) for n in kept)


def test_the_model_is_left_at_its_best_epoch_not_its_last(corpus, store, tmp_path) -> None:
    trainer = head_trainer(store, fit(epochs=12, lr=0.3))
    curve = run(trainer, corpus, tmp_path)
    best = min(record["dev/cer"] for record in curve)
    assert dev_cer(trainer.bare, corpus) == pytest.approx(best, abs=0.02)


def test_a_run_stops_when_dev_no_longer_gets_better(corpus, store, tmp_path) -> None:
    curve = run(head_trainer(store, fit(epochs=50, patience=2, lr=1e-9)), corpus, tmp_path)
    assert len(curve) == 3  # the model as it came, and two epochs of patience


def test_a_run_continues_for_as_long_as_nothing_is_predicted_at_all(
    corpus, store, tmp_path
) -> None:
    trainer = head_trainer(store, fit(epochs=6, patience=2, lr=1e-9))
    with torch.no_grad():
        trainer.bare.head.label.bias[0] = 50.0  # the blank, as CTC learns to emit first
    assert len(run(trainer, corpus, tmp_path)) == 1 + 6


@pytest.mark.parametrize(("written", "epochs"), [("a few", 6), ("most", 2)])
def test_a_run_continues_while_it_writes_few_letters_though_its_first_error_is_lower(
    corpus, store, tmp_path, monkeypatch, written, epochs
) -> None:
    trainer = head_trainer(store, fit(epochs=6, patience=2, lr=1e-9))
    texts = [u.text for u in corpus.of("dev")]
    few = [text[: len(text) // 4] for text in texts]
    later = few if written == "a few" else [text[: len(text) // 2] for text in texts]
    scored = iter([[text[:-1] for text in texts], *[later] * 6])
    monkeypatch.setattr(trainer.predictor, "predict_by_all", lambda _: next(scored))
    assert len(run(trainer, corpus, tmp_path)) == 1 + epochs


def dev_cer(grafted, corpus: Corpus) -> float:
    grafted.eval()
    dev = corpus.of("dev")
    hypotheses = [grafted.decode(grafted.emissions([corpus.wave(u)])[0]) for u in dev]
    return jiwer.cer([u.text for u in dev], hypotheses)


@pytest.mark.parametrize(
    ("layer", "start"), [*((2, start) for start in (0, 1, 2, None)), ((1, 2), 1), ((1, 2), None)]
)
def test_fine_tuning_begins_at_the_score_of_the_frozen_model(corpus, store, tmp_path, layer, start):
    trained = head_trainer(store, fit(epochs=12), layer=layer)
    run(trained, corpus, tmp_path / "head")
    grafted = trained.bare
    inputs = (
        AudioFeatures(corpus, grafted, fit().masking) if start is None else stored(store, start)
    )
    parts = [head_part(grafted, 1e-9)]
    curve = run(Trainer(FABRIC, grafted, inputs, parts, fit(epochs=1)), corpus, tmp_path / "fine")
    assert curve[0]["dev/cer"] == dev_cer(grafted, corpus)


def test_only_what_is_unfrozen_changes(corpus, store, tmp_path) -> None:
    grafted = model()
    before = {name: value.clone() for name, value in grafted.state_dict().items()}
    parts = [head_part(grafted, 0.01), *upstream_parts(grafted, 1, 0.01, 1.0, 0, 0)]
    run(Trainer(FABRIC, grafted, stored(store, 1), parts, fit()), corpus, tmp_path)
    changed = {n for n, value in grafted.state_dict().items() if not torch.equal(value, before[n])}
    assert {name.split(".")[0] for name in changed} == {"head", "upstream"}
    assert all(n.startswith(("head.", "upstream.blocks.1.", "upstream.norm.")) for n in changed)


def test_the_weights_of_layers_are_learnt_with_the_head_and_followed_by_epoch(
    corpus, store, tmp_path
) -> None:
    trainer = head_trainer(store, fit(epochs=3), layer=(0, 1, 2))
    curve = run(trainer, corpus, tmp_path)
    followed = [[record[f"layer/{k}"] for k in (0, 1, 2)] for record in curve]
    assert followed[0] == pytest.approx([1 / 3] * 3)
    assert all(sum(weights) == pytest.approx(1) for weights in followed)
    best = min(curve, key=lambda record: record["dev/cer"])
    of_best = [best[f"layer/{k}"] for k in (0, 1, 2)]
    assert list(trainer.bare.layer_weights.values()) == pytest.approx(of_best)
    assert of_best != pytest.approx([1 / 3] * 3, abs=1e-3)


def test_of_one_layer_no_weight_is_followed(corpus, store, tmp_path) -> None:
    curve = run(head_trainer(store, fit(epochs=1)), corpus, tmp_path)
    assert set(curve[-1]) == {"step", "train/loss", "dev/cer", "dev/wer"}


def test_clips_with_more_symbols_than_frames_are_left_out_and_counted(
    corpus, store, tmp_path, capsys
) -> None:
    hasty = Utterance("clip0", "train", "", "", 0, 9_600, "ab" * 40)
    trainer = head_trainer(store, fit(epochs=1))
    assert learnable([hasty], trainer.inputs, trainer.bare) == []
    corpus_with_hasty = Corpus.__new__(Corpus)
    corpus_with_hasty.utterances = [*corpus.utterances, hasty]
    checkpoint = Checkpoint(tmp_path / "run")
    trainer.train(corpus_with_hasty, checkpoint, tmp_path / "model", tmp_path / "curves")
    assert "train: 1 of 17 clips have more symbols than frames" in capsys.readouterr().err


def test_every_clip_is_in_one_batch_an_epoch_and_batches_change_between_epochs(corpus) -> None:
    train, knobs = corpus.of("train"), fit()
    epochs = [steps_of_epoch(train, knobs, epoch) for epoch in (0, 0, 1)]
    assert epochs[0] == epochs[1] != epochs[2]
    for steps in epochs:
        assert sorted(u.id for s in steps for b in s for u in b) == sorted(u.id for u in train)


def test_accumulating_two_batches_takes_half_the_steps(corpus, store, tmp_path) -> None:
    steps = {}
    for accumulate in (1, 2):
        trainer = head_trainer(store, fit(epochs=1, accumulate=accumulate))
        run(trainer, corpus, tmp_path / str(accumulate))
        steps[accumulate] = trainer.schedule.last_epoch
    assert steps[2] == -(-steps[1] // 2)


def steps(trainer: Trainer) -> int:
    """Return the number of steps that were taken."""
    return trainer.schedule.last_epoch


def test_a_small_corpus_has_epochs_until_there_are_steps_enough(corpus, store, tmp_path) -> None:
    few, enough = head_trainer(store, fit()), head_trainer(store, fit(min_steps=50))
    for number, trainer in enumerate((few, enough)):
        run(trainer, corpus, tmp_path / str(number))
    in_an_epoch = steps(few) // 3
    assert steps(few) < 50 <= steps(enough) < 50 + in_an_epoch


def test_where_the_epochs_have_steps_enough_there_are_no_more_of_them(
    corpus, store, tmp_path
) -> None:
    without = head_trainer(store, fit())
    run(without, corpus, tmp_path / "without")
    enough = head_trainer(store, fit(min_steps=steps(without)))
    run(enough, corpus, tmp_path / "enough")
    assert steps(enough) == steps(without)
    assert same(weights(enough), weights(without))


def test_patience_grows_as_the_epochs_do(corpus, store, tmp_path) -> None:
    at_most = len(steps_of_epoch(corpus.of("train"), fit(), 0)) * 50
    knobs = fit(epochs=10, min_steps=at_most, patience=2, lr=1e-9)
    assert len(run(head_trainer(store, knobs), corpus, tmp_path)) == 1 + 5 * 2


def test_the_rate_rises_and_falls_over_all_epochs_however_many(corpus, store, tmp_path) -> None:
    trainer = head_trainer(store, fit(min_steps=60, warmup_share=0.5))
    run(trainer, corpus, tmp_path)
    (factor,) = trainer.schedule.lr_lambdas
    total = steps(trainer)
    assert factor(0) == pytest.approx(2 / total)
    assert factor(total - 1) > factor(total) == 0


def test_gradual_unfreezing_takes_the_same_share_of_the_epochs(corpus, store, tmp_path) -> None:
    grafted, in_an_epoch = model(), len(steps_of_epoch(corpus.of("train"), fit(), 0))
    parts = [head_part(grafted, 0.01), *upstream_parts(grafted, 1, 0.01, 1.0, 2, 0)]
    knobs = fit(min_steps=3 * 3 * in_an_epoch)
    trainer = Trainer(FABRIC, grafted, stored(store, 1), parts, knobs)
    run(trainer, corpus, tmp_path)
    assert [part.first_epoch for part in trainer.parts] == [0, 6]
    assert len(trainer.progress.history) == 1 + 9


def test_targets_spell_with_the_labels_of_train_alone(corpus) -> None:
    assert ctc.labels_of(u.text for u in corpus.of("train")) == ["", "a", "b", "ř"]
