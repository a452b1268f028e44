import random

import numpy as np
import pytest

from voicegraft.embedding import index as index_module
from voicegraft.embedding.index import COLUMNS, lay, read_index, write_index
from voicegraft.pipeline.files import DamagedError

ROW_BYTES = 4
MEAN_ROWS = 1000


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(index_module, "SHARD_BYTES", MEAN_ROWS * ROW_BYTES)


def corpus(count=3000):
    draw = random.Random(1)
    return {f"speaker{n // 100:02}/clip{n:05}": draw.randint(1, 90) for n in range(count)}


def laid(frames, order=None):
    return lay(frames, order or frames, ROW_BYTES)


def shards(index):
    return {
        name: tuple(members) for name, members in zip(index.names, index.members(), strict=True)
    }


def test_every_take_has_rows_of_its_own_end_to_end_in_the_given_order():
    frames = corpus(500)
    order = random.Random(2).sample(list(frames), len(frames))
    index = laid(frames, order)
    assert list(index.number) == list(frames)
    assert [take for members in shards(index).values() for take in members] == order
    for name, members in shards(index).items():
        number = [index.number[take] for take in members]
        ends = np.cumsum([frames[take] for take in members]).tolist()
        assert index.first[number].tolist() == [0, *ends[:-1]]
        assert index.rows()[index.names.index(name)] == ends[-1]


def test_shards_have_from_half_the_mean_size_to_half_as_much_again():
    rows = laid(corpus()).rows()
    assert len(rows) > 100
    assert rows[:-1].min() >= MEAN_ROWS / 2
    assert rows.max() <= 1.5 * MEAN_ROWS


def test_a_take_that_is_added_or_removed_changes_its_own_shard_and_few_beside_it():
    frames, draw, changed = corpus(), random.Random(3), []
    before = shards(laid(frames))
    for number in draw.sample(range(3000), 60):
        key = f"speaker{number // 100:02}/clip{number:05}"
        with_more = dict(sorted([*frames.items(), (f"{key}b", 45)]))
        without = {take: count for take, count in frames.items() if take != key}
        for other in (with_more, without):
            changed.append(len(shards(laid(other)).items() - before.items()))
    assert min(changed) > 0
    assert max(changed) <= 6
    assert sum(changed) / len(changed) < 1.6


def test_takes_of_a_new_speaker_leave_all_but_one_or_two_shards_as_they_were():
    frames = corpus()
    more = frames | {f"speaker15b/{n}": 45 for n in range(200)}
    before, after = (shards(laid(dict(sorted(some.items())))) for some in (frames, more))
    assert len(before.items() - after.items()) <= 3


def test_shards_grow_with_a_corpus_that_would_have_too_many(monkeypatch):
    monkeypatch.setattr(index_module, "FEW_SHARDS", 16)
    fewer = laid(corpus()).rows()
    assert 6 <= len(fewer) <= 16
    monkeypatch.setattr(index_module, "LARGEST_SHARD_BYTES", 4 * MEAN_ROWS * ROW_BYTES)
    assert laid(corpus()).rows().max() <= 6 * MEAN_ROWS


def test_a_take_longer_than_a_shard_is_one_alone():
    frames = {"a": 900, "long": 50 * MEAN_ROWS, "b": 900}
    assert list(shards(laid(frames)).values()) == [("a",), ("long",), ("b",)]


def test_no_takes_make_no_shards():
    assert laid({}).names == []


def test_what_was_written_is_read_in_the_same_order(tmp_path):
    frames = {'á,"1\n2': 4, "b": 0} | corpus(100)
    order = random.Random(2).sample(list(frames), len(frames))
    write_index(tmp_path / "index.csv", laid(frames, order))
    read = read_index(tmp_path / "index.csv")
    assert list(read.number) == list(frames)
    assert shards(read) == shards(laid(frames, order))
    assert read.frames.tolist() == list(frames.values())


DAMAGES = {
    "a line less": lambda lines: [*lines[:2], *lines[3:]],
    "a line twice": lambda lines: [*lines, lines[-1]],
    "a cell less": lambda lines: [*lines[:-1], "c,x,3"],
    "no number": lambda lines: [*lines[:-1], lines[-1] + "x"],
    "other columns": lambda lines: ["id,first_frame,frames", *lines[1:]],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_an_index_that_is_not_as_it_was_written_is_refused(tmp_path, damage):
    path = tmp_path / "index.csv"
    write_index(path, laid({"a": 3, "b": 4, "c": 5}))
    lines = path.read_text().splitlines()
    assert lines[0].split(",") == COLUMNS
    path.write_text("\n".join(damage(lines)) + "\n")
    with pytest.raises(DamagedError, match=r"index\.csv"):
        read_index(path)
