"""What changes from one way to write the clips to another: paired differences, as a table.

    python -m benchmarks.changes top3 wide [more …]

Reads   CORPUS; PREDICTIONS, as evaluate and decode write them, of models by name; params.yaml
Prints  the rates of each model, and how those of all others differ from the first one's
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import results_table
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.scores import Score, score
from voicegraft.evaluation.summary import Evaluate, by_split
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.pipeline.tables import read_rows
from voicegraft.speech.manifest import Corpus, Utterance

HEADER = """\
| | test: change of CER | of WER | unseen: change of CER | of WER |
|---|---|---|---|---|
"""


def written(predictions: Path, clips: Sequence[Utterance]) -> list[str]:
    """Return the hypothesis of each clip."""
    found = {row["id"]: row["hypothesis"] for row in read_rows(predictions, delimiter="\t")}
    return [found[clip.id] for clip in clips]


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


def main(
    before: str,
    models: list[str],
    corpus: Path = Path("data/corpus"),
    predictions: Path = Path("data/predictions"),
) -> None:
    params, clips = load_params(Evaluate, "evaluate"), Corpus(corpus).of(*SCORED)
    texts = {name: written(predictions / f"{name}.tsv", clips) for name in (before, *models)}
    rates = [results_table.row(name, clips, own, params) for name, own in texts.items()]
    print(results_table.HEADER + "".join(rates))
    compared = [changes(name, clips, texts[before], texts[name], params) for name in models]
    print(HEADER + "".join(compared))


if __name__ == "__main__":
    run_stage(main)
