"""Segments of long recordings: their faults, their samples, and the stage that takes them."""

import tracemalloc

import numpy as np
import pytest
import soundfile
from prepared import noise

from voicegraft.preparing.corpus import Clip
from voicegraft.preparing.segments import Segment, audio_of, beside, clips_of
from voicegraft.speech.audio import AudioError, read_audio


def problems(tmp_path, *segments):
    made = [Segment(*segment) for segment in segments]
    return [c.problem for c in clips_of(made, "a.eaf", tmp_path / "a.wav", "a.wav")]


def spans(path, *times, problem=""):
    return [Clip("", path, "x", start=a, end=b, problem=problem) for a, b in times]


@pytest.fixture
def tape(tmp_path):
    """Return what writes a recording of noise, and its samples as the decoder gives them."""

    def written(name="tape.wav", seconds=20, rate=16_000):
        path = tmp_path / name
        soundfile.write(path, noise(seconds, rate, seed=3), rate)
        return path, read_audio(path)

    return written


@pytest.mark.parametrize(
    ("name", "rate"),
    [("a.wav", 16_000), ("a.flac", 44_100), ("a.ogg", 22_050), ("a.mp3", 48_000), ("a.wav", 8000)],
)
def test_a_segment_has_the_samples_of_the_whole_recording_at_its_times(name, rate, tape):
    path, whole = tape(name, rate=rate)
    times = [(0, 1), (0.5, 7.25), (7.25, 7.5), (11, 19.9), (12, 12.5), (19.5, 19.9)]
    cut = list(audio_of(spans(path, *times), 30))
    assert [len(wave) for wave in cut] == [round(16_000 * (b - a)) for a, b in times]
    for (start, end), wave in zip(times, cut, strict=True):
        assert np.array_equal(wave, whole[round(start * 16_000) : round(end * 16_000)])


def test_a_step_back_in_the_recording_decodes_it_once_more(tape):
    path, whole = tape()
    for (start, _), wave in zip(
        times := [(9, 10), (1, 2), (4, 5)], audio_of(spans(path, *times), 30), strict=True
    ):
        assert np.array_equal(wave, whole[start * 16_000 :][:16_000])


def test_times_beyond_the_end_are_named_and_a_tenth_of_a_second_is_forgiven(tape):
    path, whole = tape(seconds=4)
    cut = list(audio_of(spans(path, (1, 2), (3, 4.09), (3, 4.2), (9, 10)), 30))
    assert len(cut[0]) == 16_000 and np.array_equal(cut[1], whole[48_000:])
    assert [(e.reason, e.detail) for e in cut[2:]] == [("beyond the end", "which is at 4.00 s")] * 2


def test_of_a_truncated_recording_the_segments_before_the_damage_are_kept(tape):
    path, whole = tape(seconds=10)
    path.write_bytes(path.read_bytes()[:160_000])
    cut = list(audio_of(spans(path, (0, 4), (3, 6), (7, 8)), 30))
    assert np.array_equal(cut[0], whole[:64_000])
    assert [error.reason for error in cut[1:]] == ["truncated"] * 2


def test_a_missing_recording_is_a_reason_for_each_of_its_segments(tmp_path):
    cut = list(audio_of(spans(tmp_path / "gone.wav", (0, 1), (2, 3)), 30))
    assert [error.reason for error in cut] == ["missing"] * 2


def test_a_segment_that_is_too_long_or_has_a_problem_is_not_decoded(tape):
    path, _ = tape(seconds=1)
    path.write_bytes(b"?")
    (long,) = audio_of(spans(path, (0, 31)), 30)
    assert isinstance(long, AudioError) and long.reason == "too long"
    (none,) = audio_of(spans(path, (0, 1), problem="overlaps another segment"), 30)
    assert len(none) == 0


def peak_bytes(path, minutes):
    """Return the peak of memory while all segments of so many minutes are read."""
    tracemalloc.start()
    for wave in audio_of(spans(path, *((s, s + 5) for s in range(0, 60 * minutes, 6))), 30):
        assert len(wave) == 80_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 16_000, 1) as file:
        for _ in range(12):
            file.write(noise(60, seed=1))
    assert peak_bytes(tmp_path / "a.wav", 12) < 1.1 * peak_bytes(tmp_path / "a.wav", 3) < 3e6


def test_two_that_overlap_are_both_wrong_but_not_by_a_tenth_of_a_second(tmp_path):
    assert problems(tmp_path, (0, 2, "a"), (1.95, 4, "b"), (3.8, 5, "c"), (5, 6, "d")) == [
        "",
        "overlaps another segment",
        "overlaps another segment",
        "",
    ]


def test_what_lies_within_a_longer_segment_overlaps_it_even_if_another_ends_between(tmp_path):
    found = problems(tmp_path, (0, 9, "long"), (1, 2, "b"), (7, 8, "c"), (9, 10, "d"))
    assert [bool(problem) for problem in found] == [True, True, True, False]


def test_a_segment_without_a_text_overlaps_nothing(tmp_path):
    assert problems(tmp_path, (0, 2, "a"), (0, 9, " ")) == ["", ""]


def test_times_that_cannot_be_are_named_each_for_its_reason(tmp_path):
    found = problems(tmp_path, (None, 1, "a"), (-1, 1, "b"), (3, 2, "c"), (4, 4, "d"), (5, 6, "e"))
    assert sorted(found) == ["", "before the beginning", "no length", "no length", "no time"]


def test_segments_come_by_their_starts_with_their_times_in_their_ids(tmp_path):
    made = [Segment(3, 4.5, "b", "bob"), Segment(0.1234, 1, "a", "ann")]
    found = list(clips_of(made, "x/a.eaf", tmp_path / "a.wav", "x/a.wav", "dev"))
    assert [c.id for c in found] == ["x/a.eaf/0.123-1.000", "x/a.eaf/3.000-4.500"]
    assert [(c.start, c.end, c.speaker) for c in found] == [(0.1234, 1, "ann"), (3, 4.5, "bob")]
    assert {(c.session, c.split) for c in found} == {("x/a.wav", "dev")}


def test_the_sound_beside_an_annotation_has_its_name_with_or_without_a_language(tmp_path):
    for name in ("a.ogg", "a.txt", "b.cs.wav", "b.wav"):
        (tmp_path / name).touch()
    names = {"a.srt": "a.ogg", "a.cs.srt": "a.ogg", "b.cs.srt": "b.cs.wav", "c.srt": "c.wav"}
    assert {name: beside(tmp_path / name, tmp_path).name for name in names} == names
