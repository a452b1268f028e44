"""What changes from one way to write the clips to another: paired differences, as a table."""

from collections.abc import Sequence

from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, by_split
from voicegraft.speech.manifest import Utterance

HEADER = """\
| | test: change of CER | of WER | unseen: change of CER | of WER |
|---|---|---|---|---|
"""


def changes(
    name: str,
    clips: Sequence[Utterance],
    before: Sequence[str],
    after: Sequence[str],
    params: Evaluate,
) -> str:
    """Return a row: the change of the rates of test and unseen, with the interval of each.

    Args:
        name: of the row.
        clips: of both sides.
        before: the texts of the clips.
        after: other texts of the same clips.
        params: of the bootstrap.
    """
    old, new = (by_split(score(clips, texts, None)) for texts in (before, after))
    cells = [
        changed(old[side], new[side], rate, params) for side in SCORED for rate in ("cer", "wer")
    ]
    return f"| {' | '.join([name, *cells])} |\n"


def changed(old: Sequence[Score], new: Sequence[Score], rate: str, params: Evaluate) -> str:
    """Return a change in points and its interval, as in −0.6 (−1.5 to −0.0)."""
    found = difference(old, new, rate, params)
    change, low, high = (f"{100 * v:+.1f}" for v in (found.change, found.low, found.high))
    return f"{change} ({low} to {high})".replace("-", "−")
