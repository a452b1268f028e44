"""What the benchmark of exports computes."""

import numpy as np
import pytest
from exported import model, waves
from invented import write_corpus

from benchmarks import exporting
from voicegraft.pipeline.params import PARAMS_FILE


def test_a_speed_is_of_all_clips_and_its_range_of_tenths():
    torchs, others = np.full(20, 2.0), np.full(20, 1.0)
    others[[0, 10]] = 4.0
    found = exporting.speed(torchs, others)
    assert found == {"speed": pytest.approx(40 / 26), "low": 0.5, "high": 2.0}


def test_each_clip_is_read_by_every_way_and_the_texts_are_set_against_the_first(tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    clips = corpus.of("test")
    emission = model().emissions(waves()[:1])[0].numpy()
    ways = {
        exporting.TORCH: lambda _: ("ab", emission),
        "onnxruntime": lambda _: ("ab", emission + 0.5),
        "other": lambda _: ("a", None),
    }
    texts, took, most = exporting.read_all(ways, corpus, clips)
    assert texts == {name: [ways[name](None)[0]] * len(clips) for name in ways}
    assert {len(seconds) for seconds in took.values()} == {len(clips)} and most == 0.5


def test_a_change_of_cer_is_paired_and_in_points(tmp_path):
    assert PARAMS_FILE.is_file()
    clips = write_corpus(tmp_path / "corpus").of("test")
    right = [clip.text for clip in clips]
    assert exporting.change(clips, "test", right, right) == "+0.00 (+0.00 to +0.00)"
    worse = exporting.change(clips, "test", right, [""] * len(clips))
    assert worse.startswith("+100.00 (")
