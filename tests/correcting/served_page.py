"""A small folder of tones, the server of `voicegraft listen` over it, and requests to that."""

import csv
import http.client
import json
import threading
from contextlib import contextmanager

import numpy as np
import soundfile

from voicegraft.listening.desk import Desk
from voicegraft.listening.server import Server
from voicegraft.listening.session import Session
from voicegraft.listening.writings import Writing, Writings

RATE = 16_000


def tone(pitch, seconds=0.6):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def write_own(folder, clips=6, header="file_name,transcription,speaker", rows=None):
    """Write a folder of clips; `rows` are cells behind the name of the file."""
    folder.mkdir(parents=True)
    rows = rows or [(f"text {number}", "ann") for number in range(clips)]
    lines = [header]
    for number, cells in enumerate(rows):
        soundfile.write(folder / f"{number}.wav", tone(300 + 40 * number), RATE)
        lines.append(",".join([f"{number}.wav", *cells]))
    (folder / "metadata.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


def table_of(folder):
    with open(folder / "metadata.csv", encoding="utf-8", newline="") as file:
        return {row["file_name"]: row for row in csv.DictReader(file)}


def log_of(folder):
    return [json.loads(line) for line in (folder / "corrections.jsonl").read_text().splitlines()]


def session_of(folder, written=None, **options):
    """Return a session over a folder, in which a model wrote texts, by the name of the clip."""
    desk, writings = Desk(folder), Writings()
    for clip in desk.clips():
        if written and clip.name in written:
            writings.found[clip.key] = Writing(*written[clip.name])
    return Session(desk, writings, **options)


@contextmanager
def running(session):
    server = Server(session)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Client(server.address)
    finally:
        server.stop()
        thread.join(5)
        assert not thread.is_alive()


class Client:
    """Requests as the page sends them; each header can be another, or left out with None."""

    def __init__(self, address):
        self.address = address
        self.host, self.path = address.removeprefix("http://").rstrip("/").split("/")
        self.path = f"/{self.path}/"

    def ask(self, method, path, body=None, **headers):
        own = {"Host": self.host}
        if method == "POST":
            own |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.host, timeout=10)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        for name, value in own.items():
            if value is not None:
                connection.putheader(name, value)
        if content is not None and "Content-Length" not in own:
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def get(self, path, **headers):
        return self.ask("GET", self.path + path, **headers)

    def post(self, path, body=None, **headers):
        return self.ask("POST", self.path + path, {} if body is None else body, **headers)

    def clips(self, order="given"):
        return json.loads(self.get(f"api/clips?order={order}").content)["clips"]

    def save(self, clip, **changes):
        return self.post(f"api/clips/{clip['key']}", {"revision": clip["revision"], **changes})
