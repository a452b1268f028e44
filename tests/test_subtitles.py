"""The corpus subtitles: SRT and VTT as programs write them, a round trip by pysubs2, damage."""

import pysubs2
import pytest
from annotated import SRT, VTT, facts, faults, read

from voicegraft.preparing.corpus import CorpusError


def of(tmp_path, content, name="a.srt"):
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(content)
    return read("subtitles", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_subrip_is_read_without_its_tags(encoding, tmp_path):
    (tmp_path / "a.flac").touch()
    first, second = of(tmp_path, SRT.replace("\n", "\r\n").encode(encoding), "a.cs.srt")
    assert (first.id, first.session) == ("a.cs.srt/1.000-2.500", "a.flac")
    assert facts([first, second]) == [(1.0, 2.5, "Ano, řekl.", ""), (3723.004, 3725.0, "2", "")]


def test_webvtt_has_voices_and_its_notes_styles_and_names_are_no_text(tmp_path):
    assert facts(of(tmp_path, VTT, "a.vtt")) == [
        (1.0, 2.5, "Is <this> it? & more", "Ann Lee"),
        (63.5, 65.0, "Yes.", ""),
    ]
    assert faults(of(tmp_path, VTT, "a.vtt")) == ["several voices"]


@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_what_pysubs2_writes_comes_back(suffix, tmp_path):
    said = [(0, 1500, "řeč"), (2000, 3999, "two lines"), (3_600_000, 3_601_001, "語")]
    written = pysubs2.SSAFile()
    for start, end, text in said:
        written.append(pysubs2.SSAEvent(start, end, text.replace(" ", r"\N")))
    written.save(str(tmp_path / f"a.{suffix}"))
    found = facts(read("subtitles", tmp_path))
    assert found == [(a / 1000, b / 1000, text, "") for a, b, text in said]


def test_a_file_without_a_subtitle_is_counted(tmp_path):
    assert faults(of(tmp_path, "WEBVTT\n\nNOTE nothing", "a.vtt")) == ["no subtitle"]


def test_overlaps_and_times_that_run_back_are_problems(tmp_path):
    lines = ("1 --> 2", "1 --> 3", "5 --> 4", "6 --> 7")
    times = [" --> ".join(f"00:00:0{t},000" for t in line.split(" --> ")) for line in lines]
    found = of(tmp_path, "\n\n".join(f"{time}\nx" for time in times))
    assert faults(found) == ["overlaps another segment"] * 2 + ["no length"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("1\n00:00:01,000 -> 00:00:02,000\nx", "line 1: here should be times"),
        ("\n\n1\n00:00:01,000 --> 00:00\nx", "line 4: '00:00:01,000 --> 00:00' are no times"),
        (SRT[:-20] + "\n\n4\n", "line 9: here should be times"),
        (SRT.replace("\n\n", "\n"), "line 6: there is no empty line before these times"),
        (SRT.encode() + b"caf\xe9", "line 9: it is not UTF-8"),
        (b"1\n\0", "line 2: it holds a zero byte"),
    ],
)
def test_what_is_damaged_is_refused_with_its_line(content, complaint, tmp_path):
    with pytest.raises(CorpusError, match="a.srt") as caught:
        of(tmp_path, content)
    assert f"a.srt, {complaint}" in str(caught.value)


def test_webvtt_has_to_say_what_it_is(tmp_path):
    with pytest.raises(CorpusError, match="a.vtt, line 1: it does not begin with WEBVTT"):
        of(tmp_path, SRT, "a.vtt")


def test_a_link_to_a_recording_outside_of_the_folder_is_refused(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "secret.wav").touch()
    (tmp_path / "own/a.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(CorpusError, match="outside corpus.folder"):
        of(tmp_path / "own", SRT)
