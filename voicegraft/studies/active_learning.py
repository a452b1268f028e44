"""Active learning: label a few clips, train, choose the next ones by the model, and so on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from voicegraft.embedding.store import Store
from voicegraft.evaluation.scores import score
from voicegraft.model.head import HeadChoice
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.acquisition import Pool, next_clips
from voicegraft.studies.amounts import draw, minutes_of
from voicegraft.studies.features import Vectors, vectors
from voicegraft.studies.label_efficiency import Run
from voicegraft.studies.learner import DEV_MINUTES, budget, part_of_dev
from voicegraft.studies.self_training import pseudo_labels
from voicegraft.studies.trainings import Trainings
from voicegraft.training.compute import Compute
from voicegraft.training.fit import Fit
from voicegraft.training.head import graft, head_trainer
from voicegraft.training.loop import Trainer


@dataclass(frozen=True)
class Labelling:
    """Labels clips of train in rounds, and trains a head after each."""

    upstream: Path
    embeddings: Path
    corpus: Path
    scratch: Path
    choice: HeadChoice
    fit: Fit
    compute: Compute

    def runs(
        self, way: str, minutes: Sequence[float], number: int
    ) -> tuple[str, list[Run], set[str]]:
        """Return the way, a run for each amount, and the folders of scratch that they used.

        The first clips are drawn at random, the same ones for each way.

        Args:
            way: to choose the next clips, see `voicegraft.studies.acquisition`.
            minutes: of labelled speech in each round, increasing.
            number: of the draw: another one has other first clips, and another seed.
        """
        labelled, trainer = draw(self._train, minutes[0], number), None
        done, used = [], set()
        for amount in minutes:
            if trainer is not None:
                labelled = [*labelled, *self._next(trainer, way, labelled, amount, number)]
            trainer = self._trained(f"{way}, draw {number}", labelled, number, used)
            test = Corpus(self.corpus).of("test")
            scores = score(test, trainer.predict(test), trainer.bare.labels)
            # Not timed, as most of these trainings may be recalled.
            done.append(Run(amount, number, trainer.fit.epochs, 0.0, scores))
        return way, done, used

    def _next(
        self, trainer: Trainer, way: str, labelled: Sequence[Utterance], amount: float, number: int
    ) -> list[Utterance]:
        """Return the clips that bring the labelled ones to `amount` minutes."""
        known = {clip.id for clip in labelled}
        others = [clip for clip in self._train if clip.id not in known]
        unlabelled = [replace(clip, text="") for clip in others]
        places = {clip.id: place for place, clip in enumerate(self._train)}
        sure = [label.confidence for label in pseudo_labels(trainer, unlabelled)]
        pool = Pool(
            np.array([clip.seconds for clip in others]),
            1 - np.array(sure),
            self._vectors[[places[clip.id] for clip in others]],
            self._vectors[[places[clip.id] for clip in labelled]],
        )
        missing = 60 * amount - sum(clip.seconds for clip in labelled)
        return [others[i] for i in next_clips(way, pool, missing, number)]

    def _trained(
        self, name: str, labelled: Sequence[Utterance], number: int, used: set[str]
    ) -> Trainer:
        store, corpus = Store(self.embeddings), Corpus(self.corpus)

        def build(own: Fit) -> Trainer:
            layer = self.choice.layer
            learner = graft(layer, self.choice, store, labelled, self.upstream, own.seed)
            return head_trainer(learner, store, own, self.compute, quiet=True)

        facts = {"head": self.choice, "compute": self.compute}
        facts |= {name: getattr(self, name) for name in ("upstream", "corpus", "embeddings")}
        dev = part_of_dev(corpus, DEV_MINUTES, number)
        fit = budget(self.fit, self._train, minutes_of(labelled), number)
        return Trainings(build, dev, self.scratch, used, facts).train(name, labelled, fit)

    @cached_property
    def _train(self) -> list[Utterance]:
        return Corpus(self.corpus).of("train")

    @cached_property
    def _vectors(self) -> np.ndarray:
        """The means of the head's input, standardised, of all clips of train (clips, size)."""
        how = Vectors(layer=self.choice.layer, pooling="mean", normalise="none")
        clips = vectors(Store(self.embeddings), self._train, how)
        return StandardScaler().fit_transform(clips.features)


def run_all(
    labelling: Labelling, ways: Sequence[str], minutes: Sequence[float], draws: int, used: set[str]
) -> Iterator[tuple[str, Run]]:
    """Yield each run with its way; on a CPU, each core goes through one way of one draw at a time.

    Args:
        labelling: trains.
        ways: to choose the next clips.
        minutes: of labelled speech, increasing.
        draws: how often, each from other first clips.
        used: the folders of scratch that are used are added to it.
    """
    # The first training of a draw is that of all its ways: whoever comes later recalls it.
    wanted = [(way, minutes[:1], number) for number in range(draws) for way in ways[:1]]
    whole = [(way, minutes, number) for number in range(draws) for way in ways]
    on_cpu = labelling.compute.accelerator == "cpu" or not torch.cuda.is_available()
    with parallel_config("loky", n_jobs=-1 if on_cpu else 1, inner_max_num_threads=1):
        for part in (wanted, whole):
            jobs = Parallel(return_as="generator")(delayed(labelling.runs)(*of) for of in part)
            for way, runs, folders in tqdm(jobs, total=len(part), unit="curve"):
                used |= folders
                if part is whole:
                    yield from ((way, run) for run in runs)
