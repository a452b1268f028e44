"""An attention decoder, from its recipe to a transcript, on tones and true weights."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from stage_runs import fill, params_of, run, write_params

from voicegraft.inference.transcriber import Transcriber
from voicegraft.language.arpa import is_installed
from voicegraft.speech.manifest import Corpus

needs_search = pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")

STAGES = {
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
    "finetune": "decoder upstream head corpus embeddings decoder dcurves decoder.json dscratch",
    "build_language_model": "corpus downloads language language.json",
    "evaluate": "decoder corpus evaluation greedy.tsv --emissions emissions.safetensors",
    "decode": "decoder language corpus emissions.safetensors decoder_lm evaluation_lm lm.tsv",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which a head was trained, and a decoder beside it."""
    path, params = tmp_path_factory.mktemp("attention"), params_of()
    params["train_head"] |= {"epochs": 2, "batch_seconds": 4.0}
    params["finetune"]["decoder"] |= {"epochs": 1, "batch_seconds": 4.0}
    params["language_model"] |= {"texts": "none", "folder": "text"}
    fill(path, whisper_folder, params)
    (path / "text").mkdir()
    for name, arguments in STAGES.items():
        done = run(name, arguments, path)
        assert done.returncode == 0, done.stderr
    return path


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def test_a_decoder_alone_leaves_head_and_upstream_as_they_were(folder):
    head, decoder = weights(folder / "head"), weights(folder / "decoder")
    own = {name for name in decoder if name.startswith("attention.")}
    assert own and decoder.keys() - own == head.keys()
    assert all(torch.equal(decoder[name], head[name]) for name in head)


def test_a_curve_has_the_rates_of_the_decoder_by_epoch(folder):
    curve = folder / "dcurves/plots/metrics/dev/attention_cer.tsv"
    assert len(curve.read_text().splitlines()) == 3  # a title, Whisper as it came, one epoch


def test_the_recipe_gives_the_same_bytes_twice(folder):
    before = (folder / "decoder/model.safetensors").read_bytes()
    assert run("finetune", STAGES["finetune"], folder).returncode == 0
    assert (folder / "decoder/model.safetensors").read_bytes() == before


@needs_search
def test_a_decoded_model_has_a_weight_for_its_decoder_and_transcribes_by_its_folder_alone(
    folder, tmp_path
):
    settings = json.loads((folder / "decoder_lm/decoder/decoder.json").read_text())
    assert "attention" in settings["weights"]
    shutil.copytree(folder / "decoder_lm", tmp_path / "model")
    recogniser = Transcriber(tmp_path / "model", "cpu")
    assert recogniser.decoder.attention is recogniser.model.attention
    corpus = Corpus(folder / "corpus")
    with open(folder / "lm.tsv", encoding="utf-8", newline="") as file:
        written = {row["id"]: row["hypothesis"] for row in csv.DictReader(file, delimiter="\t")}
    for clip in corpus.of("test"):
        ((emission, states),) = recogniser.model.emissions_and_states([corpus.wave(clip)])
        assert recogniser.decoder.decode(emission, states) == written[clip.id]


@needs_search
def test_decoding_gives_the_same_bytes_twice(folder):
    before = (folder / "lm.tsv").read_bytes()
    assert run("decode", STAGES["decode"], folder).returncode == 0
    assert (folder / "lm.tsv").read_bytes() == before


@needs_search
def test_a_model_decoded_in_one_pass_transcribes_so_by_its_folder_alone(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*_lm"))
    params = params_of()
    params["decode"]["search"] = "joint"
    write_params(tmp_path, params)
    assert run("decode", STAGES["decode"], tmp_path).returncode == 0
    assert (
        json.loads((tmp_path / "decoder_lm/decoder/decoder.json").read_text())["decode"] == "joint"
    )
    decoder = Transcriber(tmp_path / "decoder_lm", "cpu").decoder
    assert decoder.attended.joint.decoder is decoder.attention


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attention_weight": 1.5}, ("finetune.decoder.attention_weight", "1")),
        ({"attention_weight": 0.0}, ("unfrozen_blocks must be 1 to 6", "not 0")),
    ],
)
def test_a_wrong_knob_is_refused_by_its_name(folder, tmp_path, change, words):
    params = params_of()
    params["finetune"]["decoder"] |= change
    write_params(tmp_path, params)
    for name in ("upstream", "corpus", "embeddings", "head"):
        (tmp_path / name).symlink_to(folder / name)
    done = run("finetune", STAGES["finetune"], tmp_path)
    assert done.returncode == 1 and all(word in done.stderr for word in words), done.stderr


def test_a_head_on_a_lower_layer_is_refused_by_the_layer_that_it_should_take(folder, tmp_path):
    write_params(tmp_path, params_of())
    for name in ("upstream", "corpus", "embeddings"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "head").mkdir()
    (tmp_path / "head/model.safetensors").symlink_to(folder / "head/model.safetensors")
    description = json.loads((folder / "head/model.json").read_text()) | {"layer": 3}
    (tmp_path / "head/model.json").write_text(json.dumps(description))
    done = run("finetune", STAGES["finetune"], tmp_path)
    assert done.returncode == 1
    assert "attention_weight must be 0" in done.stderr and "head.layer 6, the last" in done.stderr
