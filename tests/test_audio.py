import os
import tracemalloc

import numpy as np
import pytest
import soundfile

from voicegraft.speech.audio import AudioError, level_dbfs, read_audio, stream_audio, to_int16

CONTAINERS = ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "opus"]


def noise(seconds=1.0, rate=16_000, channels=1, seed=0):
    shape = round(seconds * rate), channels
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def written(path, samples, rate=16_000):
    container, subtype = ("OGG", "OPUS") if path.suffix == ".opus" else (path.suffix[1:], None)
    soundfile.write(path, samples, rate, format=container.upper(), subtype=subtype)
    return path


def reason(path):
    with pytest.raises(AudioError) as caught:
        read_audio(path)
    assert str(path) in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_comes_out_as_mono_float32_of_the_same_length(container, tmp_path):
    path = written(tmp_path / f"two channels.{container}", noise(1, 48_000, 2), 48_000)
    wave = read_audio(path)
    assert (wave.dtype, wave.ndim) == (np.float32, 1)
    assert len(wave) == pytest.approx(16_000, abs=2)


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_stays_the_same_tone_from_any_rate_and_across_blocks(rate, tmp_path):
    def tones(rate):
        seconds = np.arange(round(11.3 * rate)) / rate
        return 0.4 * np.sin(2 * np.pi * np.outer(seconds, (440, 3000)))

    wave = read_audio(written(tmp_path / "a.wav", tones(rate), rate))
    wanted = tones(16_000).mean(axis=1)
    assert len(wave) == pytest.approx(len(wanted), abs=1)
    inner = slice(200, len(wanted) - 200)
    assert np.abs(wave[inner] - wanted[inner]).max() < 1e-3


def test_at_16_khz_the_samples_are_those_of_the_file(tmp_path):
    samples = to_int16(noise(6)[:, 0])
    wave = read_audio(written(tmp_path / "a.wav", samples))
    assert np.array_equal(to_int16(wave), samples)


def test_a_name_does_not_matter_where_the_content_is_audio(tmp_path):
    path = written(tmp_path / "a.flac", noise()).rename(tmp_path / "ẹ̀kọ́ ř.wav")
    assert len(read_audio(path)) == 16_000


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("share", [0.93, 0.5])
def test_a_file_that_breaks_off_is_truncated(container, share, tmp_path):
    whole = written(tmp_path / f"whole.{container}", noise(5, 48_000, 2), 48_000).read_bytes()
    path = tmp_path / f"half.{container}"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert reason(path) == "truncated"


def test_what_is_there_of_a_truncated_file_is_streamed_before_the_error(tmp_path):
    whole = written(tmp_path / "whole.wav", noise(60)).read_bytes()
    (tmp_path / "half.wav").write_bytes(whole[: len(whole) // 2])
    seconds = 0.0
    with pytest.raises(AudioError, match="truncated"):
        for block in stream_audio(tmp_path / "half.wav"):
            seconds += len(block) / 16_000
    assert seconds == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_from_a_pipe_knows_no_length_and_is_whole(size, tmp_path):
    header = bytearray(written(tmp_path / "a.wav", noise()).read_bytes())
    at = header.index(b"data") + 4
    header[at : at + 4] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(header)
    assert len(read_audio(tmp_path / "a.wav")) == 16_000


def test_a_wrong_riff_size_around_whole_data_does_no_harm(tmp_path):
    content = bytearray(written(tmp_path / "a.wav", noise()).read_bytes())
    content[4:8] = (10**6).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_audio(tmp_path / "a.wav")) == 16_000


def test_an_mp3_without_a_frame_count_is_whole(tmp_path):
    loud = np.concatenate([np.zeros(80_000), noise(5)[:, 0], np.zeros(80_000)])
    with soundfile.SoundFile(
        tmp_path / "a.mp3", "w", 16_000, 1, format="MP3", bitrate_mode="VARIABLE"
    ) as file:
        file.write(loud)
    content = (tmp_path / "a.mp3").read_bytes()
    second_frame = content.index(content[:2], 4)
    (tmp_path / "a.mp3").write_bytes(content[second_frame:])
    assert len(read_audio(tmp_path / "a.mp3")) == pytest.approx(len(loud), abs=4000)


@pytest.mark.parametrize("start", [b"\0\0\0\x20ftypM4A ", b"\x1a\x45\xdf\xa3", b"<!DOCTYPE html>"])
def test_other_formats_by_the_name_of_wav_are_mislabelled(start, tmp_path):
    (tmp_path / "a.wav").write_bytes(start + bytes(range(256)) * 9)
    assert reason(tmp_path / "a.wav") == "mislabelled"


def test_bytes_that_mean_nothing_are_undecodable(tmp_path):
    for name in ("a.wav", "a.mp3", "a.raw", "a"):
        (tmp_path / name).write_bytes(b"nothing at all " * 99)
        assert reason(tmp_path / name) == "undecodable"


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_a_sample_that_is_no_finite_number_is_refused_wherever_it_is(
    sample, rate, subtype, tmp_path
):
    for at in (0, rate // 2, rate - 1):
        samples = noise(1, rate, 2)
        samples[at, 1] = sample
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype=subtype)
        assert reason(tmp_path / "a.wav") == "not finite"


def test_a_sample_too_large_for_float32_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise().astype(float) * 1e300, 16_000, subtype="DOUBLE")
    assert reason(tmp_path / "a.wav") == "not finite"
    soundfile.write(tmp_path / "b.wav", np.full((99, 2), 3e38, np.float32), 16_000, subtype="FLOAT")
    assert reason(tmp_path / "b.wav") == "not finite"


