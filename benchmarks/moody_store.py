"""An object store behind the API of S3 on this machine, which refuses every tenth call."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
REFUSED_EVERY = 10
BUCKET = "states"


class Moody:
    """An API of S3 that refuses every tenth call."""

    def __init__(self):
        self.app, self.calls = DomainDispatcherApplication(create_backend_app), 0

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        self.calls += 1
        if self.calls % REFUSED_EVERY == 0:
            start_response("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        return self.app(environ, start_response)


@contextmanager
def object_store() -> Iterator[Moody]:
    """Yield a store on loopback, of which the environment tells every process."""
    app = Moody()
    made = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{made.server_port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-someone",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    boto3.resource("s3").Bucket(BUCKET).create()
    yield app
    made.shutdown()
