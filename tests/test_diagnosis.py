"""Training that goes wrong says why, in one line with the knob; sound training says nothing."""

import contextlib
import copy
import csv
import io
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import model
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from voicegraft.pipeline.params import load_params
from voicegraft.speech.manifest import Corpus
from voicegraft.training import diagnosis
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute, engine
from voicegraft.training.fit import Fit, steps_of_epoch
from voicegraft.training.inputs import StoredStates, learnable_side
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import section
from voicegraft.training.schedule import head_part, upstream_parts

ROOT = Path(__file__).parent.parent
HEAD = load_params(Fit, "train_head", ROOT / "params.yaml")
TOP3 = load_params(section("blocks"), "finetune.top3", ROOT / "params.yaml", "finetune.defaults")
ON_CPU = engine(Compute(accelerator="cpu", devices=1, precision="32-true"))
SOUND = {"lr": 0.003, "epochs": 24, "min_steps": 0, "patience": 99, "batch_seconds": 1.5}


def fit_with(fit: Fit, **knobs: object) -> Fit:
    masking = fit.masking.model_copy(update={"time_masks_per_second": 0.0, "size_masks": 0})
    return fit.model_copy(update=SOUND | {"masking": masking} | knobs)


def head_trainer(store, fabric=ON_CPU, head="ctc_transformer", **knobs) -> Trainer:
    grafted, fit = model(head), fit_with(HEAD, **knobs)
    inputs = StoredStates(store, 2, fit.masking)
    return Trainer(fabric, grafted, inputs, [head_part(grafted, fit.lr)], fit)


def run(trainer: Trainer, corpus: Corpus, scratch: Path) -> list[dict[str, float]]:
    return trainer.run(corpus.of("train"), corpus.of("dev"), Checkpoint(scratch / "run"))


def complaints(printed: str) -> list[str]:
    """Return what was printed besides the progress of epochs."""
    lines = [line.strip() for line in re.split(r"[\r\n]", printed)]
    return [line for line in lines if line and not re.match(r"epoch \d+(/\d+: loss|: +\d+%)", line)]


@pytest.fixture(scope="module")
def trained(corpus, store, tmp_path_factory):
    """A head that has learnt, and all that was printed meanwhile."""
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        trainer = head_trainer(store)
        run(trainer, corpus, tmp_path_factory.mktemp("head"))
    return trainer, printed.getvalue()


def test_a_sound_training_says_nothing_though_it_is_mute_for_epochs(trained):
    trainer, printed = trained
    errors = [record["dev/cer"] for record in trainer.progress.history]
    assert errors.count(1.0) > 2 and min(errors) < 0.4
    assert complaints(printed) == []


def test_a_rate_that_is_far_too_high_is_named(corpus, store, tmp_path, capsys):
    run(head_trainer(store, lr=10.0, epochs=6), corpus, tmp_path)
    (line,) = complaints(capsys.readouterr().err)
    assert re.fullmatch(r"after 5 epochs .+: lower train_head.lr \(10\)", line)


def test_a_head_that_stays_mute_as_its_rate_is_too_low_is_named(corpus, store, tmp_path, capsys):
    trainer = head_trainer(store, lr=1e-9, epochs=6, head="ctc_linear")
    with torch.no_grad():
        trainer.bare.head.label.bias[0] = 50.0  # the blank
    run(trainer, corpus, tmp_path)
    (line,) = complaints(capsys.readouterr().err)
    assert line == "after 5 epochs the head emits only blanks: raise train_head.lr (1e-09)"


def test_a_run_that_ends_before_anything_is_learnt_says_so(corpus, store, tmp_path, capsys):
    run(head_trainer(store, epochs=5), corpus, tmp_path)
    (line,) = complaints(capsys.readouterr().err)
    assert line.startswith("after 5 epochs ")
    assert line.endswith(": raise train_head.epochs (5), or lower batch_seconds (1.5)")


