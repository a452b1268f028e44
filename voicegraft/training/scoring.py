"""Score dev by the error that picks the best epoch, of CTC alone or with an attention decoder."""

from collections.abc import Sequence
from dataclasses import dataclass

from voicegraft.speech.manifest import Utterance
from voicegraft.training.predictor import Predictor

ATTENTION = "attention_"
"""Before the names of the rates of an attention decoder."""
SPELT = 1 / 3
"""Share of dev's letters: a head that writes fewer has not begun to spell. A linear head on Yoruba
writes a tenth of them for epochs, after a first one of noise that no CER of those is below."""
NOISE = 0.8
"""An error above which what is written is noise: a new head's is 0.92 to 1.2."""


@dataclass(frozen=True)
class DevScore:
    """What dev says of a model.

    Attributes:
        rates: by name; the first is the one that counts.
        error: that rate, or its mean with that of the attention decoder.
        is_mute: whether next to nothing is predicted.
    """

    rates: dict[str, float]
    error: float
    is_mute: bool

    @property
    def spells(self) -> bool:
        """Whether the model has begun to."""
        return not self.is_mute and self.error < NOISE

    @property
    def name(self) -> str:
        """The rate that counts."""
        return next(iter(self.rates))


@dataclass(frozen=True)
class DevScorer:
    """Scores dev; every rank of several calls it.

    Attributes:
        predictor: of the model that is trained.
        attention_weight: share of its attention decoder in the error (0 to 1).
    """

    predictor: Predictor
    attention_weight: float = 0.0

    def __call__(self, dev: Sequence[Utterance]) -> DevScore:
        """Return the score of the model as it is."""
        predictions, objective = self.predictor.predict_by_all(dev), self.predictor.model.objective
        rates = dict(objective.rates(dev, predictions))
        name, weight = next(iter(rates)), self.attention_weight
        if weight:
            own = objective.rates(dev, self.predictor.written_by_all(dev))
            rates |= {f"{ATTENTION}{name}": rate for name, rate in own.items()}
        error = (1 - weight) * rates[name] + weight * rates.get(f"{ATTENTION}{name}", 0.0)
        few = SPELT * sum(len(clip.text) for clip in dev)
        return DevScore(rates, error, sum(map(len, predictions)) < few)
