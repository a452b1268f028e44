"""Escape untrusted text for Markdown.

Ids, labels, speakers, knobs and words of a corpus may contain any character. In a comment on a pull
request, a pipe would break a table, a tag would vanish, and a name after an @ would be notified.
"""

import re

APART = "&#8203;"
"""A zero-width space: GitHub looks for mentions and links in the rendered text, so a backslash does
not prevent them."""
LINKING = re.compile(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
SPECIAL = re.compile(r"[\\`*\[<|~&$]|(?<![^\W_])_|_(?![^\W_])")
"""Underscores within a word are kept: they start no emphasis
(https://spec.commonmark.org/0.31.2/)."""
BLOCK = re.compile(r"^(?:[-+]|\d+[.)])(?=\s|$)|^[>#]|^-+$")
"""Markers of a list, a quotation or a heading at the start of a line, and rules."""


class Markdown(str):
    """A string that is Markdown already, and is not escaped again."""


def escaped(text: object) -> Markdown:
    """Return Markdown of one line that shows `text` as it is."""
    if isinstance(text, Markdown):
        return text
    plain = " ".join(_printable(str(text)).split())
    block = BLOCK.match(plain)
    shown = SPECIAL.sub(lambda found: f"\\{found[0]}", plain)
    shown = LINKING.sub(lambda found: f"{found[0]}{APART}", shown)
    return Markdown(f"{shown[: block.end() - 1]}\\{shown[block.end() - 1 :]}" if block else shown)


def code(text: object) -> Markdown:
    """Return Markdown that shows `text` as code, also in a table.

    A backtick, or a pipe after a backslash, cannot be written between backticks.
    """
    plain = " ".join(_printable(str(text)).split())
    if re.search(r"[`|\\]", plain) or not plain:
        return Markdown(f"<code>{escaped(plain)}</code>")
    return Markdown(f"`{plain}`")


def _printable(text: str) -> str:
    """Return `text` without control characters and marks of direction, which terminals obey."""
    return "".join(c if c.isprintable() or c.isspace() else "�" for c in text)
