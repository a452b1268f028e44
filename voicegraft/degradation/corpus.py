"""A corpus whose clips are heard through a condition."""

from itertools import islice

import numpy as np

from voicegraft.degradation.draws import generator
from voicegraft.degradation.knobs import Condition
from voicegraft.degradation.noise import TALKERS, add_noise, babble, pink, white
from voicegraft.degradation.room import impulse_response, reverberate
from voicegraft.degradation.telephone import over_telephone
from voicegraft.speech.manifest import Corpus, Utterance


class DegradedCorpus:
    """Gives the same clips as `corpus`, as long, through a condition.

    Args:
        corpus: whose clips they are. Babble is made of others of its training clips, never of
            what is tested.
        condition: the noise has its ratio to what the room made of the clip, and before the line.
        seed: with the id of a clip decides what it meets: the same noise at every level, and
            whatever other clips there are, but for babble.
    """

    def __init__(self, corpus: Corpus, condition: Condition, seed: int):
        self.corpus, self.condition, self.seed = corpus, condition, seed

    def wave(self, utterance: Utterance) -> np.ndarray:
        """Return float32 samples, shape (samples,); noise may take them out of [-1, 1].

        Raises:
            ValueError: where babble is wanted of a corpus without other training clips.
        """
        wave, condition = self.corpus.wave(utterance), self.condition
        if condition.room_t60 is not None:
            rng = generator(self.seed, utterance.id, "room")
            wave = reverberate(wave, impulse_response(condition.room_t60, rng))
        if condition.noise:
            wave = add_noise(wave, self._noise(utterance), condition.snr_db)
        if condition.telephone:
            wave = over_telephone(wave, companded=condition.telephone == "mu_law")
        return wave

    def _noise(self, utterance: Utterance) -> np.ndarray:
        rng = generator(self.seed, utterance.id, "noise")
        if self.condition.noise == "babble":
            return babble(utterance.samples, rng, self._talkers(utterance))
        return {"white": white, "pink": pink}[self.condition.noise](utterance.samples, rng)

    def _talkers(self, utterance: Utterance) -> list[np.ndarray]:
        clips = self.corpus.utterances
        order = generator(self.seed, utterance.id, "talkers").permutation(len(clips))
        others = (clips[i] for i in order if clips[i].split == "train" and clips[i] != utterance)
        if not (drawn := list(islice(others, TALKERS))):
            raise ValueError(f"babble behind {utterance.id} needs other clips in train")
        return [self.corpus.wave(other) for other in drawn]
