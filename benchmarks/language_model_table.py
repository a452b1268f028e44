"""The table of what a language model gives, from the committed rates of decoded models."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.current import is_current
from benchmarks.results_table import ROWS, interval, rates_file

SUFFIX = "_lm"
HEADER = """\
| | side | WER, greedy | with the model | change | words outside the lexicon | of these right |
|---|---|---|---|---|---|---|
"""


def table(evaluation: Path, models: Iterable[str]) -> str:
    """Return a row for each of `models` that was decoded, and each side."""
    return HEADER + "".join(row for model in models for row in _rows(evaluation, model))


def _rows(evaluation: Path, model: str) -> Iterator[str]:
    paths = [rates_file(evaluation / name) for name in (model, model + SUFFIX)]
    if not all(is_current(path, evaluation) for path in paths):
        return
    greedy, decoded = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    for side in (side for side in ("test", "unseen") if side in decoded):
        own = decoded[side]
        change, low, high = (100 * own[f"wer_change{end}"] for end in ("", "_low", "_high"))
        yield (
            f"| {ROWS.get(model, model)} | {side} | {interval(greedy[side], 'wer')} "
            f"| {interval(own, 'wer')} | {change:+.1f} ({low:+.1f} to {high:+.1f}) "
            f"| {own['unknown_words']} | {own['unknown_words_right']:.0%} |\n"
        )
