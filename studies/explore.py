"""Explore a corpus by its stored states, before training.

Reads   CORPUS and EMBEDDINGS, as stages write them
Writes  FOLDER, for git: ids, names and numbers, and no sentence. suspects.csv: clips with a
        doubtful label or text, the most doubtful first; duplicates.csv: pairs of the same
        recording; outliers.csv: clips by local outlier factor; map.csv: t-SNE coordinates of
        clips; units.csv: agreement of clusters of clips with speakers and labels, compared with
        log-mel and chance; found.json: counts
Knobs   explore: seed, draws, clips, units, listed, same_sound; privacy: committed_names,
        salt; corpus: name, for what is public
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt
from tqdm import tqdm

from voicegraft.embedding.choice import pooled
from voicegraft.embedding.store import Store
from voicegraft.evaluation.pseudonyms import Names, load_names
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.speech.manifest import SPLITS, Corpus, Utterance
from voicegraft.studies.exploration.labels import Judged, judge, judgeable
from voicegraft.studies.exploration.neighbours import duplicates, laid_out, outlier_factors
from voicegraft.studies.exploration.suspects import (
    label_suspects,
    letters_against,
    pace_against,
    text_suspects,
    write_table,
)
from voicegraft.studies.exploration.units import NAME, Agreement, agreements, log_mel_means

Means = dict[int, np.ndarray]
"""By layer, the mean of each clip's states, (clips, size)."""


class Explore(Section):
    """Numbers of clips to explore, and to list."""

    seed: NonNegativeInt
    draws: Annotated[int, Field(ge=2)]
    clips: Annotated[int, Field(ge=10)]
    units: list[Annotated[int, Field(ge=2)]]
    listed: PositiveInt
    same_sound: Annotated[float, Field(gt=0, le=1)]


def judged_by_best(clips: Sequence[Utterance], of: Means, seed: int) -> tuple[int, Judged]:
    """Return the layer that predicts the labels of train best, and its judgement of all `clips`."""
    labels = [clip.label for clip in clips]
    train = np.array([clip.split == "train" for clip in clips])
    judged = {layer: judge(states, labels, seed) for layer, states in of.items()}
    best = min(judged, key=lambda layer: judged[layer].loss(train))
    return best, judged[best]


def suspects(
    clips: Sequence[Utterance], of: Means, layer: int, seed: int
) -> tuple[int, list[dict[str, Any]]]:
    """Return the layer to use for the clips, and all suspects as rows."""
    if any(clip.label for clip in clips):
        which = judgeable([clip.label for clip in clips])
        kept = [clips[i] for i in which]
        layer, judged = judged_by_best(kept, {k: s[which] for k, s in of.items()}, seed)
        return layer, [asdict(suspect) for suspect in label_suspects(kept, judged)]
    which = [i for i, clip in enumerate(clips) if clip.text]
    kept = [clips[i] for i in which]
    signs = letters_against(of[layer][which], kept), pace_against(kept)
    return layer, [asdict(suspect) for suspect in text_suspects(kept, *signs)]


def same_recordings(
    corpus: Corpus, clips: Sequence[Utterance], states: np.ndarray, least: float
) -> list[dict[str, Any]]:
    """Return pairs of the same recording; `agree`: both have the same text and label."""
    lengths = [clip.samples for clip in clips]
    found = duplicates(states, lengths, lambda i: corpus.wave(clips[i]), least)
    return [
        {
            "id": (one := clips[i]).id,
            "other": (other := clips[j]).id,
            "split": one.split,
            "other_split": other.split,
            "cosine": round(cosine, 4),
            "same_sound": round(same, 4),
            "agree": (one.text, one.label) == (other.text, other.label),
        }
        for i, j, cosine, same in found
    ]


