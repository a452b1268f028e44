"""Damage to a file's bytes, drawn with a seed: what chance, a bad disk or an enemy would do."""

import re
from collections.abc import Callable
from random import Random

NUMBERS = (b"-1", b"0", b"1e999", b"nan", b"-inf", b"99999999999999999999", b"0.1", b"1e9", b"")
TOKENS = (
    *(b"null", b"true", b"[]", b"{}", b'""', b'"x"', b"-1", b"1e400", b"NaN", b"\\ud800", b"\0"),
    *(b"../../x", b"/etc/passwd", b"\xff\xfe", b"\r", b'"', b",", b"\t", b"&x;", b"!!python/x"),
    *(b"[" * 30_000, b'{"a":' * 30_000, b"9" * 5_000, "\u2028\u0130".encode()),
)
INTEGERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
MOST_DAMAGES = 3


def mutated(content: bytes, random: Random) -> bytes:
    """Return `content` with one to three damages."""
    for _ in range(random.randint(1, MOST_DAMAGES)):
        content = random.choice(DAMAGES)(content, random)
    return content


def _place(content: bytes, random: Random) -> tuple[int, int]:
    first = random.randrange(len(content) + 1)
    return first, min(len(content), first + random.choice((1, 2, 4, 8, 64)))


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _flip(content: bytes, random: Random) -> bytes:
    damaged = bytearray(content or b"x")
    for _ in range(random.randint(1, 8)):
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def _remove(content: bytes, random: Random) -> bytes:
    first, end = _place(content, random)
    return content[:first] + content[end:]


def _repeat(content: bytes, random: Random) -> bytes:
    first, end = _place(content, random)
    return content[:end] + content[first:end] * random.choice((1, 2, 100)) + content[end:]


def _integer(content: bytes, random: Random) -> bytes:
    """Write a number at which programs err over a number's place, in 1, 2, 4 or 8 bytes."""
    size = random.choice((1, 2, 4, 8))
    first = random.randrange(len(content) + 1)
    value = (random.choice(INTEGERS) % 256**size).to_bytes(size, "little")
    return content[:first] + value + content[first + size :]


def _insert(content: bytes, random: Random) -> bytes:
    first, _ = _place(content, random)
    return content[:first] + random.choice(TOKENS) + content[first:]


def _other_number(content: bytes, random: Random) -> bytes:
    return _replace(rb"-?\d+(\.\d+)?", NUMBERS, content, random)


def _other_value(content: bytes, random: Random) -> bytes:
    return _replace(rb'"[^"\n]*"|\b[\w.-]+\b', TOKENS, content, random)


def _replace(pattern: bytes, by: tuple[bytes, ...], content: bytes, random: Random) -> bytes:
    found = list(re.finditer(pattern, content))
    if not found:
        return content
    chosen = random.choice(found)
    return content[: chosen.start()] + random.choice(by) + content[chosen.end() :]


def _lines(content: bytes, random: Random) -> bytes:
    """Put the lines into another order, or drop some."""
    lines = content.splitlines(keepends=True)
    return b"".join(random.sample(lines, random.randint(0, len(lines))))


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_cut, _flip, _remove, _repeat, _integer, _insert, _lines),
    *(_other_number, _other_value) * 2,
)
