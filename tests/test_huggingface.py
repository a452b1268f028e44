"""Encoders of transformers' against transformers itself, with the same random weights."""

import json
import re
import sys
from functools import partial

import numpy as np
import pytest
import torch
from loopback_hub import REVISION, Hub, fetch_model
from safetensors.torch import load_file, save_file

from voicegraft import upstream_folder, upstreams
from voicegraft.precision import products_in
from voicegraft.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers finds it
from voicegraft.upstreams.huggingface import SAMPLE_RATE, TINY, load
from voicegraft.weights.tensors import WeightsError

import transformers  # isort: skip

SMALL = {k: v for k, v in TINY["encoder"].items() if k != "model_type"}
STABLE = SMALL | {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
POSITIONS = {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 5}
MEL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "left_max_position_embeddings": 8,
    "right_max_position_embeddings": 4,
}
ENCODERS = {
    "wav2vec2": ("wav2vec2", SMALL),
    "wav2vec2, as XLS-R and MMS": ("wav2vec2", STABLE),
    "hubert": ("hubert", SMALL),
    "hubert large": ("hubert", STABLE),
    "wavlm": ("wavlm", SMALL),
    "wavlm large": ("wavlm", STABLE),
    "unispeech": ("unispeech", SMALL),
    "unispeech-sat": ("unispeech-sat", SMALL),
    "data2vec-audio": ("data2vec-audio", SMALL | POSITIONS),
    "wav2vec2-bert": ("wav2vec2-bert", MEL),
}
LAYERS = [0, 1, 2]


def network(kind, settings):
    """Return an encoder of transformers' with random weights, none of them zero or one."""
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **settings)
    theirs = transformers.AutoModel.from_config(config).eval().requires_grad_(False)
    for parameter in theirs.parameters():
        parameter += torch.randn_like(parameter) / 10
    return theirs


def write(folder, theirs):
    """Write a repository as transformers does, with what is needed to prepare audio."""
    theirs.save_pretrained(folder)
    extractor(theirs).save_pretrained(folder)
    return folder


def extractor(theirs):
    if theirs.config.model_type == "wav2vec2-bert":
        return transformers.SeamlessM4TFeatureExtractor()
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=True)


def their_features(theirs, window):
    """Return what transformers' extractor makes of it and of what its last frame still hears."""
    extract = partial(extractor(theirs), sampling_rate=SAMPLE_RATE, return_tensors="pt")
    if theirs.config.model_type == "wav2vec2-bert":
        return extract(np.pad(window.numpy(), (0, 240)))["input_features"][0]
    # It is normalised before there is silence behind it, as in a batch of theirs.
    return torch.nn.functional.pad(extract(window.numpy())["input_values"][0], (0, 80))[:, None]


def their_states(theirs, features):
    """Return transformers' states of one clip, by layer."""
    heard = features if theirs.config.model_type == "wav2vec2-bert" else features[:, 0]
    with torch.inference_mode():
        out = theirs(heard[None], output_hidden_states=True)
    # Of the last layer `hidden_states` has what the closing norm has not passed yet.
    return [states[0] for states in (*out.hidden_states[:-1], out.last_hidden_state)]


def windows(encoder):
    """Return noise of two lengths, one of them with a loud beginning."""
    draw = np.random.default_rng(1)
    waves = [draw.normal(0.01, 0.1, samples).astype(np.float32) for samples in (16_000, 7_777)]
    waves[1][:2000] *= 5
    return [encoder.window(torch.from_numpy(wave), 0.1) for wave in waves]


@pytest.fixture(scope="module", params=list(ENCODERS))
def theirs(request):
    return network(*ENCODERS[request.param])


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory):
    return write(tmp_path_factory.mktemp("repository"), theirs)


@pytest.fixture(scope="module")
def encoder(folder):
    return load(folder).eval().requires_grad_(False)


def differences(encoder, theirs):
    """Return the largest difference of each layer, over a batch of two against each alone."""
    batch = windows(encoder)
    with torch.inference_mode():
        ours = encoder.encode(batch, LAYERS)
    expected = [their_states(theirs, encoder.features(window)) for window in batch]
    return [
        (clip - expected[i][layer]).abs().max().item()
        for layer in LAYERS
        for i, clip in enumerate(ours[layer].clips())
    ]


def test_features_are_those_of_transformers_extractor(encoder, theirs):
    for window in windows(encoder):
        ours, expected = encoder.features(window), their_features(theirs, window)
        assert ours.shape == expected.shape
        assert (ours - expected).abs().max() <= 1e-3  # of a deviation of 1; theirs is in complex64


def test_a_batch_has_transformers_states_of_each_clip_alone_at_every_layer(encoder, theirs):
    assert len(encoder.blocks) == LAYERS[-1]
    assert max(differences(encoder, theirs)) <= 1e-4


def test_from_the_first_layer_on_the_last_is_the_same(encoder):
    states = encoder.encode(windows(encoder), [1, 2])
    assert torch.equal(encoder.above(states[1], 1, [2])[2].values, states[2].values)


def test_every_parameter_is_in_the_blocks_the_norm_or_the_stem_once(encoder):
    modules = [*encoder.blocks, encoder.norm, *encoder.stem_modules()]
    held = [id(parameter) for module in modules for parameter in module.parameters()]
    assert sorted(held) == sorted(id(parameter) for parameter in encoder.parameters())