def outliers(clips: Sequence[Utterance], states: np.ndarray) -> list[dict[str, Any]]:
    """Return all clips, the highest outlier factor first."""
    factors = outlier_factors(states)
    return [
        {
            "id": clips[i].id,
            "split": clips[i].split,
            "speaker": clips[i].speaker,
            "seconds": round(clips[i].seconds, 2),
            "factor": round(float(factors[i]), 3),
        }
        for i in np.argsort(-factors, kind="stable")
    ]


def places(clips: Sequence[Utterance], states: np.ndarray, seed: int) -> list[dict[str, Any]]:
    """Return the coordinates of each clip, and its group: its label, or else its speaker."""
    return [
        {
            "id": clip.id,
            "x": round(float(x), 2),
            "y": round(float(y), 2),
            "group": clip.label or clip.speaker,
            "split": clip.split,
        }
        for clip, (x, y) in zip(clips, laid_out(states, seed), strict=True)
    ]


def clip_units(
    corpus: Corpus, clips: Sequence[Utterance], of: Means, params: Explore
) -> Iterator[Agreement]:
    """Yield the agreement of clusters of clips with speakers and labels, by features."""
    features = {f"layer {layer}": states for layer, states in of.items()}
    features[NAME] = log_mel_means(corpus, clips)
    seeds = range(params.seed, params.seed + params.draws)
    for against in ("speaker", "label"):
        names = [getattr(clip, against) for clip in clips]
        if all(names) and len(set(names)) > 1:
            for name, states in features.items():
                yield from agreements(("clips", name, against), states, names, params.units, seeds)


def for_git(
    tables: dict[str, list[dict[str, Any]]], names: Names, labelled: bool
) -> dict[str, list[Any]]:
    """Return the tables with names for git; the places on the map in the order of these."""
    kinds = {"id": "clip", "other": "clip", "speaker": "speaker"}
    kinds |= {} if labelled else {"group": "speaker"}  # see `places`
    found = {
        table: names.rows(rows, {k: kind for k, kind in kinds.items() if k in rows[0]})
        for table, rows in tables.items()
        if rows
    }
    if names.salt and "map" in found:
        found["map"].sort(key=lambda row: row["id"])
    return tables | found


def main(corpus: Path, embeddings: Path, folder: Path) -> None:
    params, names = load_params(Explore, "explore", STUDIES_FILE), load_names()
    speech, store = Corpus(corpus), Store(embeddings)
    clips, layers = speech.of(*SPLITS), store.facts["layers"]
    bar = tqdm(layers, "means", unit="layer")
    of = {layer: pooled(store, [clip.id for clip in clips], [layer], "mean") for layer in bar}
    layer, doubtful = suspects(clips, of, layers[-1], params.seed)
    drawn = np.random.default_rng(params.seed).permutation(len(clips))[: params.clips]
    sample = [clips[i] for i in sorted(drawn)]
    of_sample = {k: states[sorted(drawn)] for k, states in of.items()}
    pairs = same_recordings(speech, clips, of[layer], params.same_sound)
    tables = {
        "suspects": doubtful[: params.listed],
        "duplicates": pairs[: params.listed],
        "outliers": outliers(clips, of[layer])[: params.listed],
        "map": places(sample, of_sample[layer], params.seed),
        "units": [asdict(found) for found in clip_units(speech, sample, of_sample, params)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    labelled = any(clip.label for clip in clips)
    for name, rows in for_git(tables, names, labelled).items():
        write_table(folder / f"{name}.csv", rows)
    found = {
        "clips": len(clips),
        "layer": layer,
        "judged": len(doubtful),
        "duplicates": len(pairs),
        "contradicting_duplicates": sum(not pair["agree"] for pair in pairs),
        "duplicates_on_two_sides": sum(pair["split"] != pair["other_split"] for pair in pairs),
    }
    if labelled:
        found["likely_wrong"] = sum(row["likely_wrong"] for row in doubtful)
    write_json(folder / "found.json", found | {KEY: provenance(corpus=corpus)})
    print("\n".join(f"{name}: {value}" for name, value in found.items()), file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
