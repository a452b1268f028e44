"""The tables of speed, from benchmarks/results.json."""

from collections.abc import Iterator
from typing import Any

RATIOS = {
    ("encoding", "clips_as_they_come"): "encoding clips as they come, by {}",
    ("encoding", "full_windows"): "encoding full 30 s windows, by {}",
    ("training", "head"): "15 epochs of the head, {}",
    ("training", "top3"): "an epoch of `top3`, {}",
}
RATIO_HEADER = """\
| against ours | times as long: median (lowest–highest) |
|---|---|
"""
RERUN_HEADER = """\
| `dvc repro` of the embeddings | seconds | of a full extraction |
|---|---|---|
"""
GROWTH_HEADER = """\
| extraction of | seconds | each hour beyond the line above | peak memory |
|---|---|---|---|
"""
DECODING_HEADER = """\
| decoding with a language model | times real time: median (lowest–highest) |
|---|---|
"""
WINDOW_HEADER = """\
| silence behind a clip | dev CER | against 0.5 s | encoding, × real time |
|---|---|---|---|
"""


def ratios(results: dict[str, Any]) -> str:
    """Return how many times as long others take, and ours as a share of the machine's limit."""
    lines = [
        f"| {words.format(name)} | {_spread(ratio)} |\n"
        for (part, group), words in RATIOS.items()
        for name, ratio in _measured(results, part).get(group, {}).items()
    ]
    lines += [
        f"| {name}: share of the rate of a large float32 product | {_spread(share)} |\n"
        for name, share in _measured(results, "encoding").get("share_of_limit", {}).items()
    ]
    return RATIO_HEADER + "".join(lines)


def reruns(results: dict[str, Any]) -> str:
    """Return what a second `dvc repro` costs."""
    return RERUN_HEADER + "".join(_rerun_lines(_measured(results, "reruns")))


def growth(results: dict[str, Any]) -> str:
    """Return time and memory by the hours of the corpus."""
    rows = _measured(results, "growth").get("hours", {})
    return GROWTH_HEADER + "".join(_growth_lines(rows))


def decoding(results: dict[str, Any]) -> str:
    """Return how many seconds of audio are decoded in a second."""
    return DECODING_HEADER + "".join(
        f"| {name} | {own['speed']:.0f} ({own['low']:.0f}–{own['high']:.0f}) |\n"
        for name, own in _measured(results, "decoding").items()
    )


def windows(results: dict[str, Any]) -> str:
    """Return CER and speed by the silence behind a clip."""
    rows = _measured(results, "windows")
    return WINDOW_HEADER + "".join(
        f"| {_window_name(margin)} | {_interval(rows[margin], 'dev_cer')} "
        f"| {_interval(rows[margin], 'difference', '+')} "
        f"| {rows[margin]['encoding_times_real_time']:.0f} |\n"
        for margin in sorted(rows, key=float)
    )


def _measured(results: dict[str, Any], part: str) -> dict[str, Any]:
    return results.get(part, {}).get("measured", {})


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['ratio']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def _rerun_lines(part: dict[str, Any]) -> Iterator[str]:
    for name, seconds in part.get("seconds", {}).items():
        middle = sorted(seconds)[len(seconds) // 2]
        share = 100 * part["share_of_full_extraction"][name]
        yield f"| {name} | {middle:.1f} | {share:.1f} % |\n"


def _growth_lines(rows: dict[str, dict[str, float]]) -> Iterator[str]:
    hours_before = seconds_before = 0.0
    for hours in sorted(rows, key=float):
        seconds, peak = rows[hours]["seconds"], rows[hours]["peak_gigabytes"]
        more = (seconds - seconds_before) / (float(hours) - hours_before)
        yield f"| {hours} h | {seconds:.0f} | {more:.2f} s | {peak:.2f} GB |\n"
        hours_before, seconds_before = float(hours), seconds


def _window_name(margin: str) -> str:
    return "the whole window of 30 s" if margin == "30" else f"{margin} s"


def _interval(row: dict[str, float], rate: str, sign: str = "") -> str:
    value, low, high = (100 * row[f"{rate}{end}"] for end in ("", "_low", "_high"))
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"