def test_what_learns_hears_what_was_stored(encoder):
    stored = encoder.encode(windows(encoder), LAYERS)
    learning = encoder.train().encode(windows(encoder), LAYERS)
    encoder.eval()
    assert all(torch.equal(stored[k].values, learning[k].values) for k in LAYERS)


def test_in_bfloat16_the_states_are_nearly_the_same(encoder):
    exact = encoder.encode(windows(encoder), [2])[2].values
    with products_in("bfloat16", encoder.device):
        rounded = encoder.encode(windows(encoder), [2])[2].values.float()
    assert (rounded - exact).norm() <= 0.05 * exact.norm()


# The rest is the same for every kind of encoder.


@pytest.fixture
def wav2vec2(tmp_path):
    return write(tmp_path / "wav2vec2", network("wav2vec2", SMALL))


def rewrite(folder, change):
    stored = load_file(folder / "model.safetensors")
    change(stored)
    save_file(stored, folder / "model.safetensors", {"format": "pt"})


def rewrite_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_stage_fetches_a_recogniser_from_the_hub_and_leaves_its_head_out(tmp_path):
    config = transformers.Wav2Vec2Config(**SMALL, vocab_size=40)
    theirs = transformers.Wav2Vec2ForCTC(config).eval()
    write(tmp_path / "repository", theirs)
    (tmp_path / "repository" / "pytorch_model.bin").write_bytes(b"a pickle")
    with Hub({"someone/wav2vec2": tmp_path / "repository"}).serving() as hub:
        done = fetch_model(tmp_path, hub.url, "huggingface", f"someone/wav2vec2@{REVISION}")
    assert done.returncode == 0, done.stderr
    assert "pytorch_model.bin" not in hub.asked
    encoder = upstream_folder.load(tmp_path / "upstream")
    assert max(differences(encoder, theirs.wav2vec2)) <= 1e-4
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_the_names_that_older_files_have_for_the_weights_of_positions_are_known(wav2vec2):
    states = load(wav2vec2).eval().state_dict()
    position = "encoder.pos_conv_embed.conv."

    def rename(stored):
        for old, new in {"weight_g": "original0", "weight_v": "original1"}.items():
            stored[position + old] = stored.pop(f"{position}parametrizations.weight.{new}")

    rewrite(wav2vec2, rename)
    again = load(wav2vec2).eval().state_dict()
    assert all(torch.equal(states[name], again[name]) for name in states)


def test_waves_are_left_as_they_are_where_the_encoder_was_trained_so(wav2vec2):
    wave = torch.randn(3200)
    assert load(wav2vec2).features(wave)[:3200].std() == pytest.approx(1, abs=1e-3)
    rewrite_json(wav2vec2 / "preprocessor_config.json", do_normalize=False)
    assert torch.equal(load(wav2vec2).features(wave)[:3200, 0], wave)


def test_the_first_tensor_of_another_shape_is_named(wav2vec2):
    name = "encoder.layers.0.attention.k_proj.weight"
    rewrite(wav2vec2, lambda stored: stored.update({name: torch.zeros(32, 33)}))
    said = re.escape(f"{name} has the shape (32, 33), not (32, 32)")
    with pytest.raises(WeightsError, match=f"{wav2vec2}: {said}"):
        load(wav2vec2)


def test_the_first_tensor_that_is_missing_is_named(wav2vec2):
    name = "feature_projection.projection.bias"
    rewrite(wav2vec2, lambda stored: stored.pop(name))
    with pytest.raises(WeightsError, match=f"{wav2vec2}: model.safetensors has no {name}"):
        load(wav2vec2)


def test_a_file_that_was_cut_is_refused(wav2vec2):
    path = wav2vec2 / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=f"{wav2vec2} holds no encoder that can be read"):
        load(wav2vec2)


def test_code_in_a_repository_is_not_run(wav2vec2):
    rewrite_json(wav2vec2 / "config.json", auto_map={"AutoModel": "evil.Model"})
    (wav2vec2 / "evil.py").write_text("raise SystemExit('it ran')\nclass Model: pass\n")
    assert load(wav2vec2).size == 32


def test_a_pickle_is_not_read(wav2vec2):
    torch.save(load_file(wav2vec2 / "model.safetensors"), wav2vec2 / "pytorch_model.bin")
    (wav2vec2 / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="no encoder that can be read.*model.safetensors"):
        load(wav2vec2)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"model_type": "sew"}, "model_type is one of .*'wavlm'.*, not 'sew'"),
        ("preprocessor_config.json", {"sampling_rate": 8000}, "sampling_rate is 8000"),
    ],
)
def test_what_cannot_be_fed_is_refused_with_the_file_the_key_and_the_value(
    wav2vec2, file, changes, message
):
    rewrite_json(wav2vec2 / file, **changes)
    with pytest.raises(WeightsError, match=f"{file}: {message}"):
        load(wav2vec2)


def test_a_folder_without_a_config_is_refused_with_its_path(tmp_path):
    with pytest.raises(WeightsError, match=f"{tmp_path / 'config.json'} cannot be read"):
        load(tmp_path)


def test_without_transformers_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=re.escape("pip install -e '.[huggingface]'")):
        upstreams.plugin("huggingface").build(TINY)
