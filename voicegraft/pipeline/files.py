"""Atomic file writes, and JSON."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path; its file replaces `path` if the block ends without error.

    After a kill, `path` is the old file or the new one; after an error or a stop, the old one. The
    old file is never written to, because DVC may have linked it to its cache.

    Raises:
        OSError: with the file's name, which the system leaves out if the disk is full.
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
    """Write `value` atomically, with sorted keys."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
