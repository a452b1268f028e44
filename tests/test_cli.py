"""`voicegraft transcribe` and the Transcriber, on noise and a tiny model with random weights."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from invented import model as tiny_model
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.embedding.cache import Cache
from voicegraft.inference import Transcriber
from voicegraft.model.saved import save_model

LETTERS = " abč"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(tiny_model(seed=2, letters=LETTERS), folder)
    return folder


def write_talk(path, seconds=3.0, rate=16_000, channels=1, seed=1):
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    loudness = 0.2 * (np.sin(2 * np.pi * 0.4 * time) > -0.7)
    wave = loudness[:, None] * rng.standard_normal((len(time), channels))
    soundfile.write(path, np.clip(wave, -1, 1), rate)
    return path


def transcribe(*arguments):
    return CliRunner().invoke(app, ["transcribe", *map(str, arguments)])


def test_text_goes_to_stdout_alone(model, tmp_path):
    result = transcribe(model, write_talk(tmp_path / "talk.wav"))
    assert result.exit_code == 0
    assert result.stdout.strip() == Transcriber(model)(tmp_path / "talk.wav").text != ""


def test_any_rate_channels_and_format_will_do(model, tmp_path):
    files = [
        write_talk(tmp_path / "a b.flac", rate=8_000),
        write_talk(tmp_path / "č.ogg", rate=44_100, channels=2),
        write_talk(tmp_path / "c.wav", rate=48_000),
    ]
    lines = transcribe(model, *files).stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(file) for file in files]


ODD_NAMES = ["a b", "it's", '"q"', "$(touch pwned)", "řeč ẹ̀kọ́ 語", "[a-z]*", b"caf\xe9"]


@pytest.mark.parametrize("options", [(), ("--format", "jsonl")])
def test_recordings_and_their_folders_may_have_any_name(model, options, tmp_path):
    shown = set()
    for name in map(os.fsdecode, ODD_NAMES):
        (tmp_path / "in" / name).mkdir(parents=True)
        path = tmp_path / "in" / name / f"{name}.wav"
        write_talk(tmp_path / "talk.wav", 0.5).rename(path)
        shown.add(os.fsencode(path).decode(errors="backslashreplace"))
    command = [sys.executable, "-m", "voicegraft.cli", "transcribe", model, "in", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    files = [json.loads(line)["file"] if options else line.split(": ")[0] for line in lines]
    assert {f"{tmp_path}/{file}" for file in files} == shown
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", list(map(os.fsdecode, ODD_NAMES)))
def test_a_recording_that_cannot_be_read_is_complained_of_whatever_its_name(model, name, tmp_path):
    (tmp_path / f"{name}.wav").write_text("this is no sound")
    result = transcribe(model, tmp_path / f"{name}.wav")
    assert result.exit_code == 1 and "undecodable" in result.stderr
    assert os.fsencode(name).decode(errors="backslashreplace") in result.stderr


def test_a_folder_stands_for_its_recordings_in_order(model, tmp_path):
    (tmp_path / "sub").mkdir()
    names = ["e.wav", "b.wav", "sub/c.FLAC", "d.flac", "a.ogg", "sub/a.wav", "c.mp3"]
    for name in names:
        write_talk(tmp_path / name, seconds=0.5)
    (tmp_path / "notes.txt").write_text("not audio")
    (tmp_path / ".hidden.wav").write_text("not audio either")
    result = transcribe(model, tmp_path)
    assert result.exit_code == 0
    files = [line.split(": ")[0] for line in result.stdout.splitlines()]
    assert files == [str(tmp_path / name) for name in sorted(names)]


def test_json_has_an_object_a_file_with_segments_in_time(model, tmp_path):
    files = [write_talk(tmp_path / f"{i}.wav", seconds=40, seed=i) for i in (1, 2)]
    result = transcribe(model, *files, "--format", "jsonl")
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    assert [o["file"] for o in objects] == [str(file) for file in files]
    for talk in objects:
        assert talk["seconds"] == pytest.approx(40, abs=0.01)
        assert talk["text"] == " ".join(s["text"] for s in talk["segments"])
        times = [(s["start_seconds"], s["end_seconds"]) for s in talk["segments"]]
        assert len(times) > 2
        assert times == sorted(times) and all(0 <= start < end <= 40.01 for start, end in times)


def test_a_bad_file_is_reported_and_the_others_still_run(model, tmp_path):
    (tmp_path / "bad.wav").write_text("this is no sound")
    good = write_talk(tmp_path / "good.wav")
    result = transcribe(model, tmp_path / "bad.wav", tmp_path / "gone.wav", good)
    assert result.exit_code == 1
    assert "bad.wav" in result.stderr and "gone.wav" in result.stderr
    assert result.stdout.startswith(f"{good}: ")
    assert "Traceback" not in result.output


def test_a_recording_that_breaks_off_gives_what_there_is(model, tmp_path):
    whole = write_talk(tmp_path / "whole.wav", seconds=20)
    (tmp_path / "half.wav").write_bytes(whole.read_bytes()[: 16_000 * 2 * 10])
    result = transcribe(model, tmp_path / "half.wav", "--format", "jsonl")
    talk = json.loads(result.stdout)
    assert talk["seconds"] == pytest.approx(10, abs=0.1)
    assert talk["text"] and "half.wav" in talk["damage"]
    assert result.exit_code == 1 and "half.wav" in result.stderr


def test_nothing_is_written_of_silence_between_speech(model, tmp_path):
    speech = write_talk(tmp_path / "talk.wav", seconds=10)
    wave, rate = soundfile.read(speech)
    dither = np.random.default_rng(1).choice([-1, 0, 1], 40 * rate) / 32_768
    soundfile.write(tmp_path / "pause.wav", np.concatenate([wave, dither, wave]), rate)
    found = Transcriber(model)(tmp_path / "pause.wav")
    silent = [s for s in found.segments if 15 < s.start_seconds and s.end_seconds < 45]
    assert silent == [] and found.seconds == pytest.approx(60)
    assert found.segments[0].text and found.segments[-1].end_seconds == pytest.approx(60, abs=1)
    soundfile.write(tmp_path / "silence.wav", dither, rate)
    assert Transcriber(model)(tmp_path / "silence.wav").text == ""


def test_a_recording_with_samples_that_are_no_numbers_is_reported_by_name(model, tmp_path):
    samples = np.random.default_rng(1).normal(0, 0.1, 3 * 16_000)
    samples[16_000] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, 16_000, subtype="FLOAT")
    good = write_talk(tmp_path / "good.wav")
    result = transcribe(model, tmp_path / "bad.wav", good)
    assert result.exit_code == 1
    assert f"{tmp_path / 'bad.wav'}: not finite" in result.stderr
    assert result.stdout.startswith(f"{good}: ") and result.stdout.count("\n") == 1


def test_the_size_of_batches_changes_no_segment(model, tmp_path):
    talk = write_talk(tmp_path / "talk.wav", seconds=40)
    one_by_one = Transcriber(model, piece_seconds=6, batch_seconds=1)(talk)
    together = Transcriber(model, piece_seconds=6, batch_seconds=1_000)(talk)
    assert together == one_by_one
    assert len({segment.text for segment in together.segments}) > 4


def test_silence_has_no_segment(tmp_path):
    deaf = tiny_model(seed=2, letters=LETTERS)
    deaf.head.label.bias.data[0] = 1_000  # the blank, at every frame
    save_model(deaf, tmp_path / "deaf")
    transcript = Transcriber(tmp_path / "deaf")(write_talk(tmp_path / "talk.wav", seconds=40))
    assert (transcript.text, transcript.segments) == ("", [])
    assert transcript.seconds == pytest.approx(40)


def test_silence_and_the_shortest_of_clips_are_no_trouble(model, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(50 * 16_000), 16_000)
    soundfile.write(tmp_path / "click.wav", np.ones(5), 16_000)
    result = transcribe(model, tmp_path)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("what", ["model", "folder", "nothing", "device"])
def test_a_wrong_argument_is_one_line_on_stderr(model, tmp_path, what):
    talk = write_talk(tmp_path / "talk.wav")
    (tmp_path / "empty").mkdir()
    result = {
        "model": lambda: transcribe(tmp_path, talk),
        "folder": lambda: transcribe(model, tmp_path / "empty"),
        "nothing": lambda: transcribe(model, ""),
        "device": lambda: transcribe(model, talk, "--device", "abacus"),
    }[what]()
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("voicegraft: ") and result.stderr.count("\n") == 1


def test_the_cache_can_be_seen_and_cleared(tmp_path):
    def cache(*options):
        result = CliRunner().invoke(app, ["cache", "--folder", str(tmp_path / "cache"), *options])
        assert result.exit_code == 0, result.output
        return result.stdout.removeprefix(f"{tmp_path / 'cache'}: ").strip()

    assert cache() == "the cache is empty"
    with Cache(tmp_path / "cache", 10**9) as kept:
        kept.write({b"one": bytes(20_000_000), b"other": b"1"})
    assert cache() == "2 entries, 0.02 GB"
    assert cache("--clear") == "0 entries, 0.00 GB"
    assert cache() == "0 entries, 0.00 GB"


@pytest.mark.parametrize("name", ["a b", "it's $(a)", '"q"?mode=ro#x', "řeč 语", "100%20"])
def test_a_cache_may_be_in_a_folder_of_any_name(name, tmp_path):
    with Cache(tmp_path / name, 10**9) as kept:
        kept.write({b"one": b"1"})
    result = CliRunner().invoke(app, ["cache", "--folder", str(tmp_path / name)])
    assert result.stdout.startswith(f"{tmp_path / name}: 1 entries")


def test_of_a_damaged_cache_what_is_left_is_counted(tmp_path):
    (tmp_path / "0.states").write_bytes(b"no shard" * 1000)
    result = CliRunner().invoke(app, ["cache", "--folder", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}: 0 entries, 0.00 GB\n")


def test_transcribe_is_a_subcommand_with_help():
    assert "transcribe" in CliRunner().invoke(app, ["--help"]).stdout
    assert "--format" in transcribe("--help").stdout


def test_importing_inference_does_not_import_torch():
    code = "import sys, voicegraft.inference; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
