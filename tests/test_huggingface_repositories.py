"""What a repository of transformers' may hold, and what of it is refused."""

import json
import re
import sys

import pytest
import torch
from loopback_hub import REVISION, Hub, fetch_model
from safetensors.torch import load_file, save_file
from transformers_encoders import SMALL, differences, network, write

from voicegraft.model import upstream as upstreams
from voicegraft.model.formats import WeightsError
from voicegraft.upstreams.huggingface import TINY, load

import transformers  # isort: skip


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
    encoder = upstreams.load(tmp_path / "upstream")
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
    expected = re.escape(f"{name} has the shape (32, 33), not (32, 32)")
    with pytest.raises(WeightsError, match=f"{wav2vec2}: {expected}"):
        load(wav2vec2)


def test_the_first_tensor_that_is_missing_is_named(wav2vec2):
    name = "feature_projection.projection.bias"
    rewrite(wav2vec2, lambda stored: stored.pop(name))
    with pytest.raises(WeightsError, match=f"{wav2vec2}: model.safetensors has no {name}"):
        load(wav2vec2)


def test_a_file_that_was_cut_is_refused(wav2vec2):
    path = wav2vec2 / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=f"{wav2vec2} has no readable encoder"):
        load(wav2vec2)


def test_code_in_a_repository_is_not_run(wav2vec2):
    rewrite_json(wav2vec2 / "config.json", auto_map={"AutoModel": "evil.Model"})
    (wav2vec2 / "evil.py").write_text("raise SystemExit('it ran')\nclass Model: pass\n")
    assert load(wav2vec2).size == 32


def test_a_pickle_is_not_read(wav2vec2):
    torch.save(load_file(wav2vec2 / "model.safetensors"), wav2vec2 / "pytorch_model.bin")
    (wav2vec2 / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="no readable encoder.*model.safetensors"):
        load(wav2vec2)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"model_type": "sew"}, "model_type is one of .*'wavlm'.*, not 'sew'"),
        (
            "preprocessor_config.json",
            {"sampling_rate": 8000},
            "sampling_rate must be 16000, not 8000",
        ),
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
