"""Membership attacks on a model, with a control; and on shadows, whose members were drawn.

Members and others may differ before any training, as sessions do. So the same attack is made on
shadows, by clips that each did not train on: what it finds there is the difference between the
sides, and not membership. A shadow's own members were drawn at random, so attacks on it need no
control; they tell about the recipe, at the shadows' size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import Clip
from voicegraft.evaluation.summary import Evaluate
from voicegraft.privacy.likelihood_ratio import ATTACKS, Shadow
from voicegraft.privacy.measure import Measured, Resampling, Thing
from voicegraft.privacy.roc import Roc

RATES = (0.01, 0.001)
"""False-positive rates at which members are counted."""
CURVE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Those of a curve, dense where an attacker is sure of few members (Carlini et al. 2022)."""
LEVELS = ("clip", "session")
"""At which a model is attacked; a voice is a member of too many clips to be drawn with them."""


@dataclass(frozen=True)
class Attack:
    """What an attack finds: areas under curves, and members found at few false positives."""

    level: str
    """clip, session or speaker."""
    name: str
    members: int
    others: int
    auc: Measured
    control: Measured | None
    """The area on shadows that saw neither side; None where members were drawn at random."""
    excess: Measured
    """The area less the control's, or less a half; all attacks' intervals hold together."""
    found: dict[float, Measured]
    """The share of members found, by false-positive rate: those of CURVE."""

    @property
    def succeeds(self) -> bool:
        """Whether it tells members from others, beyond chance and the control."""
        return self.excess.low > 0

    def rounded(self) -> dict[str, Any]:
        """Return it for JSON."""
        rates = {f"found_at_{rate:g}": self.found[rate].rounded() for rate in RATES}
        control = {"control_auc": self.control.rounded()} if self.control else {}
        areas = {"auc": self.auc.rounded(), "excess": self.excess.rounded()} | control
        what = {"level": self.level, "attack": self.name}
        return what | {"members": self.members, "others": self.others} | areas | rates


@dataclass(frozen=True)
class Audit:
    """Attacks on models whose losses of `clips` are known.

    Args:
        clips: all that members and others are of.
        shadows: which never are the attacked model.
        params: of the bootstrap.
    """

    clips: Sequence[Clip]
    shadows: Sequence[Shadow]
    params: Evaluate

    def of_model(self, losses: np.ndarray, member: np.ndarray, level: str = "clip") -> list[Attack]:
        """Return the attacks on a model by its losses, (clips,), at a level.

        `member`, (clips,), is 1 for a member, 0 for another, and NaN for a clip to leave out. A
        session's score is the mean of its clips', as a speaker's in Teixeira et al. 2024,
        https://arxiv.org/abs/2405.01207
        """
        pools = Pools.by(level, self.clips)
        resampling = Resampling.of(pools.things, self.params)
        apart, sides = np.isnan(member), pools.all_of(member)
        found = []
        for name, attack in ATTACKS.items():
            own = _Scores(pools.mean(np.where(apart, np.nan, attack(losses, self.shadows))), sides)
            controls = [
                _Scores(
                    pools.mean(np.where(apart | s.trained, np.nan, attack(s.losses, others))), sides
                )
                for s, others in self._each()
            ]
            found.append(self._attack(level, name, [own], controls, resampling))
        return found

    def of_recipe(self, level: str = "clip", kept: np.ndarray | None = None) -> list[Attack]:
        """Return the attacks on each shadow by the others, together; `kept` are clips, (clips,)."""
        kept = np.ones(len(self.clips), bool) if kept is None else kept
        pools = Pools.by(level, self.clips)
        resampling = Resampling.of(pools.things, self.params)
        found = []
        # A shadow alone has none to be compared with.
        tried = ATTACKS if len(self.shadows) > 1 else {"loss": ATTACKS["loss"]}
        for name, attack in tried.items():
            scores = [
                _Scores(
                    pools.mean(np.where(kept, attack(s.losses, others), np.nan)),
                    pools.all_of(np.where(kept, s.trained, np.nan)),
                )
                for s, others in self._each()
            ]
            found.append(self._attack(level, name, scores, [], resampling))
        return found

    def _each(self) -> list[tuple[Shadow, list[Shadow]]]:
        """Return each shadow, and all others."""
        return [(s, [o for o in self.shadows if o is not s]) for s in self.shadows]

    def _attack(
        self,
        level: str,
        name: str,
        own: Sequence["_Scores"],
        controls: Sequence["_Scores"],
        resampling: Resampling,
    ) -> Attack:
        # Of several attacks one succeeds by chance more often: Bonferroni's correction.
        tries = len(ATTACKS) * len(LEVELS)
        surer = 1 - (1 - self.params.confidence) / tries

        def measure(statistic: Callable[[np.ndarray], np.ndarray]) -> Measured:
            return resampling.measure(statistic, self.params.confidence, most=1.0)

        def excess(weights: np.ndarray) -> np.ndarray:
            return _mean_auc(own, weights) - (_mean_auc(controls, weights) if controls else 0.5)

        return Attack(
            level,
            name,
            members=sum(int(scores.member.sum()) for scores in own),
            others=sum(int((~scores.member).sum()) for scores in own),
            auc=measure(lambda weights: _mean_auc(own, weights)),
            control=measure(lambda weights: _mean_auc(controls, weights)) if controls else None,
            excess=resampling.measure(excess, surer),
            found={rate: measure(lambda w, r=rate: _mean_found(own, r, w)) for rate in CURVE},
        )


class _Scores:
    """The scores of what has one, and is wholly a member or wholly not."""

    def __init__(self, scores: np.ndarray, sides: np.ndarray):
        self.known = ~np.isnan(scores) & ~np.isnan(sides)
        self.member = sides[self.known] == 1
        self.scores = scores[self.known]
        self.roc = Roc(self.scores, self.member)


def _mean_auc(each: Sequence[_Scores], weights: np.ndarray) -> np.ndarray:
    return np.mean([scores.roc.auc(weights[:, scores.known]) for scores in each], axis=0)


def _mean_found(each: Sequence[_Scores], rate: float, weights: np.ndarray) -> np.ndarray:
    """Return the share of all members that is found at one threshold for all models."""
    scores, member, columns = (
        np.concatenate(parts)
        for parts in zip(
            *((s.scores, s.member, np.flatnonzero(s.known)) for s in each), strict=True
        )
    )
    return Roc(scores, member).true_positives(rate, weights[:, columns])


@dataclass(frozen=True)
class Pools:
    """Clips pooled by a level: `things`, and of each clip the index of its thing, (clips,)."""

    things: Sequence[Clip]
    place: np.ndarray

    @classmethod
    def by(cls, level: str, clips: Sequence[Clip]) -> "Pools":
        """Return the pools of clips by `level`; at the level of clips, each is alone."""
        if level == "clip":
            return cls(clips, np.arange(len(clips)))
        names, place = np.unique([getattr(c, level) or c.id for c in clips], return_inverse=True)
        return cls([Thing(str(name)) for name in names], place)

    def mean(self, scores: np.ndarray) -> np.ndarray:
        """Return the mean score of the clips that have one, (things,); NaN if none has."""
        known = ~np.isnan(scores)
        size = len(self.things)
        sums = np.bincount(self.place[known], scores[known], size)
        with np.errstate(invalid="ignore"):
            return sums / np.bincount(self.place[known], minlength=size)

    def all_of(self, member: np.ndarray) -> np.ndarray:
        """Return 1 where all clips are members, 0 where none is, and else NaN, (things,)."""
        share = self.mean(np.asarray(member, float))
        return np.where((share == 0) | (share == 1), share, np.nan)
