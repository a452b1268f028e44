"""Write evaluation/<model>/: numbers for git, without sentences."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from voicegraft.evaluation.errors import confusion_rows, count_confusions
from voicegraft.evaluation.pseudonyms import AS_THEY_ARE, Names
from voicegraft.evaluation.scores import Score, score, write_scores
from voicegraft.evaluation.summary import Evaluate, metrics, slice_metrics
from voicegraft.pipeline.files import write_json
from voicegraft.pipeline.provenance import KEY
from voicegraft.pipeline.tables import write_rows
from voicegraft.speech.manifest import Utterance


def write_evaluation(
    folder: Path,
    utterances: Sequence[Utterance],
    hypotheses: Sequence[str],
    labels: Collection[str] | None,
    params: Evaluate,
    of: Sequence[str] = (),
    further: Mapping[str, Mapping[str, Any]] | None = None,
    names: Names = AS_THEY_ARE,
) -> dict[str, Any]:
    """Score `hypotheses`, fill `folder`, and return the content of rates.json for each split.

    metrics.json is written last: if it exists, the rest is complete.

    Args:
        folder: created if needed.
        utterances: the scored clips.
        hypotheses: of each utterance.
        labels: of the model; None if it can write any character.
        params: for intervals and slices.
        of: lines from `provenance`.
        further: values by split to add to rates.json.
        names: for git, of clips, speakers and sessions.
    """
    scores = names.committed(score(utterances, hypotheses, labels))
    texts = ((u.text, h) for u, h in zip(utterances, hypotheses, strict=True))
    summary = metrics(scores, params)
    folder.mkdir(parents=True, exist_ok=True)
    write_scores(folder / "utterances.csv", scores)
    write_rows(
        folder / "confusion.csv", ("actual", "predicted"), confusion_rows(count_confusions(texts))
    )
    parts = slice_metrics(scores, params)
    write_rows(folder / "slices.csv", list(parts[0]), [list(part.values()) for part in parts])
    more = {split: rates | (further or {}).get(split, {}) for split, rates in summary.items()}
    write_json(folder / "rates.json", more | {KEY: list(of)})
    write_json(folder / "metrics.json", headline_rates(folder.name, summary, ("cer", "wer")))
    return summary


def write_predictions(
    path: Path, utterances: Sequence[Utterance], hypotheses: Sequence[str]
) -> None:
    """Write references and hypotheses, tab-separated: sentences of the corpus, so not for git."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ((u.id, u.text, h) for u, h in zip(utterances, hypotheses, strict=True))
    write_rows(path, ("id", "reference", "hypothesis"), rows, delimiter="\t")


def headline_rates(
    model: str, summary: dict[str, Any], rates: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the columns of `dvc exp show`: the rates on test, and on unseen if it has clips.

    They are under the model's name, as one table shows all models.
    """
    sides = {"test": "", "unseen": "unseen_"}
    return {
        model: {
            f"{prefix}{rate}": summary[side][rate]
            for side, prefix in sides.items()
            if side in summary
            for rate in rates
        }
    }


def headline(summary: dict[str, Any]) -> list[str]:
    """Return a line for each split, for the terminal."""
    return [
        f"{split}: CER {s['cer']:.3f} ({s['cer_low']:.3f} to {s['cer_high']:.3f}), "
        f"WER {s['wer']:.3f} ({s['wer_low']:.3f} to {s['wer_high']:.3f}) "
        f"on {s['clips']} clips, {rests_in_words(s)}"
        for split, s in summary.items()
    ]


def rests_in_words(summary: Mapping[str, Any]) -> str:
    """Return the number of blocks behind intervals, and a note if they are rough."""
    rough = "; they are too few for more than rough intervals" if summary["rough"] else ""
    return f"{summary['blocks']} blocks by {summary['block_unit']}{rough}"


def worst(scores: Sequence[Score], count: int) -> list[Score]:
    """Return the clips of highest CER; at equal CER those with more edits."""
    order = sorted(scores, key=lambda s: (-s.cer, -s.character_edits, s.id))
    return order[:count]
