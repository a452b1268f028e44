"""The corpus jsonl: manifests as NeMo and Lhotse write them, and what is refused."""

import gzip
import json

import pytest
from annotated import CUT, NEMO, RECORDING, SUPERVISION, facts, faults, manifest, read

from voicegraft.preparing.corpus import CorpusError


def of(tmp_path, *objects, name="a.jsonl"):
    manifest(tmp_path, *objects, name=name)
    return read("jsonl", tmp_path)


def refusal(tmp_path, *objects):
    with pytest.raises(CorpusError) as caught:
        of(tmp_path, *objects)
    return str(caught.value)


def test_nemo_lists_whole_files_and_with_an_offset_parts_of_them(tmp_path):
    found = of(tmp_path, *NEMO, NEMO[0])
    assert [c.id for c in found] == [
        "wavs/a.wav",
        "wavs/a.wav",
        "wavs/b.wav/1.000-3.000",
        "wavs/b.wav/10.250-11.750",
    ]
    assert facts(found) == [
        (0.0, None, "Ẹ̀kọ́", "ann"),
        (1.0, 3.0, "c", ""),
        (10.25, 11.75, "b", ""),
    ]
    assert faults(found) == ["listed twice"]
    assert found[0].path == tmp_path / "wavs/a.wav"


def test_lhotse_counts_the_times_of_a_cut_from_its_start(tmp_path):
    (clip,) = of(tmp_path, CUT)
    assert facts([clip]) == [(2.5, 3.75, "Ẹ̀kọ́", "ann")]
    assert (clip.id, clip.path) == ("r1-s1", tmp_path / "wavs/r.wav")
    mixed = {"id": "m", "type": "MixedCut", "tracks": []}
    assert faults(of(tmp_path, {**mixed, "supervisions": []})) == ["no plain cut"]


def test_recordings_and_supervisions_of_lhotse_may_be_in_files_of_their_own(tmp_path):
    recordings = gzip.compress(json.dumps(RECORDING).encode())
    (tmp_path / "recordings.jsonl.gz").write_bytes(recordings)
    (clip,) = of(tmp_path, SUPERVISION, name="supervisions.jsonl")
    assert facts([clip]) == [(0.5, 1.75, "Ẹ̀kọ́", "ann")]
    assert clip.path == tmp_path / "wavs/r.wav"


@pytest.mark.parametrize(
    ("name", "split"),
    [("train_manifest.json", "train"), ("cuts.dev.jsonl", "dev"), ("latest.jsonl", "")],
)
def test_a_word_in_the_name_is_the_split(name, split, tmp_path):
    assert {c.split for c in of(tmp_path, *NEMO, name=name)} == {split}


def with_source(**source):
    return CUT | {"recording": RECORDING | {"sources": [{"channels": [0], **source}]}}


@pytest.mark.parametrize(
    "source",
    [
        {"type": "command", "source": "touch pwned"},
        {"type": "url", "source": "https://example.org/a.wav"},
        {"type": "memory", "source": "x"},
    ],
)
def test_commands_and_addresses_are_refused_by_their_line(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = refusal(tmp_path, CUT, with_source(**source))
    assert f"a.jsonl, line 2: a recording has to be one file as it is, not {source['type']}" in told
    assert not (tmp_path / "pwned").exists()


def test_a_recording_that_lhotse_would_change_is_refused(tmp_path):
    changed = RECORDING | {"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}
    assert "a.jsonl, line 1: a recording" in refusal(tmp_path, CUT | {"recording": changed})


@pytest.mark.parametrize("name", ["../x.wav", "{outside}/x.wav"])
def test_a_recording_outside_of_the_folder_is_refused_by_its_line(name, tmp_path):
    name = name.format(outside=tmp_path)
    (tmp_path / "x.wav").touch()
    for line in ({"audio_filepath": name, "text": "x"}, with_source(type="file", source=name)):
        told = refusal(tmp_path / "own", NEMO[0], line)
        assert "a.jsonl, line 2: " in told and "outside corpus.folder" in told


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"audio_filepath": "a.wav", "te', "it is no JSON"),
        (b"[1]", "it is no JSON object"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"x": ' + b"9" * 10_000 + b"}", "it is no JSON"),
        (b'{"text": "x"}', "neither of NeMo"),
        (b'{"audio_filepath": ["a"], "text": "x"}', "audio_filepath is no string"),
        (b'{"audio_filepath": "a", "offset": NaN}', "offset: nan is no time"),
        (b'{"audio_filepath": "a", "offset": 1, "duration": "x"}', "duration: 'x' is no time"),
        (b'{"recording_id": "r9"}', "there is no recording 'r9'"),
        (b'{"recording_id": "r9", "supervisions": "x"}', "there is no recording 'r9'"),
        (b'{"audio_filepath": "caf\xe9"}', "it is not UTF-8"),
        (b'{"text": "' + b"x" * 2_000_000 + b'"}', "it is too long for a line"),
    ],
)
def test_what_is_damaged_is_refused_with_its_line(line, complaint, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"audio_filepath": "b.wav", "text": "x"}\n' + line)
    with pytest.raises(CorpusError) as caught:
        read("jsonl", tmp_path)
    assert f"a.jsonl, line 2: {complaint}" in str(caught.value)


def test_a_gzip_file_that_is_cut_and_one_that_swells_are_refused_by_name(tmp_path):
    bomb = gzip.compress(bytes(50_000_000))
    for content in (gzip.compress(b'{"audio_filepath": "a"}\n' * 999)[:60], b"no gzip", bomb):
        (tmp_path / "a.jsonl.gz").write_bytes(content)
        with pytest.raises(CorpusError, match=r"a.jsonl.gz"):
            read("jsonl", tmp_path)
