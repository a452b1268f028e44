"""Who may speak to the server: pages of its own address, with its token, on this machine.

It listens on the loopback interface alone, but every page that is open in the browser can send
requests there, so each request has to pass:

- the token in the address, which nobody can guess: other pages cannot name anything here;
- the header Host, against DNS rebinding, by which a name of somebody else's leads to 127.0.0.1;
- the headers Origin and Sec-Fetch-Site, and a content type that no form can send, against requests
  forged by other pages (https://cheatsheetseries.owasp.org/cheatsheets/
  Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; media-src blob:; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
READS = ("GET", "HEAD")
TYPES = ("application/json", "audio/wav")


class Guard:
    """Refuse what does not come from a page of ours, and set headers that bind the page.

    Args:
        app: sees only requests that passed.
        token: the first part of every path.
        port: that the server listens on.
    """

    def __init__(self, app: ASGIApp, token: str, port: int):
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # no web socket is offered
            return await send({"type": "websocket.close", "code": 1008})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        status, why = self.refused(scope)
        answer = PlainTextResponse(f"{why}\n", status) if status else self.app
        return await answer(scope, receive, with_headers)

    def refused(self, scope: Scope) -> tuple[int, str]:
        """Return a status and the reason to refuse a request; 0 if it may pass."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return 421, "this server answers to 127.0.0.1 and localhost alone"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "another page asks for this"
        if scope["method"] not in READS:
            if headers.getlist("origin") != [f"http://{hosts[0]}"]:
                return 403, "another page sends this"
            if headers.get("content-type", "").partition(";")[0].strip() not in TYPES:
                return 415, f"only {' and '.join(TYPES)} are read"
        given = scope["path"].split("/")[1].encode()
        if not hmac.compare_digest(given, self.token.encode()):
            return 404, "the address lacks its token: take the one that `voicegraft listen` printed"
        return 0, ""
