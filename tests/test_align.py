"""`voicegraft align`, on tones: a book with a sentence that nobody reads, and a voice between."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
import yaml
from invented import LETTER_SECONDS, PITCHES, model, spoken
from prepared import PARAMS
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.inference.long_texts import emit
from voicegraft.model import saved
from voicegraft.preparing.corpus import CorpusSection, load_corpus
from voicegraft.speech.manifest import SAMPLE_RATE

READ = ["abřabř", "řabba", "bařřab", "abab", "řbařba"]
NOT_READ, NOT_WRITTEN = "babařbařa", "řřbabb"
FRAME = 320
MARGIN_SECONDS = 0.1


class Ear:
    """Hears the tones by their pitch, as a trained model would; a letter in each frame of one."""

    labels = ["", *PITCHES]
    max_seconds = 30.0
    description = SimpleNamespace(pooling=None, margin_seconds=MARGIN_SECONDS)
    upstream = SimpleNamespace(
        frame_samples=FRAME,
        sample_rate=SAMPLE_RATE,
        frames=lambda samples, margin: -(-(samples + round(margin * SAMPLE_RATE)) // FRAME),
    )

    def emissions(self, waves):
        return [self._emission(wave) for wave in waves]

    def _emission(self, wave):
        frames = self.upstream.frames(len(wave), MARGIN_SECONDS)
        cut = np.pad(wave, (0, frames * FRAME - len(wave))).reshape(frames, FRAME)
        power = np.abs(np.fft.rfft(cut))[:, [round(p / 50) for p in PITCHES.values()]]
        scores = torch.from_numpy(np.column_stack([np.full(frames, 5.0), power])).float()
        return scores.log_softmax(-1)


@pytest.fixture(autouse=True)
def book(tmp_path, monkeypatch):
    """A folder with a recording and its text: one sentence of each is not in the other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    Path("model").mkdir()
    Path("model/model.json").write_text("{}")
    monkeypatch.setattr(saved, "load_model", lambda *_: Ear())
    rng = np.random.default_rng(5)
    pause = rng.normal(0, 50, SAMPLE_RATE // 2).astype(np.int16)
    waves, times, at = [pause], [], len(pause)
    for text in [*READ[:2], NOT_WRITTEN, *READ[2:]]:
        wave = spoken(text, rng)
        if text in READ:
            times.append((at / SAMPLE_RATE, (at + len(wave)) / SAMPLE_RATE))
        waves += [wave, pause]
        at += len(wave) + len(pause)
    (tmp_path / "book").mkdir()
    soundfile.write(tmp_path / "book/one.flac", np.concatenate(waves), SAMPLE_RATE)
    text = ". ".join([*READ[:4], NOT_READ, *READ[4:]]).capitalize()
    (tmp_path / "book/one.txt").write_text(f"{text}.\n", encoding="utf-8")
    return times


def align(*arguments, status=0):
    result = CliRunner().invoke(app, ["align", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_book_becomes_a_corpus_of_the_sentences_that_are_read(book):
    assert align("model", "book", "--out", "found").stdout == "one: 5 of 6 sentences\n"
    section = CorpusSection(name="folder", language="x", folder="found", mirror="")
    clips = list(load_corpus("folder").clips(Path("found"), Path("none"), section))
    assert [c.text.lower().strip(".") for c in clips] == READ
    assert {c.session for c in clips} == {"one"}
    for clip, (start, end) in zip(clips, book, strict=True):
        seconds = soundfile.info(clip.path).duration
        assert end - start - 0.2 < seconds < end - start + 0.8


def test_what_is_dropped_is_listed_with_its_reason():
    align("model", "book", "--out", "found")
    (row,) = rows("found/dropped.csv")
    assert (row["recording"], row["sentence"], row["reason"]) == (
        "one",
        f"{NOT_READ}.",
        "not spoken",
    )


def test_a_sentence_longer_than_the_longest_clip_is_dropped():
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("3.0", "2.0", 1))
    Path("book/one.txt").write_text("".join(READ[:2]) + ". " + ". ".join(READ[2:]) + ".")
    align("model", "book", "--out", "found")
    assert [row["reason"] for row in rows("found/dropped.csv")] == ["too long"]


def test_the_same_recording_gives_the_same_bytes():
    for name in ("one", "two"):
        align("model", "book", "--out", name)
    for file in ("metadata.csv", "dropped.csv", "clips/one/00001.flac"):
        assert Path("one", file).read_bytes() == Path("two", file).read_bytes()


def test_what_cannot_be_aligned_is_named_and_the_rest_is_done():
    Path("book/two.txt").write_text("abř.")
    Path("book/three.txt").write_bytes(b"caf\xe9\n")
    soundfile.write("book/three.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    result = align("model", "book", "--out", "found", status=1)
    assert "two.txt: book/two.wav: missing" in result.stderr
    assert "book/three.txt, line 1: it is not UTF-8" in result.stderr
    assert len(rows("found/metadata.csv")) == 5


def test_after_a_stop_no_recording_that_was_done_is_run_through_the_model_again(monkeypatch):
    for ending in ("flac", "txt"):
        Path(f"book/two.{ending}").write_bytes(Path(f"book/one.{ending}").read_bytes() + b" ")
    heard, emissions = [], Ear.emissions

    def hear(ear, waves):
        heard.append(len(waves))
        if stops and len(heard) == 2:
            raise KeyboardInterrupt
        return emissions(ear, waves)

    monkeypatch.setattr(Ear, "emissions", hear)
    stops = True
    align("model", "book", "--out", "found", status=130)
    assert not Path("found").exists()
    stops, heard = False, []
    assert "one: 5 of 6" in align("model", "book", "--out", "found").stdout
    assert len(heard) == 1
    assert not any(Path(".voicegraft/aligning").rglob("*.safetensors"))
    Path("model/model.json").write_text("another")
    align("model", "book", "--out", "again")
    assert len(heard) == 3
    assert Path("found/metadata.csv").read_bytes() == Path("again/metadata.csv").read_bytes()


def test_nothing_is_written_where_nothing_is_found():
    Path("book/one.txt").write_text("12 34.")
    assert "no sentence was found" in align("model", "book", "--out", "x", status=1).stderr
    assert not Path("x").exists() and not Path("x.part").exists()
    assert "is there already" in align("model", "book", "--out", "book", status=1).stderr
    Path("empty").mkdir()
    assert "contains no .txt" in align("model", "empty", "--out", "x", status=1).stderr


def test_a_models_frames_have_the_times_of_the_recording_without_the_silence_behind(tmp_path):
    soundfile.write(tmp_path / "a.wav", spoken("abř" * 60, np.random.default_rng(1)), SAMPLE_RATE)
    done = []
    emissions = emit(model("ctc_linear"), tmp_path / "a.wav", done.append)
    steps = np.diff(emissions.seconds)
    assert emissions.length == sum(done) == pytest.approx(180 * 2 * LETTER_SECONDS)
    assert len(emissions.emission) == len(emissions.seconds)
    assert 0 < emissions.seconds[0] < emissions.seconds[-1] < emissions.length
    assert steps.min() > 0 and steps.max() < 2 * np.median(steps)


def test_a_piece_without_sound_has_no_letters(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(3 * SAMPLE_RATE), SAMPLE_RATE)
    emissions = emit(model("ctc_linear"), tmp_path / "a.wav", lambda _: None)
    assert (emissions.emission.argmax(1) == 0).all()
