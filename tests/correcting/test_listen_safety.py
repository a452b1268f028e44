"""The server of `voicegraft listen` answers no other page, and leads to no other file."""

import io
import json
import socket
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from served_page import RATE, running, session_of, table_of, tone, write_own

STRANGER = "http://evil.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_own(tmp_path_factory.mktemp("safe") / "own")


@pytest.fixture(scope="module")
def client(folder):
    """One server for all that it has to refuse: what gets through changes the folder."""
    with running(session_of(folder)) as client:
        yield client


PATHS = ["", "listen.js", "api/clips", "api/clips/{key}/sound", "api/clips/{key}/peaks"]
WRITES = ["api/clips/{key}", "api/undo", "api/recordings?text=x", "api/export"]


def filled(path, client):
    return path.format(key=client.clips()[0]["key"])


def unchanged(folder):
    return all(row["transcription"].startswith("text ") for row in table_of(folder).values())


@pytest.mark.parametrize("path", PATHS)
def test_what_a_page_reads_needs_the_token(client, path):
    path = filled(path, client)
    assert client.get(path).status == 200
    token = client.path.strip("/")
    for other in ("", "x", token[:-1], token + "x", token.swapcase(), quote(token + "\0")):
        assert client.ask("GET", f"/{other}/{path}").status == 404
    assert client.ask("GET", f"/{path}").status == 404


@pytest.mark.parametrize("path", WRITES)
def test_what_a_page_writes_needs_the_token(client, path, folder):
    assert client.ask("POST", f"/x/{filled(path, client)}", b"{}").status == 404
    assert unchanged(folder) and not (folder / "corrections.jsonl").exists()


def test_the_token_is_another_for_each_start_and_long(folder):
    with running(session_of(folder)) as one, running(session_of(folder)) as other:
        assert one.path != other.path
        assert len(one.path) >= 32


HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "[::1]:{port}",
]
HOSTS += [
    "127.0.0.1:{port}.evil.example",
    "0.0.0.0:{port}",
    "evil.example@127.0.0.1:{port}",
    "",
    None,
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", PATHS)
def test_a_name_of_somebody_elses_that_leads_here_is_not_answered(client, path, host):
    path, port = filled(path, client), client.host.split(":")[1]
    answer = client.get(path, Host=host and host.format(port=port))
    assert answer.status in (400, 421)
    assert b"text 0" not in answer.content


def test_two_hosts_are_none(client):
    with socket.create_connection(client.host.split(":")) as wire:
        lines = [
            f"GET {client.path}api/clips HTTP/1.1",
            f"Host: {client.host}",
            "Host: evil.example",
        ]
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        assert wire.recv(100).split()[1] in (b"400", b"421")


def test_localhost_is_a_name_of_this_machine(client):
    host = f"localhost:{client.host.split(':')[1]}"
    assert client.get("api/clips", Host=host).status == 200
    undone = client.post("api/undo", Host=host, Origin=f"http://{host}")
    assert (undone.status, b"nothing to undo" in undone.content) == (409, True)


FORGED = [
    {"Origin": STRANGER},
    {"Origin": None},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://{host}"},
    {"Origin": "http://{host}.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Content_Type": "text/plain"},
    {"Content_Type": "application/x-www-form-urlencoded"},
    {"Content_Type": "multipart/form-data; boundary=x"},
    {"Content_Type": None},
]


@pytest.mark.parametrize("headers", FORGED, ids=str)
@pytest.mark.parametrize("path", WRITES)
def test_a_request_that_another_page_forges_does_nothing(client, path, headers, folder):
    own = {name: value and value.format(host=client.host) for name, value in headers.items()}
    clip = client.clips()[0]
    body = {"revision": clip["revision"], "text": "forged"}
    assert client.post(filled(path, client), body, **own).status in (403, 415)
    assert unchanged(folder) and not (folder / "corrections.jsonl").exists()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_cannot_even_embed_what_it_might_guess(client, site):
    for path in PATHS:
        answer = client.get(filled(path, client), Sec_Fetch_Site=site)
        assert answer.status == 403


def test_no_other_page_is_allowed_to_read_or_to_ask_first(client):
    preflight = client.ask(
        "OPTIONS",
        f"{client.path}api/undo",
        Origin=STRANGER,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
    )
    assert preflight.status == 403
    for answer in (preflight, client.get("api/clips", Origin=STRANGER)):
        names = [name.lower() for name, _ in answer.getheaders()]
        assert not [name for name in names if name.startswith("access-control")]
        assert "set-cookie" not in names


def test_every_answer_binds_the_page(client):
    answers = [client.get(path) for path in ("", "listen.css", "api/clips", "nothing")]
    for answer in [*answers, client.ask("GET", "/"), client.post("api/undo", Origin=STRANGER)]:
        policy = answer.getheader("content-security-policy")
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy and "http" not in policy
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("cache-control") == "no-store"
        assert answer.getheader("referrer-policy") == "no-referrer"
        assert answer.getheader("cross-origin-resource-policy") == "same-origin"


def test_the_page_has_no_script_or_style_within_and_no_address_of_another(client):
    page = client.get("").content.decode()
    assert (
        page.count("<script") == page.count('<script type="module" src="listen.js"></script>') == 1
    )
    assert "<style" not in page and "style=" not in page and "onclick" not in page
    for name in ("", "listen.js", "listen.css", "player.js", "recorder.js", "microphone.js"):
        assert "http:" not in client.get(name).content.decode()


ESCAPES = [
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..\\",
    "..%5c",
    "....//",
    "%252e%252e%252f",
    "//",
]
TARGETS = ["metadata.csv", "private.txt", "etc/passwd", "server.py", "corrections.jsonl"]


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_path_leads_out_of_the_page(client, escape, folder):
    (folder.parent / "private.txt").write_text("secret text 0")
    for depth in (1, 2, 6):
        for target in TARGETS:
            for start in ("", "api/", "api/clips/"):
                for end in ("", "/sound"):
                    answer = client.get(start + escape * depth + target + end)
                    assert answer.status in (400, 404, 405), target


def test_a_clip_has_no_name_but_its_key(client, folder):
    for name in ("0.wav", quote("../own/0.wav", safe=""), "metadata.csv", "0" * 20, "%00"):
        assert client.get(f"api/clips/{name}/sound").status == 404
        assert client.post(f"api/clips/{name}", {"revision": "x", "text": "y"}).status == 404
    assert unchanged(folder)


def test_a_table_from_elsewhere_opens_no_other_file(tmp_path):
    soundfile.write(tmp_path / "diary.wav", tone(300), RATE)
    own = write_own(tmp_path / "own", clips=1)
    (own / "link.wav").symlink_to(tmp_path / "diary.wav")
    names = ["../diary.wav", str(tmp_path / "diary.wav"), "link.wav", "/dev/zero", "/etc/passwd"]
    lines = "".join(f"{name},x,\n" for name in names)
    (own / "metadata.csv").write_text(f"file_name,transcription,speaker\n{lines}")
    with running(session_of(own)) as client:
        clips = client.clips()
        assert len(clips) == len(names) - 1  # two names are of one file
        for clip in clips:
            answer = client.get(f"api/clips/{clip['key']}/sound")
            assert answer.status == 422 and b"outside corpus.folder" in answer.content


def test_a_journal_from_elsewhere_deletes_nothing(tmp_path):
    own = write_own(tmp_path / "own")
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary/precious.wav").write_text("x")
    (own / "recorded").symlink_to(tmp_path / "diary")
    names = ["0.wav", "../diary/precious.wav", "recorded/../../own/0.wav", "recorded/precious.wav"]
    for name in names:
        entry = {"action": "record", "table": "metadata.csv", "clip": name, "found": ""}
        line = json.dumps(entry | {"before": None, "after": {}, "undoes": None, "time": ""})
        (own / "corrections.jsonl").write_text(line + "\n")
        with running(session_of(own)) as client:
            client.post("api/undo")
    assert (tmp_path / "diary/precious.wav").exists() and (own / "0.wav").exists()


BODIES = [
    (b"", 400),
    (b"null", 400),
    (b"[1]", 400),
    (b'{"revision": 1, "text": "x"}', 400),
    (b'{"revision": "x", "text": ["x"]}', 400),
    (b'{"text": "x"}', 400),
    (b'{"revision": "x", "path": "x"}', 400),
    (b'{"revision": "x", "text": "\\ud800"}', 400),
    (b'{"revision": "x", "text": "\xff"}', 400),
    (b"[" * 60_000, 400),
    (b'{"revision": "x", "text": "' + b"x" * 30_000 + b'"}', 400),
    (b'{"revision": "x", "text": "' + b"x" * 100_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_not_as_it_has_to_be_is_refused(client, body, status, folder):
    clip = client.clips()[0]
    body = body.replace(b'"x"', f'"{clip["revision"]}"'.encode(), 1)
    assert client.post(f"api/clips/{clip['key']}", body).status == status
    assert unchanged(folder)


def wav(wave, rate=RATE, kind="WAV"):
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=kind)
    return file.getvalue()


SOUNDS = [
    (b"", 422, "no WAV"),
    (b"RIFF0000WAVE", 422, "undecodable"),
    (wav(tone(300))[:2000], 422, "truncated"),
    (wav(tone(300), kind="FLAC"), 422, "no WAV"),
    (wav(np.zeros(RATE)), 422, "silent"),
    (wav(tone(300, 0.1)), 422, "too short"),
    (wav(tone(300, 1.0), 8000)[:44] + b"\0" * 30_000_000, 413, "more than"),
]


@pytest.mark.parametrize(("sound", "status", "why"), SOUNDS, ids=[why for *_, why in SOUNDS])
def test_a_sound_that_nobody_spoke_is_not_kept(client, sound, status, why, folder):
    answer = client.post("api/recordings?text=x", sound, Content_Type="audio/wav")
    assert (answer.status, why in json.loads(answer.content)["error"]) == (status, True)
    assert list(folder.glob("recorded/*")) == [] and len(table_of(folder)) == 6


def test_the_server_listens_on_one_address_of_this_machine_alone(client):
    host, port = client.host.split(":")
    socket.create_connection((host, int(port)), timeout=1).close()
    # As any other address of the machine, this one reaches a server that listens on all of them.
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", int(port)), timeout=1).close()
