import os
import sqlite3
import subprocess
import sys

import pytest

from voicegraft.embedding import cache as cache_module
from voicegraft.embedding.cache import Cache, CacheError

PLENTY = 10**9


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(cache_module, "SHARD_BYTES", 1000)


def entries(*names, size=400):
    return {name.encode(): (name * size).encode()[:size] for name in names}


def fill(folder, *batches, limit=PLENTY):
    with Cache(folder, limit) as cache:
        for batch in batches:
            cache.write(batch)


def kept(folder, names, limit=PLENTY):
    """Return which of `names` a new process would find."""
    with Cache(folder, limit) as cache:
        return "".join(name for name in names if cache.read(name.encode()))


def test_what_was_written_is_read_by_the_next_process(tmp_path):
    written = entries("a", "b", "c") | {b"empty": b""}
    fill(tmp_path, written)
    with Cache(tmp_path, PLENTY) as cache:
        assert {key: cache.read(key) for key in written} == written
        assert cache.read(b"unknown") is None
        assert (len(cache), cache.bytes) == (4, 1200)


def test_an_entry_may_be_written_again(tmp_path):
    fill(tmp_path, entries("a"), {b"a": b"new"})
    with Cache(tmp_path, PLENTY) as cache:
        assert cache.read(b"a") == b"new"


def test_the_shards_unused_for_longest_go_first(tmp_path):
    for name in "abcd":
        fill(tmp_path, entries(name))
    assert kept(tmp_path, "a") == "a"  # read, so used last
    assert kept(tmp_path, "abcd", limit=1000) == "ad"


def test_the_limit_is_kept_to_while_writing_up_to_a_shard(tmp_path):
    with Cache(tmp_path, 3000) as cache:
        for number in range(50):
            cache.write(entries(f"{number:02}"))
            assert cache.bytes <= 3000 + 2 * 1000
    assert sum(f.stat().st_size for f in tmp_path.glob("*.states")) <= 3000


def test_a_limit_of_nothing_keeps_nothing(tmp_path):
    fill(tmp_path, entries("a", "b"))
    fill(tmp_path, entries("c"), limit=0)
    assert kept(tmp_path, "abc") == ""
    assert not list(tmp_path.glob("*.states"))


def test_a_damaged_entry_is_not_found_and_the_others_are(tmp_path):
    fill(tmp_path, entries("a", "b"))
    (shard,) = tmp_path.glob("*.states")
    content = bytearray(shard.read_bytes())
    content[7] ^= 1
    shard.write_bytes(content)
    assert kept(tmp_path, "ab") == "b"
    os.truncate(shard, 700)
    assert kept(tmp_path, "ab") == ""


def test_a_shard_that_somebody_deleted_is_not_found(tmp_path):
    fill(tmp_path, entries("a"))
    for shard in tmp_path.glob("*.states"):
        shard.unlink()
    assert kept(tmp_path, "a") == ""
    fill(tmp_path, entries("a"))
    assert kept(tmp_path, "a") == "a"


def test_a_process_that_is_killed_loses_its_last_batch_alone(tmp_path):
    script = f"""
import os
import sqlite3
from voicegraft.embedding.cache import Cache
with Cache(__import__("pathlib").Path({str(tmp_path)!r}), {PLENTY}) as cache:
    cache.write({{b"a": b"1" * 400}})
    cache.write({{b"b": b"2" * 400}})
    cache._end.write(b"3" * 100)
    cache._end.flush()
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert kept(tmp_path, "ab") == "ab"
    fill(tmp_path, entries("c"))
    assert kept(tmp_path, "abc") == "abc"


def test_two_processes_write_at_once_and_find_what_the_other_wrote(tmp_path):
    with Cache(tmp_path, PLENTY) as one, Cache(tmp_path, PLENTY) as other:
        for a, b in ("ab", "cd", "ef", "gh"):
            one.write(entries(a))
            other.write(entries(b))
            assert one.read(b.encode()) == entries(b)[b.encode()]
            assert other.read(a.encode()) == entries(a)[a.encode()]
    assert kept(tmp_path, "abcdefgh") == "abcdefgh"


def test_a_shard_evicted_by_another_process_is_not_found(tmp_path):
    with Cache(tmp_path, PLENTY) as one:
        one.write(entries("a"))
        with Cache(tmp_path, 0):
            pass
        assert one.read(b"a") is None
        one.write(entries("b"))
    assert kept(tmp_path, "ab") in ("", "b")


def test_clearing_leaves_nothing(tmp_path):
    fill(tmp_path, entries("a", "b"))
    with Cache(tmp_path, PLENTY) as cache:
        cache.clear()
        assert (len(cache), cache.bytes) == (0, 0)
    assert kept(tmp_path, "ab") == ""


def test_a_damaged_table_is_an_error_that_names_the_folder(tmp_path):
    (tmp_path / "index.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(CacheError, match=f"{tmp_path}: .*may be deleted"):
        Cache(tmp_path, PLENTY)


def test_a_shard_whose_line_was_lost_is_written_anew(tmp_path):
    with Cache(tmp_path, 10**9) as cache:
        cache.write({b"a": b"first"})
    (shard,) = tmp_path.glob("*.states")
    with sqlite3.connect(tmp_path / "index.sqlite") as table:  # as a power failure may leave it
        table.execute("DELETE FROM entry")
        table.execute("DELETE FROM shard")
        table.execute("DELETE FROM sqlite_sequence")
    with Cache(tmp_path, 10**9) as cache:
        cache.write({b"b": b"other"})
        assert (cache.read(b"a"), cache.read(b"b")) == (None, b"other")
    assert shard.read_bytes() == b"other"
