import resource

import numpy as np
import pytest

from voicegraft.pipeline.packed import PackedWriter, read_packed, read_rows


def test_what_was_appended_is_read_back_from_the_start_that_was_returned(tmp_path):
    pieces = [np.full((n, 3), n, np.float16) for n in (2, 0, 5)]
    with PackedWriter(tmp_path / "a.npy", np.float16, (3,)) as packed:
        firsts = [packed.append(piece) for piece in pieces]
    array = read_packed(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    assert array.dtype == np.float16
    assert firsts == [0, 2, 2]
    assert np.array_equal(array, np.concatenate(pieces))
    assert np.array_equal(np.load(tmp_path / "a.npy"), array)


def test_rows_are_read_while_more_are_written(tmp_path):
    with PackedWriter(tmp_path / "a.npy", np.float16, (3,)) as packed:
        packed.append(np.arange(30).reshape(10, 3))
        assert packed.read(4, 3).tolist() == np.arange(12, 21).reshape(3, 3).tolist()
        packed.append(np.zeros((1, 3)))
    assert read_packed(tmp_path / "a.npy").shape == (11, 3)


def test_rows_that_are_read_are_those_of_the_map_and_no_part_of_it(tmp_path):
    with PackedWriter(tmp_path / "a.npy", np.float16, (3,)) as packed:
        packed.append(np.arange(30).reshape(10, 3))
    array = read_packed(tmp_path / "a.npy")
    rows = read_rows(array, 4, 3)
    assert rows.dtype == np.float16
    assert rows.tolist() == array[4:7].tolist()
    assert not isinstance(rows, np.memmap)
    assert read_rows(array, 10, 0).shape == (0, 3)


def test_an_empty_array_can_be_read(tmp_path):
    with PackedWriter(tmp_path / "a.npy", np.int16):
        pass
    assert np.load(tmp_path / "a.npy").shape == (0,)


def test_the_same_pieces_make_the_same_bytes(tmp_path):
    for name in ("a.npy", "b.npy"):
        with PackedWriter(tmp_path / name, np.int16) as packed:
            packed.append(np.arange(9))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_an_interrupted_writer_leaves_no_file_and_no_change_to_the_old_one(tmp_path):
    path = tmp_path / "a.npy"
    for content in (1, 2):
        with pytest.raises(KeyboardInterrupt), PackedWriter(path, np.int16) as packed:
            packed.append(np.full(9, content))
            raise KeyboardInterrupt
        assert sorted(tmp_path.iterdir()) == [path][: content - 1]
        if content == 1:
            with PackedWriter(path, np.int16) as packed:
                packed.append(np.zeros(3))
    assert read_packed(path).tolist() == [0, 0, 0]


def test_rows_of_another_shape_are_refused(tmp_path):
    with PackedWriter(tmp_path / "a.npy", np.float16, (3,)) as packed:
        with pytest.raises(ValueError, match="a.npy"):
            packed.append(np.zeros((2, 4)))


@pytest.mark.parametrize("rows", [10, 10_000])
def test_a_full_disk_leaves_nothing_and_the_error_names_the_file(tmp_path, rows):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limit[1]))
    try:
        with pytest.raises(OSError, match="a.npy"), PackedWriter(tmp_path / "a.npy", np.int16) as p:
            p.append(np.zeros(100 * rows))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert list(tmp_path.iterdir()) == []