def test_a_run_as_long_as_min_steps_names_that_knob(corpus, store, tmp_path, capsys):
    run(head_trainer(store, epochs=1, min_steps=50), corpus, tmp_path)
    (line,) = complaints(capsys.readouterr().err)
    assert line.endswith(": raise train_head.min_steps (50)")


def test_a_loss_that_is_not_finite_ends_the_run_with_the_knob(corpus, store, tmp_path):
    words = r"epoch 1: the loss or its gradient is not finite: lower train_head.lr \(1e\+30\)"
    with pytest.raises(ValueError, match=words):
        run(head_trainer(store, lr=1e30, warmup_share=0.0), corpus, tmp_path)


def tuned(trained: Trainer, store, corpus: Corpus, scratch: Path, upstream_lr: float) -> None:
    """Fine-tune the top block under a head that has learnt."""
    grafted = copy.deepcopy(trained.bare)
    fit = fit_with(TOP3, epochs=4, lr=1e-4, upstream_lr=upstream_lr)
    parts = [head_part(grafted, fit.lr), *upstream_parts(grafted, 1, upstream_lr, 1.0, 0, 0)]
    inputs = StoredStates(store, 1, fit.masking)
    tuner = Trainer(ON_CPU, grafted, inputs, parts, fit, section="finetune.top3")
    run(tuner, corpus, scratch)


def test_fine_tuning_that_undoes_the_head_is_named_by_the_rate_of_its_recipe(
    trained, corpus, store, tmp_path, capsys
):
    tuned(trained[0], store, corpus, tmp_path, upstream_lr=1.0)
    (line,) = complaints(capsys.readouterr().err)
    assert line.startswith("dev CER went from 0.")
    assert line.endswith("in 2 epochs: lower finetune.top3.upstream_lr (1)")


def test_fine_tuning_that_is_sound_says_nothing(trained, corpus, store, tmp_path, capsys):
    tuned(trained[0], store, corpus, tmp_path, upstream_lr=1e-4)
    assert complaints(capsys.readouterr().err) == []


