"""The stage that gives a model a language model, on tones and Whisper's true weights."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from stage_runs import fill, params_of, run, write_params

from voicegraft.inference.transcriber import Transcriber
from voicegraft.language.arpa import is_installed

LANGUAGE = "corpus downloads language language.json"
ARGUMENTS = "head language corpus emissions.safetensors head_lm evaluation/head_lm predictions.tsv"
STAGES = {
    "extract_embeddings": "upstream corpus cache embeddings",
    "train_head": "upstream corpus embeddings head curves scratch",
    "build_language_model": LANGUAGE,
    "evaluate": "head corpus evaluation/head greedy.tsv --emissions emissions.safetensors",
    "decode": ARGUMENTS,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, whisper_folder) -> Path:
    """A folder in which a head was trained and decoded."""
    path, params = tmp_path_factory.mktemp("decoded"), params_of()
    params["language_model"] |= {"texts": "none", "folder": "text"}
    params["train_head"] |= {"epochs": 3, "batch_seconds": 4.0}
    fill(path, whisper_folder, params)
    (path / "text").mkdir()
    for name, arguments in STAGES.items():
        done = run(name, arguments, path)
        assert done.returncode == 0, done.stderr
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def rates(folder: Path) -> dict:
    return json.loads((folder / "evaluation/head_lm/rates.json").read_text())


def test_a_decoded_model_is_the_model_with_its_decoder(folder):
    decoded = contents(folder / "head_lm")
    own = contents(folder / "head")
    assert {name: decoded[name] for name in own} == own
    settings = json.loads(decoded["decoder/decoder.json"])
    assert settings["decode"] == ("beam" if is_installed() else "greedy")


def test_the_stage_gives_the_same_bytes_twice(folder):
    before = contents(folder / "head_lm") | contents(folder / "evaluation")
    assert run("decode", ARGUMENTS, folder).returncode == 0
    assert contents(folder / "head_lm") | contents(folder / "evaluation") == before


def test_rates_hold_the_change_from_greedy_decoding_with_its_interval(folder):
    greedy = json.loads((folder / "evaluation/head/rates.json").read_text())["test"]
    decoded = rates(folder)["test"]
    for rate in ("cer", "wer"):
        change = decoded[rate] - greedy[rate]
        assert decoded[f"{rate}_change"] == pytest.approx(change, abs=2e-4)
        assert decoded[f"{rate}_change_low"] <= change <= decoded[f"{rate}_change_high"]


def test_every_predicted_word_is_in_one_bin_of_confidence(folder):
    with open(folder / "predictions.tsv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    words = sum(len(line["hypothesis"].split()) for line in lines)
    with open(folder / "evaluation/head_lm/confidence.csv", newline="") as file:
        bins = list(csv.DictReader(file))
    assert sum(int(line["words"]) for line in bins) == words > 0


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
def test_transcribe_takes_the_decoder_in_the_folder_unless_it_is_told_to_be_greedy(folder):
    decoded = Transcriber(folder / "head_lm", "cpu")
    greedy = Transcriber(folder / "head_lm", "cpu", greedy=True)
    assert (type(decoded.decoder).__name__, type(greedy.decoder).__name__) == (
        "BeamDecoder",
        "GreedyDecoder",
    )
    assert type(Transcriber(folder / "head", "cpu").decoder).__name__ == "GreedyDecoder"


def test_with_search_greedy_nothing_changes_and_no_language_model_is_copied(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "head_lm")
    params = params_of()
    params["decode"]["search"] = "greedy"
    write_params(tmp_path, params)
    assert run("decode", ARGUMENTS, tmp_path).returncode == 0
    assert rates(tmp_path)["test"]["cer_change"] == rates(tmp_path)["test"]["wer_change"] == 0
    assert list(contents(tmp_path / "head_lm/decoder")) == ["decoder.json"]


@pytest.mark.parametrize("value", ["lattice", True])
def test_an_unknown_search_is_refused_with_the_choices(tmp_path, value):
    params = params_of()
    params["decode"]["search"] = value
    write_params(tmp_path, params)
    done = run("decode", ARGUMENTS, tmp_path)
    assert done.returncode == 1
    assert "decode.search" in done.stderr and "'beam', 'joint' or 'greedy'" in done.stderr


@pytest.mark.skipif(not is_installed(), reason="flashlight-text is not installed")
def test_a_damaged_language_model_is_named(folder, tmp_path):
    for name in ("head", "corpus", "language", "emissions.safetensors", "params.yaml"):
        copy = shutil.copytree if (folder / name).is_dir() else shutil.copy
        copy(folder / name, tmp_path / name)
    text = (tmp_path / "language/symbols.arpa").read_text()
    (tmp_path / "language/symbols.arpa").write_text(text[: len(text) // 2])
    done = run("decode", ARGUMENTS, tmp_path)
    assert done.returncode == 1
    assert "language/symbols.arpa" in done.stderr.strip().splitlines()[-1]
