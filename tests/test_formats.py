"""Transcripts as files, as the programs read them for which they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from invented import model as tiny_model
from praatio import textgrid
from pympi.Elan import Eaf
from pysubs2 import SSAFile
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.cli.recognise import FormatName
from voicegraft.inference.formats import FORMATS
from voicegraft.inference.subtitles import COLUMNS, LINES, LONGEST_SECONDS, _width, subtitles
from voicegraft.inference.transcriber import Segment, Transcript, Word
from voicegraft.model.saved import save_model

SPOKEN = [(0.5, 0.9, "řekl"), (1.0, 1.4, 'mi "ne"'), (4.25, 4.5, "<i>"), (4.6, 5.0, "語 & já")]


def transcript():
    words = [Word(start, end, text, 0.5) for start, end, text in SPOKEN]
    halves = (
        Segment(0.25, 2.0, 'řekl mi "ne"', words[:2]),
        Segment(4.0, 5.5, "<i> 語 & já", words[2:]),
    )
    return Transcript(list(halves), " ".join(half.text for half in halves), 6.0, "")


def content(form, found=None, recording=Path("talk.wav"), folder=Path()):
    return FORMATS[form].content(found or transcript(), recording, folder)


def spoken(*texts, seconds=0.3, gap=0.0):
    return [
        Word(i * (seconds + gap), i * (seconds + gap) + seconds, t, 1.0)
        for i, t in enumerate(texts)
    ]


def test_the_command_offers_every_format():
    assert set(FormatName.__args__) == set(FORMATS)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_pysubs2_reads_the_subtitles(form):
    subs = SSAFile.from_string(content(form), keep_html_tags=True)
    times = [(event.start, event.end) for event in subs]
    assert times == [(500, 1400), (4250, 5083)]
    escaped = "<i> 語 & já" if form == "srt" else "&lt;i&gt; 語 &amp; já"
    assert subs[1].text == escaped


def test_praat_s_tiers_cover_the_recording_without_gaps(tmp_path):
    (tmp_path / "a.TextGrid").write_text(content("textgrid"), encoding="utf-8")
    read = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=True)
    assert read.tierNames == ("text", "words")
    words = read.getTier("words").entries
    assert [tuple(e) for e in words if e.label] == SPOKEN
    assert (words[0].start, words[-1].end) == (0, 6)
    assert all(a.end == b.start for a, b in zip(words, words[1:], strict=False))


def test_elan_s_tiers_are_linked_to_the_recording(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in/a b.wav", np.zeros(16), 16_000)
    (tmp_path / "out").mkdir()
    text = content("eaf", recording=tmp_path / "in/a b.wav", folder=tmp_path / "out")
    (tmp_path / "out/a b.eaf").write_text(text, encoding="utf-8")
    read = Eaf(tmp_path / "out/a b.eaf")
    assert [found[:3] for found in read.get_annotation_data_for_tier("words")] == [
        (round(1000 * start), round(1000 * end), text) for start, end, text in SPOKEN
    ]
    assert len(read.get_annotation_data_for_tier("text")) == 2
    (media,) = read.get_linked_files()
    assert media["RELATIVE_MEDIA_URL"] == "./../in/a b.wav"
    assert media["MEDIA_URL"] == (tmp_path / "in/a b.wav").as_uri()


@pytest.mark.parametrize("form", FORMATS)
def test_a_recording_without_speech_gives_a_file_that_is_read(form):
    silent = Transcript([], "", 2.0, "")
    assert content(form, silent) == content(form, silent)
    assert "řekl" not in content(form, silent)


@pytest.mark.parametrize("form", FORMATS)
def test_words_that_overlap_or_take_no_time_break_no_file(form, tmp_path):
    words = [Word(0.0, 1.0, "a", 0.1), Word(0.0, 1.0, "b", 0.1), Word(1.5, 1.5, "c", 0.1)]
    found = Transcript([Segment(0.0, 1.0, "a b c", words)], "a b c", 2.0, "")
    written = content(form, found)
    if form == "textgrid":
        (tmp_path / "a").write_text(written)
        assert len(textgrid.openTextgrid(str(tmp_path / "a"), False).getTier("words").entries) == 1


def test_audacity_s_labels_are_seconds_and_text():
    assert content("tsv").splitlines()[0] == '0.250\t2.000\třekl mi "ne"'


def test_json_has_confidences_and_jsonl_is_one_line_of_the_same():
    found = json.loads(content("json"))
    assert found["segments"][1]["words"][1]["confidence"] == 0.5
    assert content("jsonl").count("\n") == 1 and json.loads(content("jsonl")) == found


def test_a_subtitle_is_two_lines_at_most_and_ends_at_a_pause():
    found = list(subtitles(spoken(*["slovíčko"] * 40)))
    assert all(len(s.lines) <= LINES and max(map(_width, s.lines)) <= COLUMNS for s in found)
    assert all(s.end_seconds - s.start_seconds <= LONGEST_SECONDS for s in found)
    assert " ".join(line for s in found for line in s.lines) == " ".join(["slovíčko"] * 40)
    assert [s.lines for s in subtitles(spoken("a", "b", gap=2.0))] == [["a"], ["b"]]


def test_slow_speech_is_cut_after_seven_seconds():
    found = list(subtitles(spoken(*"abcdef", seconds=2.0)))
    assert [s.lines for s in found] == [["a b c"], ["d e f"]]


def test_a_text_without_spaces_is_cut_between_letters_and_a_wide_letter_takes_two_columns():
    found = list(subtitles([Word(0.0, 10.1, "語" * 50, None)]))
    assert [line for s in found for line in s.lines] == ["語" * 21, "語" * 13, "語" * 16]
    assert found[1].start_seconds == pytest.approx(34 * 10.1 / 50)
    assert _width("e\u0301") == 1


def test_a_short_word_is_shown_for_a_moment_but_not_into_the_next():
    first, second = subtitles([Word(0.0, 0.1, "a", 1.0), Word(1.2, 1.3, "b", 1.0)])
    assert first.end_seconds == pytest.approx(5 / 6) and second.end_seconds == pytest.approx(
        1.2 + 5 / 6
    )
    full = Word(0.0, 0.1, "x" * 42, 1.0), Word(0.1, 0.2, "y" * 42, 1.0)
    first, _ = subtitles([*full, Word(0.3, 0.4, "z", 1.0)])
    assert first.end_seconds == pytest.approx(0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, and recordings in folders."""
    path = tmp_path_factory.mktemp("formats")
    save_model(tiny_model(seed=2, letters=" abč"), path / "model")
    for name, seed in (("a.wav", 1), ("sub/a.wav", 2), ("sub/b.flac", 3)):
        (path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        noise = 0.2 * np.random.default_rng(seed).standard_normal(16_000)
        soundfile.write(path / "in" / name, np.clip(noise, -1, 1), 16_000)
    return path


def transcribe(*arguments):
    return CliRunner().invoke(app, ["transcribe", *map(str, arguments)])


def files(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_a_folder_in_is_a_folder_out_and_what_is_done_is_not_done_again(folder, tmp_path):
    command = folder / "model", folder / "in", "--format", "srt", "--out", tmp_path
    done = transcribe(*command)
    assert done.exit_code == 0, done.output
    written = files(tmp_path)
    assert set(written) == {"a.srt", "sub/a.srt", "sub/b.srt"}
    (tmp_path / "sub/b.srt").unlink()
    (tmp_path / "a.srt").write_text("corrected by hand")
    again = transcribe(*command)
    assert "2 of 3 recordings are transcribed already" in again.stderr
    assert again.stdout == f"{tmp_path / 'sub/b.srt'}\n"
    assert files(tmp_path) == written | {"a.srt": b"corrected by hand"}


def test_two_recordings_for_one_file_are_refused_before_any_work(folder, tmp_path):
    one, other = folder / "in/a.wav", folder / "in/sub/a.wav"
    done = transcribe(folder / "model", one, other, "--format", "vtt", "--out", tmp_path)
    assert done.exit_code == 1
    assert f"{one} and {other} would both be written to {tmp_path / 'a.vtt'}" in done.stderr
    assert not files(tmp_path)


def test_subtitles_of_several_recordings_need_a_folder(folder):
    done = transcribe(folder / "model", folder / "in", "--format", "srt")
    assert (
        done.exit_code == 1 and "--format srt of several recordings needs a folder" in done.stderr
    )


def test_an_unknown_format_is_refused_with_the_choices(folder):
    done = transcribe(folder / "model", folder / "in", "--format", "docx")
    assert done.exit_code == 2 and "textgrid" in done.stderr
