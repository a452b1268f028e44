"""The table of error rates, from the committed metrics."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.current import is_current
from voicegraft.evaluation.predictions import SCORED
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import Evaluate, metrics
from voicegraft.speech.manifest import Utterance

ROWS = {
    "log_mel": "control: the same head on log-mel frames",
    "random": "control: the same head on Whisper base, untrained",
    "zero_shot": "Whisper base with its own decoder, nothing trained",
    "head": "head on frozen states",
    "lora": "LoRA in the top three blocks, from the cached trunk",
    "top3": "top three blocks unfrozen, from the cached trunk",
    "full": "all blocks unfrozen, from audio",
    "head_lm": "the head, with a language model",
    "top3_lm": "top three blocks, with a language model",
}
HEADER = """\
| | test: CER | WER | unseen: CER | WER |
|---|---|---|---|---|
"""


def rates_file(folder: Path) -> Path:
    """Return where a model's rates are; up to b5e09bd metrics.json held them."""
    file = folder / "rates.json"
    return file if file.is_file() else folder / "metrics.json"


def interval(split: dict, rate: str) -> str:
    """Return a rate and its interval in per cent, as in 25.0 (22.9–27.2)."""
    value, low, high = (100 * split[f"{rate}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


def row(name: str, clips: Sequence[Utterance], texts: Sequence[str], params: Evaluate) -> str:
    """Return the line of texts that were written for clips."""
    found = metrics(score(clips, texts, None), params)
    cells = [interval(found[side], rate) for side in SCORED for rate in ("cer", "wer")]
    return f"| {' | '.join([name, *cells])} |\n"


def table(evaluation: Path, models: Iterable[str]) -> str:
    """Return the table in Markdown, a row for each of `models` that was scored."""
    rows = []
    for model in models:
        if is_current(path := rates_file(evaluation / model), evaluation):
            metrics = json.loads(path.read_text(encoding="utf-8"))
            rates = [interval(metrics[s], r) for s in ("test", "unseen") for r in ("cer", "wer")]
            rows.append(f"| {' | '.join([ROWS.get(model, model), *rates])} |\n")
    return HEADER + "".join(rows)
