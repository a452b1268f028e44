"""`voicegraft classify`, with a tiny model that tells pitches apart."""

import json
import os
import re

import numpy as np
import pytest
from invented import PITCHES, model
from listening import tone, write, write_model
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.inference.classifier import Classifier
from voicegraft.inference.segmentation import Hit, joined, windows
from voicegraft.inference.transcriber import Transcriber
from voicegraft.model.grafted import GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.speech.manifest import SAMPLE_RATE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("classifier") / "model")


def classify(*arguments):
    return CliRunner().invoke(app, ["classify", *map(str, arguments)])


@pytest.mark.parametrize("letter", PITCHES)
def test_a_clip_has_all_classes_the_likeliest_first(folder, tmp_path, letter):
    found = Classifier(folder)(write(tmp_path / "clip.wav", tone(letter, seed=99)))
    assert next(iter(found.probabilities)) == letter
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    assert (found.hits, found.damage) == ([], "")


def test_a_long_recording_has_hits_with_their_times(folder, tmp_path):
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    long = write(tmp_path / "long.wav", silence, tone("b", 1.5), silence, tone("ř", 1.5), silence)
    found = Classifier(folder, window_seconds=0.5)(long)
    # At the edges a window is half silence, of which the model knows nothing.
    steady = [hit for hit in found.hits if hit.end_seconds - hit.start_seconds > 0.5]
    assert [hit.label for hit in steady] == ["b", "ř"]
    for hit, start in zip(steady, (2.0, 5.5), strict=True):
        assert hit.start_seconds == pytest.approx(start, abs=0.5)
        assert hit.end_seconds == pytest.approx(start + 1.5, abs=0.5)
    assert found.seconds == pytest.approx(9, abs=0.01)
    assert found.probabilities == {}


@pytest.mark.parametrize("name", ["it's $(a) b", '"řeč"', os.fsdecode(b"caf\xe9")])
def test_a_recording_may_have_any_name(folder, tmp_path, name):
    shown = os.fsencode(name).decode(errors="backslashreplace")
    for number in (1, 2):
        write(tmp_path / "a.wav", tone("a")).rename(tmp_path / f"{name} {number}.wav")
    lines = classify(folder, tmp_path).stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"{tmp_path}/{shown} {number}.wav" for number in (1, 2)
    ]
    counted = CliRunner().invoke(app, ["false-accepts", str(folder), str(tmp_path)])
    assert [f"{shown} {number}.wav: " in counted.stdout for number in (1, 2)] == [True, True]


