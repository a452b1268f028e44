"""How well a language model predicts texts."""

from collections.abc import Iterable, Sequence

from voicegraft.language.folder import Language
from voicegraft.language.ngram import END

Words = Sequence[str]


def measured(language: Language, texts: Iterable[Words]) -> dict[str, float | int | None]:
    """Return counts, perplexities, and the share of words outside the lexicon.

    `perplexity` is that of known words and ends of sentences, each after the words before it, and
    `spelling_perplexity` that of the code points and ends of unknown words. What is not there has
    None.
    """
    known: list[float] = []
    spelled: list[float] = []
    words = unknown = 0
    for text in texts:
        for word, score in zip((*text, END), language.words.score(text), strict=True):
            words += word != END
            if word == END or word in language.words:
                known.append(score)
            else:
                unknown += 1
                spelled += language.spelling.score(word)
    return {
        "words": words,
        "perplexity": _perplexity(known),
        "unknown_share": round(unknown / words, 4) if words else None,
        "spelling_perplexity": _perplexity(spelled),
    }


def _perplexity(scores: Sequence[float]) -> float | None:
    return round(10 ** (-sum(scores) / len(scores)), 2) if scores else None
