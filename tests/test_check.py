"""`voicegraft check`: what is in a folder, and what params.yaml should say of it."""

import json

import annotated
import numpy as np
import pytest
import soundfile
import yaml
from prepared import PARAMS, Project, noise
from typer.testing import CliRunner

from voicegraft.checking.findings import FULL_SCALE, clipped_share
from voicegraft.checking.report import duration
from voicegraft.cli import app
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.corpus import CorpusSection
from voicegraft.preparing.splits import SplitError


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    return Project(tmp_path)


def check(*arguments, status=0):
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


def checked(project):
    """Return what is printed of the project's clips."""
    project.write()
    return check(project.own).stdout


def as_json(*arguments, status=0):
    return json.loads(check(*arguments, "--json", status=status).stdout)


def test_hours_speakers_and_clips_are_those_that_prepare_data_finds(project):
    project.good(20)
    project.add("long.wav", noise(3.5, seed=102))
    project.add("silent.wav", noise(peak=0.0005))
    project.add("short.wav", noise(0.2, seed=101))
    project.add("fast.wav", noise(seed=103), text="a" * 31)
    project.line("gone.wav", "x")
    corpus = project.run()
    found = as_json(project.own)
    assert (found["clips"], found["usable"]) == (25, len(corpus.utterances)) == (25, 20)
    hours = sum(u.seconds for u in corpus.utterances) / 3600
    assert found["hours"] == round(hours, 4)
    assert set(found["hours_by_speaker"]) == {"rare", "usual"}
    assert found["unusable"] == project.report["rejects"]
    told = check(project.own).stdout
    assert "1 too long (prepare_data.check.max_seconds), such as long.wav: over 3 s" in told
    assert "1 missing, such as gone.wav" in told


def test_a_clip_at_full_scale_and_a_copy_are_named_and_a_loud_one_is_not(project):
    project.good(3)
    project.add("clipped.wav", np.clip(8 * noise(seed=200), -1, 1))
    project.add("loud.wav", noise(seed=201, peak=0.97))
    project.add("again.wav", noise(seed=201, peak=0.97), text="another")
    assert "Clipped, recorded too loud, 1: clipped.wav" in checked(project)
    found = as_json(project.own)
    assert (found["clipped"], found["copies"]) == (["clipped.wav"], ["again.wav"])


@pytest.mark.parametrize(("run", "counted"), [(2, 0), (3, 3), (100, 100)])
def test_only_what_stays_at_the_top_is_clipped(run, counted):
    samples = np.zeros(1000, np.int16)
    samples[200 : 200 + run] = -FULL_SCALE
    assert clipped_share(samples) == counted / 1000


def test_characters_are_counted_as_they_are_learnt_and_odd_ones_named_by_file_alone(project):
    project.good(2)
    project.add("mixed.wav", text="Kočk\u0430 běží")
    assert "běží" not in checked(project)
    found = as_json(project.own)
    assert found["characters"]["t"] == 4 and "K" not in found["characters"]
    (odd,) = [odd for odd in found["odd"] if "CYRILLIC" in odd["character"]]
    assert (odd["count"], odd["file"]) == (1, "mixed.wav")


def test_what_params_yaml_should_say_is_what_prepare_data_can_read(project):
    project.good(3).write()
    told = check(project.own, "--language", "cs").stdout
    pasted = project.root / "pasted.yaml"
    pasted.write_text(told[told.index("corpus:\n") :], encoding="utf-8")
    section = load_params(CorpusSection, "corpus", pasted)
    assert (section.name, section.language, section.folder) == ("folder", "cs", str(project.own))


def test_a_dotless_i_asks_for_turkic_case(project):
    project.good(3)
    assert "lower_turkic" not in checked(project)
    project.add("turkish.wav", text="kapı")
    assert "text: {case: lower_turkic}" in checked(project)


def test_rejects_at_which_the_stage_would_stop_ask_for_its_knob(project):
    project.good(2)
    for name in ("soft-1.wav", "soft-2.wav"):
        project.add(name, noise(1.0, 1e-5))
    assert "max_reject_share" not in checked(project)
    project.add("soft-3.wav", noise(1.0, 1e-5))
    assert "  max_reject_share: 0.6  # if all" in checked(project)


def test_annotated_recordings_are_checked_by_their_tier(project):
    folder = project.root / "tapes"
    tiers = [
        annotated.tier("a", annotated.aligned("a1", "ts1", "ts2", "ano"), kind="words"),
        annotated.tier("b", annotated.aligned("a2", "ts4", "ts5", "ne"), kind="notes"),
    ]
    annotated.eaf(folder, *tiers)
    soundfile.write(folder / "tape 1.wav", noise(5), 16_000)
    assert "which tier of" in check(folder, status=1).stderr
    told = check(folder, "--tier", "words").stdout
    assert "read as corpus.name: elan" in told and 'tier: "words"' in told


def test_traits_that_leave_a_split_empty_ask_for_another(project):
    split = project.params["prepare_data"]["split"]
    split |= {"disjoint": "speaker", "unseen_share": 0.0}
    for n in range(12):
        project.add(f"{n}.wav", speaker=f"voice {n // 6}")
    assert "  split: {disjoint: text}" in checked(project)
    with pytest.raises(SplitError):
        project.run()
    split["disjoint"] = "text"
    assert "disjoint" not in checked(project)
    assert {u.split for u in project.run().utterances} == {"train", "dev", "test"}


def test_labels_without_texts_are_for_the_pipeline_of_classes(project):
    project.classes("yes", "no", clips=3).write()
    found = as_json(project.own)
    assert (found["task"], found["clips_by_label"]) == ("classification", {"yes": 3, "no": 3})
    assert "# For words/params.yaml" in check(project.own).stdout


def test_of_two_layouts_the_one_with_more_clips_is_taken_and_the_other_told(project):
    project.good(3).write()
    (project.own / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nano\n")
    (project.own / "b.eaf").write_text("<broken")
    told = check(project.own).stdout
    assert "read as corpus.name: folder" in told
    assert "subtitles would find 1 clips" in told
    assert "elan cannot read it" in told and "b.eaf, line 1" in told
    assert "corpus.name: subtitles" in check(project.own, "--name", "subtitles", status=1).stdout


def test_what_is_no_corpus_is_named_with_what_is_looked_for(project):
    (project.root / "empty").mkdir()
    assert "holds no file. Looked for:" in check("empty", status=1).stderr
    (project.own / "notes.txt").touch()
    said = check(project.own, status=1).stderr
    assert "it holds 1 .txt" in said and "elan: *.eaf" in said
    assert "is a file: name the folder that it is in" in check("params.yaml", status=1).stderr
    assert "nowhere is not there" in check("nowhere", status=1).stderr


def test_a_folder_without_a_usable_clip_ends_with_status_1(project):
    project.line("gone.wav", "x")
    project.write()
    assert "No clip is usable." in check(project.own, status=1).stdout
    assert as_json(project.own, status=1)["params"] == ""


def test_a_broken_table_is_named_with_its_line(project):
    (project.own / "metadata.csv").write_bytes(b"file_name,text\na.wav,caf\xe9\n")
    said = check(project.own, status=1).stderr
    assert "as folder:" in said and "UTF-8: line 2, column text" in said


@pytest.mark.parametrize(
    ("seconds", "told"), [(12.4, "12 s"), (60, "1 min"), (3540, "59 min"), (3660, "1 h 1 min")]
)
def test_a_duration_is_told_in_words(seconds, told):
    assert duration(seconds) == told
