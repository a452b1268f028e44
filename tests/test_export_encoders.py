"""The form of a model that is exported computes what the model does, in torch."""

import pytest
import torch
from exported import model, padded, waves
from test_unfreezing import recipe_of

from voicegraft.export.waveform import LEVEL, Levelled, Waveform, always_masked, levelled
from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import pad
from voicegraft.pipeline import plugins
from voicegraft.training.recipe import add

CLOSE = {"atol": 1e-5, "rtol": 0}
HEADS = {
    "linear": {"head": "ctc_linear"},
    "transformer": {"head": "ctc_transformer"},
    "logistic": {"head": "logistic", "pooling": "thirds_std", "normalise": "speaker"},
    "mlp": {"head": "mlp", "pooling": "attentive_slope"},
}


def computed(graph, *inputs):
    with torch.inference_mode(), always_masked():
        return graph(*inputs)


def assert_the_same(own, found):
    if len(found) == 1:
        torch.testing.assert_close(found[0], torch.cat(own), **CLOSE)
        return
    values, frames = found
    assert frames.tolist() == [len(emission) for emission in own]
    for emission, value in zip(own, values, strict=True):
        torch.testing.assert_close(value[: len(emission)], emission, **CLOSE)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("upstream", plugins.names("export.encoders"))
def test_every_encoder_and_head_is_the_same_in_a_padded_batch(upstream, head):
    grafted = model(upstream, **head)
    own = grafted.emissions(waves())
    assert_the_same(own, computed(Waveform(grafted), *padded(waves())))


def test_several_layers_are_mixed_as_in_the_model():
    grafted = model(layer=(0, 1, 2))
    with torch.no_grad():
        grafted.mix.logits.copy_(torch.tensor([0.0, 1.0, -1.0]))
    own = grafted.emissions(waves())
    assert_the_same(own, computed(Waveform(grafted), *padded(waves())))


@pytest.mark.parametrize("way", ["lora", "adapters"])
def test_what_a_recipe_adds_is_in_the_graph(way):
    grafted = model()
    add(grafted, recipe_of(way))
    for name, value in grafted.upstream.named_parameters():
        if not value.any():  # what is added does nothing until it is trained
            value.data.normal_()
            assert ".b" in name or "up" in name
    own = grafted.eval().emissions(waves())
    assert_the_same(own, computed(Waveform(grafted), *padded(waves())))


def test_a_clip_as_long_as_the_window_has_no_more_frames_for_its_margin():
    grafted = model(upstream_config=upstreams.plugin("whisper").TINY | {"positions": 50})
    long = [waves()[0], waves()[0][:15_000]]
    own = grafted.emissions(long)
    assert_the_same(own, computed(Waveform(grafted), *padded(long)))


def test_behind_a_clip_the_blank_is_sure():
    values, frames = computed(Waveform(model()), *padded(waves()))
    behind = values[-1, frames[-1] :]
    assert len(behind) and (behind[:, 0] == 0).all() and (behind[:, 1:] < -50).all()


def test_a_levelled_graph_does_not_hear_how_loud_a_wave_is():
    wave = waves()[0]
    assert levelled(torch.from_numpy(wave)).square().mean().sqrt() == pytest.approx(LEVEL)
    graph, quiet = Levelled(Waveform(model())), torch.from_numpy(wave)[None] / 100
    torch.testing.assert_close(
        computed(graph, quiet), computed(graph, 50 * quiet), atol=1e-4, rtol=0
    )
    assert computed(graph, 0 * quiet).isfinite().all()


def test_an_upstream_without_a_padded_form_is_refused_by_name():
    with pytest.raises(ValueError, match="resemblyzer cannot be exported.*log_mel.*whisper"):
        Waveform(model("resemblyzer", layer=0, head="ctc_linear"))


def test_outside_an_export_a_batch_without_padding_has_no_mask():
    with always_masked():
        assert pad([torch.ones(3, 2)]).mask.all()
    assert pad([torch.ones(3, 2)]).mask is None
