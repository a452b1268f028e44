import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from served import served

from voicegraft.fetching.fetch import FetchError, RemoteFile, copy_atomically, fetch, verify
from voicegraft.fetching.mirrors import Mirror, WebMirror
from voicegraft.pipeline.files import sha256_of

ROOT = Path(__file__).parent.parent

CONTENT = bytes(range(256)) * 16_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass(frozen=True)
class FolderMirror(Mirror):
    """A folder of this machine that serves files."""

    folder: Path

    def download(self, name, folder):
        return Path(shutil.copy(self.folder / name, folder / f"{name}.begun"))


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


def mirror(folder, content):
    folder.mkdir()
    (folder / "model.bin").write_bytes(content)
    return FolderMirror(folder)


def everything_in(folder):
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    return sorted(str(p.relative_to(folder)) for p in files)


def test_a_file_is_fetched_and_kept_under_its_hash(tmp_path, downloads):
    file = RemoteFile("model.bin", SHA256, (mirror(tmp_path / "good", CONTENT),))
    assert fetch(file, downloads).read_bytes() == CONTENT
    assert everything_in(downloads) == [f"{SHA256}/model.bin"]


def test_a_mirror_with_other_bytes_is_passed_over_and_its_file_is_not_kept(tmp_path, downloads):
    mirrors = (mirror(tmp_path / "bad", b"other"), mirror(tmp_path / "good", CONTENT))
    assert fetch(RemoteFile("model.bin", SHA256, mirrors), downloads).read_bytes() == CONTENT
    assert everything_in(downloads) == [f"{SHA256}/model.bin"]


def test_where_every_mirror_fails_each_is_named_with_its_reason(tmp_path, downloads):
    mirrors = (mirror(tmp_path / "bad", b"other"), FolderMirror(tmp_path / "gone"))
    with pytest.raises(FetchError) as caught:
        fetch(RemoteFile("model.bin", SHA256, mirrors), downloads)
    title, bad, gone = str(caught.value).splitlines()
    assert "model.bin" in title and SHA256 in title
    assert str(mirrors[0]) in bad and hashlib.sha256(b"other").hexdigest() in bad
    assert str(mirrors[1]) in gone and "No such file" in gone
    assert everything_in(downloads) == []


def test_what_is_kept_is_not_fetched_again(tmp_path, downloads):
    kept = fetch(RemoteFile("model.bin", SHA256, (mirror(tmp_path / "m", CONTENT),)), downloads)
    assert fetch(RemoteFile("model.bin", SHA256, ()), downloads) == kept


def test_a_kept_file_that_was_damaged_is_fetched_again(tmp_path, downloads):
    file = RemoteFile("model.bin", SHA256, (mirror(tmp_path / "m", CONTENT),))
    fetch(file, downloads).write_bytes(CONTENT[:-1])
    assert fetch(file, downloads).read_bytes() == CONTENT


