"""A comparison as Markdown, for a terminal or a comment on a pull request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from voicegraft.evaluation.paired import Difference
from voicegraft.review.comparison import Comparison, SplitComparison
from voicegraft.review.escaping import Markdown, code, escaped
from voicegraft.review.rates import NAMES
from voicegraft.review.transcripts import SHOWN, Reclassified, Rewording

COLUMNS = (
    *("model", "clips", "", "old", "new", "change", "interval", "better with probability"),
    *("verdict", "smallest detectable change"),
)
MARKS = {"better": "✅", "worse": "❌", "indistinguishable": "➖"}


def rendered(comparison: Comparison, confidence: float, pipeline: str = "") -> str:
    """Return the comparison as Markdown, with rates in per cent."""
    place = f"{escaped(pipeline)}: " if pipeline else ""
    title = f"## {place}{escaped(comparison.old)} → {escaped(comparison.new)}"
    sections = [title, _params(comparison)]
    if comparison.splits:
        sections += [
            table(COLUMNS, _rates(comparison)),
            f"Rates in per cent; intervals of {100 * confidence:g} %, paired, over blocks.",
        ]
    return "\n\n".join([*sections, *_privacy(comparison), *_notes(comparison)])


def rendered_rewordings(model: str, rewordings: Sequence[Rewording]) -> str:
    """Return the transcripts that changed most, old words ~~struck out~~, new ones **bold**."""
    rows = [(r.clip, f"{r.old_edits} → {r.new_edits}", r.diff) for r in rewordings]
    return f"### Changed transcripts of {escaped(model)}\n\n" + table(("clip", "edits", ""), rows)


def rendered_reclassified(model: str, changed: Sequence[Reclassified]) -> str:
    """Return the first clips with another predicted class, and their number."""
    rows = [
        (r.new.id, r.new.label, r.old.predicted, r.new.predicted, MARKS[r.verdict])
        for r in changed[:SHOWN]
    ]
    title = f"### Changed predictions of {escaped(model)}: {len(changed)} clips"
    return f"{title}\n\n" + table(("clip", "actual", "old", "new", ""), rows)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; cells that are not `Markdown` are escaped."""
    lines = [header, [Markdown("---")] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(escaped, line))} |" for line in lines)


def _params(comparison: Comparison) -> str:
    if not comparison.params:
        return "No knob of `params.yaml` has changed."
    rows = [(code(name), old, new) for name, (old, new) in comparison.params.items()]
    return table(("knob", "old", "new"), rows)


def _privacy(comparison: Comparison) -> Iterator[str]:
    if comparison.privacy:
        rows = [(name, *verdicts) for name, verdicts in comparison.privacy.items()]
        yield table(("gives away", "old", "new"), rows)


def _rates(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    for split in comparison.splits:
        for metric, change in split.rates.items():
            yield f"{split.model}, {split.split}", change.clips, NAMES[metric], *_cells(change)


def _cells(change: Difference) -> Iterator[str]:
    yield from (f"{100 * rate:.1f}" for rate in (change.old, change.new))
    yield f"{100 * change.change:+.1f}"
    yield f"{100 * change.low:+.1f} to {100 * change.high:+.1f}"
    yield f"{change.probability_better:.2f}"
    yield f"{MARKS[change.verdict]} {change.verdict}"
    yield f"{100 * change.detectable:.1f}"


def _notes(comparison: Comparison) -> Iterator[str]:
    notes = [note for split in comparison.splits for note in _notes_of(split)]
    lists = {
        "the same errors on the same clips": comparison.unchanged,
        f"scored only at {escaped(comparison.old)}": comparison.only_old,
        f"scored only at {escaped(comparison.new)}": comparison.only_new,
        "no common clips with the same reference, or names under another salt": (
            comparison.incomparable
        ),
        "the variation by seed was not measured, so a small change may be due to the seed": (
            comparison.seedless
        ),
    }
    notes += [_noise(model, noise) for model, noise in comparison.noise.items()]
    named = {words: ", ".join(map(escaped, models)) for words, models in lists.items()}
    notes += [f"{models}: {words}." for words, models in named.items() if models]
    notes += [
        f"{escaped(model)}: left out at {escaped(revision)}: {why}."
        for revision, models in comparison.left_out.items()
        for model, why in models.items()
    ]
    if notes:
        yield "\n".join(f"- {note}" for note in notes)


def _noise(model: str, noise: Mapping[str, Any]) -> str:
    deviations = {NAMES[m]: 100 * noise[m]["deviation"] for m in NAMES if m in noise}
    spread = " and ".join(f"{metric} by {value:.2f}" for metric, value in deviations.items())
    return (
        f"{escaped(model)}: another seed changes {spread} (standard deviation of "
        f"{noise['seeds']} seeds); the intervals include it."
    )


def _notes_of(split: SplitComparison) -> Iterator[str]:
    name = escaped(f"{split.model}, {split.split}")
    rate = NAMES[next(iter(split.rates))]
    for part, change in split.worse_slices.items():
        yield (
            f"⚠️ {name}: not worse as a whole, but on {escaped(part)} ({change.clips} clips) "
            f"{rate} went from {100 * change.old:.1f} to {100 * change.new:.1f}."
        )
    if split.only_old or split.only_new:
        yield (
            f"{name}: compared on common clips; {split.only_old} are only in the old revision, "
            f"{split.only_new} only in the new one."
        )
    if split.changed_references:
        yield (
            f"{name}: {split.changed_references} clips are left out, because their reference "
            "has changed."
        )
    any_rate = next(iter(split.rates.values()))
    if any_rate.unit == "utterance":
        yield (
            f"{name}: sessions and speakers are not known, so blocks are "
            "single clips and the intervals are too narrow."
        )
    elif any_rate.rough:
        yield (
            f"{name}: {any_rate.blocks} blocks by {any_rate.unit} are few, so the intervals "
            "are rough."
        )
