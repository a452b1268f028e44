"""The stage that turns a corpus of texts into a manifest and audio."""

import os
import resource
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import soundfile
from prepared import SCRIPT, Project, noise

from voicegraft.pipeline.params import ParamsError
from voicegraft.pipeline.provenance import provenance
from voicegraft.preparing.checks import RejectsError
from voicegraft.speech.audio import legible


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_each_utterance_leads_to_its_own_samples(project):
    corpus = project.good().run()
    assert [u.id for u in corpus.utterances] == [f"good {i:02}.wav" for i in range(20)]
    assert np.load(project.root / "out/corpus/audio.npy").dtype == np.int16
    for number, utterance in enumerate(corpus.utterances):
        assert np.allclose(corpus.wave(utterance), noise(seed=number)[:, 0], atol=1e-4)


def test_all_rates_and_channels_become_16_khz_mono(project):
    for rate in (8000, 22_050, 44_100, 48_000):
        project.add(f"{rate}.flac", noise(1, rate, 2, seed=rate), rate=rate)
    corpus = project.good().run()
    assert all(abs(u.seconds - 1) < 0.001 for u in corpus.utterances)


@pytest.mark.parametrize("room", [300, 100_000])
def test_a_full_disk_ends_the_stage_in_a_line_that_names_the_file(project, room):
    project.good(clips=200).run()
    shutil.rmtree(project.root / "out")
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (room, room))
    command = [sys.executable, str(SCRIPT), "downloads", "out/corpus", "out/corpus.json"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert "audio.npy" in done.stderr.strip().splitlines()[-1], done.stderr
    assert list((project.root / "out/corpus").iterdir()) == []


def test_bad_clips_are_rejected_each_for_its_own_reason(project):
    project.good()
    own = project.root / "own"
    project.add("silent.wav", noise(peak=0.0005))
    project.add("short.wav", noise(0.2, seed=101))
    project.add("long.wav", noise(3.5, seed=102))
    project.add("fast.wav", noise(seed=103), text="a" * 31)
    project.add("wordless.wav", noise(seed=104), text=" –… ")
    project.add("cut.wav", noise(2, seed=105))
    (own / "cut.wav").write_bytes((own / "cut.wav").read_bytes()[:30_000])
    project.line("gone.wav", "x")
    for name, content in {
        "none.wav": b"",
        "mp4.wav": b"\0\0\0\x20ftypM4A",
        "junk.wav": b"?",
    }.items():
        (own / name).write_bytes(content)
        project.line(name, "x")
    project.line("good 01.wav", "again")
    broken = noise(seed=106)
    for name, sample in {"nan.wav": np.nan, "infinite.wav": np.inf}.items():
        broken[99] = sample
        soundfile.write(own / name, broken, 16_000, subtype="FLOAT")
        project.line(name, "x")
    corpus = project.run()
    assert {id: row["reason"] for id, row in project.rejects.items()} == {
        "silent.wav": "silent",
        "short.wav": "too short",
        "long.wav": "too long",
        "fast.wav": "too fast",
        "wordless.wav": "empty text",
        "cut.wav": "truncated",
        "gone.wav": "missing",
        "none.wav": "empty",
        "mp4.wav": "mislabelled",
        "junk.wav": "undecodable",
        "nan.wav": "not finite",
        "infinite.wav": "not finite",
        "good 01.wav": "listed twice",
    }
    assert project.rejects["mp4.wav"]["detail"] == "it is an MP4 or M4A file"
    assert project.rejects["gone.wav"]["file"].endswith("own/gone.wav")
    assert len(corpus.utterances) + len(project.rejects) == len(project.rows)
    assert sum(project.report["rejects"].values()) == len(project.rejects)


def test_texts_too_long_for_their_audio_stop_the_stage_with_the_knob(project):
    for i in range(20):
        project.add(f"{i}.wav", text="a" * (31 + i))
    with pytest.raises(RejectsError) as caught:
        project.run()
    assert "20 too fast (prepare_data.check.max_characters_per_second), such as" in str(
        caught.value
    )


def test_what_looks_wrong_is_named_at_the_end_in_lines(project, capsys):
    for i in range(90):
        project.add(f"{i:02}.wav", text=chr(0x4E00 + i))
    project.run()
    lines = [line for line in capsys.readouterr().err.splitlines() if "prepare_data: " in line]
    knobs = ("split.dev_share", "split.seed", "check.max_seconds")
    assert [knob in line for knob, line in zip(knobs, lines[-3:], strict=True)] == [True] * 3


def test_of_clips_that_marked_ones_bind_the_number_is_named_and_the_reasons_are_listed(
    project, capsys
):
    project.good(40)
    (project.own / "test").mkdir()
    with open(project.own / "test/metadata.csv", "w") as file:
        file.write("file_name,text\n" + "".join(f"{i}.wav,text {i + 1}\n" for i in range(5)))
    for i in range(5):
        soundfile.write(project.own / f"test/{i}.wav", noise(seed=500 + i), 16_000)
    corpus = project.run()
    assert len(corpus.of("test")) == 5
    assert project.report["rejects"] == {"bound to a clip that the corpus scores": 5}
    assert {row["detail"] for row in project.rejects.values()} == {"its text is in test"}
    assert "prepare_data: 5 clips are left out, bound to" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"q"', "$(touch pwned)", "řeč ẹ̀kọ́ 語", os.fsdecode(b"caf\xe9")]
)
def test_a_folder_and_its_recordings_may_have_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # YAML holds no name that is not UTF-8, so the folder of such recordings has another.
    project = Project(tmp_path, name if legible(name) == name else "own").good()
    project.add(f"{name}.wav")
    project.add(f"silent {name}.wav", noise(peak=0.0005))
    corpus = project.run(name)
    assert corpus.utterances[-1].id == f"{legible(name)}.wav"
    (reject,) = project.rejects.values()
    assert reject["file"] == legible(project.own / f"silent {name}.wav")
    assert not (tmp_path / "pwned").exists()


