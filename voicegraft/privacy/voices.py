"""Who speaks: how far stored states, or emissions, tell one voice from others.

Identification is by discriminants that some clips of each voice fit; verification is by the cosine
of two clips, with nothing learnt of the voices. A spectrogram, and chance, say what more a state
tells than sound does. Voices of one session share its room and microphone, which helps both.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from voicegraft.embedding.choice import pooled
from voicegraft.embedding.store import Store
from voicegraft.evaluation.summary import DECIMALS, Evaluate
from voicegraft.privacy.measure import Measured, Resampling, Thing
from voicegraft.privacy.roc import Roc
from voicegraft.speech.manifest import Corpus, Utterance
from voicegraft.studies.exploration.units import NAME, log_mel_means

Found = tuple[Measured, float]
"""What was measured, and by chance."""
LAYER = "layer"
"""Before the number of a stored layer."""
FOLDS = 5
FEWEST, MOST = 10, 20
"""Clips of a voice: with fewer it is left out; of more, some are drawn."""


def drawn_voices(clips: Sequence[Utterance], seed: int, fewest: int = FEWEST) -> list[Utterance]:
    """Return `fewest` to MOST clips of each voice, drawn at random, in their order.

    Nothing is returned where there are not two such voices: nobody can be told from another.
    """
    rng, found = np.random.default_rng(seed), []
    for voice in sorted({clip.speaker for clip in clips} - {""}):
        own = [clip for clip in clips if clip.speaker == voice]
        if len(own) >= fewest:
            found.append([own[i] for i in sorted(rng.permutation(len(own))[:MOST])])
    return [clip for own in found for clip in own] if len(found) > 1 else []


def emission_features(emissions: Sequence[Tensor]) -> np.ndarray:
    """Return the mean and deviation over frames of emissions (frames, labels), (clips, size)."""
    both = [torch.cat([e.float().mean(0), e.float().std(0, correction=0)]) for e in emissions]
    return torch.stack(both).numpy()


def stored_features(
    corpus: Corpus, store: Store, clips: Sequence[Utterance]
) -> dict[str, np.ndarray]:
    """Return features of clips, (clips, size), by name: each stored layer, and a spectrogram."""
    ids = [clip.id for clip in clips]
    layers = {f"{LAYER} {k}": pooled(store, ids, [k], "mean") for k in store.facts["layers"]}
    return layers | {NAME: log_mel_means(corpus, clips)}


@threadpool_limits.wrap(limits=1)
def rightly_named(features: np.ndarray, clips: Sequence[Utterance], seed: int) -> np.ndarray:
    """Return 1 for each clip whose voice is named rightly by the other folds, else 0, (clips,)."""
    voices = np.array([clip.speaker for clip in clips])
    model = make_pipeline(
        StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return (cross_val_predict(model, features, voices, cv=folds) == voices).astype(float)


def by_voice(clips: Sequence[Utterance], params: Evaluate) -> Resampling:
    """Return the resampling of clips by whole voices."""
    return Resampling.of([Thing(clip.id, speaker=clip.speaker) for clip in clips], params)


def identification(features: np.ndarray, clips: Sequence[Utterance], params: Evaluate) -> Found:
    """Return the share of clips whose voice is named rightly by the other folds, and by chance."""
    right = rightly_named(features, clips, params.seed)
    resampling = by_voice(clips, params)
    found = resampling.measure(lambda w: w @ right / w.sum(1), params.confidence, 1.0)
    most = Counter(clip.speaker for clip in clips).most_common(1)[0][1]
    return found, most / len(clips)


@threadpool_limits.wrap(limits=1)
def verification(features: np.ndarray, clips: Sequence[Utterance], params: Evaluate) -> Found:
    """Return the equal error rate over all pairs of clips, and by chance; voices are resampled."""
    states = StandardScaler().fit_transform(features)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    first, second = np.triu_indices(len(clips), 1)
    names, place = np.unique([clip.speaker for clip in clips], return_inverse=True)
    roc = Roc((states @ states.T)[first, second], place[first] == place[second])
    resampling = Resampling.of([Thing(str(name)) for name in names], params)

    def errors(weights: np.ndarray) -> np.ndarray:
        # Pairs of a voice with itself would count by the square, as would its pairs with others.
        pairs = (w[place[first]] * w[place[second]] for w in weights)
        return np.concatenate([roc.equal_errors(pair[None]) for pair in pairs])

    return resampling.measure(errors, params.confidence, 1.0), 0.5


def measured(
    features: Mapping[str, np.ndarray], clips: Sequence[Utterance], params: Evaluate
) -> dict[str, tuple[Found, Found]]:
    """Return how well voices are named, and told apart, by features (clips, size) of a name."""
    return {
        name: (identification(of, clips, params), verification(of, clips, params))
        for name, of in features.items()
    }


def rounded(named: Found, confused: Found) -> dict[str, Any]:
    """Return both for JSON."""
    both = {"identified": named, "equal_error_rate": confused}
    return {
        name: found.rounded() | {"chance": round(chance, DECIMALS)}
        for name, (found, chance) in both.items()
    }
