"""A cache that several people share, on a true S3 API on loopback."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import s3fs
import stage_runs
from dvc.repo import Repo
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from voicegraft.embedding import shared
from voicegraft.embedding.cache import Cache
from voicegraft.embedding.shared import SharedCache

BUCKET = "states"
ADDRESS = f"s3://{BUCKET}/team"
PLENTY = 10**9


class Moody:
    """Refuses every n-th call, with the status by which S3 asks to come again; 0 refuses none."""

    def __init__(self, app):
        self.app, self.every, self.calls = app, 0, 0

    def __call__(self, environ, start_response):
        self.calls += 1
        if self.every and self.calls % self.every == 0:
            start_response("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        return self.app(environ, start_response)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Moody]]:
    app = Moody(DomainDispatcherApplication(create_backend_app))
    made = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", app
    made.shutdown()


@pytest.fixture
def bucket(server, monkeypatch):
    """A new, empty bucket, which the environment gives access to."""
    address, app = server
    app.every = 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-someone")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # ours and those of s3fs are enough
    monkeypatch.setattr(shared, "WAIT_SECONDS", 0.001)
    s3fs.S3FileSystem.clear_instance_cache()
    found = boto3.resource("s3").Bucket(BUCKET)
    if found.creation_date:
        found.objects.delete()
    else:
        found.create()
    return found


def entries(*names: str, size: int = 400) -> dict[bytes, bytes]:
    return {name.encode().ljust(32, b"."): name.encode() * size for name in names}


def write(folder: Path, *batches: dict[bytes, bytes]) -> None:
    with Cache(folder, PLENTY, SharedCache(ADDRESS)) as cache:
        for batch in batches:
            cache.write(batch)


def read(folder: Path, wanted: dict[bytes, bytes]) -> list[bool]:
    with Cache(folder, PLENTY, SharedCache(ADDRESS)) as cache:
        return [cache.read(key) == content for key, content in wanted.items()]


def stored(bucket, kind: str) -> list:
    return [found for found in bucket.objects.all() if found.key.endswith(kind)]


@pytest.mark.usefixtures("bucket")
def test_what_one_wrote_another_finds_and_keeps(tmp_path):
    wanted = entries("one", "two", "three")
    write(tmp_path / "mine", wanted)
    assert all(read(tmp_path / "yours", wanted))
    with Cache(tmp_path / "yours", PLENTY) as alone:
        assert all(alone.read(key) == content for key, content in wanted.items())


def test_a_shard_is_shared_once_though_all_use_it(bucket, tmp_path):
    wanted = entries("one", "two")
    write(tmp_path / "mine", wanted)
    for name in ("yours", "theirs", "mine"):
        read(tmp_path / name, wanted)
    assert len(stored(bucket, ".states")) == len(stored(bucket, ".keys")) == 1


@pytest.mark.usefixtures("bucket")
def test_two_writers_at_once_leave_what_both_wrote(tmp_path):
    batches = [entries(*(f"{who}{n}" for n in range(20))) for who in "ab"]
    writers = [
        threading.Thread(target=write, args=(tmp_path / str(number), batch, entries("both")))
        for number, batch in enumerate(batches)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert all(read(tmp_path / "yours", batches[0] | batches[1] | entries("both")))


def test_what_a_killed_run_left_is_shared_by_the_next_that_uses_it(bucket, tmp_path):
    wanted = entries("one", "two")
    with Cache(tmp_path / "mine", PLENTY) as killed:
        killed.write(wanted)
    assert not list(bucket.objects.all())
    read(tmp_path / "mine", wanted)
    assert all(read(tmp_path / "yours", wanted))


def test_a_run_that_is_stopped_sends_nothing(bucket, tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        Cache(tmp_path / "mine", PLENTY, SharedCache(ADDRESS)) as cache,
    ):
        cache.write(entries("one"))
        raise KeyboardInterrupt
    assert not list(bucket.objects.all())


def test_a_damaged_shard_is_named_and_its_entries_are_not_found(bucket, tmp_path, capsys):
    write(tmp_path / "mine", entries("one"))
    write(tmp_path / "mine", entries("two"))
    (spoilt, _) = stored(bucket, ".states")
    content = bytearray(spoilt.get()["Body"].read())
    content[-1] ^= 1
    spoilt.put(Body=bytes(content))
    assert sorted(read(tmp_path / "yours", entries("one") | entries("two"))) == [False, True]
    assert f"{Path(spoilt.key).name} is damaged" in capsys.readouterr().err
    assert not list((tmp_path / "yours").glob("*.part"))


def test_a_list_that_is_there_in_part_is_not_looked_at(bucket, tmp_path):
    wanted = entries("one", "two")
    write(tmp_path / "mine", wanted)
    (listed,) = stored(bucket, ".keys")
    content = listed.get()["Body"].read()
    for size in (0, 1, 32, 64, 65):
        listed.put(Body=content[:size])
        assert not any(read(tmp_path / f"yours {size}", wanted))


@pytest.mark.usefixtures("bucket")
def test_a_store_that_refuses_one_call_in_ten_loses_nothing(server, tmp_path, capsys):
    batches = [entries(f"first {n}", f"second {n}") for n in range(12)]
    server[1].every = 10
    for number, batch in enumerate(batches):
        write(tmp_path / f"mine {number}", batch)
    for batch in batches:
        assert all(read(tmp_path / "yours", batch))
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("bucket")
def test_without_the_store_the_local_cache_works_on_after_one_message(server, tmp_path, capsys):
    write(tmp_path / "mine", entries("one"))
    server[1].every = 1
    wanted = entries("two", "three")
    write(tmp_path / "mine", wanted)
    assert all(read(tmp_path / "mine", wanted | entries("one")))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"{ADDRESS}: ") for line in lines)
    assert "a-secret-of-someone" not in "".join(lines)


def test_a_folder_is_a_store_too(tmp_path):
    wanted, store = entries("one", "two"), SharedCache(str(tmp_path / "store"))
    with Cache(tmp_path / "mine", PLENTY, store) as cache:
        cache.write(wanted)
    with Cache(tmp_path / "yours", PLENTY, SharedCache(f"file://{tmp_path / 'store'}")) as cache:
        assert all(cache.read(key) == content for key, content in wanted.items())


@pytest.mark.parametrize(
    "address, message",
    [
        ("s3://key:secret@bucket/prefix", "must have no credentials"),
        ("gs://bucket/prefix", r"pip install 'voicegraft\[gcs\]'"),
        ("carrier-pigeon://loft", "s3://, gs://, az:// or a folder"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_by_name(address, message):
    with pytest.raises(ValueError, match=message) as refused:
        SharedCache(address)
    assert "extract_embeddings.shared_cache" in str(refused.value)
    assert "secret" not in str(refused.value)


PATHS = "upstream corpus cache embeddings"


def project(folder: Path, whisper_folder: Path, address: str) -> Path:
    params = stage_runs.params_of()
    params["extract_embeddings"] |= {"layers": [6], "speeds": [], "shared_cache": address}
    folder.mkdir()
    stage_runs.fill(folder, whisper_folder, params, clips=6)
    return folder


@pytest.mark.usefixtures("bucket")
def test_a_second_checkout_encodes_nothing_and_has_the_same_store(tmp_path, whisper_folder):
    first, second, alone = (
        project(tmp_path / name, whisper_folder, address)
        for name, address in (("first", ADDRESS), ("second", ADDRESS), ("alone", ""))
    )
    for folder in (first, second, alone):
        done = stage_runs.run("extract_embeddings", PATHS, folder)
        assert done.returncode == 0, done.stderr
    kept = Cache(second / "cache", PLENTY)
    assert len(kept) == 6 and all(len(p.stem) == 64 for p in (second / "cache").glob("*.states"))
    files = [path for path in (alone / "embeddings").rglob("*") if path.is_file()]
    assert len(files) > 2
    for file in files:
        assert (second / file.relative_to(alone)).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("bucket")
def test_a_remote_of_dvc_takes_outputs_and_gives_them_to_another_checkout(server, tmp_path):
    pytest.importorskip("dvc_s3")
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        with repo.config.edit() as config:
            config["core"]["remote"] = "team"
            config["remote"]["team"] = {"url": f"s3://{BUCKET}/dvc", "endpointurl": server[0]}
    (store := tmp_path / "embeddings").mkdir()
    for name in ("index.csv", "layer_6.npy"):
        (store / name).write_text(f"{name}\n")
    with Repo(str(tmp_path)) as repo:
        repo.add([str(store)])
        assert repo.push() == 3  # the files, and their list
        for lost in (store, tmp_path / ".dvc/cache"):
            shutil.rmtree(lost)
        assert repo.pull()["stats"]["fetched"] == 3
    assert {path.name: path.read_text() for path in store.iterdir()} == {
        name: f"{name}\n" for name in ("index.csv", "layer_6.npy")
    }


def test_a_shared_cache_without_room_for_what_is_fetched_is_refused(tmp_path, whisper_folder):
    folder = project(tmp_path / "first", whisper_folder, "somewhere")
    params = stage_runs.params_of()
    params["extract_embeddings"] |= {"cache_gigabytes": 0, "shared_cache": "somewhere"}
    stage_runs.write_params(folder, params)
    done = stage_runs.run("extract_embeddings", PATHS, folder)
    assert done.returncode and "shared_cache needs cache_gigabytes above 0" in done.stderr
