import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from voicegraft.embedding import cache as cache_module
from voicegraft.embedding.cache import Cache

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
        assert len(cache) == 4
        assert 1200 < cache.size_bytes < 1600


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
            assert cache.size_bytes <= 3000 + 2 * 1000
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
    content[content.index(b"aaa") + 7] ^= 1
    shard.write_bytes(content)
    assert kept(tmp_path, "ab") == "b"
    os.truncate(shard, len(content) - 1)
    assert kept(tmp_path, "ab") == ""


def test_what_was_damaged_is_found_once_it_was_written_again(tmp_path):
    fill(tmp_path, entries("a"))
    (shard,) = tmp_path.glob("*.states")
    shard.write_bytes(shard.read_bytes().replace(b"aaaa", b"aaab", 1))
    fill(tmp_path, entries("a"))
    os.utime(shard)  # the damaged one is the last used
    assert kept(tmp_path, "a") == "a"


def test_one_changed_byte_anywhere_never_gives_other_content(tmp_path):
    written = entries("a", "b", size=40)
    fill(tmp_path, entries("a", size=40), entries("b", size=40))
    (shard,) = tmp_path.glob("*.states")
    whole, found = shard.read_bytes(), 0
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        shard.write_bytes(changed)
        cache = Cache(tmp_path, PLENTY)
        given = {key: cache.read(key) for key in written}
        assert all(given[key] in (None, written[key]) for key in written)
        found += sum(value is not None for value in given.values())
    assert found >= len(whole) / 2  # of two entries; the first one's table hides both


def test_a_shard_that_somebody_deleted_is_not_found(tmp_path):
    fill(tmp_path, entries("a"))
    for shard in tmp_path.glob("*.states"):
        shard.unlink()
    assert kept(tmp_path, "a") == ""
    fill(tmp_path, entries("a"))
    assert kept(tmp_path, "a") == "a"


def test_a_shard_torn_at_any_byte_has_its_whole_batches(tmp_path):
    fill(tmp_path, entries("a", size=40), entries("b", size=40))
    (shard,) = tmp_path.glob("*.states")
    whole, found = shard.read_bytes(), []
    for length in range(len(whole) + 1):
        shard.write_bytes(whole[:length])
        cache = Cache(tmp_path, PLENTY)
        found.append(
            "".join(n for n in "ab" if cache.read(n.encode()) == entries(n, size=40)[n.encode()])
        )
    assert found == [""] * (len(whole) // 2) + ["a"] * (len(whole) // 2) + ["ab"]


WRITER = """
import random, sys
from pathlib import Path
from voicegraft.embedding import cache as module
module.SHARD_BYTES = 200_000
first, count = int(sys.argv[2]), int(sys.argv[3])
with module.Cache(Path(sys.argv[1]), 10**9) as cache:
    print("open", flush=True)
    for number in range(first, first + count):
        cache.write({b"%d" % number: random.Random(number).randbytes(20_000)})
        print(number, flush=True)
        if "waits" in sys.argv:
            sys.stdin.readline()
"""


def writer(folder, first, count, *options):
    """Start a process that writes entries and says of each that it is kept."""
    command = [sys.executable, "-c", WRITER, *map(str, (folder, first, count)), *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True)


def found(folder, numbers):
    """Return which of the writers' entries are there; one with other bytes is an error."""
    cache, there = Cache(folder, PLENTY), set()
    for number in numbers:
        if (content := cache.read(b"%d" % number)) is not None:
            assert content == random.Random(number).randbytes(20_000)
            there.add(number)
    return there


def test_processes_killed_at_any_moment_lose_nothing_that_was_kept(tmp_path):
    draw, acknowledged = random.Random(1), set()
    for run in range(20):
        process = writer(tmp_path, first=1000 * run, count=1000)
        assert process.stdout.readline() == "open\n"
        time.sleep(draw.uniform(0, 0.03))
        process.kill()
        acknowledged |= {int(line) for line in process.stdout.read().splitlines()}
        process.communicate()
    assert len(acknowledged) > 20
    there = found(tmp_path, range(20_000))
    assert acknowledged <= there
    assert len(there) <= len(acknowledged) + 20


def cleared(folder):
    subprocess.run([sys.executable, "-m", "voicegraft.cli", "cache", "--folder", str(folder),
                    "--clear"], check=True, capture_output=True)  # fmt: skip


def evicted(folder):
    with Cache(folder, 0):
        pass


@pytest.mark.parametrize("remove", [cleared, evicted, shutil.rmtree])
def test_what_is_written_after_the_cache_was_removed_is_kept(tmp_path, remove):
    process = writer(tmp_path / "cache", 0, 6, "waits")
    for line in ("open", "0", "1", "2"):
        assert process.stdout.readline() == f"{line}\n"
        if line == "2":
            remove(tmp_path / "cache")
        if line != "open":
            process.stdin.write("\n")
            process.stdin.flush()
    _, complaints = process.communicate("\n" * 3)
    assert (process.returncode, complaints) == (0, "")
    assert found(tmp_path / "cache", range(6)) == {3, 4, 5}


def test_processes_write_while_others_clear_and_remove(tmp_path):
    folder = tmp_path / "cache"
    writers = [writer(folder, 1000 * number, 300) for number in range(3)]
    while any(process.poll() is None for process in writers):
        shutil.rmtree(folder, ignore_errors=True)
        Cache(folder, PLENTY).clear()
        found(folder, range(3000))
        time.sleep(0.02)
    assert [(p.returncode, p.communicate()[1]) for p in writers] == [(0, "")] * 3
    fill(folder, {b"0": random.Random(0).randbytes(20_000)})
    assert 0 in found(folder, range(3000))


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
"""


def test_where_there_is_no_room_it_is_reported_once_and_nothing_wrong_is_kept(tmp_path):
    command = [sys.executable, "-c", FULL + WRITER, str(tmp_path), "0", "9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == (
        f"{tmp_path}: File too large: from now on, encoded clips are not cached\n"
    )
    assert found(tmp_path, range(9)) == {0, 1}
    (shard,) = tmp_path.glob("*.states")
    assert shard.stat().st_size < 41_000  # the piece of the third was taken back


def test_where_nothing_may_be_written_what_is_there_is_read(tmp_path, capsys):
    fill(tmp_path / "cache", entries("a"))
    (tmp_path / "file").write_text("")
    with Cache(tmp_path / "file" / "cache", PLENTY) as cache:
        assert cache.read(b"a") is None
        cache.write(entries("b"))
        cache.write(entries("c"))
    assert capsys.readouterr().err.count("\n") == 1
    assert kept(tmp_path / "cache", "a") == "a"


def test_two_processes_write_at_once_and_find_what_the_other_wrote(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "LOOK_SECONDS", 0.0)
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
        assert (len(cache), cache.size_bytes) == (0, 0)
    assert kept(tmp_path, "ab") == ""


def test_what_dead_processes_and_older_versions_left_is_deleted_after_a_while(tmp_path):
    left = [tmp_path / name for name in ("1.states", "index.sqlite", "index.sqlite-wal")]
    for path in left:
        path.write_bytes(b"nothing whole")
    fill(tmp_path, entries("a"))
    assert all(path.exists() for path in left)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    fill(tmp_path)
    assert not any(path.exists() for path in left)
    assert kept(tmp_path, "a") == "a"


def test_what_others_wrote_meanwhile_is_not_taken_for_left_over(tmp_path):
    with Cache(tmp_path, PLENTY):
        fill(tmp_path, entries("a"))
        for path in tmp_path.iterdir():
            os.utime(path, (0, 0))
    assert kept(tmp_path, "a") == "a"
