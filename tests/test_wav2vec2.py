"""The wav2vec2 family against transformers, on the same random weights, layer by layer."""

import pytest
import torch
from bundles import KINDS, in_transformers, loaded, noise, states, weights_of
from processors import with_fast_bfloat16
from test_upstreams import (  # noqa: F401 - the contract, of every kind of network that is here
    layers,
    test_a_clip_alone_has_the_states_it_has_in_a_batch_at_every_layer,
    test_a_clip_has_a_frame_for_each_step_of_its_window,
    test_blocks_norm_and_stem_modules_hold_every_parameter_once,
    test_from_the_states_of_any_layer_those_above_are_what_the_whole_run_gives,
    test_states_are_finite_on_short_and_on_silent_clips,
    windows,
)

from voicegraft.checkpoints import wav2vec2 as table
from voicegraft.model.precision import on_this_machine, products_in
from voicegraft.speech.torchaudio_on_cpu import torchaudio
from voicegraft.upstreams import wav2vec2

import transformers  # isort: skip


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def theirs(kind):
    return in_transformers(kind)


@pytest.fixture(scope="module")
def weights(theirs):
    return weights_of(theirs)


@pytest.fixture(scope="module")
def upstream(kind, weights, tmp_path_factory):
    return loaded(kind, weights, tmp_path_factory.mktemp("upstream"))


def test_every_layer_is_that_of_transformers(upstream, theirs):
    features = upstream.features(upstream.window(noise(), 0.1))
    with torch.inference_mode():
        answer = theirs(features.mT, output_hidden_states=True)
    # The last of their hidden states has not passed the closing norm.
    expected = [*answer.hidden_states[:-1], answer.last_hidden_state]
    for ours, layer in zip(states(upstream), expected, strict=True):
        assert ours.shape == layer[0].shape
        assert (ours - layer[0]).abs().max() <= 1e-4


def test_the_position_bias_of_wavlm_differs_between_near_and_far_frames():
    model = in_transformers("WavLM base")
    bias = model.encoder.layers[0].attention.compute_bias(110, 110)
    assert bias.std() > 0.05  # or the parity above would hold without it


def test_samples_are_those_of_transformers_feature_extractor_with_zeros_behind(upstream):
    wave = noise() + 0.2  # a microphone's offset
    extract = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    normalised = extract(wave.numpy(), sampling_rate=16_000).input_values[0]
    taken = upstream.config["normalize_waveform"]
    expected = torch.from_numpy(normalised) if taken else wave
    samples = upstream.features(wave)[:, 0]
    assert torch.allclose(samples[:-80], expected, atol=5e-3)
    assert not samples[-80:].any()


def test_zeros_at_the_end_change_no_frame_and_add_one():
    config = {**wav2vec2.TINY, "extractor_mode": "layer_norm"}
    upstream = wav2vec2.build(config)
    window = upstream.window(noise(), 0.1)
    ours, _ = upstream.convolutions(upstream.features(window).mT, None)
    without_zeros, _ = upstream.convolutions(window[None], None)
    assert ours.shape[1] == without_zeros.shape[1] + 1 == len(window) // 320
    assert torch.allclose(ours[:, :-1], without_zeros, atol=1e-5)


def test_training_mode_changes_no_state(upstream):
    frozen = states(upstream)
    assert all(torch.equal(a, b) for a, b in zip(frozen, states(upstream.train()), strict=True))
    upstream.eval()


def test_as_auto_encodes_them_states_are_those_of_float32_but_for_some_hundredths(
    upstream, monkeypatch
):
    with_fast_bfloat16(monkeypatch)
    taken = on_this_machine("auto", upstream)
    with products_in(taken, upstream.device):
        coarse = states(upstream)
    for fine, rough in zip(states(upstream), coarse, strict=True):
        error = (fine - rough).norm() / fine.norm()
        assert error < 0.05
        assert (error > 0) == (taken == "bfloat16")


def test_every_block_of_wavlm_sends_gradients_to_the_one_position_bias():
    upstream = wav2vec2.build(wav2vec2.TINY)
    shared = upstream.blocks[0].layer.attention.rel_attn_embed.weight
    for block in upstream.blocks:
        block(torch.randn(20, upstream.size), [12, 8]).square().sum().backward()
        assert shared.grad.abs().sum() > 0
        shared.grad = None


@pytest.mark.parametrize("name", wav2vec2.BUNDLES)
def test_each_bundle_has_the_tensors_that_torchaudio_gives_it(name):
    bundle = wav2vec2.BUNDLES[name]
    factories = {
        "Wav2Vec2": torchaudio.models.wav2vec2_model,
        "WavLM": torchaudio.models.wavlm_model,
    }
    with torch.device("meta"):  # shapes alone: the largest has two billion weights
        whole = factories[bundle._model_type](**bundle._params | {"aux_num_out": None})
        ours = wav2vec2.build(wav2vec2._config(bundle))
    expected = sorted(tuple(parameter.shape) for parameter in whole.parameters())
    assert sorted(tuple(parameter.shape) for parameter in ours.parameters()) == expected
    assert ours.config["encoder_num_heads"] == bundle._params["encoder_num_heads"]
    assert bundle._sample_rate == ours.sample_rate
    shape = [tuple(layer[1:]) for layer in bundle._params["extractor_conv_layer_config"]]
    assert shape == list(wav2vec2.CONVOLUTIONS)


def test_the_encoders_that_torchaudio_documents_are_here():
    documented = """
        WAV2VEC2_BASE WAV2VEC2_LARGE WAV2VEC2_LARGE_LV60K WAV2VEC2_XLSR53 WAV2VEC2_XLSR_300M
        WAV2VEC2_XLSR_1B WAV2VEC2_XLSR_2B HUBERT_BASE HUBERT_LARGE HUBERT_XLARGE WAVLM_BASE
        WAVLM_BASE_PLUS WAVLM_LARGE WAV2VEC2_ASR_BASE_960H HUBERT_ASR_LARGE MMS_FA
    """
    assert set(documented.split()) <= table.CHECKPOINTS.keys()
    assert table.PUBLISHED.keys() <= table.CHECKPOINTS.keys()


def test_no_two_bundles_have_files_of_one_name():
    names = [checkpoint.files[0].name for checkpoint in table.CHECKPOINTS.values()]
    assert len(set(names)) == len(names)