def test_too_many_rejects_stop_the_stage_with_reasons_and_counts(project):
    project.good(10)
    for i in range(11):
        project.line(f"gone {i}.wav", "x")
    project.line("good 00.wav", "")
    with pytest.raises(RejectsError, match=r"12 of 22.*max_reject_share \(0.5\)") as caught:
        project.run()
    assert "11 missing, such as" in str(caught.value)
    assert "gone 0.wav" in str(caught.value)
    assert not (project.root / "out/corpus/manifest.csv").exists()


def test_the_same_text_and_the_same_recording_stay_on_one_side(project):
    for i in range(10):
        project.add(f"same text {i}.wav", text=f"Text, {i % 5}!")
        project.add(f"same sound {i}.wav", noise(seed=1000 + i % 5))
    project.good().run()
    assert project.report["leaks"]["train-test"] == {"texts": 0, "recordings": 0}
    assert project.report["shared"]["train-test"] == {"speakers": 1, "sessions": 0}
    assert project.report["leaks"]["train-unseen"]["speakers"] == 0


def test_a_text_of_train_by_an_unseen_speaker_is_rejected(project):
    project.good()
    project.add("echo.wav", text="text 5", speaker="rare")
    corpus = project.run()
    assert project.rejects["echo.wav"]["reason"] == "text or recording in another split too"
    assert "echo.wav" not in {u.id for u in corpus.utterances}
    assert {u.speaker for u in corpus.of("unseen")} == {"rare"}
    assert len(corpus.of("unseen")) == 2


def test_the_report_counts_what_the_manifest_holds_and_quotes_nothing(project):
    corpus = project.good().run()
    for split, counts in project.report["splits"].items():
        assert counts["clips"] == len(corpus.of(split))
        assert counts["hours"] == round(sum(u.seconds for u in corpus.of(split)) / 3600, 4)
    text = (project.root / "out/corpus.json").read_text()
    assert "text 1" not in text and "usual" not in text


def test_the_report_names_the_corpus_as_evaluations_on_it_do(project):
    project.good().run()
    assert project.report["of"] == provenance(corpus=project.root / "out/corpus")


def test_a_task_that_is_none_is_named(project):
    project.params["task"] = "translation"
    with pytest.raises(ParamsError, match="transcription or classification, not 'translation'"):
        project.run()


def test_twice_gives_the_same_bytes(project):
    project.good().run("one")
    project.run("two")
    for name in ("manifest.csv", "audio.npy", "rejects.csv"):
        one, two = (project.root / out / "corpus" / name for out in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert (project.root / "one/corpus.json").read_bytes() == (
        project.root / "two/corpus.json"
    ).read_bytes()


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("split", "disjoint", "speakers"),
        ("split", "dev_share", 1.5),
        ("text", "case", "upper"),
        ("check", "min_seconds", "0.3"),
        ("check", "max_second", 3.0),
    ],
)
def test_a_wrong_knob_is_named(project, part, key, value):
    project.params["prepare_data"][part][key] = value
    with pytest.raises(ParamsError, match=f"prepare_data.{part}.{key}"):
        project.good(1).run()


def test_a_users_mistake_is_one_line_and_status_1(project):
    with pytest.raises(ValueError, match="no clip"):
        project.run()
    (project.root / "own/metadata.csv").write_text("file_name,words\na.wav,x\n")
    command = [sys.executable, SCRIPT, "downloads", "out", "out.json"]
    path = {"PYTHONPATH": str(SCRIPT.parent.parent)}
    result = subprocess.run(command, capture_output=True, text=True, env=path)
    assert result.returncode == 1
    assert "own/metadata.csv has no column transcription" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
