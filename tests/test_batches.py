import numpy as np
import pytest

from voicegraft.model.batches import batches_by_length

MANY = np.random.default_rng(1).integers(1, 500, 1000).tolist()


@pytest.mark.parametrize("budget", [1, 400, 5000, 10**9])
def test_every_clip_is_in_one_batch(budget):
    batches = batches_by_length(MANY, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(MANY)))
    assert all(batches)


@pytest.mark.parametrize("budget", [1, 400, 5000, 10**9])
def test_no_batch_of_several_clips_exceeds_the_budget_once_padded(budget):
    for batch in batches_by_length(MANY, budget):
        assert len(batch) == 1 or len(batch) * max(MANY[i] for i in batch) <= budget


def test_a_batch_is_filled_before_the_next_begins():
    batches = batches_by_length(MANY, 5000)
    for batch, following in zip(batches, batches[1:], strict=False):
        assert (len(batch) + 1) * MANY[following[0]] > 5000


def test_clips_come_shortest_first_and_ties_in_their_order():
    assert batches_by_length([5, 2, 5, 2, 9], 10) == [[1, 3], [0, 2], [4]]
    in_order = [i for batch in batches_by_length(MANY, 5000) for i in batch]
    assert in_order == np.argsort(MANY, kind="stable").tolist()


def test_a_clip_beyond_the_budget_is_alone():
    assert batches_by_length([3, 100, 200], 50) == [[0], [1], [2]]


def test_no_clips_make_no_batches():
    assert batches_by_length([], 10) == []
