"""A web server on this machine that cuts connections, resumes and redirects as it is told."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Serves `content`, from where it is asked to go on; `cut` bytes of each answer at most."""

    content, cut, resumes, asked = b"", None, True, None

    def do_GET(self):
        asked = self.headers.get("Range")
        self.asked.append(asked)
        if self.path != "/model.pth":
            return self.redirect({"/elsewhere": "http://example.org"}.get(self.path, ""))
        begin = int(asked[len("bytes=") : -1]) if asked and self.resumes else 0
        if begin >= len(self.content):
            return self.send_error(416)
        self.send_response(206 if begin else 200)
        rest = self.content[begin:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.cut])

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
    handler = type("Told", (Handler,), how | {"content": content, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/model.pth", asked
    finally:
        server.shutdown()
        server.server_close()
