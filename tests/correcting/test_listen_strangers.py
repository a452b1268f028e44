"""A hostile page in the same browser that even knows the token: it can neither write nor read."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from served_page import table_of

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

ATTACK = """async ([address, key, revision]) => {
  const body = JSON.stringify({ revision, text: "forged" });
  const wanted = [
    ["api/clips", {}],
    ["api/clips", { mode: "no-cors" }],
    [`api/clips/${key}`, { method: "POST", body }],
    [`api/clips/${key}`, { method: "POST", body, mode: "no-cors" }],
    [`api/clips/${key}`, { method: "POST", body, headers: { "Content-Type": "application/json" } }],
    ["api/undo", { method: "POST", body: "{}", mode: "no-cors", credentials: "include" }],
  ];
  const read = [];
  for (const [path, options] of wanted) {
    try {
      const answer = await fetch(address + path, options);
      read.push(await answer.text());
    } catch (error) { read.push(""); }
  }
  navigator.sendBeacon(`${address}api/undo`, "{}");
  const form = Object.assign(document.createElement("form"), {
    method: "POST", action: `${address}api/clips/${key}`, enctype: "text/plain", target: "frame",
  });
  const field = Object.assign(document.createElement("input"), {
    name: body.slice(0, -2), value: '"}',  // which join to JSON with a sign of equality in the text
  });
  const frame = Object.assign(document.createElement("iframe"), { name: "frame" });
  form.append(field);
  document.body.append(form, frame);
  form.submit();
  const loads = (tag, url) => new Promise((resolve) => {
    const one = document.createElement(tag);
    one.onload = one.onloadeddata = () => resolve(true);
    one.onerror = () => resolve(false);
    one.src = url;
    document.body.append(one);
  });
  const loaded = [
    await loads("script", `${address}listen.js`),
    await loads("img", `${address}icon.svg`),
    await loads("audio", `${address}api/clips/${key}/sound`),
  ];
  const socket = await new Promise((resolve) => {
    const one = new WebSocket(address.replace("http", "ws"));
    one.onopen = () => resolve(true);
    one.onerror = () => resolve(false);
  });
  return { read, loaded, socket };
}"""


FRAME = """(url) => {
  document.body.append(Object.assign(document.createElement("iframe"), { src: url }));
}"""


@contextmanager
def hostile_page():
    """Yield the address of an empty page on another port, which is another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body>hostile")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_of_another_origin_neither_writes_nor_reads(client, folder, chromium, host):
    clip = client.clips()[0]
    before = (folder / "metadata.csv").read_bytes()
    context = chromium.new_context()
    with hostile_page() as port:
        page = context.new_page()
        page.goto(f"http://{host}:{port}/")
        found = page.evaluate(ATTACK, [client.address, clip["key"], clip["revision"]])
        page.wait_for_timeout(300)  # the form
    context.close()
    assert not any(found["read"]) and not any(found["loaded"]) and not found["socket"]
    assert (folder / "metadata.csv").read_bytes() == before
    assert not (folder / "corrections.jsonl").exists()


def test_a_page_that_cannot_be_framed_is_not_framed(client, chromium):
    context = chromium.new_context()
    with hostile_page() as port:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate(FRAME, client.address)
        page.wait_for_timeout(500)
        assert len(page.frames) == 2 and page.frames[1].locator("#clips").count() == 0
    context.close()


def test_a_name_that_was_made_to_lead_here_shows_nothing(client, folder, chromium):
    """DNS rebinding: to the browser, the page of evil.example is of the same origin then."""
    rebound = client.address.replace("127.0.0.1", "evil.example")
    context = chromium.new_context()
    page = context.new_page()
    answer = page.goto(rebound)
    assert answer.status == 421 and "text 0" not in page.content()
    script = """async (url) => {
      const body = JSON.stringify({});
      const headers = { "Content-Type": "application/json" };
      const one = await fetch(url + "api/undo", { method: "POST", headers, body });
      const other = await fetch(url + "api/clips");
      return [one.status, other.status, await other.text()];
    }"""
    first, second, text = page.evaluate(script, rebound)
    assert (first, second) == (421, 421) and "text 0" not in text
    context.close()
    assert json.loads(client.get("api/clips").content)["clips"]
    assert table_of(folder)["0.wav"]["transcription"] == "text 0"
