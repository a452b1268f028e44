"""Compare two revisions: changed knobs of params.yaml, and the rates of every model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicegraft.evaluation.paired import Difference, Scored, difference, in_common, sure_of
from voicegraft.evaluation.summary import Evaluate, by_duration, by_speaker
from voicegraft.evaluation.transfer import judged_by
from voicegraft.review.rates import differences, paired, same_errors
from voicegraft.review.revisions import Revision, RevisionError


@dataclass(frozen=True)
class SplitComparison:
    """The comparison of one model on one split."""

    model: str
    split: str
    rates: dict[str, Difference]
    worse_slices: dict[str, Difference]
    """Slices that got significantly worse in the first rate, if the whole split did not."""
    only_old: int
    only_new: int
    """Numbers of clips that only one revision has."""
    changed_references: int = 0
    """Number of clips that are left out because their text or label has changed."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of two revisions."""

    old: str
    new: str
    params: dict[str, tuple[Any, Any]]
    splits: list[SplitComparison]
    only_old: list[str]
    only_new: list[str]
    unchanged: list[str] = field(default_factory=list)
    """Models with the same errors on the same clips."""
    incomparable: list[str] = field(default_factory=list)
    """Models without a common clip that has the same reference."""
    noise: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Variation of a model's rates by seed, if it was measured."""
    privacy: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What each thing that one may publish gives away, in both revisions, if it was measured."""
    left_out: dict[str, dict[str, str]] = field(default_factory=dict)
    """By revision, the models with an outdated evaluation, and the reason."""

    @property
    def seedless(self) -> list[str]:
        """Models that differ and whose variation by seed was not measured."""
        return list(dict.fromkeys(s.model for s in self.splits if s.model not in self.noise))


def compare(old: Revision, new: Revision, params: Evaluate) -> Comparison:
    """Compare the scores of all models in two revisions.

    Raises:
        RevisionError: if a revision has no evaluation.
    """
    models = {revision: revision.models() for revision in (old, new)}
    for revision, found in models.items():
        if not found:
            whose = " of its own corpus" if revision.old else ""
            raise RevisionError(f"{revision.title} has no evaluation/<model>/utterances.csv{whose}")
    both = [model for model in models[new] if model in models[old]]
    scores = {model: (old.scores(model), new.scores(model)) for model in both}
    unchanged = [model for model in both if same_errors(*scores[model])]
    noise = {model: new.noise(model) or _noise_before(model, old, new) for model in both}
    splits = {
        model: list(compare_model(model, *scores[model], params, noise[model]))
        for model in both
        if model not in unchanged
    }
    return Comparison(
        old=old.title,
        new=new.title,
        params=changed(old.params(), new.params()),
        splits=[split for of_model in splits.values() for split in of_model],
        only_old=[model for model in models[old] if model not in [*models[new], *new.old]],
        only_new=[model for model in models[new] if model not in [*models[old], *old.old]],
        unchanged=unchanged,
        incomparable=[model for model, of_model in splits.items() if not of_model],
        noise={model: noise[model] for model in splits if noise[model]},
        privacy=given_away(old, new),
        left_out={revision.title: revision.old for revision in (old, new) if revision.old},
    )


def given_away(old: Revision, new: Revision) -> dict[str, tuple[str, str]]:
    """Return the verdicts on what the new revision has, beside those of the old one."""
    before = old.privacy()
    return {name: (before.get(name, MISSING), verdict) for name, verdict in new.privacy().items()}


def _noise_before(model: str, old: Revision, new: Revision) -> dict[str, Any]:
    """Return the variation by seed in the old revision, if its corpus is the same."""
    corpora = {old.current.corpus, new.current.corpus} - {None}
    return old.noise(model) if len(corpora) < 2 else {}


def compare_model(
    model: str,
    old: Sequence[Scored],
    new: Sequence[Scored],
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> Iterator[SplitComparison]:
    """Yield a comparison for each split on which both were scored."""
    for split in sorted({s.split for s in new}):
        mine = [s for s in old if s.split == split], [s for s in new if s.split == split]
        pairs = paired(*mine)
        before, after = pairs.old, pairs.new
        if not after:
            continue
        rates = differences(before, after, params, noise)
        yield SplitComparison(
            model,
            split,
            rates,
            {}
            if rates[judged_by(after)].change > 0
            else worse_slices(before, after, params, noise),
            pairs.only_old,
            pairs.only_new,
            pairs.changed_references,
        )


def worse_slices(
    old: Sequence[Scored],
    new: Sequence[Scored],
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> dict[str, Difference]:
    """Return the slices by speaker and length that got significantly worse.

    Significance is by Holm's procedure. The variation of a slice by seed is at least that of the
    whole split, which is `noise`.
    """
    groups = by_speaker(new, params.fewest_speaker_clips)
    groups |= {f"{n} s": g for n, g in by_duration(new, params.duration_edges_seconds).items()}

    def change(name: str, confidence: float) -> Difference:
        at = params.model_copy(update={"confidence": confidence})
        return difference(*in_common(old, groups[name]), judged_by(groups[name]), at, noise)

    def worse(name: str, confidence: float) -> bool:
        return change(name, confidence).verdict == "worse"

    return {
        name: change(name, params.confidence) for name in sure_of(groups, worse, params.confidence)
    }


MISSING = "absent"


def changed(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Return the knobs that differ, by their full names, with both values.

    A section that only one revision has is a single entry.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        values = old.get(name, MISSING), new.get(name, MISSING)
        if all(isinstance(value, Mapping) for value in values):
            found |= changed(*values, f"{prefix}{name}.")
        elif values[0] != values[1]:
            found[f"{prefix}{name}"] = _shown(values[0]), _shown(values[1])
    return found


def _shown(value: Any) -> Any:
    return f"{_knobs(value)} knobs" if isinstance(value, Mapping) else value


def _knobs(section: Any) -> int:
    return sum(map(_knobs, section.values())) if isinstance(section, Mapping) else 1
