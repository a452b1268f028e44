"""Texts for a language model: the contract of their plug-ins, sentences, and tokens.

A plug-in in voicegraft/texts, named by `language_model.texts` or `.more_texts`, has one function:

    def sentences(downloads: Path, language: str, mirror: str) -> Iterator[str]

`downloads` keeps fetched files between runs, `language` is corpus.language, `mirror` corpus.mirror.
Each string is one sentence or several, written as people write; they come in the same order always.
A language without texts yields none, and one line to stderr.
"""

import re
from collections.abc import Iterable, Iterator
from types import ModuleType

from voicegraft.language.ngram import RESERVED
from voicegraft.pipeline import plugins
from voicegraft.preparing.text import TextSection, normalise

# A full stop of any script and quotation marks behind it; not behind a single letter, as in J. S.
# Bach, or a number, as in 1. ledna. In Chinese and Japanese no space follows.
END_OF_SENTENCE = re.compile(
    r"(?<!\b\w\.)(?<!\d\.)(?<=[.!?…։؟।॥።])[\"'“”‘’»«)\]]*\s+|(?<=[。！？])[”’」』]*\s*"
)


class TextsError(ValueError):
    """Texts are missing, or not in a form that can be read."""


def load_texts(name: str) -> ModuleType:
    """Return the plug-in called `name`.

    Raises:
        TextsError: if there is none, naming the plug-ins.
    """
    names = plugins.names("texts")
    if name not in names:
        raise TextsError(
            f"language_model.texts, more_texts: there is no {name!r}; here are: {', '.join(names)}"
        )
    return plugins.load("texts", name)


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of a text: each line ends one, and so does . ! ? or … before a capital.

    A letter in lower case after the sign continues the sentence, as after an abbreviation.
    """
    for line in text.splitlines():
        begun = ""
        for part in END_OF_SENTENCE.sub(lambda end: f"{end[0].strip()}\n", line).split("\n"):
            if begun and not part[:1].islower():
                yield begun
                begun = ""
            begun = f"{begun} {part}" if begun else part
        if begun:
            yield begun


def tokenised(texts: Iterable[str], section: TextSection) -> Iterator[list[str]]:
    """Yield the words of each sentence that has any, normalised as the corpus is."""
    for text in texts:
        for sentence in sentences_of(text):
            words = [w for w in normalise(sentence, section).split() if w not in RESERVED]
            if words:
                yield words
