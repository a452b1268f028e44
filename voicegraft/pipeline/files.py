"""Atomic file writes, and JSON."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a path to write to: what lies there replaces `path` if the block ends without error.

    A kill leaves the old file or the new one, an error or a stop the old one alone. And what was
    there is never written into: DVC may have linked it to its cache.

    Raises:
        OSError: of a full disk too with the file's name, which the system does not tell.
    """
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)
        raise


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` whole, its keys in order."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
