"""Whispers of other sizes, from transformers' own writer and CTranslate2's, through a hub."""

import copy
import hashlib
import json
from types import SimpleNamespace

import ctranslate2
import numpy as np
import pytest
import torch
from ctranslate2.converters.transformers import WhisperLoader
from loopback_hub import REVISION, Hub, fetch_model
from safetensors.torch import load_file, save_file

from voicegraft.checkpoints.whisper import LAYOUT
from voicegraft.fetching.checkpoints import listing_hash
from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import join
from voicegraft.model.formats import WeightsError
from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers
from voicegraft.upstreams.whisper import load

from transformers import WhisperConfig, WhisperForConditionalGeneration  # isort: skip

POSITIONS = 60
SIZE, HEADS, BLOCKS = 48, 3, 2


def network(bins):
    """Return a tiny Whisper of transformers' with random weights, none of them zero or one."""
    torch.manual_seed(bins)
    config = WhisperConfig(
        num_mel_bins=bins,
        d_model=SIZE,
        encoder_layers=BLOCKS,
        encoder_attention_heads=HEADS,
        encoder_ffn_dim=4 * SIZE,
        decoder_layers=1,
        decoder_attention_heads=HEADS,
        decoder_ffn_dim=4 * SIZE,
        max_source_positions=POSITIONS,
        vocab_size=80,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
    )
    theirs = WhisperForConditionalGeneration(config).eval().requires_grad_(False)
    for parameter in theirs.parameters():
        parameter += torch.randn_like(parameter) / 5
    return theirs.half().float()  # so that float16 holds them


def in_ctranslate2(theirs, folder, quantization):
    """Write `theirs` as CTranslate2's converter does, but for the tokenizer."""
    loader, vocabulary = WhisperLoader(), [str(k) for k in range(theirs.config.vocab_size)]
    spec = loader.get_model_spec(copy.deepcopy(theirs))  # it quantizes in place
    loader.set_vocabulary(spec, vocabulary)
    loader.set_config(spec.config, theirs, SimpleNamespace())
    spec.validate()
    spec.optimize(quantization)
    folder.mkdir()
    spec.save(str(folder))
    return folder


@pytest.fixture(scope="module", params=[80, 128])
def theirs(request):
    return network(request.param)


@pytest.fixture(scope="module")
def hub(theirs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repositories")
    theirs.save_pretrained(folder / "transformers")
    in_ctranslate2(theirs, folder / "float16", "float16")
    in_ctranslate2(theirs, folder / "int8", "int8")
    names = ("transformers", "float16", "int8")
    with Hub({f"someone/{name}": folder / name for name in names}).serving() as hub:
        yield hub


def largest_differences(encoder, theirs):
    """Return the largest difference from transformers' states at each layer, on a full window."""
    wave = torch.from_numpy(np.random.default_rng(1).normal(0, 0.1, encoder.max_samples)).float()
    features = encoder.features(wave)
    with torch.inference_mode():
        expected = theirs.model.encoder(features.T[None], output_hidden_states=True).hidden_states
        states = encoder.above(encoder.stem(join([features])), 0, list(range(BLOCKS + 1)))
    assert len(expected) == BLOCKS + 1
    return [(states[k].values - expected[k][0]).abs().max().item() for k in states]


@pytest.mark.parametrize("name", ["transformers", "float16"])
def test_what_the_stage_fetches_from_the_hub_has_transformers_states_at_every_layer(
    name, theirs, hub, tmp_path
):
    done = fetch_model(tmp_path, hub.url, "whisper", f"someone/{name}@{REVISION}")
    assert done.returncode == 0, done.stderr
    encoder = upstreams.load(tmp_path / "upstream")
    assert encoder.config == dict(
        bins=theirs.config.num_mel_bins, size=SIZE, heads=HEADS, blocks=BLOCKS, positions=POSITIONS
    )
    assert max(largest_differences(encoder, theirs)) <= 1e-4


@pytest.mark.parametrize("theirs", [80], indirect=True)
def test_a_folder_of_ones_own_has_the_same_states_and_the_hub_is_not_asked(theirs, hub, tmp_path):
    folder = hub.repositories["someone/transformers"]
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    beside = listing_hash(p for name in LAYOUT.beside if (p := folder / name).is_file())
    asked, checkpoint = hub.asked.total(), f"model.safetensors@{sha256}+{beside}"
    done = fetch_model(tmp_path, hub.url, "whisper", checkpoint, source=str(folder))
    assert done.returncode == 0, done.stderr
    encoder = upstreams.load(tmp_path / "upstream")
    assert max(largest_differences(encoder, theirs)) <= 1e-4
    assert hub.asked.total() == asked


def test_quantized_weights_are_refused_by_name(hub):
    with pytest.raises(WeightsError, match="is quantized to torch.int8: take float16 or float32"):
        load(hub.repositories["someone/int8"])


@pytest.fixture
def folder(tmp_path):
    network(80).save_pretrained(tmp_path)
    return tmp_path


def rewrite(folder, change):
    stored = load_file(folder / "model.safetensors")
    change(stored)
    save_file(stored, folder / "model.safetensors")


def test_the_first_tensor_of_another_shape_is_named(folder):
    wrong = "layers.1.self_attn.v_proj.weight"

    def widen(stored):
        stored[f"model.encoder.{wrong}"] = torch.zeros(SIZE, SIZE + 1)
        stored["model.encoder.layers.1.fc2.weight"] = torch.zeros(1, 1)

    rewrite(folder, widen)
    shapes = rf"\({SIZE}, {SIZE + 1}\), not \({SIZE}, {SIZE}\)"
    with pytest.raises(WeightsError, match=rf"not a Whisper: {wrong} has the shape {shapes}"):
        load(folder)


def test_the_first_tensor_that_is_missing_is_named(folder):
    rewrite(folder, lambda stored: stored.pop("model.encoder.layers.1.self_attn.out_proj.bias"))
    with pytest.raises(WeightsError, match="it has no layers.1.self_attn.out_proj.bias"):
        load(folder)


def test_a_file_of_safetensors_that_was_cut_is_refused_with_its_path(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=f"{path} is not a complete safetensors file"):
        load(folder)


def test_without_the_number_of_heads_the_file_that_has_it_is_named(folder):
    (folder / "config.json").unlink()
    with pytest.raises(WeightsError, match="config.json"):
        load(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(WeightsError, match="encoder_attention_heads"):
        load(folder)


def test_ctranslate2_itself_reads_what_stands_for_its_files_here(theirs, hub):
    folder = hub.repositories["someone/float16"]
    assert ctranslate2.models.Whisper(str(folder)).n_mels == theirs.config.num_mel_bins
