"""A web server on this machine that cuts connections, resumes and redirects on request."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MEGABYTE = 1 << 20


class Handler(BaseHTTPRequestHandler):
    """Serves `content`, from where it is asked to go on; `cut` bytes of each answer at most.

    It sends no more than a megabyte before the event `gate` is set, where there is one, and states
    `length`: the true one, none, or another. What is asked for elsewhere than `served_at`, None for
    everywhere, is redirected: to another host, but from /moved.
    """

    content, cut, resumes, asked = b"", None, True, None
    gate, length = None, True
    served_at = "/model.pth"

    def do_GET(self):
        asked = self.headers.get("Range")
        self.asked.append(asked)
        if self.served_at and self.path != self.served_at:
            return self.redirect("" if self.path == "/moved" else "http://example.org")
        begin = int(asked[len("bytes=") : -1]) if asked and self.resumes else 0
        if begin >= len(self.content):
            return self.send_error(416)
        self.send_response(206 if begin else 200)
        rest = self.content[begin:]
        if self.length:
            self.send_header(
                "Content-Length", str(len(rest) if self.length is True else self.length)
            )
        self.end_headers()
        for start in range(0, len(rest[: self.cut]), MEGABYTE):
            if start and self.gate:
                self.gate.wait(60)
            self.wfile.write(rest[: self.cut][start : start + MEGABYTE])

    def redirect(self, host):
        self.send_response(302)
        self.send_header("Location", f"{host}/model.pth")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def served(content, **how):
    """Yield a URL of a server that behaves so, and the ranges it is asked for."""
    asked = []
    handler = type("Instructed", (Handler,), how | {"content": content, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/model.pth", asked
    finally:
        server.shutdown()
        server.server_close()
