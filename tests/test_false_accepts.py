"""`voicegraft false-accepts`, on recordings of a tiny model that tells pitches apart."""

import re

import numpy as np
import pytest
from listening import tone, write, write_model
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.speech.manifest import SAMPLE_RATE

PAUSE = np.zeros(3 * SAMPLE_RATE, np.float32)


def counted(*arguments):
    return CliRunner().invoke(app, ["false-accepts", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("classifier") / "model")


@pytest.fixture
def background(tmp_path):
    """Half a minute, with three pitches, far apart."""
    parts = [part for letter in "abř" for part in (PAUSE, tone(letter, 1.5), PAUSE)]
    write(tmp_path / "background.wav", *parts)
    return tmp_path


def test_hits_are_counted_by_the_hour_with_an_interval(folder, background):
    printed = counted(folder, background, "--window", 0.5, "--threshold", 0.9).stdout
    hits, rate, hours = re.search(r"(\d+) in .*\n([\d.]+) false.* in ([\d.]+) h", printed).groups()
    assert int(hits) >= 3
    assert float(rate) == pytest.approx(int(hits) / (22.5 / 3600), rel=0.01)
    assert float(hours) == pytest.approx(22.5 / 3600, abs=0.005)


def test_what_stands_for_none_is_no_hit(folder, background):
    none = [part for letter in "abř" for part in ("--unknown", letter)]
    printed = counted(folder, background, "--window", 0.5, *none).stdout
    assert ": 0 in 0.4 min" in printed and "0.0 false accepts per hour (0.0 to " in printed


def test_a_short_recording_is_one_clip(folder, tmp_path):
    clip = write(tmp_path / "clip.wav", tone("a"))
    assert ": 1 in 0.0 min" in counted(folder, clip).stdout
    assert ": 0 in 0.0 min" in counted(folder, clip, "--unknown", "a").stdout


def test_silence_is_never_a_word(folder, tmp_path):
    silent = write(tmp_path / "night.wav", *[PAUSE] * 10)
    assert ": 0 in 0.5 min" in counted(folder, silent).stdout