def test_what_comes_before_a_sample_that_is_not_finite_is_streamed(tmp_path):
    samples = noise(20)
    samples[12 * 16_000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    seconds = 0.0
    with pytest.raises(AudioError, match="not finite: a sample between 10 s and 15 s"):
        for block in stream_audio(tmp_path / "a.wav"):
            seconds += len(block) / 16_000
    assert seconds == pytest.approx(10, abs=0.1)


def test_missing_files_and_folders_are_missing(tmp_path):
    assert reason(tmp_path / "a.wav") == "missing"
    assert reason(tmp_path) == "missing"
    assert reason(tmp_path / ("n" * 300)) == reason(tmp_path / "a\0.wav") == "missing"


def test_a_name_that_is_not_utf8_is_read_and_named_legibly(tmp_path):
    path = written(tmp_path / "a.wav", noise()).rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    assert len(read_audio(path)) == 16_000
    path.write_bytes(b"nothing")
    with pytest.raises(AudioError, match=r"caf\\xe9\.wav: undecodable"):
        read_audio(path)


@pytest.mark.parametrize("container", ["wav", "flac", "ogg"])
def test_no_bytes_and_no_samples_are_both_empty(container, tmp_path):
    (tmp_path / "none").touch()
    assert reason(tmp_path / "none") == "empty"
    assert reason(written(tmp_path / f"zero.{container}", noise(0))) == "empty"


def test_a_clip_over_the_limit_is_refused_without_reading_on(tmp_path):
    path = written(tmp_path / "a.flac", noise(30))
    with pytest.raises(AudioError) as caught:
        read_audio(path, max_seconds=12)
    assert caught.value.reason == "too long"
    assert len(read_audio(path, max_seconds=30)) == 30 * 16_000


def test_long_files_are_streamed_in_little_memory(tmp_path):
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 16_000, 2) as file:
        for _ in range(20):
            file.write(np.zeros((30 * 16_000, 2), np.int16))
    tracemalloc.start()
    assert sum(map(len, stream_audio(path))) == 600 * 16_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20


def test_levels_are_root_mean_squares():
    wave = np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000).astype(np.float32)
    assert level_dbfs(wave) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(wave * 0.001) == pytest.approx(-63.01, abs=0.01)
    assert level_dbfs(np.zeros(9, np.float32)) == level_dbfs(np.zeros(0, np.float32)) == -np.inf


def test_16_bits_clip_and_do_not_wrap():
    assert to_int16(np.array([1.2, -1.2, 0, 0.5], np.float32)).tolist() == [
        32_767,
        -32_768,
        0,
        16_384,
    ]
