"""The table of error rates in README.md, from the committed metrics."""

import json
from pathlib import Path

from benchmarks.current import is_current

ROWS = {
    "log_mel": ("control: the same head on log-mel frames", "`make repro`"),
    "random": (
        "control: the same head on Whisper base, untrained",
        "`dvc exp run -S 'transfer.controls=[log_mel,random]'`",
    ),
    "zero_shot": ("Whisper base, zero-shot", "`make zero-shot`"),
    "head": ("head on frozen states", "`make repro`, or `dvc repro evaluate@head`"),
    "lora": (
        "LoRA in the top three blocks, from the cached trunk",
        "`dvc exp run -S 'finetune.recipes=[top3,lora]'`",
    ),
    "top3": ("top three blocks unfrozen, from the cached trunk", "`make repro`"),
    "full": (
        "all blocks unfrozen, from audio",
        "`dvc exp run -S 'finetune.recipes=[top3,full]'`",
    ),
}
HEADER = """\
| | heard: CER | WER | unseen: CER | WER | command |
|---|---|---|---|---|---|
"""


def interval(split: dict, rate: str) -> str:
    """Return a rate and its interval in per cent, as in 25.0 (22.9–27.2)."""
    value, low, high = (100 * split[f"{rate}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} ({low:.1f}–{high:.1f})"


def table(evaluation: Path) -> str:
    """Return the table in Markdown, a row for each model that has been evaluated."""
    rows = []
    for model, (name, command) in ROWS.items():
        if is_current(path := evaluation / model / "rates.json", evaluation):
            metrics = json.loads(path.read_text(encoding="utf-8"))
            rates = [interval(metrics[s], r) for s in ("test", "unseen") for r in ("cer", "wer")]
            rows.append(" | ".join([f"| {name}", *rates, f"{command} |\n"]))
    return HEADER + "".join(rows)
