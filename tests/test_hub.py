"""Repositories of the hub at a revision, against a hub on loopback; each case in its own process,
since huggingface_hub reads its environment once."""

import hashlib
import subprocess

import pytest
from loopback_hub import REVISION, Hub, run

from voicegraft.fetching.checkpoints import Checkpoint, Layout, unlisted
from voicegraft.fetching.fetch import FetchError, RemoteFile
from voicegraft.fetching.hub import HubCheckpoint

WEIGHTS = bytes(range(256)) * 4000
CARD = "---\nlicense: cc-by-nc-4.0\n---\n# A model\n"
LAYOUT = Layout(("model.safetensors", "model.bin"), ("config.json", "vocabulary.txt"))
FETCH = """
import sys
from pathlib import Path
from voicegraft.fetching.hub import HubCheckpoint

revision, weights = sys.argv[1:]
beside = ("config.json", "vocabulary.txt")
checkpoint = HubCheckpoint("someone/some-model", revision, tuple(weights.split()), beside)
for path in checkpoint.fetch(Path("downloads")):
    print(path.name, path.stat().st_size)
print(checkpoint.licence)
"""


@pytest.fixture
def hub(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text("{}\n")
    (folder / "README.md").write_text(CARD)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with Hub({"someone/some-model": folder}).serving() as hub:
        yield hub


@pytest.fixture
def fetch(hub, tmp_path):
    def fetch(revision=REVISION, weights="model.safetensors model.bin", **environment):
        command = ["-c", FETCH, revision, weights]
        return run(command, tmp_path, hub.url, **environment)

    return fetch


def complaint(done):
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("voicegraft.fetching.fetch.FetchError: "), done.stderr
    return last


def test_weights_and_what_lies_beside_them_are_fetched_with_the_card_and_its_licence(fetch, hub):
    done = fetch()
    card = f"README.md {len(CARD)}"
    whole = f"model.safetensors {len(WEIGHTS)}"
    assert done.stdout.splitlines() == [whole, "config.json 3", card, "cc-by-nc-4.0"], done.stderr
    assert set(hub.asked) == {"model.safetensors", "config.json", "README.md"}


def test_the_first_name_that_is_there_is_the_file_of_weights(fetch):
    done = fetch(weights="model.bin model.safetensors")
    assert done.stdout.startswith(f"model.safetensors {len(WEIGHTS)}"), done.stderr


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_bytes_that_the_hub_did_not_promise_are_refused_and_fetched_anew(fetch, hub, name):
    hub.lies.add(name)
    printed = complaint(fetch())
    assert f"someone/some-model@{REVISION}: {name}: hash is " in printed
    if name == "model.safetensors":
        assert f"promised {hashlib.sha256(WEIGHTS).hexdigest()}" in printed
    hub.lies.clear()
    assert fetch().returncode == 0
    assert hub.asked[name] >= 2


def test_a_download_that_breaks_off_is_taken_up_again(fetch, hub):
    hub.cuts["model.safetensors"] = 1
    done = fetch()
    assert done.stdout.startswith(f"model.safetensors {len(WEIGHTS)}"), done.stderr
    assert hub.asked["model.safetensors"] == 2


def test_of_half_a_file_nothing_is_kept(fetch, hub, tmp_path):
    hub.halves.add("model.safetensors")
    assert "model.safetensors: Consistency check failed" in complaint(fetch())
    kept = [path.stat().st_size for path in tmp_path.glob("hf/hub/**/*") if path.is_file()]
    assert not [size for size in kept if size >= len(WEIGHTS) // 2]


def test_offline_what_was_fetched_is_used_and_checked_again(fetch, hub, tmp_path):
    once = fetch()
    asked = hub.asked.total()
    offline = fetch(HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")
    assert offline.stdout == once.stdout, offline.stderr
    (blob,) = tmp_path.glob(f"hf/hub/*/blobs/{hashlib.sha256(WEIGHTS).hexdigest()}")
    blob.write_bytes(WEIGHTS[:-1] + b"!")
    assert "model.safetensors: hash is" in complaint(fetch(HF_HUB_OFFLINE="1"))
    assert hub.asked.total() == asked


def test_offline_what_was_never_fetched_is_an_error_that_names_the_variable(fetch, hub):
    printed = complaint(fetch(HF_HUB_OFFLINE="1"))
    assert f"someone/some-model@{REVISION}: of ['model.safetensors', 'model.bin']" in printed
    assert "HF_HUB_OFFLINE" in printed
    assert not hub.asked


def test_a_repository_with_a_pickle_alone_is_refused(fetch):
    printed = complaint(fetch(weights="other.safetensors"))
    assert printed.endswith("of ['other.safetensors'] there is none")


def test_an_unknown_revision_is_named_with_what_the_hub_says(fetch):
    printed = complaint(fetch(revision=REVISION[::-1]))
    assert f"someone/some-model@{REVISION[::-1]}: model.safetensors: " in printed
    assert "Revision Not Found" in printed


def test_a_server_that_is_no_hub_is_an_error_and_not_a_missing_file(fetch, hub):
    printed = complaint(fetch(HF_ENDPOINT=f"{hub.url}/elsewhere"))
    assert f"some-model@{REVISION}: model.safetensors: " in printed
    assert "404" in printed


def test_a_name_with_a_revision_is_a_repository_of_the_hub():
    found = unlisted(f"openai/whisper-small@{REVISION}", LAYOUT)
    assert found == HubCheckpoint("openai/whisper-small", REVISION, LAYOUT.weights, LAYOUT.beside)
    assert unlisted("whisper-small", LAYOUT) is None


@pytest.mark.parametrize("pin", ["", "@main", f"@{REVISION[:-1]}", f"@{REVISION.upper()}"])
def test_a_repository_without_a_commit_is_refused_and_the_message_says_how_to_get_one(pin):
    with pytest.raises(
        ValueError, match="whisper-small@<40 hex digits> is needed.*`hf models info"
    ):
        unlisted(f"openai/whisper-small{pin}", LAYOUT)


def test_weights_of_ones_own_are_taken_by_their_hash_with_what_lies_beside_them(tmp_path):
    (tmp_path / "model.bin").write_bytes(WEIGHTS)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "other.json").write_text("{}")
    own = unlisted(f"model.bin@{sha256(WEIGHTS)}+{sha256_of_listing(tmp_path)}", LAYOUT)
    expected = [tmp_path / "model.bin", tmp_path / "config.json"]
    assert own.own(tmp_path) == own.own(tmp_path / "model.bin") == expected
    with pytest.raises(FetchError, match="upstream.source must say where your model.bin is"):
        own.fetch(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"others")
    with pytest.raises(FetchError, match="SHA-256 is .* expected"):
        own.own(tmp_path)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sha256_of_listing(folder, names="config.json"):
    """Return what a shell says, with the tool that the message names."""
    command = f"sha256sum {names} | sha256sum"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)
    return done.stdout.split()[0]


@pytest.mark.parametrize("change", ["changed", "added", "removed", "without a hash"])
def test_what_lies_beside_ones_own_weights_is_checked_and_the_message_says_what_to_write(
    change, tmp_path
):
    (tmp_path / "model.bin").write_bytes(WEIGHTS)
    (tmp_path / "config.json").write_text("{}")
    plain = f"model.bin@{sha256(WEIGHTS)}"
    named = f"{plain}+{sha256_of_listing(tmp_path)}"
    if change == "changed":
        (tmp_path / "config.json").write_text("{ }")
    elif change == "added":
        (tmp_path / "vocabulary.txt").write_text("a")
    elif change == "removed":
        (tmp_path / "config.json").unlink()
    else:
        named = plain
    with pytest.raises(FetchError, match="beside model.bin .* set upstream.checkpoint: ") as caught:
        unlisted(named, LAYOUT).own(tmp_path)
    instead = str(caught.value).split("upstream.checkpoint: ")[1]
    there = [name for name in LAYOUT.beside if (tmp_path / name).is_file()]
    listing = "+" + sha256_of_listing(tmp_path, " ".join(there)) if there else ""
    assert instead == f"{plain}{listing}"
    found = [path.name for path in unlisted(instead, LAYOUT).own(tmp_path)]
    assert found == ["model.bin", *there]


def test_every_listed_file_of_ones_own_copy_is_checked(tmp_path):
    contents = {"model.bin": WEIGHTS, "config.json": b"{}"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = tuple(RemoteFile(name, sha256(content), ()) for name, content in contents.items())
    assert [p.name for p in Checkpoint(files, "MIT").own(tmp_path)] == list(contents)
    (tmp_path / "config.json").write_text("{ }")
    with pytest.raises(FetchError, match=r"config.json: SHA-256 is .* expected"):
        Checkpoint(files, "MIT").own(tmp_path)


def test_weights_of_ones_own_without_a_hash_are_refused_and_the_message_says_how_to_get_one():
    with pytest.raises(ValueError, match=r"model.bin@<64 hex digits> is needed.*`sha256sum model"):
        unlisted("model.bin", LAYOUT)


def test_the_error_about_a_folder_in_place_of_a_repository_has_its_name(tmp_path):
    (tmp_path / "model.bin").write_bytes(WEIGHTS)
    checkpoint = unlisted(f"openai/whisper-small@{REVISION}", LAYOUT)
    for source in (tmp_path, tmp_path / "model.bin"):
        with pytest.raises(ValueError, match="set upstream.checkpoint: ") as caught:
            checkpoint.own(source)
        named = str(caught.value).split("upstream.checkpoint: ")[1]
        assert isinstance(unlisted(named, LAYOUT), Checkpoint)
        assert unlisted(named, LAYOUT).own(source) == [tmp_path / "model.bin"]
