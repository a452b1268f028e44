"""Which clips are labelled next."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from voicegraft.studies.acquisition import WAYS, Pool, next_clips


def pool(clips: int = 40, labelled: int = 3, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)
    return Pool(
        seconds=rng.uniform(1, 5, clips),
        doubt=rng.uniform(0, 1, clips),
        vectors=rng.normal(size=(clips, 4)),
        labelled=rng.normal(size=(labelled, 4)),
    )


@pytest.mark.parametrize("way", WAYS)
def test_clips_last_as_long_as_asked_and_the_last_one_is_needed(way):
    clips = pool()
    found = next_clips(way, clips, 30.0, seed=1)
    assert len(set(found)) == len(found)
    assert clips.seconds[found].sum() >= 30 > clips.seconds[found[:-1]].sum()


@pytest.mark.parametrize("way", WAYS)
def test_of_a_pool_that_is_too_small_all_clips_are_returned(way):
    assert sorted(next_clips(way, pool(), 1e9, seed=1)) == list(range(40))


@pytest.mark.parametrize("way", WAYS)
def test_one_seed_gives_the_same_clips(way):
    assert next_clips(way, pool(), 30.0, seed=7) == next_clips(way, pool(), 30.0, seed=7)


def test_uncertainty_takes_the_least_sure_first():
    clips = pool()
    found = next_clips("uncertainty", clips, 30.0, seed=1)
    assert clips.doubt[found].tolist() == sorted(clips.doubt, reverse=True)[: len(found)]


def test_diversity_takes_what_is_farthest_from_all_that_is_labelled_or_taken():
    clips = pool()
    found = next_clips("diversity", clips, 30.0, seed=1)
    known = clips.labelled
    for clip in found:
        farthest = pairwise_distances(clips.vectors, known).min(1).argmax()
        assert clip == farthest
        known = np.vstack([known, clips.vectors[clip]])


def test_both_draws_by_doubt_times_distance():
    clips = pool(clips=3)
    nearest = pairwise_distances(clips.vectors, clips.labelled, "sqeuclidean").min(1)
    wanted = nearest * clips.doubt / (nearest * clips.doubt).sum()
    first = [next_clips("both", clips, 0.1, seed)[0] for seed in range(3_000)]
    shares = np.bincount(first, minlength=3) / len(first)
    assert shares == pytest.approx(wanted, abs=0.03)


def test_clips_without_doubt_or_distance_come_last_and_not_never():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4))
    sure = Pool(np.ones(6), np.array([0, 0, 0, 1, 1, 1.0]), vectors, vectors[3:4])
    found = next_clips("both", sure, 1e9, seed=1)
    assert set(found[:2]) == {4, 5} and sorted(found) == list(range(6))
