"""Which clips are drawn together, and what the interval makes of blocks that nest or cross."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import sem, t
from scored import grouped

from benchmarks.coverage import PLANS, coverage
from voicegraft.evaluation.blocks import CROSSED, FEWEST_BLOCKS, choose_blocks
from voicegraft.evaluation.interval import interval, rate_interval, resampled_rates, spread
from voicegraft.evaluation.summary import Evaluate


@dataclass(frozen=True)
class Clip:
    id: str
    speaker: str = ""
    session: str = ""


def clips(pairs):
    return [Clip(str(i), speaker, session) for i, (speaker, session) in enumerate(pairs)]


def test_of_nested_units_the_coarser_is_the_block():
    own_days = clips((f"v{i % 4}", f"v{i % 4} day{i % 20}") for i in range(400))
    assert (choose_blocks(own_days).unit, choose_blocks(own_days).count) == ("speaker", 4)
    talks = clips((f"v{i % 40}", f"room{i % 40 // 4}") for i in range(400))
    assert (choose_blocks(talks).unit, choose_blocks(talks).count) == ("session", 10)


def test_units_that_cross_are_both_drawn_and_so_are_their_cells():
    found = choose_blocks(clips((f"v{i % 9}", f"day{i % 10}") for i in range(400)))
    assert (found.unit, found.count) == (CROSSED, 9)
    assert [len(set(way)) for way in found.ways] == [9, 10, 90]


def test_what_all_clips_share_or_some_lack_is_no_unit():
    one_voice = clips(("ann", f"day{i % 9}") for i in range(30))
    assert choose_blocks(one_voice).unit == "session"
    lacking = clips((f"v{i}", "" if i == 0 else f"s{i}") for i in range(10))
    assert choose_blocks(lacking).unit == "speaker"
    unnamed = choose_blocks(clips([("", "")] * 30))
    assert (unnamed.unit, unnamed.count, unnamed.rough) == ("utterance", 30, True)


def test_fewer_than_eight_blocks_of_any_unit_are_rough():
    assert FEWEST_BLOCKS == 8
    for speakers in (2, 7, 8, 20):
        named = choose_blocks(clips((f"v{i % speakers}", "") for i in range(60)))
        crossed = choose_blocks(clips((f"v{i % speakers}", f"d{i % 19}") for i in range(700)))
        assert named.rough == crossed.rough == (speakers < 8)


def test_blocks_of_unlike_size_count_as_fewer():
    alike, unlike = grouped("aabbccdd"), grouped("aaaaabcd")
    assert (alike.count, alike.effective) == (4, pytest.approx(4))
    assert (unlike.count, unlike.effective) == (4, pytest.approx(64 / 28))


def test_a_crossed_resample_has_the_variance_of_two_way_clustering():
    rng = np.random.default_rng(1)
    pairs = [(int(s), int(d)) for s, d in rng.integers((12, 15), size=(500, 2))]
    blocks = choose_blocks(clips((f"v{s}", f"d{d}") for s, d in pairs))
    hard, days = rng.normal(0, 1, 12), rng.normal(0, 1, 15)
    edits = np.array([20 + hard[s] + days[d] for s, d in pairs]) + rng.normal(0, 3, 500)
    length = np.full(500, 100)
    value = edits.sum() / length.sum()
    drawn = resampled_rates(edits, length, blocks, 20_000, seed=1)
    errors = edits - value * length

    def variance(way):
        sums = [errors[np.array(way) == name].sum() for name in sorted(set(way))]
        return len(sums) / (len(sums) - 1) * np.square(sums).sum() / length.sum() ** 2

    a, b, both = map(variance, blocks.ways)
    assert np.var(spread(value, drawn, blocks)) == pytest.approx(a + b - both, rel=0.1)


def test_fewer_than_eight_blocks_reach_as_far_as_students_interval():
    blocks, edits = grouped("abcd"), [10, 20, 30, 60]
    drawn = resampled_rates(edits, [100] * 4, blocks, 20_000, seed=1)
    low, high = interval(0.3, drawn, blocks, 0.95)
    assert (low, high) == pytest.approx((0.3 - 0.3437, 0.3 + 0.3437), abs=0.005)
    assert rate_interval(0.3, drawn, blocks, 0.95)[0] == 0


def test_few_voices_that_happen_to_be_alike_are_no_surer_than_their_clips():
    blocks = choose_blocks(clips((f"v{i % 2}", "") for i in range(100)))
    edits = [10, 10, 0, 0] * 25
    drawn = resampled_rates(edits, [100] * 100, blocks, 20_000, seed=1)
    by_clip = t.interval(0.95, 99, np.mean(edits) / 100, sem(edits) / 100)
    assert rate_interval(0.05, drawn, blocks, 0.95) == pytest.approx(by_clip, abs=0.001)


def test_resamples_that_are_alike_are_as_sure_as_their_blocks_are_many():
    blocks = grouped(f"day{i % 20}" for i in range(400))
    none, every = np.zeros((1, 50)), np.ones((1, 50))
    assert rate_interval(0.0, none, blocks, 0.95) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))
    assert rate_interval(1.0, every, blocks, 0.95) == pytest.approx((0.025 ** (1 / 20), 1))


PARAMS = Evaluate(
    batch_seconds=60.0,
    resamples=1_000,
    confidence=0.95,
    seed=1,
    duration_edges_seconds=(2,),
    fewest_speaker_clips=20,
)


@pytest.mark.parametrize(
    "name", ["10 speakers of 10 sessions each", "10 speakers in the same 10 sessions"]
)
def test_nested_and_crossed_blocks_cover_the_truth_and_sessions_alone_do_not(name):
    found = coverage(PLANS[name], PARAMS, corpora=150)
    assert 0.87 <= found["held"] <= 0.99
    assert found["held_by_session"] < 0.85
