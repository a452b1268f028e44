"""A census of the characters of texts, and the odd ones by name.

Texts are taken as they are written, before prepare_data makes one spelling of them. Each odd
character has a number and a file that it is in: no sentence is shown.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LETTERS = ("Lu", "Ll", "Lt", "Lo")
MIXED_BY_NATURE = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "BOPOMOFO": "CJK"}
"""Scripts that words of Japanese and Mandarin mix."""
ALIKE = ("əǝ", "gɡ", "ĐÐƉ", "şș", "ţț", "ʻʼꞌ", "يی", "كک", "هہ", "!ǃ", "|ǀ", "ɩı")
"""Letters of one script that look the same; those of two scripts need no list. That of Unicode
(https://www.unicode.org/reports/tr39/) joins l, I and 1 too, which are in all texts."""
SELDOM, MANY_CHARACTERS = 2, 2000
"""In so many characters, a letter that comes SELDOM times is probably a mistake."""


@dataclass(frozen=True)
class Odd:
    """A character that may be a mistake, or that prepare_data takes out."""

    character: str
    why: str
    count: int
    file: str
    """One that it is in."""


@dataclass
class Tally:
    """How often something comes, and the first file that it is in."""

    counts: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)

    def add(self, values: Iterable[str], file: str, times: int = 1) -> None:
        """Count each of `values`, `times` over."""
        for value in values:
            self.counts[value] += times
            self.files.setdefault(value, file)

    def each(self) -> Iterator[tuple[str, int, str]]:
        """Yield the values with their counts and files, the commonest first."""
        for value, count in self.counts.most_common():
            yield value, count, self.files[value]


def named(text: str) -> str:
    """Return a character, which may be of several code points, with their names and numbers."""
    names = " + ".join(f"{unicodedata.name(c, 'no name')}, U+{ord(c):04X}" for c in text)
    shown = f"◌{text}" if unicodedata.combining(text[0]) else text
    return f"{shown} ({names})" if text.isprintable() and not text.isspace() else f"({names})"


def mixed_scripts(words: Tally) -> Iterator[Odd]:
    """Yield letters of another script than most, if they are within words of that one.

    Words that are all of another script are one line for the script.
    """
    main = _main_script(words)
    within, apart = Tally(), Tally()
    for word, count, file in words.each():
        scripts = {sign: _script(sign) for sign in word if unicodedata.category(sign) in LETTERS}
        others = [sign for sign in word if scripts.get(sign, main) != main]
        if main in scripts.values():
            within.add(others, file, count)
        else:
            apart.add((scripts[sign] for sign in others), file, count)
    for sign, count, file in within.each():
        why = f"within words of {main} letters: does it only look like one of them?"
        yield Odd(named(sign), why, count, file)
    for script, count, file in apart.each():
        yield Odd(f"{script} letters", f"in words without {main} letters", count, file)


def _main_script(words: Tally) -> str:
    counts: Counter[str] = Counter()
    for word, count, _ in words.each():
        for sign in word:
            if unicodedata.category(sign) in LETTERS:
                counts[_script(sign)] += count
    return max(counts, key=counts.__getitem__, default="")


def _script(letter: str) -> str:
    """Return the first word of a letter's name, which is its script: LATIN, CYRILLIC …"""
    name = unicodedata.name(letter, "UNNAMED").split()[0]
    return MIXED_BY_NATURE.get(name, name)


def two_spellings(words: Tally) -> Iterator[Odd]:
    """Yield characters with marks that are written in several ways that look the same."""
    forms: dict[str, Tally] = defaultdict(Tally)
    for word, count, file in words.each():
        for cluster in _clusters(word):
            forms[unicodedata.normalize("NFC", cluster)].add([cluster], file, count)
    for spelt in forms.values():
        if len(spelt.counts) > 1:
            (common, most, _), *others = spelt.each()
            for form, count, file in others:
                why = f"is written as {named(common)} {most} times: prepare_data makes both one"
                yield Odd(named(form), why, count, file)


def _clusters(word: str) -> Iterator[str]:
    """Yield each character that has marks, with them, as it is written."""
    if word.isascii():
        return
    start = 0
    for end in range(1, len(word) + 1):
        if end == len(word) or not unicodedata.combining(word[end]):
            cluster = word[start:end]
            if len(cluster) > 1 or unicodedata.normalize("NFD", cluster) != cluster:
                yield cluster
            start = end


def look_alikes(words: Tally) -> Iterator[Odd]:
    """Yield letters that look like a commoner one of the same script."""
    signs = Tally()
    for word, count, file in words.each():
        signs.add(word, file, count)
    for alike in ALIKE:
        used = sorted((s for s in alike if s in signs.counts), key=lambda s: -signs.counts[s])
        for sign in used[1:]:
            why = f"looks like {named(used[0])}, which comes {signs.counts[used[0]]} times"
            yield Odd(named(sign), why, signs.counts[sign], signs.files[sign])


def seldom(letters: Tally) -> Iterator[Odd]:
    """Yield characters of the normalised texts that come too seldom to be learnt."""
    if letters.counts.total() >= MANY_CHARACTERS:
        for sign, count, file in letters.each():
            if count <= SELDOM and not sign.isdecimal():
                yield Odd(named(sign), "too seldom to be learnt: a mistake?", count, file)
