"""All that changed from one revision to another: knobs, and the rates of every model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicegraft.evaluation.paired import Difference, difference, in_common
from voicegraft.evaluation.scores import Score
from voicegraft.evaluation.slices import by_duration, by_speaker
from voicegraft.evaluation.summary import Evaluate
from voicegraft.review.revisions import Revision, RevisionError

MISSING = "absent"


@dataclass(frozen=True)
class SplitComparison:
    """One model on one side of the corpus."""

    model: str
    split: str
    rates: dict[str, Difference]
    worse_slices: dict[str, Difference]
    """By CER, where the whole did not get worse: the parts that did."""
    only_old: int
    only_new: int
    """Clips that one side alone has, or whose reference is another one."""


@dataclass(frozen=True)
class Comparison:
    """Two revisions, model by model."""

    old: str
    new: str
    params: dict[str, tuple[Any, Any]]
    splits: list[SplitComparison]
    only_old: list[str]
    only_new: list[str]
    unchanged: list[str] = field(default_factory=list)
    """Models that make the same errors on the same clips."""
    incomparable: list[str] = field(default_factory=list)
    """Models whose two evaluations share no clip."""
    noise: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How the rates of a model vary by its seed, where that was measured."""

    @property
    def seedless(self) -> list[str]:
        """The models that differ, and whose seeds were not tried."""
        return list(dict.fromkeys(s.model for s in self.splits if s.model not in self.noise))


def compare(old: Revision, new: Revision, params: Evaluate) -> Comparison:
    """Set every model's scores in `new` against those in `old`.

    Raises:
        RevisionError: if one of them has no evaluation at all.
    """
    models = {revision: revision.models() for revision in (old, new)}
    for revision, found in models.items():
        if not found:
            raise RevisionError(f"{revision.title} has no evaluation/<model>/utterances.csv")
    both = [model for model in models[new] if model in models[old]]
    scores = {model: (old.scores(model), new.scores(model)) for model in both}
    unchanged = [model for model in both if scores[model][0] == scores[model][1]]
    noise = {model: new.noise(model) or old.noise(model) for model in both}
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
        only_old=[model for model in models[old] if model not in models[new]],
        only_new=[model for model in models[new] if model not in models[old]],
        unchanged=unchanged,
        incomparable=[model for model, of_model in splits.items() if not of_model],
        noise={model: noise[model] for model in splits if noise[model]},
    )


def compare_model(
    model: str,
    old: Sequence[Score],
    new: Sequence[Score],
    params: Evaluate,
    noise: Mapping[str, Any] | None = None,
) -> Iterator[SplitComparison]:
    """Yield a comparison for each side of the corpus on which both were scored."""
    for split in sorted({s.split for s in new}):
        mine = [s for s in old if s.split == split], [s for s in new if s.split == split]
        before, after = in_common(*mine)
        if not after:
            continue
        rates = {metric: difference(before, after, metric, params, noise) for metric in Score.RATES}
        yield SplitComparison(
            model,
            split,
            rates,
            {} if rates["cer"].change > 0 else worse_slices(before, after, params),
            only_old=len(mine[0]) - len(before),
            only_new=len(mine[1]) - len(after),
        )


def worse_slices(
    old: Sequence[Score], new: Sequence[Score], params: Evaluate
) -> dict[str, Difference]:
    """Return the voices and lengths on which the new one is worse, and surely so."""
    groups = by_speaker(new, params.fewest_speaker_clips)
    groups |= {f"{n} s": g for n, g in by_duration(new, params.duration_edges_seconds).items()}
    found = {
        name: difference(*in_common(old, group), "cer", params) for name, group in groups.items()
    }
    return {name: change for name, change in found.items() if change.verdict == "worse"}


def changed(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Return the knobs that differ, by their whole names, with their values on both sides.

    A section that one side alone has stands for all of its knobs.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        values = old.get(name, MISSING), new.get(name, MISSING)
        if all(isinstance(value, Mapping) for value in values):
            found |= changed(*values, f"{prefix}{name}.")
        elif values[0] != values[1]:
            found[f"{prefix}{name}"] = _told(values[0]), _told(values[1])
    return found


def _told(value: Any) -> Any:
    return f"{_knobs(value)} knobs" if isinstance(value, Mapping) else value


def _knobs(section: Any) -> int:
    return sum(map(_knobs, section.values())) if isinstance(section, Mapping) else 1
