"""The clips that are attacked, what models emit for them, and which are members."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from voicegraft.embedding.store import Store
from voicegraft.evaluation.predictions import SCORED, emissions_of, read_emissions
from voicegraft.model.saved import load_model
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.learner import DEV_MINUTES, part_of_dev


@dataclass(frozen=True)
class Targets:
    """Clips of train that are attacked, and all of test and unseen.

    Args:
        corpus: of them.
        store: of their states.
        train: those of train.
        batch_seconds: of audio, to run a model on.
    """

    corpus: Corpus
    store: Store
    train: Sequence[Utterance]
    batch_seconds: float

    @classmethod
    def of(
        cls, corpus: Path, embeddings: Path, minutes: float, seed: int, batch_seconds: float
    ) -> "Targets":
        """Return all of test and unseen, and sessions of train, drawn until there are `minutes`."""
        speech = Corpus(corpus)
        by_session: dict[str, list[Utterance]] = {}
        for clip in speech.of("train"):
            by_session.setdefault(clip.session or clip.id, []).append(clip)
        sessions, drawn, left = list(by_session.values()), [], 60 * minutes
        for number in np.random.default_rng(seed).permutation(len(sessions)):
            if left > 0:
                drawn += sessions[number]
                left -= sum(clip.seconds for clip in sessions[number])
        return cls(speech, Store(embeddings), drawn, batch_seconds)

    @property
    def clips(self) -> list[Utterance]:
        """All clips, those of train first."""
        return [*self.train, *self.scored]

    @property
    def scored(self) -> list[Utterance]:
        """The clips that no model was trained on."""
        return self.corpus.of(*SCORED)

    def dev(self, seed: int) -> list[Utterance]:
        """Return clips that choose the epoch of a shadow: to score all takes a third more."""
        return part_of_dev(self.corpus, DEV_MINUTES, seed)

    @property
    def member(self) -> np.ndarray:
        """1 for a clip of train, 0 for one of test, NaN if its voice is on one side alone."""
        sides = {"train": 1.0, "test": 0.0}
        voices = [{c.speaker for c in self.clips if c.split == side} for side in sides]
        both = set.intersection(*voices)
        found = [sides.get(c.split, np.nan) if c.speaker in both else np.nan for c in self.clips]
        return np.array(found)

    def emissions(self, model: Path, evaluated: Path) -> list[Tensor]:
        """Return emissions (frames, labels) of `clips` by a model.

        Of clips of train they are computed from the audio, as `evaluated` has those of the others.
        """
        found = emissions_of(load_model(model), self.corpus, self.train, self.batch_seconds)
        return [*found, *read_emissions(evaluated, self.scored)]