def test_the_command_prints_a_line_for_each_clip_or_hit(folder, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/a.wav", tone("a"))
    silence = np.zeros(6 * SAMPLE_RATE, np.float32)
    write(tmp_path / "in/b.wav", silence, tone("b", 1.5))
    write(tmp_path / "in/c.wav", silence)
    done = classify(folder, tmp_path / "in")
    first, *hits, last = done.stdout.splitlines()
    assert done.exit_code == 0
    assert first.startswith(f"{tmp_path}/in/a.wav: a ")
    assert any(re.search(r"b.wav: \d.\d\d to 7.50 s: b [01]\.\d{3}$", hit) for hit in hits)
    assert last.endswith("c.wav: no class found")


def test_json_has_what_python_has(folder, tmp_path):
    path = write(tmp_path / "a.wav", tone("a"))
    done = json.loads(classify(folder, path, "--json").stdout)
    assert done["file"] == str(path)
    assert max(done["probabilities"], key=done["probabilities"].get) == "a"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(folder, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    write(tmp_path / "b.wav", tone("b"))
    done = classify(folder, tmp_path / "a.wav", tmp_path / "b.wav")
    assert done.exit_code == 1
    assert "a.wav" in done.stderr and "b.wav: b " in done.stdout


def test_the_error_about_a_model_of_the_other_task_names_its_command(folder, tmp_path):
    with pytest.raises(ValueError, match="classification: use `voicegraft classify`"):
        Transcriber(folder)
    save_model(model(), tmp_path / "texts")
    with pytest.raises(ValueError, match="for transcription: use `voicegraft transcribe`"):
        Classifier(tmp_path / "texts")


def test_the_error_about_an_impossible_window_names_the_possible_ones(folder):
    with pytest.raises(ValueError, match=r"above 0 and at most \d+.*, not 0"):
        Classifier(folder, window_seconds=0)


@pytest.mark.parametrize("block", [1, 7, 100])
def test_windows_are_the_same_in_blocks_of_any_size(block):
    wave = np.arange(53, dtype=np.float32)
    blocks = [wave[i : i + block] for i in range(0, len(wave), block)]
    found = [(first, own.tolist()) for first, own in windows(blocks, 10, 5)]
    assert found == [(i, list(range(i, min(i + 10, 53)))) for i in range(0, 50, 5)]


def test_hits_of_one_class_that_touch_are_one_with_the_highest_probability():
    hits = [Hit(0, 2, "a", 0.6), Hit(1, 3, "a", 0.9), Hit(2, 4, "b", 0.7), Hit(9, 10, "b", 0.8)]
    assert joined(hits) == [Hit(0, 3, "a", 0.9), Hit(2, 4, "b", 0.7), Hit(9, 10, "b", 0.8)]


@pytest.fixture(scope="module")
def by_voice(folder, tmp_path_factory):
    """The same model, normalised by speaker, with the statistics of the speaker of train."""
    grafted = load_model(folder)
    description = grafted.description.model_copy(update={"normalise": "speaker"})
    again = GraftedModel(description).eval()
    again.load_state_dict(grafted.state_dict(), strict=False)
    features = again.pooled([tone(letter, seed=seed) for letter in PITCHES for seed in range(9)])
    again.head.voice.meet(features)
    again.head.classifier.fit(
        again.head.voice(features).double().numpy(),
        np.repeat([sorted(PITCHES).index(letter) for letter in PITCHES], 9),
        [str(i) for i in range(len(features))],
    )
    path = tmp_path_factory.mktemp("by_voice") / "model"
    save_model(again, path)
    return path


@pytest.fixture(scope="module")
def muffled(tmp_path_factory):
    """Recordings of another voice: each has the same hum."""
    path = tmp_path_factory.mktemp("muffled")
    for letter in PITCHES:
        for seed in range(5):
            write(path / f"{letter}{seed}.wav", hum(tone(letter, seed=seed + 20)))
    return path


def hum(wave):
    time = np.arange(len(wave)) / SAMPLE_RATE
    return (0.3 * wave + 0.4 * np.sin(2 * np.pi * 120 * time)).astype(np.float32)


def right(model, recordings):
    found = [(path.stem[0], model(path).probabilities) for path in sorted(recordings.iterdir())]
    return sum(letter == next(iter(classes)) for letter, classes in found)


def test_a_speaker_whose_recordings_are_given_is_classified_better(by_voice, muffled):
    known = Classifier(by_voice, voice=[str(muffled)])
    assert right(known, muffled) > right(Classifier(by_voice), muffled)


def test_who_speaks_is_asked_for_where_it_matters(by_voice, folder, muffled):
    clip = muffled / "a0.wav"
    assert "no recordings of the speaker" in classify(by_voice, clip).stderr
    assert classify(by_voice, clip, "--voice", muffled).stderr == ""
    assert classify(folder, clip).stderr == ""


def test_a_voice_is_refused_where_it_is_of_no_use_or_too_little(by_voice, folder, muffled):
    clip = muffled / "a0.wav"
    of_no_use, too_little = (
        classify(folder, clip, "--voice", muffled),
        classify(by_voice, clip, "--voice", clip),
    )
    assert "trained with head.normalise: speaker" in of_no_use.stderr
    assert "speaker normalisation needs 10 clips, not 1" in too_little.stderr
    assert of_no_use.exit_code == too_little.exit_code == 1
