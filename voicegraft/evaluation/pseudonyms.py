"""Names in evaluation/, which git keeps: as the corpus has them, or pseudonyms.

A pseudonym is an HMAC-SHA-256 (RFC 2104) of the name under a salt that git never sees. Without the
salt nobody can test whether a known name, a telephone number or a sentence is in a table; a plain
hash of a few thousand possible names is searched in milliseconds. Under one salt a name has the
same pseudonym in every revision, so that clips still pair.
"""

import hashlib
import hmac
import math
import os
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.scores import MARK_DIGITS, Score
from voicegraft.pipeline.params import PARAMS_FILE, Section, load_params, read_params

PUBLIC = ("fillets", "gcin_voice")
"""Corpora that anyone can fetch, whose names are no secret. Those of a folder are, whatever its
layout: a corpus that is missing here has pseudonyms."""
SALT_BYTES = 32
DIGITS = 16
"""Hexadecimal, so 64 bits: two of a million clips are the same with a chance of 1 in 37 million."""
TENTHS = 10
"""Of a second: a length in milliseconds is as good as a name to whoever has the recording."""

AnyScore = TypeVar("AnyScore", Score, ClassScore)


class Privacy(Section):
    """Knobs of the section `privacy`."""

    committed_names: Literal["auto", "keep", "pseudonyms"]
    salt: str


@dataclass(frozen=True)
class Names:
    """Names for git of clips, speakers and sessions; as they are if `salt` is None."""

    salt: bytes | None = None

    def of(self, kind: str, name: str) -> str:
        """Return the name for git; "" stays "", which is an unknown name.

        Args:
            kind: clip, speaker, session …: a speaker named as a session has another pseudonym.
            name: as the corpus has it.
        """
        if self.salt is None or not name:
            return name
        text = f"{kind}\n{name}".encode("utf-8", "surrogateescape")
        return hmac.new(self.salt, text, hashlib.sha256).hexdigest()[:DIGITS]

    def committed(self, scores: Sequence[AnyScore]) -> list[AnyScore]:
        """Return scores with names for git; pseudonyms are in their own order.

        The order of the corpus is often that of its names.
        """
        if self.salt is None:
            return list(scores)
        return sorted(map(self._committed, scores), key=lambda score: score.id)

    def _committed(self, score: AnyScore) -> AnyScore:
        own = {kind: self.of(kind, getattr(score, kind)) for kind in ("speaker", "session")}
        own |= {"id": self.of("clip", score.id), "block": self.of("block", score.block)}
        own["seconds"] = math.floor(score.seconds * TENTHS) / TENTHS
        if isinstance(score, Score):  # of 16 bits, a guessed sentence could be tested by id
            mark = self.of("reference", f"{score.id} {score.reference}")
            own["reference"] = mark[:MARK_DIGITS] if score.reference else ""
        return replace(score, **own)

    def rows(self, rows: Iterable[dict[str, Any]], columns: dict[str, str]) -> list[dict[str, Any]]:
        """Return the rows of a table with names for git, in the order given.

        Args:
            rows: by column.
            columns: that hold names, with the kind of each.
        """
        return [
            row | {column: self.of(kind, row[column]) for column, kind in columns.items()}
            for row in rows
        ]


AS_THEY_ARE = Names()


def load_names(path: Path = PARAMS_FILE) -> Names:
    """Return the names for git by params.yaml; a salt is made where none is and one is needed.

    Raises:
        ParamsError: naming the key, the value and the choices.
        ValueError: if the file of the salt holds none.
    """
    privacy = load_params(Privacy, "privacy", path)
    corpus = read_params(path).get("corpus", {}).get("name")
    keep = privacy.committed_names == "keep" or (
        privacy.committed_names == "auto" and corpus in PUBLIC
    )
    return Names(None if keep else salt(path.parent / privacy.salt))


def salt(path: Path) -> bytes:
    """Return the salt in the file, made if it is missing.

    Raises:
        ValueError: if the file holds no salt.
    """
    if not path.is_file():
        _make_salt(path)
    found = path.read_text(encoding="ascii", errors="replace").strip()
    if len(found) != 2 * SALT_BYTES or set(found) - set("0123456789abcdef"):
        raise ValueError(
            f"privacy.salt: {path} holds no salt, which is {2 * SALT_BYTES} hexadecimal digits: "
            "bring back the one that was there, or delete it, and no name is as it was"
        )
    return bytes.fromhex(found)


def _make_salt(path: Path) -> None:
    """Write a new salt, for the owner's eyes alone; of two processes the first one's counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(".part", path.name, path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SALT_BYTES) + "\n")
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        Path(partial).unlink()
