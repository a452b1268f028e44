"""Audit what models, embeddings and the language model give away of the clips behind them.

Reads   MODELS, the folder of the upstream, of each of audit.models, with and without a language
        model, and of the language model; CORPUS and EMBEDDINGS, as stages write them; EMISSIONS,
        the folder in which evaluate writes them; LANGUAGE_MODEL, JSON of build_language_model; the
        files beside FOUND, which git keeps
Writes  FOUND, JSON for git, without a name or a sentence: verdicts; attacks on membership, canaries
        and voices, with intervals; CURVES, a table for git of members found by false positives, for
        a plot. SCRATCH keeps shadow heads for the next run
Knobs   audit: models, shadows, minutes, epochs, canaries, of_each, canary_heads, seed; head;
        train_head; finetune; compute; evaluate: batch_seconds, resamples, confidence, seed
"""

import voicegraft.pipeline.stops  # noqa: F401 - before what takes seconds

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from voicegraft.evaluation.summary import Evaluate
from voicegraft.language.arpa import is_installed
from voicegraft.language.decoder import MISSING
from voicegraft.model.grafted import Description
from voicegraft.model.head import HeadChoice
from voicegraft.model.saved import load_description
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import read_json, write_json
from voicegraft.pipeline.params import STUDIES_FILE, Section, load_params
from voicegraft.pipeline.provenance import KEY, provenance
from voicegraft.pipeline.tables import write_records
from voicegraft.privacy import committed, voices
from voicegraft.privacy.attacks import RATES, Audit
from voicegraft.privacy.canaries import Canary, cut_words, encoded, made_up
from voicegraft.privacy.curve import Point, points
from voicegraft.privacy.drawn import Drawn, draw
from voicegraft.privacy.findings import findings
from voicegraft.privacy.gradients import voices_in_weights
from voicegraft.privacy.insertion import HEAD, Inserted, Lesson, in_both, in_heads, in_language
from voicegraft.privacy.likelihood_ratio import Shadow
from voicegraft.privacy.memorised import dealt, exposed
from voicegraft.privacy.published import LANGUAGE, RECIPE, by_recipe, on_membership
from voicegraft.privacy.quoting import Quoting
from voicegraft.privacy.shadows import ShadowRecipe, train_shadows
from voicegraft.privacy.targets import Targets
from voicegraft.privacy.verdict import judge, to_json
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.recipe import Recipe, load_recipe
from voicegraft.training.scratch import tidied

UPSTREAM = "upstream"
"""The folder beside those of models."""


class Privacy(Section):
    """What is attacked, and how much is trained for that."""

    models: Annotated[list[str], Field(min_length=1)]
    shadows: Annotated[int, Field(ge=4, multiple_of=2)]
    minutes: PositiveFloat
    epochs: PositiveInt
    canaries: PositiveInt
    of_each: PositiveInt
    canary_heads: PositiveInt
    seed: NonNegativeInt

    def fit(self, of_head: Fit) -> Fit:
        """Return the budget of a shadow: fewer epochs, of more and shorter steps."""
        shorter = {"epochs": self.epochs, "patience": self.epochs, "min_steps": 0}
        return of_head.model_copy(
            update=shorter | {"batch_seconds": of_head.batch_seconds / 2, "seed": self.seed}
        )


def tunings(knobs: Privacy) -> dict[str, Recipe]:
    """Return those recipes of fine-tuning, of the models, in which canaries can be put."""
    names = [name for name in knobs.models if name != HEAD]
    found = {name: load_recipe(name) for name in names}
    return {k: of for k, of in found.items() if of.start == "trunk" and not of.attention_weight}


def canaries(
    targets: Targets,
    recipe: ShadowRecipe,
    knobs: Privacy,
    emissions: Sequence[Tensor],
    of: Description,
) -> tuple[list[Canary], dict[str, list[Inserted]]]:
    """Return canaries of the voices of test, and their losses by models that had some."""
    test = [pair for pair in zip(targets.clips, emissions, strict=True) if pair[0].split == "test"]
    words = cut_words(targets.corpus, [c for c, _ in test], [e for _, e in test], of)
    made = made_up(words, knobs.canaries, knobs.seed)
    counts = [dealt(len(made), knobs.of_each, knobs.seed + k) for k in range(knobs.canary_heads)]
    store = encoded(made, recipe.upstream, targets.store)
    lesson = Lesson(targets.train, targets.dev(knobs.seed))
    return made, in_heads(recipe, store, made, lesson, counts, tunings(knobs))


def who_speaks(targets: Targets, emissions: Sequence[Tensor], params: Evaluate) -> dict[str, Any]:
    """Return how well voices are named and told apart, by features: (found, chance) of both."""
    clips = voices.drawn_voices(targets.clips, params.seed)
    if not clips:
        print(f"who speaks is not asked: no two voices have {voices.FEWEST} clips", file=sys.stderr)
        return {}
    emission_of = {c.id: e for c, e in zip(targets.clips, emissions, strict=True)}
    emitted = voices.emission_features([emission_of[clip.id] for clip in clips])
    features = voices.stored_features(targets.corpus, targets.store, clips) | {"emissions": emitted}
    return voices.measured(features, clips, params)


