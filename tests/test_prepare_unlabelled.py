"""The same stage on recordings without a text or a label."""

import pytest
import soundfile
from prepared import Project, noise


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


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
    assert project.report["leaks"]["test-unlabelled"]["recordings"] == 0


def test_unlabelled_clips_of_an_unseen_speaker_are_rejected_with_the_reason(project):
    add_unlabelled(project.good(), 2)
    project.params["prepare_data"]["split"]["unseen_speakers"] = ["rare"]
    lines = "file_name,speaker\n0.wav,rare\n1.wav,usual\n"
    (project.root / "own/unlabelled/metadata.csv").write_text(lines)
    corpus = project.run()
    assert [u.id for u in corpus.of("unlabelled")] == ["unlabelled/1.wav"]
    reason = project.rejects["unlabelled/0.wav"]["reason"]
    assert reason == "unlabelled, but scored too or of an unseen speaker"


def test_unlabelled_recordings_lack_no_label_and_are_no_class(project, capsys):
    add_unlabelled(project.classes("yes", "no"))
    corpus = project.run()
    assert {u.label for u in corpus.of("unlabelled")} == {""}
    assert not project.rejects
    assert "label ''" not in capsys.readouterr().err
