import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from voicegraft.params import ParamsError
from voicegraft.speech.labels import LabelError
from voicegraft.speech.manifest import Corpus
from voicegraft.speech.rejects import RejectsError

SCRIPT = Path(__file__).parent.parent / "stages/prepare_data.py"
PARAMS = {
    "task": "transcription",
    "corpus": {"name": "folder", "language": "x", "folder": "own", "mirror": ""},
    "prepare_data": {
        "max_reject_share": 0.5,
        "text": {
            "case": "lower",
            "punctuation": "remove",
            "apostrophes": "keep",
            "also_keep": "",
        },
        "check": {
            "min_seconds": 0.3,
            "max_seconds": 3.0,
            "min_dbfs": -60.0,
            "max_characters_per_second": 30.0,
        },
        "split": {
            "seed": 1,
            "dev_share": 0.2,
            "test_share": 0.2,
            "unseen_share": 0.2,
            "unseen_speakers": [],
            "disjoint": "text",
        },
    },
}


def load_stage():
    spec = importlib.util.spec_from_file_location("prepare_data", SCRIPT)
    stage = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stage)
    return stage


MAIN = load_stage().main


def noise(seconds=1.0, rate=16_000, channels=1, seed=0, peak=0.5):
    shape = round(seconds * rate), channels
    return np.random.default_rng(seed).uniform(-peak, peak, shape).astype(np.float32)


class Project:
    """A folder with params.yaml and a corpus of the user's own, and the stage to run on it."""

    def __init__(self, root):
        self.root = root
        self.rows = []
        self.params = json.loads(json.dumps(PARAMS))
        (root / "own").mkdir()

    def add(self, name, samples=None, text=None, speaker="", rate=16_000, label=""):
        number = len(self.rows)
        samples = noise(seed=number) if samples is None else samples
        soundfile.write(self.root / "own" / name, samples, rate)
        self.line(name, f"text {number}" if text is None else text, speaker, label)

    def line(self, name, text, speaker="", label=""):
        self.rows.append((name, text, speaker, label))

    def good(self, clips=20):
        for i in range(clips):
            self.add(f"good {i:02}.wav", speaker="rare" if i % 10 == 0 else "usual")
        return self

    def classes(self, *labels, clips=10):
        """Clips of each label, with no text."""
        self.params["task"] = "classification"
        for label in labels:
            for i in range(clips):
                self.add(f"{label} {i}.wav", text="", label=label)
        return self

    def run(self, out="out"):
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))
        with open(self.root / "own/metadata.csv", "w", newline="") as file:
            csv.writer(file).writerows([("file_name", "text", "speaker", "label"), *self.rows])
        paths = "own", "downloads", f"{out}/corpus", f"{out}/corpus.json"
        MAIN(*(self.root / path for path in paths))
        with open(self.root / out / "corpus/rejects.csv", newline="") as file:
            self.rejects = {row["id"]: row for row in csv.DictReader(file)}
        self.report = json.loads((self.root / out / "corpus.json").read_text())
        return Corpus(self.root / out / "corpus")


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
        "good 01.wav": "listed twice",
    }
    assert project.rejects["mp4.wav"]["detail"] == "it is an MP4 or M4A file"
    assert project.rejects["gone.wav"]["file"].endswith("own/gone.wav")
    assert len(corpus.utterances) + len(project.rejects) == len(project.rows)
    assert sum(project.report["rejects"].values()) == len(project.rejects)


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
    assert project.report["shared"]["train-test"] == {
        "speakers": 1,
        "sessions": 0,
        "texts": 0,
        "recordings": 0,
    }
    assert project.report["shared"]["train-unseen"]["speakers"] == 0


def test_a_heard_text_of_an_unseen_voice_is_rejected(project):
    project.good()
    project.add("echo.wav", text="text 5", speaker="rare")
    corpus = project.run()
    assert project.rejects["echo.wav"]["reason"] == "said on another side too"
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


def test_clips_of_a_class_need_a_label_and_no_text(project):
    project.classes("yes", "no")
    project.add("which.wav", text="spoken")
    corpus = project.run()
    assert project.rejects["which.wav"]["reason"] == "no label"
    assert {u.label for u in corpus.utterances} == {"yes", "no"}


def add_unlabelled(project, count=5):
    (project.root / "own/unlabelled").mkdir()
    for i in range(count):
        soundfile.write(project.root / f"own/unlabelled/{i}.wav", noise(seed=900 + i), 16_000)


def test_unlabelled_recordings_are_a_side_of_their_own_without_text(project):
    add_unlabelled(project.good())
    corpus = project.run()
    assert [u.id for u in corpus.of("unlabelled")] == [f"unlabelled/{i}.wav" for i in range(5)]
    assert {u.text for u in corpus.of("unlabelled")} == {""}
    assert project.report["splits"]["unlabelled"]["clips"] == 5
    assert len(corpus.utterances) == 25
    assert project.report["shared"]["test-unlabelled"]["recordings"] == 0


def test_what_an_unseen_voice_says_unlabelled_is_rejected_with_its_reason(project):
    add_unlabelled(project.good(), 2)
    project.params["prepare_data"]["split"]["unseen_speakers"] = ["rare"]
    lines = "file_name,speaker\n0.wav,rare\n1.wav,usual\n"
    (project.root / "own/unlabelled/metadata.csv").write_text(lines)
    corpus = project.run()
    assert [u.id for u in corpus.of("unlabelled")] == ["unlabelled/1.wav"]
    reason = project.rejects["unlabelled/0.wav"]["reason"]
    assert reason == "unlabelled, but scored too or of an unseen voice"


def test_unlabelled_recordings_lack_no_label_and_are_no_class(project, capsys):
    add_unlabelled(project.classes("yes", "no"))
    corpus = project.run()
    assert {u.label for u in corpus.of("unlabelled")} == {""}
    assert not project.rejects
    assert "label ''" not in capsys.readouterr().err


def test_each_label_is_dealt_in_the_same_shares(project):
    corpus = project.classes("yes", "no", clips=30).run()
    for side in ("dev", "test"):
        assert sorted(u.label for u in corpus.of(side)) == ["no"] * 6 + ["yes"] * 6


def test_where_texts_are_transcribed_labels_are_left_out(project):
    project.good()
    project.add("named.wav", label="yes")
    project.run()
    assert "label" not in (project.root / "out/corpus/manifest.csv").read_text()


def test_two_spellings_of_a_label_are_named_with_their_clips(project):
    project.classes("Yes!", "no").classes("yes", clips=2)
    with pytest.raises(LabelError, match=r"'Yes!' \(10 clips\), 'yes' \(2 clips\)"):
        project.run()


def test_a_single_class_is_refused(project):
    with pytest.raises(LabelError, match=r"two classes.*'yes' \(10 clips\)"):
        project.classes("yes").run()


def test_a_label_that_a_side_lacks_is_named(project, capsys):
    project.classes("yes", "no", clips=20).classes("lone", clips=1).run()
    assert "label 'lone' (1 clips): none in dev and test" in capsys.readouterr().err


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
    command = [sys.executable, SCRIPT, "own", "downloads", "out", "out.json"]
    path = {"PYTHONPATH": str(SCRIPT.parent.parent)}
    result = subprocess.run(command, capture_output=True, text=True, env=path)
    assert result.returncode == 1
    assert "own/metadata.csv has no column transcription" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
