"""What attacks found, as findings of the verdict."""

from collections.abc import Collection, Mapping, Sequence

from voicegraft.privacy.attacks import RATES, Attack
from voicegraft.privacy.committed import Committed
from voicegraft.privacy.measure import Measured
from voicegraft.privacy.memorised import Exposed
from voicegraft.privacy.published import LANGUAGE, RECIPE
from voicegraft.privacy.verdict import CONTENT, MEMBERSHIP, NONE, Finding
from voicegraft.privacy.voices import LAYER


def findings(
    attacks: Mapping[str, Sequence[Attack]],
    remembered: Sequence[Exposed],
    speaks: Mapping[str, tuple[tuple[Measured, float], tuple[Measured, float]]],
    committed: Committed,
    first: str,
    adapters: Collection[str] = (),
) -> list[Finding]:
    """Return all findings.

    Args:
        attacks: on membership, by model; `language` is the language model, and `recipe` what is
            shown beside, for no model of it is published.
        remembered: canaries in kinds of models: head, language and fused, or the name of a recipe.
        speaks: voices named, and told apart, by features; those of a layer are embeddings. None of
            a corpus with one voice.
        committed: the files that git keeps.
        first: the model that canaries stand for.
        adapters: the models whose upstream stayed as it was, so that an adapter is published.
    """
    named = {
        name: f"adapter:{name}" if name in adapters else f"model:{name}"
        for name in attacks
        if name != RECIPE
    }
    named[LANGUAGE] = "language model"
    found = [by_membership(named[name], each) for name, each in attacks.items() if name in named]
    of_kind = {"head": f"model:{first}", "language": "language model", "fused": f"model:{first}_lm"}
    kinds = dict.fromkeys(line.kind for line in remembered)
    found += [by_canaries(of_kind.get(kind) or named[kind], remembered, kind) for kind in kinds]
    layers = [both for name, both in speaks.items() if name.startswith(LAYER)]
    if layers:
        found.append(by_voices("embeddings", *max(layers, key=lambda both: both[0][0].value)))
    return [*found, committed.finding]


def by_membership(subject: str, attacks: Sequence[Attack]) -> Finding:
    """Return the finding of the attack that goes furthest beyond its control."""
    best = max(attacks, key=lambda attack: attack.excess.low)
    against = f", {best.control.value:.2f} without membership" if best.control else ""
    rate = RATES[0]
    found = best.found[rate]
    evidence = (
        f"{best.name} by {best.level}: AUC {best.auc.value:.2f}{against}; it finds "
        f"{share(found)} of members at {100 * rate:g} % false positives"
    )
    return Finding(subject, MEMBERSHIP if best.succeeds else NONE, evidence)


def by_canaries(subject: str, lines: Sequence[Exposed], kind: str) -> Finding:
    """Return the finding of canaries of a kind of model that were there once.

    The language model is the published one but for canaries; for heads a small one stands.
    """
    (once,) = (line for line in lines if line.kind == kind and line.inserted == 1)
    small = "head" if kind == "fused" else kind
    where = "" if kind == "language" else f" in a small {small}, trained for that,"
    evidence = (
        f"a sentence that was there once{where} has {once.found.value:.1f} bits "
        f"({once.found.low:.1f}–{once.found.high:.1f}) of exposure, {once.chance:.1f} by chance"
    )
    return Finding(subject, CONTENT if once.remembered else NONE, evidence)


def by_voices(
    subject: str, named: tuple[Measured, float], confused: tuple[Measured, float]
) -> Finding:
    """Return the finding of who speaks: voices named, and pairs told apart."""
    (right, chance), (errors, _) = named, confused
    tells = right.low > chance or errors.high < 0.5
    evidence = (
        f"the voice of {share(right)} of clips is named, {100 * chance:.0f} % by chance; "
        f"two clips are told apart with {share(errors)} errors"
    )
    return Finding(subject, MEMBERSHIP if tells else NONE, evidence)


def share(found: Measured) -> str:
    """Return a share with its interval, in per cent."""
    value, low, high = (100 * part for part in (found.value, found.low, found.high))
    return f"{value:.0f} % ({low:.0f}–{high:.0f})"
