"""The server of the page, on the loopback interface alone: clips are served by keys, not paths."""

import functools
import secrets
import socket
from importlib import resources
from importlib.resources.abc import Traversable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from voicegraft.listening.answers import Answers, answered
from voicegraft.listening.guard import Guard
from voicegraft.listening.session import Session

PAGE = resources.files("voicegraft.listening") / "page"
COLOURS = resources.files("voicegraft.report") / "page" / "colours.css"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
LAST_SECONDS = 1
"""How long open requests have once the server is stopped."""


def app(session: Session, token: str, port: int) -> Guard:
    """Return the application."""
    files = [*PAGE.iterdir(), COLOURS]
    pages = [Route(f"/{file.name}", functools.partial(_file, file)) for file in files]
    pages += [Route("/", functools.partial(_file, PAGE / "listen.html"))]
    handlers = Answers(session)
    routes = [
        Route("/api/clips", answered(handlers.clips)),
        Route("/api/clips/{key:str}/sound", answered(handlers.sound)),
        Route("/api/clips/{key:str}/peaks", answered(handlers.peaks)),
        Route("/api/clips/{key:str}", answered(handlers.save), methods=["POST"]),
        Route("/api/undo", answered(handlers.undo), methods=["POST"]),
        Route("/api/recordings", answered(handlers.record), methods=["POST"]),
        Route("/api/export", answered(handlers.export), methods=["POST"]),
    ]
    return Guard(Starlette(routes=[Mount(f"/{token}", routes=pages + routes)]), token, port)


async def _file(file: Traversable, request: Request) -> Response:  # noqa: ARG001
    kind = TYPES[f".{file.name.rpartition('.')[2]}"]
    return Response(file.read_bytes(), headers={"Content-Type": f"{kind}; charset=utf-8"})


class Server:
    """A server on a port of the loopback interface.

    Args:
        session: what it serves.
        port: 0 takes a free one.

    Attributes:
        address: of the page, with its token.
    """

    def __init__(self, session: Session, port: int = 0):
        self._socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port, token = self._socket.getsockname()[1], secrets.token_urlsafe(24)
        self.address = f"http://127.0.0.1:{self.port}/{token}/"
        config = uvicorn.Config(
            app(session, token, self.port),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=LAST_SECONDS,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until Ctrl-C or `stop`."""
        try:
            self._server.run(sockets=[self._socket])
        except KeyboardInterrupt:  # uvicorn raises it again once it has ended
            pass

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True
