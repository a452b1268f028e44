import pytest

from voicegraft.pipeline.files import whole


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "output.json"
    path.write_text("old")
    return path


def test_a_file_is_replaced_once_it_is_whole(path):
    with whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_or_a_stop_leaves_the_old_file_and_nothing_beside_it(path, error):
    with pytest.raises(error), whole(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_told_with_the_name_of_the_file(path):
    (path.parent / "output.json.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '{path}'"):
        with whole(path) as partial:
            partial.write_text("new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
