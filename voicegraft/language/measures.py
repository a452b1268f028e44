"""How well a language model predicts texts."""

from collections.abc import Collection, Sequence

from voicegraft.language.folder import Language
from voicegraft.language.ngram import END

Words = Sequence[str]


def measured(language: Language, texts: Collection[Words]) -> dict[str, float | int | None]:
    """Return counts, perplexities, and the share of words outside the lexicon.

    `perplexity` is that of known words and ends of sentences, each after the words before it, and
    `spelling_perplexity` that of the code points and ends of unknown words; `unknown_log10` is the
    mean of what the model gives UNKNOWN in their place. What is not there has None.
    """
    known: list[float] = []
    unknown: list[float] = []
    spelled: list[float] = []
    for text in texts:
        for word, score in zip((*text, END), language.words.score(text), strict=True):
            if word == END or word in language.words:
                known.append(score)
            else:
                unknown.append(score)
                spelled += language.spelling.score(word)
    words = sum(map(len, texts))
    return {
        "words": words,
        "perplexity": _perplexity(known),
        "unknown_share": round(len(unknown) / words, 4) if words else None,
        "unknown_log10": round(sum(unknown) / len(unknown), 3) if unknown else None,
        "spelling_perplexity": _perplexity(spelled),
    }


def _perplexity(scores: Sequence[float]) -> float | None:
    return round(10 ** (-sum(scores) / len(scores)), 2) if scores else None