def test_verification_names_the_file_and_both_hashes(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    verify(path, SHA256)
    with pytest.raises(FetchError, match=f"{path}: SHA-256 is {SHA256}, expected {'0' * 64}"):
        verify(path, "0" * 64)
    assert sha256_of(path) == SHA256


def test_copies_are_whole_and_leave_no_partial_file(tmp_path):
    source = mirror(tmp_path / "m", CONTENT).folder / "model.bin"
    for _ in range(2):
        copy_atomically([source], tmp_path / "new" / "folder")
    assert everything_in(tmp_path / "new") == ["folder/model.bin"]
    assert (tmp_path / "new" / "folder" / "model.bin").read_bytes() == CONTENT


def test_of_a_file_without_a_published_hash_the_first_download_is_noted(tmp_path, downloads):
    file = RemoteFile("model.bin", None, (mirror(tmp_path / "m", CONTENT),))
    kept = fetch(file, downloads)
    assert kept.read_bytes() == CONTENT
    assert everything_in(downloads) == [f"{SHA256}/model.bin", "model.bin.sha256"]
    assert (downloads / "model.bin.sha256").read_text() == f"{SHA256}  model.bin\n"
    assert fetch(RemoteFile("model.bin", None, ()), downloads) == kept


def test_other_bytes_than_those_noted_are_refused_and_the_note_is_named(tmp_path, downloads):
    first = mirror(tmp_path / "first", CONTENT)
    fetch(RemoteFile("model.bin", None, (first,)), downloads).unlink()
    later = mirror(tmp_path / "later", b"other")
    with pytest.raises(FetchError) as caught:
        fetch(RemoteFile("model.bin", None, (later,)), downloads)
    assert f"as {downloads / 'model.bin.sha256'} has it from the first" in str(caught.value)
    assert everything_in(downloads) == ["model.bin.sha256"]
    assert fetch(RemoteFile("model.bin", None, (later, first)), downloads).read_bytes() == CONTENT


def test_a_first_download_that_fails_notes_nothing(tmp_path, downloads):
    with pytest.raises(FetchError, match=r"^no mirror delivered model\.bin:\n.*No such file"):
        fetch(RemoteFile("model.bin", None, (FolderMirror(tmp_path / "gone"),)), downloads)
    assert everything_in(downloads) == []


@pytest.mark.parametrize("note", ["", "half a ha", "\n"])
def test_a_damaged_note_is_no_note(tmp_path, downloads, note):
    file = RemoteFile("model.bin", None, (mirror(tmp_path / "m", CONTENT),))
    fetch(file, downloads)
    (downloads / "model.bin.sha256").write_text(note)
    assert fetch(file, downloads).read_bytes() == CONTENT
    assert (downloads / "model.bin.sha256").read_text() == f"{SHA256}  model.bin\n"


def test_what_is_kept_is_found_where_nothing_may_be_written(tmp_path, downloads):
    kept = fetch(RemoteFile("model.bin", SHA256, (mirror(tmp_path / "m", CONTENT),)), downloads)
    with read_only(downloads):
        assert fetch(RemoteFile("model.bin", SHA256, ()), downloads) == kept


@contextmanager
def read_only(folder):
    """Take the right to write from `folder`, and from root, whom no mode of a folder stops."""
    folder.chmod(0o555)
    for parent in folder.parents[: len(folder.parts) - 2]:
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_named_in_one_line(tmp_path, downloads):
    downloads.mkdir()
    file = RemoteFile("model.bin", SHA256, (mirror(tmp_path / "m", CONTENT),))
    with read_only(downloads), pytest.raises(FetchError) as caught:
        fetch(file, downloads)
    printed = str(caught.value)
    assert printed.startswith(f"model.bin cannot be kept in {downloads}: ") and "\n" not in printed
    assert "Permission denied" in printed


def test_a_full_disk_is_named_in_one_line_and_no_other_mirror_is_tried(downloads):
    tried = []

    class Later(Mirror):
        def download(self, *asked):
            tried.append(asked)

    downloads.mkdir()
    (downloads / "model.bin.begun").symlink_to("/dev/full")
    with served(CONTENT) as (url, _):
        file = RemoteFile("model.bin", SHA256, (WebMirror(url), Later()))
        with pytest.raises(FetchError, match="No space left on device") as caught:
            fetch(file, downloads)
    assert str(caught.value).startswith(f"model.bin cannot be kept in {downloads}: ")
    assert tried == [] and "\n" not in str(caught.value)


def test_a_copy_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    (tmp_path / "model.bin").write_bytes(CONTENT)
    with pytest.raises(FileNotFoundError):
        copy_atomically([tmp_path / "gone" / "model.bin"], tmp_path)
    assert everything_in(tmp_path) == ["model.bin"]


def test_a_clock_that_was_set_back_changes_nothing(tmp_path, downloads):
    file = RemoteFile("model.bin", None, (mirror(tmp_path / "m", CONTENT),))
    kept = fetch(file, downloads)
    for path in (kept, downloads / "model.bin.sha256", downloads / ".lock", downloads):
        os.utime(path, (4e9, 4e9))  # in the year 2096
    assert fetch(RemoteFile("model.bin", None, ()), downloads) == kept


FETCH = """
import sys
from pathlib import Path
from voicegraft.fetching.fetch import RemoteFile, fetch
from voicegraft.fetching.mirrors import WebMirror

url, sha256 = sys.argv[1:]
print(fetch(RemoteFile("model.pth", sha256, (WebMirror(url),)), Path("downloads")).name)
"""


def begin(folder, url):
    command = [sys.executable, "-c", FETCH, url, SHA256]
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=own, stderr=subprocess.PIPE, text=True)


def wait_for(path):
    while not (path.exists() and path.stat().st_size):
        time.sleep(0.02)


def test_of_two_processes_one_downloads_and_the_other_waits_for_it(tmp_path):
    gate = threading.Event()
    with served(CONTENT, gate=gate) as (url, asked):
        first = begin(tmp_path, url)
        wait_for(tmp_path / "downloads/model.pth.begun")
        second = begin(tmp_path, url)
        printed = second.stderr.readline()
        gate.set()
        for process in (first, second):
            process.communicate()
            assert process.returncode == 0
    assert printed == "waiting for another process that fetches into downloads\n"
    assert asked == [None]
    assert (tmp_path / "downloads" / SHA256 / "model.pth").read_bytes() == CONTENT
    assert everything_in(tmp_path) == [f"downloads/{SHA256}/model.pth"]


def test_a_process_that_is_killed_holds_nobody_up_and_the_next_goes_on_where_it_was(tmp_path):
    gate = threading.Event()
    with served(CONTENT, gate=gate) as (url, asked):
        killed = begin(tmp_path, url)
        wait_for(tmp_path / "downloads/model.pth.begun")
        killed.kill()
        killed.communicate()
        gate.set()
        after = begin(tmp_path, url)
        assert "waiting" not in after.communicate()[1]
    assert after.returncode == 0
    assert asked == [None, "bytes=1048576-"]
    assert everything_in(tmp_path) == [f"downloads/{SHA256}/model.pth"]
