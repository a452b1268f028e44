"""A hub on loopback: it answers huggingface_hub as the Hugging Face hub does, or as a broken one.

What is in LFS is redirected to a store, and promised by its SHA-256 (X-Linked-Etag); the rest is
promised by git's hash (ETag).
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parent.parent
REVISION = "0123456789abcdef0123456789abcdef01234567"
IN_LFS = (".safetensors", ".bin")


class Hub:
    """Serves repositories, {"owner/name": folder}, at REVISION alone.

    Attributes:
        url: for HF_ENDPOINT.
        asked: how often each file was asked for.
        lies: names of files in whose bytes one is changed on the way.
        halves: names of files of which half is sent as if it were all.
        cuts: for names of files, how many more answers break off in the middle.
    """

    def __init__(self, repositories: dict[str, Path]):
        self.repositories = repositories
        self.asked, self.cuts = Counter(), Counter()
        self.lies, self.halves = set(), set()

    @contextmanager
    def serving(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Answer,), {"hub": self}))
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.store = f"http://localhost:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield self
        server.shutdown()
        server.server_close()


class _Answer(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self):  # noqa: N802 - named by http.server
        self._answer()

    def do_GET(self):  # noqa: N802
        self._answer()

    def log_message(self, *_):
        pass

    def _answer(self):
        if self.path.startswith("/elsewhere"):
            return self._refuse()
        owner, name, kind, revision, file = self.path.strip("/").split("/")
        path = self.hub.repositories.get(f"{owner}/{name}", Path("/nowhere")) / file
        if not path.parent.is_dir():
            return self._refuse("RepoNotFound")
        if revision != REVISION:
            return self._refuse("RevisionNotFound")
        if not path.is_file():
            return self._refuse("EntryNotFound")
        self.hub.asked[file] += self.command == "GET"
        content = path.read_bytes()
        if file.endswith(IN_LFS) and kind == "resolve":
            return self._redirect(content)
        return self._send(content, file)

    def _refuse(self, code=None):
        self.send_response(404)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _redirect(self, content):
        self.send_response(302)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Linked-Size", str(len(content)))
        # Another host, as the hub's is: huggingface_hub does not look there for the promise.
        self.send_header("Location", self.hub.store + self.path.replace("/resolve/", "/store/"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content, file):
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        if file in self.hub.lies:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if file in self.hub.halves and self.command == "GET":
            content = content[: len(content) // 2]
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{git}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            end = len(content)
            if self.hub.cuts[file]:
                self.hub.cuts[file] -= 1
                end = start + (end - start) // 2
            self.wfile.write(content[start:end])


def run(command, folder, hub_url, **environment):
    """Run python in `folder`, whose `hf` is the hub's cache, against the hub at `hub_url`."""
    settings = {"HF_ENDPOINT": hub_url, "HF_HOME": str(folder / "hf"), "PYTHONPATH": str(ROOT)}
    settings |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*"} | environment
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=600,
    )


def fetch_model(folder, hub_url, name, checkpoint, source="", **environment):
    """Run the stage in `folder`, which it leaves `upstream` in."""
    section = f"name: {name}, checkpoint: '{checkpoint}', source: '{source}'"
    (folder / "params.yaml").write_text(f"upstream: {{{section}}}\n")
    stage = [str(ROOT / "stages" / "fetch_model.py"), "upstream", "downloads"]
    return run(stage, folder, hub_url, **environment)