def in_16_bits(scale: float) -> Fabric:
    """Return a Fabric of half precision, which Fabric itself would refuse on a CPU."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return Fabric(accelerator="cpu", plugins=[MixedPrecision("16-mixed", "cpu", scaler)])


def test_in_16_bits_steps_that_overflow_are_left_out_until_the_scale_fits(corpus, store, tmp_path):
    fabric = in_16_bits(2.0**40)
    trainer = head_trainer(store, fabric, head="ctc_linear", lr=0.01, epochs=6)
    curve = run(trainer, corpus, tmp_path)
    left_out = 40 - math.log2(fabric.strategy.precision.scaler.get_scale())
    epochs = (steps_of_epoch(corpus.of("train"), trainer.fit, epoch) for epoch in range(6))
    assert 0 < left_out < 30
    assert trainer.schedule.last_epoch == sum(map(len, epochs)) - left_out
    assert curve[-1]["train/loss"] < 0.9 * curve[1]["train/loss"]


def test_in_16_bits_what_overflows_at_any_scale_ends_the_run(corpus, store, tmp_path):
    with pytest.raises(ValueError, match=r"train_head\.lr \(1e\+30\).*32-true"):
        run(head_trainer(store, in_16_bits(8.0), lr=1e30, warmup_share=0.0), corpus, tmp_path)


def test_the_scale_of_16_bits_is_part_of_a_checkpoint(corpus, store, tmp_path):
    fabrics = [in_16_bits(2.0**30) for _ in range(2)]
    first, resumed = (head_trainer(store, f, head="ctc_linear", epochs=2) for f in fabrics)
    run(first, corpus, tmp_path)
    assert run(resumed, corpus, tmp_path) == first.progress.history
    scales = [fabric.strategy.precision.scaler.get_scale() for fabric in fabrics]
    assert scales[0] == scales[1]


def spelt(corpus: Corpus, side: str, text: str) -> Corpus:
    """Return the corpus with that text in every clip of a side."""
    changed = Corpus.__new__(Corpus)
    changed.utterances = [
        replace(u, text=text) if u.split == side else u for u in corpus.utterances
    ]
    return changed


def side_of(corpus: Corpus, store, side: str) -> None:
    trainer = head_trainer(store)
    learnable_side(corpus, side, trainer.inputs, trainer.bare)


def test_a_dev_whose_letters_train_has_not_is_named_with_the_letters(corpus, store, capsys):
    side_of(spelt(corpus, "dev", "aж жd"), store, "dev")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dev: the model has no label for 75% of the letters ('ж', 'd' …)")
    assert "prepare_data.text" in line


def test_texts_that_do_not_fit_the_audio_are_counted_with_the_knob(corpus, store, capsys):
    with pytest.raises(ValueError, match="none of 16 clips can be learnt from"):
        side_of(spelt(corpus, "train", "abř" * 99), store, "train")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train: 16 of 16 clips have more symbols than frames: check that")
    assert line.endswith("prepare_data.check.max_characters_per_second")


def test_a_sound_corpus_gives_no_warning(corpus, store, capsys):
    for side in ("train", "dev"):
        side_of(corpus, store, side)
    assert capsys.readouterr().err == ""


def test_a_few_clips_that_do_not_fit_are_counted_without_advice():
    line = diagnosis.left_out("train", 3, 100, "have more symbols than frames", "turn a knob")
    assert line == "train: 3 of 100 clips have more symbols than frames"


def committed() -> list[Path]:
    return sorted(path for path in ROOT.glob("**/evaluation/*/curves/plots/metrics/dev/cer.tsv"))


def column(path: Path) -> list[float]:
    with open(path, encoding="utf-8", newline="") as file:
        return [float(row[path.stem]) for row in csv.DictReader(file, delimiter="\t")]


@pytest.mark.parametrize("path", committed(), ids=lambda path: path.parts[-6])
def test_the_committed_curves_give_no_warning(path):
    errors, losses = column(path), column(path.parents[1] / "train" / "loss.tsv")
    curve = [{"dev/cer": error} for error in errors]
    for record, loss in zip(curve[1:], losses, strict=True):
        record["train/loss"] = loss
    fit = HEAD if errors[0] > diagnosis.LEARNT else TOP3
    printed = [diagnosis.after_epoch(curve[: n + 1], "s", fit) for n in range(1, len(curve))]
    assert {*printed, diagnosis.at_end(curve, "s", fit)} == {None}


def planted(*errors: float, loss: float = 3.0, fall: float = 0.0) -> list[dict[str, float]]:
    losses = [{}, *({"train/loss": loss - fall * n} for n in range(len(errors) - 1))]
    return [{"dev/cer": error} | losses[n] for n, error in enumerate(errors)]


def test_where_the_loss_still_falls_more_epochs_are_the_advice():
    line = diagnosis.at_end(planted(0.96, *[1.0] * 5, fall=0.1), "train_head", HEAD)
    assert line.endswith("raise train_head.epochs (10), or lower batch_seconds (30)")


def test_a_warning_about_an_epoch_is_not_repeated_at_the_end():
    curve = planted(0.2, 0.4, 0.5, 0.6, 0.7)
    printed = [diagnosis.after_epoch(curve[: n + 1], "s", TOP3) for n in range(1, len(curve))]
    printed.append(diagnosis.at_end(curve, "s", TOP3))
    assert len([line for line in printed if line]) == 1


def test_a_recipe_none_of_whose_epochs_was_better_says_so_at_its_end():
    slowly = planted(0.2, 0.215, 0.25, 0.26, 0.28)
    assert diagnosis.at_end(slowly, "s", TOP3) is None  # 0.015 may be luck
    line = diagnosis.at_end(planted(0.2, 0.23, 0.21, 0.23), "s", TOP3)
    assert line is None
    line = diagnosis.at_end(planted(0.2, 0.25), "finetune.top3", TOP3)
    printed = "dev CER went from 0.200 to 0.250, and no epoch was better"
    assert line == f"{printed}: lower finetune.top3.upstream_lr (0.0003)"
