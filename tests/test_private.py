"""DP-SGD of heads: gradients by clip, clipping, noise, and what is promised."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from invented import model
from scipy.stats import norm

from voicegraft.model.batches import Padded, pad
from voicegraft.model.head import names as heads
from voicegraft.pipeline.params import ParamsError, load_params, read_params
from voicegraft.training import guarantee as promise
from voicegraft.training import private
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit, Masking, Private
from voicegraft.training.guarantee import Guarantee, guarantee
from voicegraft.training.head import head_trainer
from voicegraft.training.inputs import StoredStates
from voicegraft.training.private import shortened, units_of
from voicegraft.training.recipe import Recipe

COMPUTE = Compute(accelerator="cpu", devices=1, precision="32-true")
STILL = Masking(time_masks_per_second=0, time_mask_frames=0, size_masks=0, size_mask_share=0)
FIT = Fit(
    **{"seed": 1, "epochs": 2, "min_steps": 0, "patience": 1, "batch_seconds": 1.0},
    **{"accumulate": 1, "lr": 0.01, "warmup_share": 0.0, "weight_decay": 0.0, "clip_norm": 0.5},
    masking=STILL,
    private=Private(epsilon=8.0, delta=0.01, unit="utterance"),
)
MADE = Guarantee(8.0, 0.01, "utterance", 16, 1.0, 0.5, 0.25, 8)


@pytest.fixture
def trainer(store, monkeypatch):
    """A private trainer that asks no accountant."""
    monkeypatch.setattr(private, "guarantee", lambda *_: MADE)
    return new_trainer(store)


def new_trainer(store, head="ctc_linear", fit=FIT):
    found = head_trainer(model(head), store, fit, COMPUTE, quiet=True)
    found.generator = lambda: torch.Generator().manual_seed(7)
    return found


@pytest.mark.parametrize("head", heads())
def test_gradients_by_clip_are_those_of_a_batch_taken_apart(store, corpus, head):
    trainer, clips = new_trainer(store, head), corpus.of("train")[:4]
    trainer.bare.eval()
    states = [store_states(store, clip) for clip in clips]
    emissions = trainer.bare.head(pad(states))
    parameters = list(trainer.bare.head.parameters())
    for index, clip in enumerate(clips):
        # The same clip out of a padded batch, by one backward pass through that batch.
        one = Padded(emissions.values[index : index + 1], emissions.lengths[index : index + 1])
        loss = trainer.bare.objective.loss(one, [clip])
        wanted = torch.autograd.grad(loss, parameters, retain_graph=True)
        found, value = trainer.gradient([clip])
        assert value == pytest.approx(loss.item(), rel=1e-5)
        for own, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-5)


def store_states(store, clip):
    layer = store.facts["layers"][-1]
    return torch.from_numpy(store.states(clip.id, layer).astype("float32"))


@pytest.fixture(autouse=True)
def _without_speeds(monkeypatch):
    monkeypatch.setattr(StoredStates, "takes", lambda _, utterance: [utterance.id])


def test_a_gradient_is_shortened_as_a_whole_and_one_that_is_not_finite_is_none():
    long = torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])
    found = shortened(long, 1.0)
    torch.testing.assert_close(found, (torch.tensor([0.6, 0.0]), torch.tensor([[0.8]])))
    torch.testing.assert_close(shortened(long, 5.5), long)
    assert all(not part.any() for part in shortened((torch.tensor([math.inf]),), 1.0))


def test_a_step_is_the_sum_of_shortened_gradients_with_noise_over_the_expected_number(
    trainer, corpus
):
    clips = corpus.of("train")
    trainer.units, trainer.guarantee = [[clip] for clip in clips], MADE
    given = []
    taken = SimpleNamespace(
        step=lambda: given.extend(p.grad.clone() for p in trainer._learning_parameters()),
        zero_grad=lambda: None,
    )
    trainer.optimiser, trainer.schedule = taken, SimpleNamespace(step=lambda: None)
    secret = torch.Generator().manual_seed(3)
    trainer._private_step(secret)
    again = torch.Generator().manual_seed(3)
    drawn = torch.rand(len(clips), generator=again) < MADE.sampling_rate
    assert 0 < drawn.sum() < len(clips)
    wanted = [torch.zeros_like(p) for p in trainer._learning_parameters()]
    for clip, hit in zip(clips, drawn.tolist(), strict=True):
        gradient, _ = trainer.gradient([clip])
        length = torch.cat([part.flatten() for part in gradient]).norm()
        for total, part in zip(wanted, gradient, strict=True):
            total += hit * part * min(1.0, MADE.clip_norm / float(length))
    expected = MADE.sampling_rate * len(clips)
    for found, total in zip(given, wanted, strict=True):
        noise = torch.randn(total.shape, generator=again) * MADE.noise_multiplier * MADE.clip_norm
        torch.testing.assert_close(found, (total + noise) / expected)


def test_a_voice_is_one_unit_whose_clips_are_shortened_together(trainer, corpus):
    clips = corpus.of("train")
    voices = units_of(clips, "speaker")
    assert sorted(len(voice) for voice in voices) == sorted(
        sum(c.speaker == s for c in clips) for s in {c.speaker for c in clips}
    )
    alone = [trainer.gradient([clip])[0] for clip in voices[0]]
    together, _ = trainer.gradient(voices[0])
    for part, each in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(part, torch.stack(each).sum(0), rtol=1e-4, atol=1e-5)


def test_who_speaks_must_be_known_for_a_guarantee_by_voice(corpus):
    clips = [replace(clip, speaker="") for clip in corpus.of("train")[:2]] + corpus.of("train")
    with pytest.raises(ValueError, match="of 2 clips in train it is not known who speaks"):
        units_of(clips, "speaker")


def test_all_epochs_are_trained_the_last_is_kept_and_no_loss_on_train_is_told(
    trainer, corpus, tmp_path
):
    trainer.train(corpus, Checkpoint(tmp_path / "run"), tmp_path / "model", tmp_path / "curves")
    assert trainer.progress.epoch == trainer.budget.epochs == FIT.epochs
    assert trainer.progress.best_epoch == FIT.epochs
    curves = {path.name for path in (tmp_path / "curves").rglob("*.tsv")}
    assert "cer.tsv" in curves
    assert "loss.tsv" not in curves
    assert json.loads((tmp_path / "model/privacy.json").read_text())["epsilon"] == 8.0
    assert promise.promised(tmp_path / "model").startswith("(8.00, 1.0e-02)-differential privacy")
    (tmp_path / "model/model.safetensors").write_bytes(b"fine-tuned since")
    assert promise.promised(tmp_path / "model") is None
    last = {name: p for name, p in trainer.bare.head.named_parameters()}
    for name, kept in trainer.best.items():
        torch.testing.assert_close(last[name.removeprefix("head.")].detach(), kept)


def test_random_numbers_are_not_those_of_the_seed():
    draws = {torch.rand(1, generator=private.from_the_system()).item() for _ in range(4)}
    assert len(draws) == 4


def test_a_run_without_a_guarantee_has_the_name_and_provenance_that_it_had():
    plain = FIT.model_copy(update={"private": None})
    assert "private" not in plain.model_dump()
    assert "private" not in plain.model_dump(mode="json")
    assert FIT.model_dump()["private"]["unit"] == "utterance"


def test_too_few_units_and_a_delta_that_promises_nothing_are_refused():
    with pytest.raises(ValueError, match="with fewer than 50, no guarantee is worth its noise"):
        guarantee(Private(epsilon=1.0, delta="auto", unit="speaker"), 4, 0.1, 100, 1.0)
    with pytest.raises(ValueError, match=r"delta must be below 0.01, or one of them"):
        guarantee(Private(epsilon=1.0, delta=0.02, unit="utterance"), 100, 0.1, 100, 1.0)


def test_without_opacus_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus.accountants.utils", None)
    with pytest.raises(RuntimeError, match=r"needs Opacus: pip install 'voicegraft\[private\]'"):
        guarantee(Private(epsilon=1.0, delta="auto", unit="utterance"), 100, 0.1, 100, 1.0)


def test_a_classifier_and_a_recipe_cannot_be_private(store, tmp_path):
    pooled = model()
    pooled.description = pooled.description.model_copy(update={"pooling": "mean"})
    with pytest.raises(ValueError, match="heads for texts can be private, classifiers cannot"):
        head_trainer(pooled, store, FIT, COMPUTE)
    params = read_params(Path(__file__).parent.parent / "params.yaml")["finetune"]
    asked = {"epsilon": 8, "delta": "auto", "unit": "utterance"}
    file = tmp_path / "params.yaml"
    file.write_text(json.dumps({"finetune": params | {"top3": {"private": asked}}}))
    with pytest.raises(ParamsError, match=r"finetune.top3.private"):
        load_params(Recipe, "finetune.top3", file, "finetune.defaults")


def epsilon_of_gaussian(sigma, delta):
    """Return ε of one release with that noise, by the closed form of Balle & Wang 2018.

    https://arxiv.org/abs/1805.06530, theorem 8, solved by bisection.
    """
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        a, b = 1 / (2 * sigma), middle * sigma
        spent = norm.cdf(a - b) - math.exp(middle) * norm.cdf(-a - b)
        low, high = (middle, high) if spent > delta else (low, middle)
    return high


@pytest.mark.parametrize(("noise", "steps"), [(2.0, 1), (20.0, 400)])
def test_the_accountant_agrees_with_the_closed_form_where_there_is_one(noise, steps):
    # Without sampling, n steps are one with noise / √n.
    pytest.importorskip("opacus")
    wanted = epsilon_of_gaussian(noise / math.sqrt(steps), 1e-3)
    assert promise.epsilon(noise, 1.0, steps, 1e-3) == pytest.approx(wanted, rel=0.01)


def privacy_of_sampled_gaussian(noise, rate, steps, delta):
    """Return ε of DP-SGD by the convolution of privacy losses on a grid, independently of Opacus.

    Koskela, Jälkö & Honkela 2020, https://arxiv.org/abs/1906.03049; both directions of a removal.
    """
    spacing, half = 2e-4, 2**17
    losses = (np.arange(2 * half) - half) * spacing

    def pmf(direction):
        edges = np.append(losses - spacing / 2, losses[-1] + spacing / 2)
        if direction == "remove":  # P = (1 - q) N(0) + q N(1), Q = N(0); the loss is ln P/Q
            inner = (np.exp(edges) - (1 - rate)) / rate
            at = np.where(inner > 0, noise**2 * np.log(np.maximum(inner, 1e-300)) + 0.5, -np.inf)
            cdf = (1 - rate) * norm.cdf(at / noise) + rate * norm.cdf((at - 1) / noise)
        else:  # the other way round
            inner = (np.exp(-edges) - (1 - rate)) / rate
            at = np.where(inner > 0, noise**2 * np.log(np.maximum(inner, 1e-300)) + 0.5, -np.inf)
            cdf = norm.sf(at / noise)
        return np.diff(cdf)

    def epsilon(mass):
        spectrum = np.fft.fft(np.fft.ifftshift(mass))
        total = np.fft.fftshift(np.fft.ifft(spectrum**steps).real)
        low, high = 0.0, losses[-1]
        for _ in range(60):
            middle = (low + high) / 2
            above = losses > middle
            spent = float((total[above] * -np.expm1(middle - losses[above])).sum())
            low, high = (middle, high) if spent > delta else (low, middle)
        return high

    return max(epsilon(pmf("remove")), epsilon(pmf("add")))


@pytest.mark.parametrize(("noise", "rate", "steps"), [(0.92, 0.125, 120), (3.0, 0.1, 300)])
def test_the_accountant_agrees_with_another_to_a_hundredth(noise, rate, steps):
    pytest.importorskip("opacus")
    wanted = privacy_of_sampled_gaussian(noise, rate, steps, 1e-3)
    assert promise.epsilon(noise, rate, steps, 1e-3) == pytest.approx(wanted, rel=0.01)


def test_the_noise_is_the_least_that_keeps_the_promise():
    pytest.importorskip("opacus")
    made = guarantee(Private(epsilon=1.0, delta="auto", unit="utterance"), 1000, 0.1, 100, 1.0)
    assert 0.98 <= made.epsilon <= 1.0
    assert made.delta == pytest.approx(1000**-1.1)