def quoting_of(models: Path, targets: Targets, report: Path) -> Quoting | None:
    """Return the language model to put canaries in; None, with a message, if it cannot be read."""
    if not is_installed():
        print(f"language models are not attacked: {MISSING}", file=sys.stderr)
        return None
    found = read_json(report)
    weight = found["sources"]["transcripts"]["weight"]
    transcripts = [clip.text.split() for clip in targets.corpus.of("train")]
    return Quoting(models / LANGUAGE, transcripts, weight, len(found["ngrams"]))


def remembered_of(
    targets: Targets,
    recipe: ShadowRecipe,
    knobs: Privacy,
    emissions: Sequence[Tensor],
    of: Description,
    quoting: Quoting | None,
) -> dict[str, list[Inserted]]:
    """Return the losses of canaries by kind of model: head, recipes, language model, fused."""
    made, kinds = canaries(targets, recipe, knobs, emissions, of)
    if quoting:
        words = [w for canary in made for w in canary.text.split() if w in quoting.model]
        kinds["language"] = in_language(quoting, words, knobs.seed)
        kinds["fused"] = in_both(kinds[HEAD], quoting, made)
    return kinds


def recipe_of(upstream: Path, embeddings: Path, scratch: Path, knobs: Privacy) -> ShadowRecipe:
    """Return the recipe of shadows, by the knobs of the head."""
    fit = knobs.fit(load_params(Fit, "train_head"))
    choice = load_params(HeadChoice, "head")
    compute = load_params(Compute, "compute")
    return ShadowRecipe(upstream, embeddings, scratch, choice, fit, compute)


def shadows_of(recipe: ShadowRecipe, targets: Targets, drawn: Drawn, seed: int) -> list[Shadow]:
    """Return the shadows; print how long each took."""
    with tidied(recipe.scratch) as used:
        found = train_shadows(recipe, targets.clips, drawn.lessons, targets.dev(seed), used)
    print(f"a shadow takes {np.mean(found[1]):.0f} s", file=sys.stderr)
    return found[0]


def main(
    models: Path,
    corpus: Path,
    embeddings: Path,
    emissions: Path,
    language_model: Path,
    found: Path,
    curves: Path,
    scratch: Path,
) -> None:
    began = time.monotonic()
    knobs = load_params(Privacy, "audit", STUDIES_FILE)
    params = load_params(Evaluate, "evaluate")
    targets = Targets.of(corpus, embeddings, knobs.minutes, knobs.seed, params.batch_seconds)
    recipe = recipe_of(models / UPSTREAM, embeddings, scratch, knobs)
    drawn, first = draw(targets.clips, knobs.shadows, knobs.seed), knobs.models[0]
    shadows = shadows_of(recipe, targets, drawn, knobs.seed)
    emitted = {
        name: targets.emissions(models / name, emissions / f"{name}.safetensors")
        for name in knobs.models
    }
    described = {name: load_description(models / name) for name in knobs.models}
    quoting = quoting_of(models, targets, language_model)
    audit = Audit(targets.clips, shadows, params)
    on_models = on_membership(audit, targets.member, models, emitted, quoting)
    attacks = on_models | {RECIPE: by_recipe(audit, drawn)}
    kinds = remembered_of(targets, recipe, knobs, emitted[first], described[first], quoting)
    remembered = [line for kind, of in kinds.items() for line in exposed(kind, of, params)]
    speaks = who_speaks(targets, emitted[first], params)
    held = voices_in_weights(shadows, drawn, targets.clips, params)
    kept = committed.attacked(found.parent, targets.corpus.utterances)
    adapters = [name for name, of in described.items() if of.added]
    lines = judge(findings(attacks, remembered, speaks, kept, first, adapters))
    written = to_json(lines, RATES[0]) | {
        "membership": {name: [one.rounded() for one in each] for name, each in attacks.items()},
        "canaries": [line.rounded() for line in remembered],
        "voices": {name: voices.rounded(*both) for name, both in speaks.items()},
        "voices_in_weights": {name: measured.rounded() for name, measured in held.items()},
        "committed_files": asdict(kept),
        "shadows": len(shadows),
        KEY: provenance(corpus=corpus, model=models / first, settings=params),
    }
    found.parent.mkdir(parents=True, exist_ok=True)
    write_json(found, written)
    write_records(curves, Point, points(on_models))
    print(f"{(time.monotonic() - began) / 60:.0f} min", file=sys.stderr)
    print("\n".join(f"{line.subject}: {line.verdict}. {line.evidence}" for line in lines))


if __name__ == "__main__":
    run_stage(main)
