"""The stage, on an invented corpus and a tiny model with random weights."""

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from invented import model

from voicegraft.evaluation.predictions import read_emissions
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline.packed import PackedWriter
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus, Utterance, write_manifest

STAGE = Path(__file__).parent.parent / "stages" / "evaluate.py"
TEXTS = ["ba da", "da ba da", "žena ba", "a"]
LETTERS = " abden"
KEPT = {"privacy": {"committed_names": "keep", "salt": "salt"}}
TABLES = {"utterances.csv", "slices.csv", "confusion.csv"}


def write_corpus(folder, splits=("train", "dev", "test", "unseen"), seconds=0.4):
    rng = np.random.default_rng(1)
    utterances = []
    folder.mkdir()
    with PackedWriter(folder / "audio.npy", np.int16) as audio:
        for i in range(32):
            split, samples = splits[i % len(splits)], int((seconds + i % 5 / 4) * SAMPLE_RATE)
            first = audio.append(rng.normal(0, 3_000, samples).astype(np.int16))
            text, speaker = TEXTS[i // 4 % 4], f"voice{i % 3}"
            utterances.append(Utterance(f"c{i}", split, speaker, "", first, samples, text))
    write_manifest(folder / "manifest.csv", utterances)


def write_model(folder):
    save_model(model(letters=LETTERS), folder)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a corpus, a model and params.yaml, which is the working directory."""
    write_corpus(tmp_path / "corpus")
    write_model(tmp_path / "model")
    knobs = {"batch_seconds": 5.0, "resamples": 1000, "confidence": 0.95, "seed": 1}
    slices = {"duration_edges_seconds": [1], "fewest_speaker_clips": 2}
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({"task": "transcription", "evaluate": knobs | slices} | KEPT)
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*paths):
    """Run the stage as a command, here."""
    arguments = [str(STAGE), *map(str, paths)]
    old, sys.argv = sys.argv, arguments
    try:
        runpy.run_path(str(STAGE), run_name="__main__")
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = old


def bytes_in(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_stage_writes_numbers_for_git_and_sentences_apart(project, capsys):
    assert not evaluate("model", "corpus", "evaluation/model", "predictions/model.tsv")
    folder = project / "evaluation" / "model"
    assert set(bytes_in(folder)) == TABLES | {"metrics.json", "rates.json"}
    metrics = json.loads((folder / "rates.json").read_text())
    assert [name for name in metrics if name != "of"] == ["test", "unseen"]
    assert metrics["test"]["clips"] == 8
    assert metrics["test"]["cer_low"] <= metrics["test"]["cer"] <= metrics["test"]["cer_high"]
    assert metrics["test"]["oov_floor"] > 0  # no label for ž
    written = b"".join(bytes_in(folder).values()).decode()
    assert not [text for text in TEXTS if " " in text and text in written]
    output = capsys.readouterr()
    assert "test: CER" in output.out and "real-time factor" in output.err


def test_predictions_hold_what_a_clip_alone_gives(project):
    evaluate("model", "corpus", "evaluation/model", "predictions/model.tsv")
    with open("predictions/model.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["id"] for row in rows] == [f"c{i}" for i in range(32) if i % 4 > 1]
    model, corpus = load_model(project / "model"), Corpus(project / "corpus")
    for row, utterance in zip(rows, corpus.of("test", "unseen"), strict=True):
        alone = model.decode(model.emissions([corpus.wave(utterance)])[0])
        assert (row["reference"], row["hypothesis"]) == (utterance.text, alone)


def test_stored_emissions_are_what_each_clip_gives(project):
    evaluate("model", "corpus", "e/model", "p.tsv", "--emissions", "emissions/model.safetensors")
    model, corpus = load_model(project / "model"), Corpus(project / "corpus")
    scored = corpus.of("test", "unseen", "dev")
    stored = read_emissions(project / "emissions/model.safetensors", scored)
    for utterance, emission in zip(scored, stored, strict=True):
        alone = model.emissions([corpus.wave(utterance)])[0]
        assert emission.shape == alone.shape
        assert np.allclose(emission, alone, atol=1e-4)


def test_emissions_of_another_corpus_or_damaged_ones_are_refused_by_name(project):
    corpus = Corpus(project / "corpus")
    evaluate("model", "corpus", "e/model", "p.tsv", "--emissions", "emissions.safetensors")
    with pytest.raises(ValueError, match=r"emissions\.safetensors has no emissions of c0"):
        read_emissions(Path("emissions.safetensors"), corpus.of("train"))
    content = Path("emissions.safetensors").read_bytes()
    Path("emissions.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"emissions\.safetensors is not a complete"):
        read_emissions(Path("emissions.safetensors"), corpus.of("dev"))


def test_the_same_inputs_give_the_same_bytes(project):
    for name in ("one", "two"):
        stored = "--emissions", f"{name}/emissions.safetensors"
        evaluate("model", "corpus", f"{name}/head", f"predictions/{name}.tsv", *stored)
    one, two = (Path(name, "emissions.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    assert bytes_in(project / "one/head") == bytes_in(project / "two/head")
    assert (project / "predictions/one.tsv").read_bytes() == (
        project / "predictions/two.tsv"
    ).read_bytes()


def test_a_corpus_without_unseen_voices_has_no_such_section(project):
    write_corpus(project / "seen", splits=("train", "test"))
    assert not evaluate("model", "seen", "evaluation/seen", "predictions/seen.tsv")
    assert set(json.loads(Path("evaluation/seen/rates.json").read_text())) == {"of", "test"}


def test_nothing_to_score_is_refused_in_a_sentence(project):
    write_corpus(project / "train_only", splits=("train",))
    assert "no utterance in test or unseen" in evaluate("model", "train_only", "e", "p.tsv")
    assert not Path("e").exists()


def test_a_clip_longer_than_the_window_is_refused_by_name(project):
    write_corpus(project / "long", splits=("test",), seconds=30)
    complaint = evaluate("model", "long", "e", "p.tsv")
    assert "c4 lasts 31.0 s" in complaint and "takes 30 s" in complaint


def test_a_folder_without_a_model_is_refused_by_name(project):
    assert "nowhere does not hold" in evaluate("nowhere", project / "corpus", "e", "p.tsv")
