"""What `compute.precision: auto` stands for, by a look at what is trained."""

import pytest
import torch
from invented import MARGIN_SECONDS, model
from processors import with_fast_bfloat16, with_noisy_convolutions
from test_training import NO_MASKS, fit, stored

from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.training.compute import CLIPS, Compute, learns_alike, settled
from voicegraft.training.head import head_trainer
from voicegraft.training.inputs import AudioFeatures
from voicegraft.training.schedule import head_part, upstream_parts

AUTO = Compute(accelerator="cpu", devices=1, precision="auto")
MASKING = fit(masking=NO_MASKS).masking


def wav2vec2():
    config = upstreams.plugin("wav2vec2").TINY
    torch.manual_seed(1)
    return GraftedModel(
        Description(
            upstream="wav2vec2",
            upstream_config=config,
            margin_seconds=MARGIN_SECONDS,
            head="ctc_transformer",
            layer=config["encoder_num_layers"],
            labels=["", "a", "b", "ř"],
        )
    )


def parts_of(grafted, blocks):
    return [head_part(grafted, 1.0), *upstream_parts(grafted, blocks, 1.0, 1.0, 1, 1)]


def from_audio(corpus, grafted):
    """All that there is, and what `settled` takes of it."""
    blocks = len(grafted.upstream.blocks)
    return grafted, AudioFeatures(corpus, grafted, MASKING), parts_of(grafted, blocks)


def from_the_trunk(store, grafted, start):
    return grafted, stored(store, start), parts_of(grafted, 2 - start)


@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_a_precision_that_is_named_is_taken_without_a_look(precision, monkeypatch, corpus):
    with_noisy_convolutions(monkeypatch)
    named = AUTO.model_copy(update={"precision": precision})
    assert settled(named, *from_audio(corpus, wav2vec2())) == named


def test_auto_is_float32_where_bfloat16_is_not_fast(monkeypatch, corpus):
    with_fast_bfloat16(monkeypatch, fast=False)
    assert settled(AUTO, *from_audio(corpus, model())).precision == "32-true"


@pytest.mark.parametrize("head", ["ctc_linear", "ctc_transformer"])
@pytest.mark.parametrize("start", [2, 1, 0])
def test_what_learns_alike_in_both_is_trained_in_bfloat16(monkeypatch, store, head, start):
    with_fast_bfloat16(monkeypatch)
    trained = from_the_trunk(store, model(head), start)
    expected = "bf16-mixed" if learns_alike(*trained) else "32-true"
    assert settled(AUTO, *trained).precision == expected


def test_where_convolutions_return_noise_what_runs_them_is_trained_in_float32(
    monkeypatch, corpus, capsys
):
    with_noisy_convolutions(monkeypatch)
    for _ in range(2):
        assert settled(AUTO, *from_audio(corpus, wav2vec2())).precision == "32-true"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("compute.precision: auto takes float32, as bfloat16 is wrong")


def test_where_convolutions_return_noise_a_head_that_runs_none_is_trained_as_elsewhere(
    monkeypatch, store
):
    with_fast_bfloat16(monkeypatch)
    elsewhere = settled(AUTO, *from_the_trunk(store, model(), 2))
    with_noisy_convolutions(monkeypatch)
    assert settled(AUTO, *from_the_trunk(store, model(), 2)) == elsewhere


@pytest.mark.parametrize("block", [0, 1])
def test_where_the_way_back_alone_is_wrong_float32_is_taken_and_the_block_is_named(
    monkeypatch, store, block, capsys
):
    with_fast_bfloat16(monkeypatch)
    grafted, rounded = model(), []
    grafted.register_forward_pre_hook(lambda *_: rounded.append(torch.is_autocast_enabled("cpu")))
    grafted.upstream.blocks[block].qkv.weight.register_hook(
        lambda gradient: torch.randn_like(gradient) if rounded[-1] else gradient
    )
    assert settled(AUTO, *from_the_trunk(store, grafted, 0)).precision == "32-true"
    assert f"the gradient of block {block + 1} is off by" in capsys.readouterr().err


def test_a_look_leaves_no_trace(store):
    trained = from_the_trunk(store, model("ctc_transformer"), 1)
    grafted = trained[0].eval()
    grafted.requires_grad_(False)
    before = {name: value.clone() for name, value in grafted.state_dict().items()}
    drawn = torch.get_rng_state()
    learns_alike(*trained)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, before[n]) for n, value in grafted.state_dict().items())
    assert not any(module.training for module in grafted.modules())
    assert not any(p.requires_grad or p.grad is not None for p in grafted.parameters())


@pytest.mark.parametrize("source", ["trunk", "audio"])
def test_the_clips_of_middling_length_are_looked_at_together(store, corpus, source):
    grafted, seen = model(), []
    grafted.register_forward_pre_hook(lambda _, args: seen.append(args[1].tolist()))
    trained = (
        from_the_trunk(store, grafted, 1) if source == "trunk" else from_audio(corpus, grafted)
    )
    learns_alike(*trained)
    every = sorted(len(values) for values in trained[1].examples(1000))
    first = max(0, (len(every) - CLIPS) // 2)
    assert seen == 2 * [every[first : first + CLIPS]] and len(seen[0]) > 1


@pytest.mark.parametrize("name", upstreams.names())
@pytest.mark.parametrize("head", ["mlp", "logistic"])
def test_classifiers_on_every_upstream_can_be_looked_at(name, head, corpus):
    plugin = upstreams.plugin(name)
    blocks = len(plugin.build(plugin.TINY).blocks)
    described = {"upstream": name, "upstream_config": plugin.TINY, "margin_seconds": 0.1}
    described |= {"head": head, "pooling": "mean", "layer": blocks, "labels": ["a", "b", "c"]}
    grafted = GraftedModel(Description(**described))
    parts = parts_of(grafted, blocks) if blocks else [head_part(grafted, 1.0)]
    seen = []
    grafted.register_forward_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    learns_alike(grafted, AudioFeatures(corpus, grafted, MASKING), parts)
    assert seen == [False, True]


@pytest.mark.parametrize("fast", [True, False])
def test_a_trainer_of_heads_runs_in_what_auto_stands_for(monkeypatch, store, corpus, fast):
    with_fast_bfloat16(monkeypatch, fast)
    grafted, mixed = model(), []
    right = learns_alike(grafted, stored(store, 2), [head_part(grafted, 1.0)])
    trainer = head_trainer(grafted, store, fit(epochs=1), AUTO, quiet=True)
    grafted.head.register_forward_hook(lambda *_: mixed.append(torch.is_autocast_enabled("cpu")))
    trainer.gradients.loss(corpus.of("train")[:2])
    assert mixed == [fast and right]


@pytest.mark.parametrize(
    ("accelerator", "gpu", "expected"),
    [
        ("auto", True, "cuda"),
        ("cuda", True, "cuda"),
        ("cpu", True, "cpu"),
        ("auto", False, "cpu"),
        ("mps", False, "mps"),
    ],
)
def test_it_is_the_device_of_training_that_must_be_fast(
    monkeypatch, store, accelerator, gpu, expected
):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(
        "voicegraft.training.compute.bfloat16_is_fast", lambda device: asked.append(device.type)
    )
    compute = AUTO.model_copy(update={"accelerator": accelerator})
    assert settled(compute, *from_the_trunk(store, model(), 2)).precision == "32-true"
    assert asked == [expected]
