"""The same stage on clips that are learnt by their labels."""

import pytest
from prepared import Project

from voicegraft.preparing.checks import LabelError


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_clips_of_a_class_need_a_label_and_no_text(project):
    project.classes("yes", "no")
    project.add("which.wav", text="spoken")
    corpus = project.run()
    assert project.rejects["which.wav"]["reason"] == "no label"
    assert {u.label for u in corpus.utterances} == {"yes", "no"}


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
