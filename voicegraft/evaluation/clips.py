"""Which clips a model is scored on: those it never trained on."""

from voicegraft.speech.manifest import Corpus, Utterance

SCORED = ("test", "unseen")


def clips_to_score(corpus: Corpus, max_seconds: float) -> list[Utterance]:
    """Return the utterances of both splits; refuse none at all, and one that no window takes.

    Raises:
        ValueError: naming the splits, or the clip and how long it lasts.
    """
    utterances = corpus.of(*SCORED)
    if not utterances:
        raise ValueError(f"the corpus has no utterance in {' or '.join(SCORED)}: nothing to score")
    longest = max(utterances, key=lambda u: u.samples)
    if longest.seconds > max_seconds:
        raise ValueError(
            f"{longest.id} lasts {longest.seconds:.1f} s, and the model takes {max_seconds:g} s: "
            "lower max_seconds of prepare_data"
        )
    return utterances
