"""`voicegraft adapt`, on tones: a model reads them, and a new voice sings them higher."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from invented import PITCHES, model, spoken, store_corpus, write_corpus
from spelling_emissions import write_language
from test_training import NO_MASKS, fit, head_trainer
from typer.testing import CliRunner, Result

from voicegraft.cli import app
from voicegraft.embedding.store import Store
from voicegraft.inference import adaptation
from voicegraft.inference.adaptation import Knobs, adapt
from voicegraft.inference.transcriber import Transcriber
from voicegraft.inference.voice import Voice
from voicegraft.language.arpa import is_installed
from voicegraft.language.decoder import GreedyDecoder, save_decoder
from voicegraft.language.settings import FOLDER, Settings
from voicegraft.model import ctc
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.speech.manifest import SAMPLE_RATE, Corpus
from voicegraft.studies.amounts import minutes_of
from voicegraft.training.checkpoint import Checkpoint
from voicegraft.training.fit import Masking

HIGHER = 1.6
TEXTS = [f"{a}{b}{c}" for a in "abř" for b in "abř" for c in "abř" if len({a, b, c}) > 1]


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tones") / "corpus"
    write_corpus(folder, 48)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, corpus_folder) -> Path:
    """A model that reads the tones, and a decoder that changes nothing."""
    path, tones = tmp_path_factory.mktemp("reader"), Corpus(corpus_folder)
    store_corpus(path / "store", tones, model("ctc_transformer"))
    knobs = fit(epochs=30, lr=0.003, masking=NO_MASKS)
    trainer = head_trainer(Store(path / "store"), knobs, "ctc_transformer")
    trainer.run(tones.of("train"), tones.of("dev"), Checkpoint(path / "run"))
    save_model(trainer.bare, path / "model")
    save_decoder(path / "model" / FOLDER, Settings(decode="greedy"), path)
    return path / "model"


@pytest.fixture(scope="module")
def singer(tmp_path_factory) -> Path:
    """A folder with a recording of each text, by a voice that the model never heard."""
    path, rng = tmp_path_factory.mktemp("singer"), np.random.default_rng(7)
    with pytest.MonkeyPatch.context() as patch:
        for letter, pitch in PITCHES.items():
            patch.setitem(PITCHES, letter, HIGHER * pitch)
        for text in TEXTS:
            soundfile.write(path / f"{text}.wav", spoken(text, rng), SAMPLE_RATE)
    return path


@pytest.fixture(autouse=True)
def soon(monkeypatch) -> None:
    """A tiny model learns in few steps at a higher rate, from clips too short to be masked."""
    monkeypatch.setattr(adaptation, "LR", 0.002)
    monkeypatch.setattr(adaptation, "UPSTREAM_LR", 0.001)
    monkeypatch.setattr(adaptation, "MASKING", Masking.model_validate(NO_MASKS))


def recorded(singer: Path) -> Voice:
    voice = Voice()
    for text in TEXTS:
        voice.add(singer / f"{text}.wav", 15.0)
    return voice


def relabel(patch: pytest.MonkeyPatch, told: Callable[[int], str]) -> None:
    """Let the decoder read in each clip of the voice, by its number, what is told, and no more."""
    plain = adaptation.texts

    def texts(trainer, decoder, clips, what):
        found = plain(trainer, decoder, clips, what)
        if what != "label":
            return found
        labels = enumerate(found)
        return [replace(label, clip=replace(label.clip, text=told(n))) for n, label in labels]

    patch.setattr(adaptation, "texts", texts)


def knobs(**changes: float) -> Knobs:
    return replace(Knobs(accelerator="cpu", epochs=4), **changes)


def errors(reader: GraftedModel, voice: Voice) -> float:
    reader.eval()
    read = [reader.decode(e) for c in voice.clips for e in reader.emissions([voice.wave(c)])]
    return jiwer.cer(TEXTS, read)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def command(*arguments: object) -> Result:
    options = "--epochs", "2", "--device", "cpu"
    return CliRunner().invoke(app, ["adapt", *map(str, arguments), *options])


def test_a_voice_is_read_with_fewer_errors_if_its_labels_are_right(
    folder, singer, corpus_folder, monkeypatch
):
    reader, voice = load_model(folder, "cpu"), recorded(singer)
    before = errors(reader, voice)
    relabel(monkeypatch, TEXTS.__getitem__)
    monkeypatch.setattr(adaptation, "WORST", 1.0)  # so few clips of dev are sure of nothing
    decoder, how = GreedyDecoder(reader.labels), knobs(epochs=15, keep=1.0)
    found = adapt(reader, decoder, voice, Corpus(corpus_folder), how)
    assert errors(reader, voice) < 0.7 * before
    assert found.minutes == minutes_of(voice.clips)


def test_wrong_labels_are_refused_by_the_errors_of_other_voices(
    folder, singer, corpus_folder, monkeypatch
):
    reader = load_model(folder, "cpu")
    relabel(monkeypatch, lambda _: "řř")
    decoder, how = GreedyDecoder(reader.labels), knobs(epochs=15, rehearse=0.5)
    with pytest.raises(ValueError, match=r"not kept.* dev, CER .* points"):
        adapt(reader, decoder, recorded(singer), Corpus(corpus_folder), how)


def test_the_new_folder_is_a_model_with_the_decoder_and_the_old_one_stays(
    folder, singer, corpus_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(adaptation, "LR", 1e-6)
    monkeypatch.setattr(adaptation, "UPSTREAM_LR", 1e-6)
    before = contents(folder)
    result = command(folder, singer, "--out", tmp_path / "new/sung", "--corpus", corpus_folder)
    assert result.exit_code == 0, result.output
    assert "dev: CER" in result.stdout
    assert contents(folder) == before
    new = contents(tmp_path / "new/sung")
    assert set(new) == {*before, "made_of.json"}
    assert new["model.safetensors"] != before["model.safetensors"]
    assert new[f"{FOLDER}/decoder.json"] == before[f"{FOLDER}/decoder.json"]
    assert Transcriber(tmp_path / "new/sung", "cpu")(singer / f"{TEXTS[0]}.wav").seconds > 0
    assert os.listdir(tmp_path / "new") == ["sung"]


@pytest.mark.skipif(not is_installed(), reason="the libraries of `beam` are not installed")
def test_a_language_model_goes_along_and_is_weighed_anew_on_dev(
    folder, singer, corpus_folder, tmp_path, monkeypatch
):
    shutil.copytree(folder, tmp_path / "model")
    language = write_language(tmp_path / "language", TEXTS)
    save_decoder(tmp_path / "model" / FOLDER, Settings(decode="beam", slope=7.0), language)
    monkeypatch.setattr(adaptation, "WORST", 1.0)
    options = "--out", tmp_path / "sung", "--corpus", corpus_folder
    assert command(tmp_path / "model", singer, *options).exit_code == 0
    old, new = contents(tmp_path / "model" / FOLDER), contents(tmp_path / "sung" / FOLDER)
    assert set(new) == set(old) > {"decoder.json"}
    assert {name for name in new if new[name] != old[name]} == {"decoder.json"}
    assert Transcriber(tmp_path / "sung", "cpu").decoder.settings.slope != 7.0


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(folder, singer, tmp_path):
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        result = command(folder, singer, "--out", tmp_path / name, "--seed", seed)
        assert result.exit_code == 0, result.output
        assert "not checked without --corpus" in result.stdout
    one, same, other = (contents(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same != other


def interrupt(*_args: object, **_named: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_leaves_nothing_whenever_it_comes(folder, singer, tmp_path, monkeypatch):
    for place in ("adaptation.LastEpoch.save", "adapted_folder.remember"):
        with monkeypatch.context() as patch:
            patch.setattr(f"voicegraft.inference.{place}", interrupt)
            assert command(folder, singer, "--out", tmp_path / "sung").exit_code != 0
        assert os.listdir(tmp_path) == []


def test_a_folder_that_is_there_is_never_written_to(folder, singer):
    before = contents(folder)
    result = command(folder, singer, "--out", folder)
    assert result.exit_code == 1
    assert result.stderr == f"voicegraft: {folder} is there already: give --out another name\n"
    assert contents(folder) == before


def test_a_recording_that_cannot_be_read_is_named_and_nothing_is_written(folder, tmp_path):
    (tmp_path / "bad.wav").write_text("this is no sound")
    result = command(folder, tmp_path / "bad.wav", "--out", tmp_path / "sung")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bad.wav" in result.stderr and result.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["bad.wav"]


def test_of_a_truncated_recording_what_there_is_will_do(folder, singer, tmp_path):
    whole = (singer / f"{TEXTS[0]}.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    result = command(folder, tmp_path / "cut.wav", singer, "--out", tmp_path / "sung")
    assert result.exit_code == 0 and "cut.wav" in result.stderr


def test_where_nothing_is_read_there_is_nothing_to_learn_from(tmp_path):
    deaf = model()
    deaf.head.label.bias.data[ctc.BLANK] = 1_000
    save_model(deaf, tmp_path / "deaf")
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    result = command(tmp_path / "deaf", tmp_path / "silence.wav", "--out", tmp_path / "sung")
    assert result.exit_code == 1
    assert "none of 1 pieces has a text that can be learnt from" in result.stderr
