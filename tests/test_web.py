"""Downloads from a true server, which cuts connections, resumes and redirects."""

import shutil

import pytest
from served import served

from voicegraft.fetching.fetch import FetchError, RemoteFile, fetch
from voicegraft.fetching.mirrors import TorchHubCache, WebMirror

CONTENT = bytes(range(256)) * 4000


def test_what_is_served_arrives(tmp_path):
    with served(CONTENT) as (url, _):
        assert WebMirror(url).download("model.pth", tmp_path).read_bytes() == CONTENT


def test_a_cut_connection_is_an_error_and_the_next_run_continues_where_it_ended(tmp_path):
    with served(CONTENT, cut=300_000) as (url, asked):
        mirror = WebMirror(url)
        for rest in (724_000, 424_000, 124_000):
            with pytest.raises(OSError, match=f"cut off {rest} bytes before the end"):
                mirror.download("model.pth", tmp_path)
        assert mirror.download("model.pth", tmp_path).read_bytes() == CONTENT
    assert asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_that_cannot_go_on_is_read_from_the_beginning(tmp_path):
    (tmp_path / "model.pth.begun").write_bytes(b"other")
    with served(CONTENT, resumes=False) as (url, _):
        assert WebMirror(url).download("model.pth", tmp_path).read_bytes() == CONTENT


def test_a_beginning_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "model.pth.begun").write_bytes(CONTENT + b"more")
    with served(CONTENT) as (url, asked):
        assert WebMirror(url).download("model.pth", tmp_path).read_bytes() == CONTENT
    assert asked == ["bytes=1024004-", None]


@pytest.mark.parametrize("url", ["http://example.org/model.pth", "ftp://example.org/model.pth"])
def test_what_is_not_https_is_refused_before_anything_is_asked(tmp_path, url):
    with pytest.raises(OSError, match=f"{url} is not https"):
        WebMirror(url).download("model.pth", tmp_path)


def test_a_redirection_away_from_https_is_refused_before_it_is_followed(tmp_path):
    with served(CONTENT) as (url, _):
        moved = WebMirror(url.replace("model.pth", "elsewhere"))
        with pytest.raises(OSError, match="http://example.org/model.pth is not https"):
            moved.download("model.pth", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_redirection_that_is_safe_is_followed(tmp_path):
    with served(CONTENT) as (url, _):
        moved = WebMirror(url.replace("model.pth", "moved"))
        assert moved.download("model.pth", tmp_path).read_bytes() == CONTENT


def test_a_cut_first_download_is_not_noted_as_the_file(tmp_path):
    with served(CONTENT, cut=300_000) as (url, _):
        with pytest.raises(FetchError, match="cut off"):
            fetch(RemoteFile("model.pth", None, (WebMirror(url),)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "model.pth.begun"}


def test_what_torch_hub_fetched_before_is_copied_and_its_cache_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    cached = tmp_path / "hub" / "checkpoints" / "model.pth"
    cached.write_bytes(CONTENT)
    kept = fetch(RemoteFile("model.pth", None, (TorchHubCache(),)), tmp_path / "downloads")
    kept.write_bytes(b"other")
    assert cached.read_bytes() == CONTENT


def test_a_file_larger_than_any_that_is_wanted_here_is_refused_before_it_is_written(tmp_path):
    with served(CONTENT) as (url, _):
        with pytest.raises(OSError, match="it has 1,024,000 bytes: more than 1,000,000"):
            WebMirror(url, most_bytes=1_000_000).download("model.pth", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_without_end_is_stopped_and_nothing_is_kept(tmp_path):
    with served(CONTENT * 4, length=False) as (url, _):
        with pytest.raises(OSError, match="longer than 1,000,000 bytes"):
            WebMirror(url, most_bytes=1_000_000).download("model.pth", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_disk_has_no_room_for_is_not_begun(tmp_path):
    room = shutil.disk_usage(tmp_path).free
    with served(CONTENT, length=10 * room) as (url, _):
        with pytest.raises(OSError, match=f"{10 * room:,} bytes are to come, and there is room"):
            WebMirror(url, most_bytes=100 * room).download("model.pth", tmp_path)
    assert list(tmp_path.iterdir()) == []
