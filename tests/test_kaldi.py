"""The corpus kaldi: a data folder as recipes write it, and what is refused."""

import pytest
from annotated import KALDI, facts, kaldi, read

from voicegraft.preparing.corpus import CorpusError


def refusal(tmp_path, **changes):
    kaldi(tmp_path, **changes)
    with pytest.raises(CorpusError) as caught:
        read("kaldi", tmp_path)
    return str(caught.value)


def test_segments_come_by_recording_and_time_with_the_ids_of_kaldi(tmp_path):
    kaldi(tmp_path)
    found = read("kaldi", tmp_path)
    assert [c.id for c in found] == ["ann-tape1-1", "ann-tape1-2", "bob-tape2-1"]
    assert facts(found) == [
        (0.5, 2.25, "Ẹ̀kọ́ one", "ann"),
        (4.5, 6.0, "two", "ann"),
        (1.0, 2.0, "three", "bob"),
    ]
    assert [c.path for c in found][1:] == [
        tmp_path / f"wavs/{name}" for name in ("tape1.flac", "tape2.wav")
    ]
    assert found[2].session == "wavs/tape2.wav"


def test_without_segments_each_recording_is_a_clip(tmp_path):
    kaldi(tmp_path, segments=None, text="tape1 a\ntape3 c\n", utt2spk=None)
    found = {c.id: (c.text, c.end, c.problem) for c in read("kaldi", tmp_path)}
    assert found == {
        "tape1": ("a", None, ""),
        "tape2": ("", None, ""),
        "tape3": ("c", None, "no recording"),
    }


def test_folders_are_splits_and_paths_are_relative_to_either_folder(tmp_path):
    for name in ("train", "dev"):
        kaldi(tmp_path / name, wav_scp=KALDI["wav.scp"].replace("wavs/tape1", f"{name}/t"))
    (tmp_path / "dev/t.flac").touch()
    (first, *_), (dev, *_) = ([c for c in read("kaldi", tmp_path) if c.split == s]
                              for s in ("train", "dev"))  # fmt: skip
    assert (first.id, dev.id) == ("train/ann-tape1-1", "dev/ann-tape1-1")
    assert dev.path == tmp_path / "dev/t.flac"


@pytest.mark.parametrize(
    "name",
    ["sph2pipe -f wav a.sph |", "| touch pwned", "touch pwned|", "-", "raw.ark:1234", ""],
)
def test_pipes_and_archives_are_refused_by_name_and_none_is_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = refusal(tmp_path, wav_scp=f"tape2 a.wav\ntape1 {name}\n")
    assert "wav.scp, line 2: " in told and repr(name) in told
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["../x.wav", "{outside}/x.wav", "wavs/../../x.wav"])
def test_a_recording_outside_of_the_folder_is_refused_by_its_line(name, tmp_path):
    (tmp_path / "x.wav").touch()
    told = refusal(tmp_path / "own", wav_scp=f"tape1 {name.format(outside=tmp_path)}\n")
    assert "wav.scp, line 1: " in told and "outside corpus.folder" in told


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"segments": "a tape1 1 2\nb tape9 1 2\n"},
            "segments, line 2: there is no recording tape9",
        ),
        (
            {"segments": "a tape1 1\n"},
            "segments, line 1: it is not `utterance recording start end`",
        ),
        ({"segments": "a tape1 1 nan\n"}, "segments, line 1: 'nan' is no time"),
        ({"segments": "a tape1 1 1e999\n"}, "segments, line 1: '1e999' is no time"),
        ({"text": "a x\nb y\na z\n"}, "text, line 3: a is there twice"),
        ({"text": "a x\n\nb y\n"}, "text, line 2: it is empty"),
        ({"text": "a x\nb \0"}, "text, line 2: it is too long for a line, or no text"),
        ({"text": "a x\nb " + "y" * 2_000_000}, "text, line 2: it is too long for a line"),
    ],
)
def test_what_is_damaged_is_refused_with_its_line(changes, complaint, tmp_path):
    assert complaint in refusal(tmp_path, **changes)


def test_another_encoding_is_refused_with_its_line(tmp_path):
    kaldi(tmp_path)
    (tmp_path / "text").write_bytes(b"ann-tape1-1 x\nann-tape1-2 caf\xe9\n")
    with pytest.raises(CorpusError, match=r"text, line 2: it is not UTF-8; `iconv"):
        read("kaldi", tmp_path)


def test_an_end_that_is_not_said_is_a_problem(tmp_path):
    kaldi(tmp_path, segments="a tape1 1 -1\n", text="a x\n")
    assert [c.problem for c in read("kaldi", tmp_path)] == ["no time"]
