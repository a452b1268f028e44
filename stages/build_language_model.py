"""Build a language model: which words follow which, and how words are spelled.

Reads   CORPUS: the transcripts of train; of dev, test and unseen, to leave them out of other texts
        and to measure; the texts of plug-ins, kept in DOWNLOADS; texts and word lists of
        language_model.folder
Writes  LANGUAGE: words.arpa; symbols.arpa, of code points; spelling.arpa, of words; lexicon.txt
        REPORT, JSON: counts by source, leaks removed, perplexity and unknown words by side; for git
Knobs   language_model: texts, more_texts, folder, field, order, spelling_order; corpus: language,
        mirror; prepare_data.text
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from voicegraft.language.folder import Language, spelling_of, symbols_of, write_language
from voicegraft.language.kneser_ney import estimate
from voicegraft.language.leaks import Scored
from voicegraft.language.measures import measured
from voicegraft.language.mixture import best_weights, mixed
from voicegraft.language.ngram import UNKNOWN, NGram
from voicegraft.language.own_texts import own_texts, own_words
from voicegraft.language.sources import Source, usable, usable_words
from voicegraft.language.texts import TextsError, load_texts, tokenised
from voicegraft.model.ctc import labels_of
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import whole
from voicegraft.pipeline.params import Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.preparing.corpus import CorpusSection
from voicegraft.preparing.text import TextSection
from voicegraft.speech.manifest import SPLITS, read_manifest

TRANSCRIPTS, OWN = "transcripts", "own"
NONE = "none"
"""The plug-in without texts."""
Sides = dict[str, list[list[str]]]


class LanguageModelSection(Section):
    """Texts beyond the transcripts, and the length of what the models learn."""

    texts: str
    more_texts: str
    folder: str
    field: str
    order: int = Field(ge=2, le=6)  # KenLM reads orders 2 to 6
    spelling_order: int = Field(ge=2, le=6)


def read_sources(
    sides: Sides, params: LanguageModelSection, downloads: Path
) -> tuple[dict[str, Source], Counter[str]]:
    """Return the texts by source, the transcripts first, and the listed words."""
    corpus = load_params(CorpusSection, "corpus")
    section = load_params(TextSection, "prepare_data.text")
    labels = labels_of(" ".join(words) for words in sides["train"])
    scored = Scored(words for side in SPLITS if side != "train" for words in sides[side])
    where = downloads, corpus.language, corpus.mirror
    more = [] if params.more_texts == NONE else [params.more_texts]
    found = {name: load_texts(name).sentences(*where) for name in [params.texts, *more]}
    found[OWN] = own_texts(Path(params.folder), params.field)
    sources = {TRANSCRIPTS: Source(sides["train"])}
    for name, texts in found.items():
        sources[name] = usable(tokenised(texts, section), labels, scored)
    return sources, usable_words(own_words(Path(params.folder)), labels, section)


def mixture_of(
    texts: dict[str, list[list[str]]],
    dev: list[list[str]],
    order: int,
    vocabulary: Mapping[str, int] | None = None,
) -> tuple[NGram, dict[str, float]]:
    """Return the mixture of a model of each source with texts, and their weights, best for dev."""
    texts = {name: sentences for name, sentences in texts.items() if sentences}
    tokens = {token for each in texts.values() for sentence in each for token in sentence}
    if not tokens:
        raise TextsError("there is no text for a language model: no clip of train has a transcript")
    known = vocabulary or {}
    shared = {token: known.get(token, 0) for token in sorted(tokens.union(known) - {UNKNOWN})}
    models = [estimate(each, order, listed=shared) for each in texts.values()]
    if len(models) == 1:
        return models[0], dict.fromkeys(texts, 1.0)
    weights = best_weights(models, dev)
    return mixed(models, weights), dict(zip(texts, weights, strict=True))


def main(corpus: Path, downloads: Path, language: Path, report: Path) -> None:
    params = load_params(LanguageModelSection, "language_model")
    utterances = read_manifest(corpus / "manifest.csv")
    sides = {side: [u.text.split() for u in utterances if u.split == side] for side in SPLITS}
    sources, listed = read_sources(sides, params, downloads)
    texts = {name: source.sentences for name, source in sources.items()}
    words, weights = mixture_of(texts, sides["dev"], params.order, listed)
    spelled = {name: list(map(symbols_of, sentences)) for name, sentences in texts.items()}
    symbols, _ = mixture_of(spelled, list(map(symbols_of, sides["dev"])), params.spelling_order)
    models = Language(words, symbols, spelling_of(words, params.spelling_order))
    write_language(language, models)
    counts: dict[str, Any] = {
        "sources": {
            name: source.counts() | {"weight": round(weights.get(name, 0.0), 4)}
            for name, source in sources.items()
        },
        "listed_words": len(listed),
        "lexicon_words": len(models.lexicon),
        "ngrams": [len(level.keys) for level in words.levels],
        "sides": {side: measured(models, texts) for side, texts in sides.items()},
        KEY: provenance(corpus=corpus, settings=params),
    }
    report.parent.mkdir(parents=True, exist_ok=True)
    with whole(report) as partial:
        partial.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
