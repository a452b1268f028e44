import json
import resource
import shutil
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from voicegraft.model import head as heads
from voicegraft.model import upstream as upstreams
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import ModelError, load_model, save_model

LABELS = ["", " ", "a", "č"]


def description(head="ctc_linear", layer=2):
    return Description(
        upstream="whisper",
        upstream_config=upstreams.plugin("whisper").TINY,
        margin_seconds=0.1,
        head=head,
        layer=layer,
        labels=LABELS,
    )


def grafted(**choices):
    torch.manual_seed(1)
    # Frozen as a loaded one is: whether weights want gradients decides how torch multiplies.
    return GraftedModel(description(**choices)).eval().requires_grad_(False)


def waves(*seconds):
    draw = np.random.default_rng(1)
    return [draw.normal(0, 0.1, round(16_000 * s)).astype(np.float32) for s in seconds]


@pytest.fixture
def folder(tmp_path):
    save_model(grafted(), tmp_path / "model")
    return tmp_path / "model"


def assert_bit_equal(some, others):
    assert all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("head", heads.names())
@pytest.mark.parametrize("layer", [0, 1, 2, (0, 2)])
def test_a_model_that_was_saved_and_loaded_emits_the_same_bits(tmp_path, head, layer):
    model = grafted(head=head, layer=layer)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path, "cpu")
    assert loaded.description == model.description
    assert_bit_equal(loaded.emissions(waves(1.0, 0.3)), model.emissions(waves(1.0, 0.3)))


def test_two_files_are_all_that_a_model_needs(folder, tmp_path, monkeypatch):
    expected = load_model(folder, "cpu").emissions(waves(0.5))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.move(folder / name, elsewhere)
    assert not list(folder.iterdir())
    monkeypatch.chdir(elsewhere)
    assert_bit_equal(load_model(elsewhere, "cpu").emissions(waves(0.5)), expected)


@pytest.mark.parametrize("head", heads.names())
def test_a_clip_alone_has_the_emissions_it_has_in_a_batch(head):
    model, clips = grafted(head=head), waves(1.0, 0.05, 0.3)
    for clip, batched in zip(clips, model.emissions(clips), strict=True):
        torch.testing.assert_close(model.emissions([clip])[0], batched, atol=1e-4, rtol=0)


def test_emissions_are_log_probabilities_a_frame_for_each_stretch_of_time():
    model = grafted(head="ctc_transformer")
    (emission,) = model.emissions(waves(1.0))
    assert emission.shape == (round(1.1 / 0.04), len(LABELS))
    torch.testing.assert_close(emission.exp().sum(-1), torch.ones(len(emission)))
    assert model.max_seconds == 30
    assert isinstance(model.decode(emission), str)


def test_from_the_states_of_any_layer_the_model_emits_the_same():
    model = grafted()
    window = model.upstream.window(torch.from_numpy(waves(0.5)[0]), 0.1)
    (expected,) = model.emissions(waves(0.5))
    for start, states in model.upstream.encode([window], [0, 1, 2]).items():
        values, lengths = model(states.values, states.lengths, start)
        torch.testing.assert_close(values[0], expected, atol=1e-5, rtol=0)
        assert lengths.tolist() == [len(expected)]


@pytest.mark.parametrize("start", [0, 1])
def test_several_layers_give_the_same_from_below_from_the_store_and_from_audio(start):
    model = grafted(layer=(1, 2))
    with torch.no_grad():
        model.mix.logits.copy_(torch.tensor([0.5, -0.5]))
    window = model.upstream.window(torch.from_numpy(waves(0.5)[0]), 0.1)
    (expected,) = model.emissions(waves(0.5))
    states = model.upstream.encode([window], [0, 1, 2])
    below, lengths = states[start].values, states[start].lengths
    stored = torch.stack([states[1].values, states[2].values], 1)
    for values, _ in (model(below, lengths, start), model(stored, lengths, 2)):
        torch.testing.assert_close(values[0], expected, atol=1e-5, rtol=0)


def test_with_all_the_weight_on_one_layer_the_others_do_not_count():
    one, several = grafted(layer=1), grafted(layer=(0, 1))
    several.head.load_state_dict(one.head.state_dict())
    with torch.no_grad():
        several.mix.logits.copy_(torch.tensor([-50.0, 50.0]))
        states = torch.nn.functional.layer_norm(torch.randn(9, 32), (32,))
        lengths = torch.tensor([9])
        alone, _ = one(states, lengths, 1)
        mixed, _ = several(torch.stack([torch.randn(9, 32), states], 1), lengths, 1)
    torch.testing.assert_close(mixed, alone, atol=1e-4, rtol=0)
    assert several.layer_weights == pytest.approx({0: 0.0, 1: 1.0})


def test_a_head_on_one_layer_has_no_weights_to_learn():
    model = grafted(layer=2)
    assert not [name for name in model.state_dict() if name.startswith("mix")]
    assert model.layer_weights == {}


def test_weights_that_half_precision_holds_exactly_are_stored_in_half(folder):
    model = grafted()
    model.upstream.load_state_dict({k: v.half() for k, v in model.upstream.state_dict().items()})
    save_model(model, folder)
    stored = load_file(folder / "model.safetensors")
    assert {v.dtype for k, v in stored.items() if k.startswith("upstream.")} == {torch.float16}
    assert stored["head.label.weight"].dtype == torch.float32
    assert_bit_equal(load_model(folder, "cpu").emissions(waves(0.5)), model.emissions(waves(0.5)))


def changed(**facts):
    def change(folder):
        text = (folder / "model.json").read_text()
        (folder / "model.json").write_text(json.dumps(json.loads(text) | facts))

    return change


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-40])


def without_a_weight(folder):
    weights = load_file(folder / "model.safetensors")
    weights.pop("head.label.weight")
    save_file(weights, folder / "model.safetensors")


BROKEN = {
    "no folder": shutil.rmtree,
    "no description": lambda folder: (folder / "model.json").unlink(),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "description cut": cut("model.json"),
    "weights cut": cut("model.safetensors"),
    "weights of nothing": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "a weight missing": without_a_weight,
    "labels of another head": changed(labels=["", "a"]),
    "a key too many": changed(language="cs"),
    "a layer the upstream lacks": changed(layer=3),
    "one of several layers that the upstream lacks": changed(layer=[2, 3]),
    "an unknown head": changed(head="nobody"),
    "an unknown upstream": changed(upstream="nobody"),
    "an unknown setting": changed(upstream_config={"floors": 3}),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_broken_folder_is_refused_by_its_name(folder, damage):
    damage(folder)
    with pytest.raises(ModelError, match=str(folder)):
        load_model(folder, "cpu")


def test_a_full_disk_ends_in_an_error_that_names_the_file(tmp_path):
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="model.safetensors.*too large"):
            save_model(grafted(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
