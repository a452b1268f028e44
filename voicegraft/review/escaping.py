"""Names that others chose, as Markdown that shows them and does nothing else.

Ids, labels, voices, knobs and words of a corpus may hold any character. In a comment on a pull
request a pipe would break a table, a tag would vanish, and a name after an @ would be notified.
"""

import re

APART = "&#8203;"
"""A space without width: GitHub looks for mentions and links in what was rendered, so a backslash
does not hide them."""
LINKING = re.compile(r"@|#|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
SPECIAL = re.compile(r"[\\`*\[<|~&$]|(?<![^\W_])_|_(?![^\W_])")
"""Underscores within a word are left: they begin no emphasis
(https://spec.commonmark.org/0.31.2/)."""
BLOCK = re.compile(r"^(?:[-+]|\d+[.)])(?=\s|$)|^[>#]|^-+$")
"""What would begin a list, a quotation or a heading at the start of a line, or is a rule."""


class Markdown(str):
    """A text that is Markdown already, and is not to be escaped again."""


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
    """Return Markdown that shows `text` in the letters of code, in a table too.

    Between backticks neither a backtick nor a pipe behind a backslash can be written.
    """
    plain = " ".join(_printable(str(text)).split())
    if re.search(r"[`|\\]", plain) or not plain:
        return Markdown(f"<code>{escaped(plain)}</code>")
    return Markdown(f"`{plain}`")


def _printable(text: str) -> str:
    """Return `text` without what a terminal obeys: control characters and marks of direction."""
    return "".join(c if c.isprintable() or c.isspace() else "�" for c in text)
