"""File names as printable text for tables, JSON and terminals."""

import os
from pathlib import Path


def legible(path: Path | str) -> str:
    r"""Return a file's name; a byte of it that is not UTF-8 is written as in `caf\xe9.wav`.

    Linux takes any bytes for a name; Python keeps those that are not UTF-8 as surrogates, which
    cannot be encoded (https://peps.python.org/pep-0383/).
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
